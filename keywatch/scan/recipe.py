"""All that another process needs to examine what this one would: it is sent there, and makes an examination there."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from keywatch.detect.known import KnownKeys
from keywatch.detect.ruleset import RuleSet
from keywatch.model.secret import Pepper
from keywatch.model.source import Lot
from keywatch.scan.baseline_file import Accepts
from keywatch.scan.examination import Examination, Examined


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an examination is made of. It holds the pepper: to be sent where nobody else can read it, and never kept."""

    rules: RuleSet = field(repr=False)
    cache: Path | None
    """Where compiled rules are kept."""
    pepper: bytes = field(repr=False)
    known: KnownKeys = field(repr=False)
    accepted: tuple[Accepts, ...] = field(default=(), repr=False)

    def examiner(self) -> "Examiner":
        """
        Return what examines as the process does that this comes from.

        Raises:
            RuleError: the rules cannot be compiled.
        """
        from keywatch.detect.anchors import Anchors
        from keywatch.detect.engine import Detector

        pepper = Pepper(self.pepper)
        detector = Detector(self.rules, cache_dir=self.cache)
        detector.known = Anchors(self.known.keys, pepper, self.known.values)
        return Examiner(Examination(detector, pepper, self.known, self.accepted))


class Examiner:
    """Examines lots for another process. Safe to share between threads."""

    def __init__(self, examination: Examination) -> None:
        """Nobody else asks what `examination` asks, in this process."""
        self._examination = examination
        self._lock = threading.Lock()
        self._told = Counter(examination.detector.overruns)

    def lot(self, lot: Lot, stopped: Callable[[], bool] = lambda: False) -> Examined:
        """
        As `Examination.lot`, and tell which rules were cut off: the other process cannot ask this detector.

        Of lots that are examined at the same time, the first to end tells it for all.
        """
        found = self._examination.lot(lot, stopped)
        with self._lock:
            now = Counter(self._examination.detector.overruns)
            news, self._told = now - self._told, now
        return replace(found, overruns=news)
