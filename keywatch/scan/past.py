"""One target of a scan by hand, and what is remembered of it: what was found then and still stands is told again."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from keywatch.collect.content.attribution import Resumes
from keywatch.detect.known import KnownKeys
from keywatch.detect.ruleset import RuleSet
from keywatch.model.finding import Finding, Place
from keywatch.model.secret import Pepper
from keywatch.model.source import ContentSource, Cursor, Skipped
from keywatch.scan.findings import merged
from keywatch.scan.memory import Memory, Remembered
from keywatch.scan.scanner import ScanStep


class Keeps(Protocol):
    """An installation: where things are kept between two scans, if anywhere."""

    @property
    def pepper(self) -> Pepper: ...

    @property
    def directory(self) -> Path | None: ...


class Past:
    """The past of one target; of one that cannot be read on there is none."""

    def __init__(self, source: ContentSource, here: Keeps | None, rules: RuleSet, known: KnownKeys) -> None:
        """Recall what is remembered; without an installation nothing is."""
        self._source = source if isinstance(source, Resumes) and source.resumes else None
        self._known = known
        self._memory: Memory | None = None
        top = getattr(source, "path", None)
        if self._source is not None and here is not None and here.directory and isinstance(top, Path):
            self._memory = Memory(here.directory, top, rules, known, here.pepper.id)
        self._then: Remembered | None = self._memory.recall() if self._memory else None
        self._after: Cursor | None = None
        self._found: list[Finding] = []
        self._skipped: list[Skipped] = []

    @property
    def cursor(self) -> Cursor:
        """How far it was read."""
        return self._then.cursor if self._then else {}

    def note(self, step: ScanStep, findings: Iterable[Finding]) -> None:
        """Note what one step brought."""
        if self._memory is not None:
            self._found += findings
            self._skipped += step.skipped
            self._after = step.cursor or self._after

    def standing(self) -> Iterator[Finding]:
        """
        Yield what was found before and still stands.

        Raises:
            ScanError: that cannot be told.
        """
        if self._then is None or self._source is None:
            return
        places = {place for finding in self._then.findings for place in finding.places}
        now = {_spot(place): place for place in self._source.standing(places, self._then.cursor)} if places else {}
        for finding in self._then.findings:
            still = tuple(now[_spot(place)] for place in finding.places if _spot(place) in now)
            if still:
                again = replace(finding, places=still, held=self._known.held_as(finding.redacted.fingerprint))
                self._found.append(again)
                yield again

    def skipped(self) -> list[Skipped]:
        """Return what could not be read before, and was not told of now."""
        then = self._then.skipped if self._then else ()
        again = [item for item in then if item not in self._skipped]
        self._skipped += again
        return again

    def keep(self) -> None:
        """Remember all of it, for the next time."""
        if self._memory is not None and self._after is not None:
            self._memory.keep(self._after, merged(self._found), self._skipped)


def _spot(place: Place) -> Place:
    """Return a place without what may have become of it."""
    return replace(place, present=None)
