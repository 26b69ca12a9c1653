"""What each target is scanned with: our rules and, beside them, its own. Each set is compiled once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from keywatch.detect.anchors import Anchors
from keywatch.detect.engine import Detector
from keywatch.detect.ruleset import RuleSet
from keywatch.model.finding import Finding
from keywatch.scan.commits import CommitLists
from keywatch.scan.examination import Detects
from keywatch.scan.joint import Joint
from keywatch.scan.own_rules import Own


class Target:
    """One target: what finds its secrets, and what of them it excuses itself."""

    def __init__(self, detector: Detects, own: Own, ours: frozenset[str]) -> None:
        """`ours` are the ids of our rules."""
        self.detector = detector
        self._own = own
        self._ids = ours.union(own.rules.ids)
        self._commits = CommitLists([own.rules, own.spares])
        self._without: Counter[str] = Counter()

    @property
    def is_ours(self) -> bool:
        """Whether it is scanned with our rules alone."""
        return not self._own.files

    def told(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield what is left of `findings`."""
        for finding in findings:
            kept = self._commits.without(finding)
            if kept is None:
                self._without[", ".join(self._own.files)] += 1
                continue
            rest = self._own.ignored.without(kept, self._ids)
            if rest is None:
                self._without[self._own.ignored.name] += 1
            else:
                yield rest

    def left_out(self) -> Counter[str]:
        """Return by file how many findings were left out."""
        count = Counter(self._without)
        if isinstance(self.detector, Joint) and self.detector.left_out:
            count[", ".join(self._own.files)] += self.detector.left_out
        return count


class Bench:
    """Hands out what each target is scanned with."""

    def __init__(self, rules: RuleSet, cache: Path | None, own: Mapping[str, Own], known: Anchors) -> None:
        """
        Compile our rules.

        Args:
            rules: ours.
            cache: where compiled rules are kept.
            own: by target, what it says itself.
            known: values of keys we hold, which are looked for whatever a target says.

        Raises:
            RuleError: the rules cannot be compiled.
        """
        self._cache = cache
        self._own = own
        self._ours = Detector(rules, cache_dir=cache)
        self._ours.known = known
        self._ids = frozenset(rules.ids)
        self._theirs: dict[str, Detector] = {}
        self._targets: list[Target] = []
        self.allowed = CommitLists([rules])

    def target(self, name: str) -> Target:
        """Return what the target `name` is scanned with."""
        own = self._own.get(name, Own())
        detector = Joint(self._ours, self._detector(own.rules), own.spares) if own.files else self._ours
        self._targets.append(Target(detector, own, self._ids))
        return self._targets[-1]

    def left_out(self) -> Mapping[str, int]:
        """Return by file of a target how many findings it excused."""
        return sum((target.left_out() for target in self._targets), Counter[str]())

    def _detector(self, rules: RuleSet) -> Detector | None:
        if not rules.rules:
            return None
        if rules.hash not in self._theirs:
            self._theirs[rules.hash] = Detector(rules, cache_dir=self._cache)
        return self._theirs[rules.hash]
