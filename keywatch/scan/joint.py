"""Two detectors as one: ours, and the one of a target's own rules."""

import hashlib
import os
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from keywatch.detect.candidate import Candidate
from keywatch.detect.engine import Detector
from keywatch.detect.filters import Sheet, excused, passed_over
from keywatch.detect.known_rules import KNOWN_SECRET
from keywatch.detect.ruleset import RuleSet
from keywatch.model.content import Chunk, Mark
from keywatch.model.finding import Match
from keywatch.native.sieve import Harmless

_MOST = 100_000
"""Values left out that are told apart when they are counted."""


class Joint:
    """Ours first; what the target's own rules find elsewhere is added. Safe to share between threads."""

    def __init__(self, ours: Detector, theirs: Detector | None, spares: RuleSet) -> None:
        """
        Join them.

        Args:
            ours: finds what it always finds.
            theirs: of the target's own rules, if it has any.
            spares: allow-lists and filters of the target, for what ours finds.
        """
        self._ours = ours
        self._theirs = theirs
        self._spares = spares if spares.allowlists or spares.filters or spares.prefilters else None
        self._left_out: set[bytes] = set()
        self._told: set[bytes] = set()
        self._salt = os.urandom(16)
        self._lock = threading.Lock()

    @property
    def left_out(self) -> int:
        """Secrets that the target's files excused wherever ours found them, once for each rule; 100,000 at most."""
        return len(self._left_out - self._told)

    @property
    def overruns(self) -> Counter[str]:
        """See `Detector.overruns`."""
        return self._ours.overruns + (self._theirs.overruns if self._theirs else Counter())

    def harmless(self) -> Harmless | None:
        """See `Detector.harmless`: what is so for our rules alone is not for theirs."""
        return None if self._theirs else self._ours.harmless()

    def glance(self, text: memoryview) -> list[Mark] | None:
        """See `Detector.glance`."""
        return self._ours.glance(text)

    def scan(self, chunk: Chunk, *, marks: list[Mark] | None = None) -> list[Match]:
        """Return what both find, but for what is theirs and overlaps with ours."""
        ours = self._ours.scan(chunk, self._spared if self._spares else None, marks)
        if self._spares:
            self._note(self._told, ((match.rule.id, match.secret.reveal()) for match in ours))
        theirs = self._theirs.scan(replace(chunk, changed=None)) if self._theirs else []
        return [*ours, *_beside(theirs, ours)]

    def _spared(self, candidate: Candidate, sheet: Sheet) -> bool:
        spares = self._spares
        if candidate.rule.id == KNOWN_SECRET:  # the value of a key of ours: nobody's list can make that harmless
            return False
        if spares is None or not (passed_over(sheet, spares) or excused(candidate, sheet, spares)):
            return False
        self._note(self._left_out, [(candidate.rule.id, candidate.secret)])
        return True

    def _note(self, noted: set[bytes], secrets: Iterable[tuple[str, bytes]]) -> None:
        """Note secrets, so that each is counted once, as digests under a salt that lives as long as the scan."""
        for rule, secret in secrets:
            digest = hashlib.blake2b(rule.encode() + b"\0" + secret, key=self._salt, digest_size=16).digest()
            with self._lock:
                if len(noted) < _MOST:
                    noted.add(digest)


def _beside(theirs: Iterable[Match], ours: Iterable[Match]) -> list[Match]:
    """Return those of `theirs` that share no byte with one of `ours`."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted((match.offset, match.offset + match.length) for match in ours if match.length):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))

    def apart(match: Match) -> bool:
        at = bisect_right(spans, (match.offset + match.length - 1, 1 << 62)) - 1
        return at < 0 or spans[at][1] <= match.offset

    return [match for match in theirs if not match.length or apart(match)]
