"""What the daemon measures of itself. Names start with `keywatch_`, units are base units, no label names a secret."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from keywatch import __version__
from keywatch.model.alert import Alert
from keywatch.model.standing import Standing


class Metrics:
    """One registry a daemon, so that a test can have its own."""

    CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        Info("keywatch_build", "Version of keywatch.", registry=registry).info({"version": __version__})
        self._keys = Gauge(
            "keywatch_keys", "Keys by kind, basis and level.", ["kind", "basis", "level"], registry=registry
        )
        self._days_left = Gauge(
            "keywatch_key_days_left_min", "Days until the first key is deleted.", ["kind"], registry=registry
        )
        self._alerts = Gauge("keywatch_alerts", "Alerts by kind and state.", ["kind", "state"], registry=registry)
        self._findings = Gauge("keywatch_findings", "Findings by severity.", ["severity"], registry=registry)
        self.source_up = Gauge("keywatch_source_up", "1: the last run read it all.", ["source"], registry=registry)
        self.source_success = Gauge(
            "keywatch_source_last_success_timestamp_seconds", "When it was last read.", ["source"], registry=registry
        )
        self.skipped = Counter("keywatch_skipped_items_total", "Items passed over.", ["source"], registry=registry)
        self.scanned = Counter("keywatch_scanned_bytes_total", "Bytes looked at.", ["source"], registry=registry)
        self.reported = Counter(
            "keywatch_reported_calls_total", "Calls that programs reported.", ["source", "outcome"], registry=registry
        )
        self.inspected = Counter(
            "keywatch_inspected_texts_total", "Texts that were inspected, by verdict.", ["verdict"], registry=registry
        )
        self.runs = Counter(
            "keywatch_job_runs_total", "Runs by job and outcome.", ["job", "outcome"], registry=registry
        )
        self.overruns = Counter(
            "keywatch_job_overruns_total", "Runs left out, the one before being under way.", ["job"], registry=registry
        )
        self.seconds = Histogram(
            "keywatch_job_duration_seconds",
            "Run time by job.",
            ["job"],
            registry=registry,
            buckets=(0.1, 1, 10, 60, 600),
        )
        self.deliveries = Counter("keywatch_deliveries_total", "Deliveries by outcome.", ["outcome"], registry=registry)
        self.pending = Gauge("keywatch_outbox_pending_deliveries", "Deliveries not yet made.", registry=registry)
        self.oldest = Gauge("keywatch_outbox_oldest_seconds", "Age of the oldest pending delivery.", registry=registry)
        self.heartbeat = Gauge("keywatch_heartbeat_timestamp_seconds", "Scheduler's last beat.", registry=registry)

    def show_standings(self, standings: Iterable[Standing]) -> None:
        """Replace the gauges about keys."""
        rows = list(standings)
        self._keys.clear()
        for (kind, basis, level), count in Tally((row.key.kind, row.basis, row.level) for row in rows).items():
            self._keys.labels(kind.value, basis.value, level.value).set(count)
        self._days_left.clear()
        for kind in {row.key.kind for row in rows}:
            left = [row.days_left for row in rows if row.key.kind is kind and row.days_left is not None]
            if left:
                self._days_left.labels(kind.value).set(min(left))

    def show_alerts(self, alerts: Iterable[Alert]) -> None:
        """Replace the gauge about alerts."""
        self._alerts.clear()
        for (kind, state), count in Tally((alert.problem.kind, alert.state) for alert in alerts).items():
            self._alerts.labels(kind.value, state.value).set(count)

    def show_findings(self, severities: Iterable[str]) -> None:
        """Replace the gauge about open findings."""
        self._findings.clear()
        for severity, count in Tally(severities).items():
            self._findings.labels(severity).set(count)

    def render(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)
