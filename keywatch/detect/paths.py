"""What of a path matters to what is found in it."""

from collections.abc import Sequence

from keywatch.detect.filters import encoded_path
from keywatch.detect.pattern import compiled
from keywatch.detect.testcode import purpose

_MOST = 100_000
"""Paths whose class is remembered."""


class PathClasses:
    """Numbers for paths: in those of one class the same is looked for and excused, and believed alike."""

    def __init__(self, patterns: Sequence[str] | None) -> None:
        """`patterns` are all that paths are held against; None: filters look at paths as well, so none are alike."""
        self.suffices = patterns is not None
        """Whether the class of a path tells all of it that matters."""
        self._patterns = patterns or ()
        self._known: dict[str, int] = {}
        self._classes: dict[tuple[int, ...], int] = {}

    def of(self, path: str) -> int:
        """Return the class of a path."""
        if (known := self._known.get(path)) is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            encoded = encoded_path(path)
            fits = [compiled(pattern).search(encoded) is not None for pattern in self._patterns]
            known = self._classes.setdefault((*fits, purpose(encoded)), len(self._classes))
            self._known[path] = known
        return known

    def alike(self, path: str, other: str) -> bool:
        """Tell whether the same is looked for in both paths."""
        return path == other or (self.suffices and self.of(path) == self.of(other))
