"""A request log that is scanned as well: one reading serves both rivers, and one cursor stands for both."""

import json
from datetime import timedelta

from keywatch.demo.text import invented_refresh_token
from keywatch.model.finding import FindingState
from keywatch.service.assembly import Keywatch
from tests.service.installation import Installation

CONFIG = """
[[request_log]]
name = "orders"
path = "HERE/requests.log"
application = "orders"
scan = true
owner = "orders-team"
[[key]]
name = "orders-client-secret"
kind = "lwa-client-secret"
application = "orders"
created = 2026-01-01
"""
NAME = "request-log:orders"


def request(here: Installation, minutes_ago: int, **more: str) -> str:
    record = {
        "time": (here.now - timedelta(minutes=minutes_ago)).isoformat(),
        "status": 200,
        "host": "sellingpartnerapi-eu.amazon.com",
        "method": "GET",
        "path": "/orders/v0/orders",
    }
    return json.dumps(record | more) + "\n"


def test_one_line_leaks_and_proves(here: Installation) -> None:
    """The same line is a successful call and a leaked token; the owner of the log is who hears of it."""
    here.configure(CONFIG)
    log = here.write("requests.log", request(here, 5, refresh_token=invented_refresh_token().reveal().decode()))
    assert here.cycle()
    (finding,) = here.findings(FindingState.OPEN)
    assert (finding.sources, finding.targets) == ((NAME,), (str(log),))
    assert here.standings()["orders-client-secret"].last_success == here.now - timedelta(minutes=6)
    assert [line for line in here.told if "Leaked" in line]


def test_both_go_on_from_one_place(here: Installation) -> None:
    """What was read is read again by neither, and what is appended is seen by both."""
    here.configure(CONFIG)
    log = here.write("requests.log", request(here, 5))
    assert here.cycle()
    with log.open("a") as file:
        file.write(request(here, 1, refresh_token=invented_refresh_token().reveal().decode()))
    latest = here.now - timedelta(minutes=1)
    assert here.cycle()
    assert here.standings()["orders-client-secret"].last_success == latest
    (finding,) = here.findings(FindingState.OPEN)
    assert [place.line for place in finding.finding.places] == [2]
    assert here.source(NAME).items == 2


def test_a_run_cut_short_keeps_both_or_neither(here: Installation) -> None:
    """A daemon stopped half-way has committed evidence and findings up to one and the same place."""
    here.configure(CONFIG)
    token = invented_refresh_token().reveal().decode()
    padding = "x" * (1 << 20)
    lines = [request(here, 50 - number, note=padding) for number in range(10)]
    here.write("requests.log", "".join(lines) + request(here, 1, refresh_token=token))

    def stop_after_the_first_batch(keywatch: Keywatch) -> None:
        class Stopping:
            def __init__(self) -> None:
                self.asked = 0

            def is_set(self) -> bool:
                self.asked += 1
                return self.asked > 2

        keywatch.reader._stopping = Stopping()  # type: ignore[assignment]

    started = here.now
    assert not here.cycle(stop=stop_after_the_first_batch)
    assert here.findings(FindingState.OPEN) == []
    assert here.cycle()
    assert len(here.findings(FindingState.OPEN)) == 1
    assert here.standings()["orders-client-secret"].last_success == started - timedelta(minutes=1)


def test_a_file_that_cannot_be_read_blinds_and_loses_nothing(here: Installation) -> None:
    """What could be read of the rest is saved, and the source is told as blind."""
    here.configure(CONFIG.replace("requests.log", "*.log"))
    here.write("a.log", request(here, 5, refresh_token=invented_refresh_token().reveal().decode()))
    (here.directory / "link.log").symlink_to(here.directory / "a.log")
    assert not here.cycle()
    assert len(here.findings(FindingState.OPEN)) == 1
    assert "link.log: a symbolic link, which is not followed" in (here.source(NAME).error or "")
    assert [line for line in here.told if "cannot read request-log:orders" in line]


def test_a_log_that_moves_keeps_its_evidence(here: Installation) -> None:
    """Pointed at another file, the source still knows what the old one proved."""
    here.configure(CONFIG)
    here.write("requests.log", request(here, 5))
    assert here.cycle()
    proven = here.standings()["orders-client-secret"].last_success
    here.configure(CONFIG.replace("requests.log", "other.log"))
    here.write("other.log", "")
    assert here.cycle()
    assert here.standings()["orders-client-secret"].last_success == proven is not None
