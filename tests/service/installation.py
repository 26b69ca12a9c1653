"""An installation without any cloud: a clock that stands still, logs and directories, alerts printed on the console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keywatch.model.alert import DeliveryState
from keywatch.model.finding import FindingState
from keywatch.model.standing import Standing
from keywatch.service.assembly import Keywatch
from keywatch.service.planned import Planned
from keywatch.service.standings import policy, standings
from keywatch.service.state import open_state
from keywatch.settings.load import load
from keywatch.store import SourceState, StoredFinding

DAY = timedelta(days=1)


@dataclass
class Installation:
    """A configuration and its state directory. Every `cycle` is a life of its own, as after a restart."""

    directory: Path
    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    config: str = ""
    told: list[str] = field(default_factory=list)
    """What was delivered so far: `fired: title -> channel`."""

    def configure(self, text: str) -> None:
        """Replace the configuration; `HERE` stands for the directory."""
        self.config = text.replace("HERE", str(self.directory))

    @contextmanager
    def open(self, *planned: Planned) -> Iterator[Keywatch]:
        """Connect the parts; `planned` are sources beside the configured ones."""
        path = self.directory / "keywatch.toml"
        path.write_text(f'state_dir = "{self.directory}/state"\n{self.config}', "utf-8")
        settings = load(path)
        with open_state(settings) as state:
            keywatch = Keywatch(settings, state, now=lambda: self.now)
            keywatch.sources = (*keywatch.sources, *planned)
            try:
                yield keywatch
            finally:
                keywatch.close()
                self.told = [
                    f"{sent.transition.value}: {alert.problem.title} -> {sent.channel}"
                    for sent in state.store.deliveries(DeliveryState.SENT)
                    for alert in sent.alerts
                ]

    def cycle(self, *planned: Planned, stop: Callable[[Keywatch], None] = lambda _: None) -> bool:
        """Do one full cycle a minute later; `stop` may arrange for an end before it begins."""
        self.now += timedelta(minutes=1)
        with self.open(*planned) as keywatch:
            stop(keywatch)
            return keywatch.once()

    def news(self, *planned: Planned) -> list[str]:
        """What a cycle tells that was not told before."""
        before = len(self.told)
        self.cycle(*planned)
        return self.told[before:]

    def source(self, name: str) -> SourceState:
        """How a source is doing."""
        with self.open() as keywatch:
            (state,) = [state for state in keywatch._store.sources() if state.source == name]
            return state

    def findings(self, *states: FindingState) -> list[StoredFinding]:
        """What is known of the findings."""
        with self.open() as keywatch:
            return keywatch._store.findings(*states)

    def standings(self) -> dict[str, Standing]:
        """The standing of each key, by name."""
        with self.open() as keywatch:
            judged = standings(keywatch._store, policy(keywatch._settings.baseline), self.now)
            return {standing.key.name: standing for standing in judged}

    def write(self, name: str, text: str) -> Path:
        """Write a file below the directory."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path
