"""What came of it when our keys were tried, from what the store remembers."""

from collections.abc import Iterable

from keywatch.collect.calls.probe_words import refusal
from keywatch.model.call import Call, Evidence, Origin, Outcome
from keywatch.model.key import Handle, Key, KeyId
from keywatch.report.inventory import Probed


def probed(keys: Iterable[Key], evidence: Iterable[Evidence]) -> dict[KeyId, Probed]:
    """Say of each key that was ever tried what came of the last time."""
    last: dict[Handle, Call] = {}
    for item in evidence:
        if isinstance(item, Call) and item.origin is Origin.PROBE and item.outcome is not Outcome.ATTEMPT:
            known = last.get(item.handle)
            if known is None or item.at > known.at:
                last[item.handle] = item
    found: dict[KeyId, Probed] = {}
    for key in keys:
        if tried := [last[handle] for handle in key.handles if handle in last]:
            call = max(tried, key=lambda call: call.at)
            accepted = call.outcome is Outcome.SUCCESS
            found[key.id] = Probed(at=call.at, accepted=accepted, why="" if accepted else refusal(call.action))
    return found
