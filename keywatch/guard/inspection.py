"""What a text or a request's body holds that should not be there, and the same without it."""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.guard.slots import Attachment, Slot, taken_apart
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Confidence, Match, RuleInfo
from keywatch.model.source import Skipped

if TYPE_CHECKING:
    from keywatch.detect.engine import Detector

MASK = "[removed]"
AMAZON = frozenset({"seller", "mws", "lwa", "aws"})
"""The categories of what opens a seller's account."""
_ROUNDS = 4
"""How often what was cleaned is looked at again: what stood beside a secret may show only now."""


class Verdict(StrEnum):
    """What a text is."""

    CLEAN = "clean"
    SECRET = "secret"  # noqa: S105 - the name of a verdict
    SELLER = "seller-secret"
    """It holds what opens a seller's account, and must not be accepted."""
    UNSURE = "unsure"
    """It could not be looked at in full."""


@dataclass(frozen=True, slots=True)
class Found:
    """A kind of secret that was found, and how often. Never the value."""

    rule: str
    description: str
    category: str
    remedy: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was seen."""

    verdict: Verdict
    found: tuple[Found, ...]
    body: bytes = field(repr=False)
    """The body without what was found; the very same bytes if nothing was."""
    removed: bool = True
    """Whether all that was found is out of `body`. An attachment cannot be rewritten."""

    @property
    def text(self) -> str:
        """`body` as text."""
        return self.body.decode("utf-8", "replace")


class Guard:
    """Looks for secrets in what others send. Safe to share between threads; loads its rules at its first use."""

    def __init__(
        self,
        detector: "Detector | None" = None,
        *,
        cache_dir: Path | None = None,
        confidence: Confidence = Confidence.LOW,
    ) -> None:
        """
        Args:
            detector: what looks; None: one with the packaged rules.
            cache_dir: where its compiled rules are kept between starts; None: `keywatch` in the user's cache directory.
            confidence: how sure a rule must be.
        """  # noqa: D205
        self._detector = detector
        self._cache_dir = cache_dir
        self._confidence = confidence
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the rules now, so that the first request does not wait for it."""
        self._loaded()

    def inspect(self, text: str | bytes, content_type: str = "text/plain; charset=utf-8") -> Inspection:
        """
        Look for secrets.

        Args:
            text: a text, or a request's body as it was sent.
            content_type: of a body: the header. JSON, forms and multipart are taken apart, files looked into.
        """
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        body = taken_apart(data, content_type)
        detector = self._loaded()
        before = detector.overruns.total()
        matches: list[Match] = []
        complete, hidden = True, False
        for attachment in body.attachments:
            for item in _chunks(attachment):
                if isinstance(item, Skipped):
                    complete = False
                    continue
                seen = self._matches(detector, item)
                matches += seen
                hidden = hidden or bool(seen)
        texts = [slot.text for slot in body.slots]
        for _ in range(_ROUNDS):
            seen, texts = self._cleaned(detector, body.slots, texts)
            matches += seen
            if not seen:
                break
        else:
            hidden = True
        found = tuple(_summed(match.rule for match in matches))
        # Another thread's overrun counts for ours as well: rather refuse one than call clean what was not seen.
        complete = complete and detector.overruns.total() == before
        return Inspection(
            verdict=_verdict(found, complete=complete),
            found=found,
            body=body.rebuilt(texts) if found else data,
            removed=not hidden,
        )

    def _loaded(self) -> "Detector":
        with self._lock:
            if self._detector is None:
                from keywatch.detect.engine import Detector
                from keywatch.detect.rules import packaged

                # A comment that excuses a secret is for whoever owns the code it stands in, not for strangers.
                cache = (
                    self._cache_dir or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "keywatch"
                )
                self._detector = Detector(packaged(), cache_dir=cache, honour_comments=False)
            return self._detector

    def _matches(self, detector: "Detector", chunk: Chunk) -> list[Match]:
        return [match for match in detector.scan(chunk) if match.confidence.rank >= self._confidence.rank]

    def _cleaned(
        self, detector: "Detector", slots: Sequence[Slot], texts: Sequence[str]
    ) -> tuple[list[Match], list[str]]:
        """Read all texts as one, each behind its name: a key and its secret may be in two fields."""
        parts = [text.encode("utf-8", "surrogatepass") for text in texts]
        document, starts = bytearray(), []
        for slot, part in zip(slots, parts, strict=True):
            starts.append(len(document))
            document += part + (b": " if slot.name else b"\n")
        from keywatch.collect.content.windows import windows

        matches = [
            match for chunk in windows(bytes(document), Origin("-", "-")) for match in self._matches(detector, chunk)
        ]
        spans = sorted((match.offset, match.offset + match.length) for match in matches)
        return matches, [_masked(part, start, spans) for part, start in zip(parts, starts, strict=True)]


def _chunks(attachment: Attachment) -> Iterator[Chunk | Skipped]:
    from keywatch.collect.content.text import chunks

    return chunks(attachment.data, Origin("-", attachment.path))


def _masked(part: bytes, start: int, spans: Sequence[tuple[int, int]]) -> str:
    """Return the text that begins at `start` of the document, without what the spans cover."""
    kept, reached = [], 0
    for begin, end in spans:
        begin, end = max(begin - start, reached), min(end - start, len(part))  # noqa: PLW2901
        if begin < end:
            kept += [part[reached:begin], MASK.encode()]
            reached = end
    kept.append(part[reached:])
    whole = b"".join(kept)
    try:
        return whole.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return whole.decode("utf-8", "replace")  # a span ended inside a character


def _summed(rules: Iterable[RuleInfo]) -> Iterator[Found]:
    counts: dict[str, tuple[RuleInfo, int]] = {}
    for rule in rules:
        counts[rule.id] = (rule, counts.get(rule.id, (rule, 0))[1] + 1)
    for rule, count in counts.values():
        yield Found(rule.id, rule.description, rule.category, rule.remedy, count)


def _verdict(found: Sequence[Found], *, complete: bool) -> Verdict:
    if any(item.category in AMAZON for item in found):
        return Verdict.SELLER
    if found:
        return Verdict.SECRET
    return Verdict.CLEAN if complete else Verdict.UNSURE
