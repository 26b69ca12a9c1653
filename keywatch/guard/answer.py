"""What is said to whoever sent a secret."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keywatch.guard.inspection import AMAZON, Found, Inspection, Verdict

REFUSED = 422
"""The HTTP status: understood, and not accepted as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How it is said; everything can be replaced by the application's own, in its users' language."""

    authorise: str = "authorise our application in Seller Central, where you can also take that back at any time"
    """What a seller should do instead: best with the address of the application's own authorisation page."""
    compose: Callable[[Inspection], str] | None = None
    """Makes the whole message instead."""

    def message(self, inspection: Inspection) -> str:
        """Return what to tell the sender, in sentences. It repeats nothing of what was sent."""
        if self.compose is not None:
            return self.compose(inspection)
        if inspection.verdict is Verdict.UNSURE:
            return "We could not look at all of what you sent, so we did not take it. Please send it as plain text."
        said = ["Please send it again without keys and passwords: we did not take it."]
        if inspection.verdict is Verdict.SELLER:
            said[:0] = [f"What you sent holds {_what(inspection.found)}. Amazon does not allow us to accept that."]
            said.append(f"To let us act for you, {self.authorise}; no key is needed.")
            said.append("As it has left your hands, change it.")
        else:
            said[:0] = [f"What you sent holds {_what(inspection.found)}."]
            said.append("As it has left your hands, renew it.")
        return " ".join(said)


def accepts(inspection: Inspection, *, redact: bool) -> bool:
    """Whether the request may go on: nothing was found, or all of it is out."""
    if inspection.verdict is Verdict.CLEAN:
        return True
    return redact and inspection.verdict is not Verdict.UNSURE and inspection.removed


def told(inspection: Inspection, words: Words) -> dict[str, object]:
    """The verdict as JSON: what kind of thing was found, how often, and what to do. No value, no place."""
    clean = inspection.verdict is Verdict.CLEAN
    return {
        "verdict": inspection.verdict.value,
        "message": "" if clean else words.message(inspection),
        "found": [
            {"rule": item.rule, "description": item.description, "count": item.count, "remedy": item.remedy}
            for item in inspection.found
        ],
    }


def rendered(inspection: Inspection, words: Words, accept: str) -> tuple[str, bytes]:
    """The answer's Content-Type and body: JSON for who asks for it, else a sentence."""
    if "json" in accept:
        return "application/json", json.dumps(told(inspection, words)).encode()
    return "text/plain; charset=utf-8", f"{words.message(inspection)}\n".encode()


def _what(found: Sequence[Found]) -> str:
    """Name what was found, what opens a seller's account first."""
    names = [item.description for item in sorted(found, key=lambda item: item.category not in AMAZON)]
    names = [name[:1].lower() + name[1:] if name[1:2].islower() else name for name in dict.fromkeys(names)]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
