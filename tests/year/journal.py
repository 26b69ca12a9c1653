"""Everything that any source ever told keywatch, in plain lists: all that the oracle goes by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from keywatch.model.call import Call, Coverage, Evidence, Silence
from keywatch.model.key import Handle, Key, SourceId


@dataclass(frozen=True)
class Reading:
    """One run of an inventory source: which keys it showed, by the number of their life."""

    at: datetime
    shown: Mapping[int, Key]
    failed: bool
    refused: bool
    """It would not show some."""

    @property
    def complete(self) -> bool:
        return not self.failed and not self.refused


@dataclass
class Journal:
    """Everything that any source ever told keywatch, in the order in which it was told."""

    readings: dict[SourceId, list[Reading]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[Handle, list[tuple[datetime, Call]]] = field(default_factory=lambda: defaultdict(list))
    """With when each was told."""
    silences: dict[Handle, list[Silence]] = field(default_factory=lambda: defaultdict(list))
    coverages: dict[SourceId, Coverage] = field(default_factory=dict)
    """What each call source last said that it covers."""
    failing: dict[SourceId, bool] = field(default_factory=dict)
    """Whether the last run of a source that came to an end failed."""
    blind: dict[SourceId, bool] = field(default_factory=dict)
    """Whether a call source failed, and has told nothing since."""
    first_seen: dict[Handle, datetime] = field(default_factory=dict)

    def inventory_was_read(
        self, source: SourceId, at: datetime, shown: Mapping[int, Key], *, failed: bool, refused: bool
    ) -> None:
        self.readings[source].append(Reading(at, shown, failed, refused))
        self.failing[source] = failed
        for key in shown.values():
            for handle in key.handles:
                self.first_seen.setdefault(handle, at)

    def was_told(self, coverage: Coverage, evidence: Iterable[Evidence], at: datetime) -> None:
        self.coverages[coverage.source] = coverage
        self.blind[coverage.source] = False
        for item in evidence:
            if isinstance(item, Call):
                self.calls[item.handle].append((at, item))
            else:
                self.silences[item.handle].append(item)

    def calls_were_read(self, source: SourceId, *, failed: bool) -> None:
        self.failing[source] = self.blind[source] = failed

    def was_forgotten(self, source: SourceId) -> None:
        """The source was taken out of the configuration: nothing it ever told counts."""
        for told in self.calls.values():
            told[:] = [(at, call) for at, call in told if call.source != source]
        for silences in self.silences.values():
            silences[:] = [silence for silence in silences if silence.source != source]
        self.coverages.pop(source, None)
        self.failing.pop(source, None)
        self.blind.pop(source, None)
