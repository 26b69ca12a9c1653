"""All that another process needs to examine what this one would: it is sent there, and makes an examination there."""

from dataclasses import dataclass, field
from pathlib import Path

from keywatch.detect.known import KnownKeys
from keywatch.detect.ruleset import RuleSet
from keywatch.model.secret import Pepper
from keywatch.scan.examination import Examination


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an examination is made of. It holds the pepper: to be sent where nobody else can read it, and never kept."""

    rules: RuleSet = field(repr=False)
    cache: Path | None
    """Where compiled rules are kept."""
    pepper: bytes = field(repr=False)
    known: KnownKeys = field(repr=False)

    def examination(self) -> Examination:
        """
        Return an examination like the one of the process this comes from.

        Raises:
            RuleError: the rules cannot be compiled.
        """
        from keywatch.detect.anchors import Anchors
        from keywatch.detect.engine import Detector

        pepper = Pepper(self.pepper)
        detector = Detector(self.rules, cache_dir=self.cache)
        detector.known = Anchors(self.known.keys, pepper)
        return Examination(detector, pepper, self.known)
