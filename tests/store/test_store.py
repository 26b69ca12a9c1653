"""Opening the database: what it is made as, what it refuses, and what survives."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text, update

from keywatch.model.errors import StoreError
from keywatch.store import Store, schema
from keywatch.store.database import FILE, reading, wal_is_safe
from keywatch.store.migrate import _SCRIPTS
from tests.alerts.builders import NOW


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """The directory is 0700 and every file in it 0600, whatever the umask is, and whatever the file was before."""
    directory = tmp_path / "a" / "state"
    before = os.umask(0)
    try:
        Store.open(directory).close()
        (directory / FILE).chmod(0o644)
        with Store.open(directory) as store:
            store.check_pepper("0011aabb")
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_every_connection_is_set_to_lose_nothing(tmp_path: Path) -> None:
    """Full sync, foreign keys, no trusted schema, deleted data overwritten, a journal this SQLite gets right."""
    expected = {"synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "secure_delete": 1, "busy_timeout": 10000}
    journal = "wal" if wal_is_safe(sqlite3.sqlite_version_info) else "truncate"
    with Store.open(tmp_path) as store, reading(store._engine) as one, reading(store._engine) as two:
        for connection in (one, two):
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected}
            assert found == expected
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == journal


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 1), False),
        ((3, 50, 4), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 54, 0), True),
    ],
)
def test_wal_is_used_on_fixed_versions_only(version: tuple[int, ...], *, safe: bool) -> None:
    """SQLite 3.7.0 to 3.51.2 lose commits in WAL mode, but for two maintenance releases."""
    assert wal_is_safe(version) is safe


def test_the_migrations_make_the_schema(tmp_path: Path) -> None:
    """What the migrations build is what the code works with, and the last one is the one the code knows as last."""
    with Store.open(tmp_path) as store, store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    scripts = ScriptDirectory(str(_SCRIPTS))
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == schema.REVISIONS


def test_a_database_of_a_newer_keywatch_is_left_alone(tmp_path: Path) -> None:
    """An older program refuses a newer schema with a sentence that says what to do."""
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StoreError, match="written by a newer keywatch") as caught:
        Store.open(tmp_path)
    assert "install that version again" in str(caught.value.hint)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A file of that name that is somebody else's is refused, not migrated."""
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    raw.close()
    with pytest.raises(StoreError, match="some other program"):
        Store.open(tmp_path)


def test_a_killed_migration_leaves_the_old_schema_or_the_new(tmp_path: Path) -> None:
    """Killed in the middle of the first migration, the database is as empty as before, and opens afterwards."""
    child = (
        "import os, signal, sys; from pathlib import Path; from alembic import op; made = []\n"
        "real = op.create_table\n"
        "def dying(name, *columns, **more):\n"
        "    if len(made) == 7: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    made.append(name); return real(name, *columns, **more)\n"
        "op.create_table = dying\n"
        "from keywatch.store import Store; Store.open(Path(sys.argv[1]))\n"
    )
    dead = subprocess.run([sys.executable, "-c", child, str(tmp_path)], check=False, capture_output=True)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    with sqlite3.connect(tmp_path / FILE) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    raw.close()
    with Store.open(tmp_path) as store:
        assert store.alerts() == []


def test_two_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    """Of two that start together one migrates, and the other waits for it."""
    failures: list[Exception] = []

    def start() -> None:
        try:
            Store.open(tmp_path / "state").close()
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Garbage in place of the database is said to be damaged, with what to do."""
    (tmp_path / FILE).write_bytes(b"not a database at all, but long enough to be taken for one" * 100)
    with pytest.raises(StoreError, match="is damaged") as caught:
        Store.open(tmp_path)
    assert "backup" in str(caught.value.hint)


def test_a_damaged_page_is_noticed_at_open(tmp_path: Path) -> None:
    """A database whose pages were overwritten is refused at open, not found out about later."""
    with Store.open(tmp_path) as store:
        for number in range(200):
            store.record_run(f"job-{number}", NOW, NOW, "done" * 50)
    path = tmp_path / FILE
    damaged = bytearray(path.read_bytes())
    noise = random.Random(7)  # noqa: S311 - damage, not a secret
    for page in range(1, len(damaged) // 4096):
        damaged[page * 4096 : page * 4096 + 256] = noise.randbytes(256)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(tmp_path)


def test_a_directory_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    """A state directory whose name is taken by a file is an error with a hint, not a traceback."""
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path / "state")
    assert "must be writable" in str(caught.value.hint)


def test_a_link_in_place_of_the_database_is_not_followed(tmp_path: Path) -> None:
    """Whoever can write to the directory cannot make keywatch overwrite another file."""
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        Store.open(tmp_path)
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_database_belongs_to_one_pepper(tmp_path: Path) -> None:
    """The first pepper is remembered; with another one keywatch stops rather than report everything as new."""
    with Store.open(tmp_path) as store:
        assert store.pepper_id is None
        store.check_pepper("0011aabb")
        store.check_pepper("0011aabb")
    with Store.open(tmp_path) as store:
        assert store.pepper_id == "0011aabb"
        with pytest.raises(StoreError, match="0011aabb, not 2233ccdd") as caught:
            store.check_pepper("2233ccdd")
    assert "restore the pepper" in str(caught.value.hint)


def test_eight_threads_lose_no_update(tmp_path: Path) -> None:
    """Read, add one, write back: 8 threads x 50 times make 400, because the lock is taken before the read."""
    table = schema.meta
    with Store.open(tmp_path) as store:
        with store._writing() as connection:
            connection.execute(text("INSERT INTO meta VALUES ('counter', '0')"))

        def count() -> None:
            for _ in range(50):
                with store._writing() as connection:
                    value = connection.execute(select(table.c.value)).scalar_one()
                    connection.execute(update(table).values(value=str(int(value) + 1)))

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store._reading() as connection:
            assert connection.execute(select(table.c.value)).scalar_one() == "400"


def test_a_full_disk_is_explained_and_damages_nothing(tmp_path: Path) -> None:
    """When the database cannot grow, the error says so; what was saved before is still there."""
    with Store.open(tmp_path) as store:
        store.check_pepper("0011aabb")
        with store._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreError) as caught:
            store.record_run("job", NOW, NOW, "x" * 100_000)
        assert "the disk is full" in str(caught.value.hint)
        assert store.pepper_id == "0011aabb"


def test_errors_quote_no_parameters(tmp_path: Path) -> None:
    """A failing statement's values are in neither message nor cause."""
    with Store.open(tmp_path) as store:
        engine = create_engine(f"sqlite:///{tmp_path / FILE}")
        with engine.begin() as other:
            other.exec_driver_sql("DROP TABLE job_run")
        engine.dispose()
        with pytest.raises(StoreError) as caught:
            store.record_run("a-telling-name", NOW, NOW, "done")
    assert "a-telling-name" not in str(caught.value)
    assert caught.value.__cause__ is None
