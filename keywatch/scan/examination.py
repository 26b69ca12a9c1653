"""One chunk looked at: what the rules matched becomes findings, and the plaintext is let go."""

from collections.abc import Sequence
from typing import Protocol

from keywatch.detect.known import KnownKeys
from keywatch.model.content import Chunk
from keywatch.model.finding import Finding, Match, Place
from keywatch.model.secret import Pepper, Redacted
from keywatch.scan.baseline_file import Accepts, Recorder


class Detects(Protocol):
    """What is asked of `keywatch.detect.engine.Detector`, which is loaded only where something is scanned."""

    def scan(self, chunk: Chunk) -> list[Match]:
        """Return what the rules match in one chunk. Called from several threads at once."""
        ...


class Examination:
    """Turns a chunk into findings. Safe to share between threads."""

    def __init__(
        self,
        detector: Detects,
        pepper: Pepper,
        known: KnownKeys,
        accepted: Sequence[Accepts] = (),
        recorder: Recorder | None = None,
    ) -> None:
        """Matches that one of `accepted` knows are not told; `recorder` notes all others."""
        self._accepted = tuple(accepted)
        self._recorder = recorder
        self._detector = detector
        self._pepper = pepper
        self._known = known

    def __call__(self, chunk: Chunk) -> list[Finding]:
        """Return a finding, with one place, for each match in `chunk`."""
        matches = [match for match in self._detector.scan(chunk) if not self._is_accepted(match)]
        if self._recorder is not None:
            for match in matches:
                self._recorder.note(match)
        return [self._finding(match) for match in matches]

    def _is_accepted(self, match: Match) -> bool:
        return any(baseline.accepts(match) for baseline in self._accepted)

    def _finding(self, match: Match) -> Finding:
        fingerprint = self._pepper.fingerprint(match.secret)
        key, ownership = self._known.ownership_of(match.rule.category, fingerprint, match.handles)
        return Finding(
            rule=match.rule,
            redacted=Redacted(fingerprint, match.secret.preview()),
            confidence=match.confidence,
            places=(_place(match),),
            ownership=ownership,
            key=key,
            handles=match.handles,
            specificity=match.specificity,
        )


def _place(match: Match) -> Place:
    return Place(
        target=match.origin.target,
        path=match.origin.path,
        line=match.line,
        column=match.column,
        end_line=match.end_line,
        end_column=match.end_column,
        offset=match.offset,
        blob=match.origin.blob,
    )
