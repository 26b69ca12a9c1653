"""When the daemon judges and sends: soon after news, never on half an inventory, and never silenced by what hangs."""

import threading
from datetime import timedelta

import pytest

from keywatch.demo.slack import SlackServer
from keywatch.demo.text import invented_refresh_token
from keywatch.model.errors import StoreError
from tests.service.installation import Installation
from tests.service.test_reading import inventory

MINUTE = timedelta(minutes=1)


@pytest.fixture
def leaky(here: Installation) -> Installation:
    """An installation with a log in which there is a leak."""
    here.configure('[[scan]]\nname = "log"\nlog = "HERE/app.log"\n')
    here.write("app.log", invented_refresh_token().reveal().decode() + "\n")
    return here


def test_the_first_judgement_waits_for_the_inventories_but_not_for_ever(leaky: Installation) -> None:
    """Told too early, a leak has no owner; an inventory that hangs must not keep everything from being told."""
    with leaky.open(inventory()) as keywatch:
        keywatch.reader.run(keywatch.sources[0])
        assert keywatch._judge_news()
        assert keywatch._store.alerts() == []
        leaky.now += 11 * MINUTE
        assert keywatch._judge_news()
        assert len(keywatch._store.alerts()) == 1


def test_it_judges_when_something_was_read_and_now_and_then(leaky: Installation) -> None:
    """Without news a standing still ages; a clock set back does not put that off."""
    with leaky.open() as keywatch:
        judged: list[timedelta] = []
        began = leaky.now
        for step in (MINUTE, MINUTE, 11 * MINUTE, MINUTE, -60 * MINUTE):
            leaky.now += step
            before = keywatch._judged
            keywatch._judge_news()
            if keywatch._judged != before:
                judged.append(leaky.now - began)
    assert judged == [MINUTE, 13 * MINUTE, -46 * MINUTE]


def test_a_judgement_that_could_not_be_saved_is_made_again(leaky: Installation) -> None:
    """A disk that was full for a moment must not cost the news."""
    with leaky.open() as keywatch:
        keywatch._judge_news()
        keywatch.reader.run(keywatch.sources[0])
        keywatch._news.set()
        with keywatch._store._engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON alert BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        with pytest.raises(StoreError):
            keywatch._judge_news()
        with keywatch._store._engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
        assert keywatch._judge_news()
        assert len(keywatch._store.alerts()) == 1


def test_a_round_of_sending_has_an_end(leaky: Installation) -> None:
    """After its time no further message is begun: what is left is sent in the next round."""
    with leaky.open() as keywatch:
        keywatch.reader.run(keywatch.sources[0])
        keywatch.judge.run()
        keywatch.send(until=0)
        assert keywatch._store.queue_depth(leaky.now)[0] == 1
        assert keywatch._send_a_while()
        assert keywatch._store.queue_depth(leaky.now)[0] == 0


def test_the_daemon_runs_its_sources_judges_and_tells(leaky: Installation) -> None:
    """All of it on the scheduler, until somebody stops it."""
    heard = [threading.Event()]
    with SlackServer(("#keys",), on_message=lambda _: heard[0].set()) as slack:
        leaky.write("token", slack.token)
        leaky.configure(
            f'slack = {{ token = "file:HERE/token", channel = "#keys", api_url = "{slack.api_url}" }}\n'
            f'http = {{ listen = "127.0.0.1:0" }}\n{leaky.config}'
        )
        with leaky.open() as keywatch:
            heard[0] = keywatch.stopping
            daemon, web = keywatch.daemon()
            assert daemon.run(web).idle
    (told,) = leaky.told
    assert told.startswith("fired: Leaked")
