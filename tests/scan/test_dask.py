"""A real Dask scheduler and real workers on this machine: nothing is lost, and no loss is taken for clean."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keywatch.cli.main import run
from keywatch.collect.content.file_lot import Plan
from keywatch.collect.content.files import Directory
from keywatch.collect.content.git import GitRepository
from keywatch.collect.content.tree import Entry, walk
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.errors import ScanError, UsageError
from keywatch.model.secret import Pepper
from keywatch.model.source import ContentBatch, ContentSource, Skipped
from keywatch.scan import dask_engine
from keywatch.scan.dask_engine import Dask
from keywatch.scan.engine import Engine, Local
from keywatch.scan.examination import Examination
from keywatch.scan.recipe import Recipe
from keywatch.scan.scanner import Scanner, ScanStep
from tests.scan.hard_lots import Broken, Deadly

PEPPER = Pepper(bytes(range(32)))
KNOWN = KnownKeys(())
PATIENCE = 60
"""Seconds after which what should have come long ago is given up."""
CLOSED = "tcp://127.0.0.1:1"


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path, rules: Path, *options: str, **settings: str) -> None:
        self.folder = folder
        (folder / "state").mkdir(mode=0o700, parents=True)
        shutil.copytree(rules, folder / "state" / "cache")
        self.options = options
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "STATE_DIRECTORY": str(folder / "state"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **settings,
        }
        self.workers: list[subprocess.Popen[bytes]] = []
        tells = folder / "scheduler.json"
        self.scheduler = self._started("scheduler", "--port", "0", "--scheduler-file", str(tells))
        _until(tells.exists)
        self.address: str = json.loads(tells.read_text())["address"]

    def work(self, **settings: str) -> "subprocess.Popen[bytes]":
        """Start a worker, and wait until it has said that it has found the scheduler."""
        number = len(self.workers)
        folder = self.folder / f"worker{number}"
        self.workers.append(
            self._started(
                "worker", self.address, "--nthreads", "1", "--no-nanny", f"--local-directory={folder}", **settings
            )
        )
        log = self.folder / f"{self.workers[-1].pid}.log"
        _until(lambda: "Registered to" in log.read_text())
        return self.workers[-1]

    def log(self) -> str:
        """Return everything that scheduler and workers have logged."""
        return "".join(log.read_text() for log in self.folder.glob("*.log"))

    def end(self) -> None:
        """Kill everything."""
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()

    def _started(self, what: str, *arguments: str, **settings: str) -> "subprocess.Popen[bytes]":
        command = [
            sys.executable,
            "-m",
            "dask",
            what,
            *arguments,
            "--host",
            "127.0.0.1",
            "--no-dashboard",
            *self.options,
        ]
        log = self.folder / "started.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command, env=self.environment | settings, cwd=self.folder, stdout=stream, stderr=stream
            )
        log.rename(self.folder / f"{process.pid}.log")
        return process


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "Dask has not started"
        time.sleep(0.05)


Clusters = Callable[..., Cluster]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, rules_cache: Path) -> Iterator[Cluster]:
    """A scheduler and two workers, for tests that leave them as they were."""
    cluster = Cluster(tmp_path_factory.mktemp("dask") / "shared", rules_cache)
    cluster.work()
    cluster.work()
    yield cluster
    cluster.end()


@pytest.fixture
def clusters(tmp_path: Path, rules_cache: Path) -> Iterator[Clusters]:
    """What starts a scheduler, and ends it after the test."""
    made: list[Cluster] = []

    def cluster(*options: str, **settings: str) -> Cluster:
        made.append(Cluster(tmp_path / f"cluster{len(made)}", rules_cache, *options, **settings))
        return made[-1]

    yield cluster
    for one in made:
        one.end()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rules_cache: Path) -> None:
    """Lots are small, so that there are many."""
    monkeypatch.setattr("keywatch.collect.content.lot_plan._LOT", 10_000)
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of many files in several versions, in packs, with secrets in them."""
    path = tmp_path_factory.mktemp("repository") / "history"
    path.mkdir()
    chance = random.Random(3)  # noqa: S311 - the same each time
    stream = []
    for number in range(150):
        lines = [f"name {chance.random()}" for _ in range(60)]
        if number % 3 == 0:
            lines[7] = f"client_secret: amzn1.oa2-cs.v1.{sha256(b'EXAMPLE %d' % number).hexdigest()}"
        data = "\n".join(lines).encode()
        stream.append(
            b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\ndata 1\nx\n" % (1_700_000_000 + number)
        )
        stream.append(b"M 100644 inline f%d.txt\ndata %d\n%b\n" % (number % 40, len(data), data))
    for command, text in (("init -q -b main", b""), ("fast-import --quiet", b"".join(stream)), ("repack -adfq", b"")):
        subprocess.run(["git", *command.split()], cwd=path, input=text, check=True, capture_output=True)
    return path


def parts(rules_cache: Path) -> tuple[Detector, Recipe]:
    rules = packaged(rules_cache)
    return Detector(rules, cache_dir=rules_cache), Recipe(rules, rules_cache, PEPPER.for_worker(), KNOWN)


def steps(engine: Engine, source: ContentSource, rules_cache: Path) -> Iterator[ScanStep]:
    detector, recipe = parts(rules_cache)
    return Scanner(detector, PEPPER, KNOWN, engine=engine, recipe=recipe).scan(source, {})


def told(found: Sequence[ScanStep]) -> object:
    """What a scan told, in whatever steps."""
    places = {
        (f.rule.id, f.redacted.fingerprint, f.confidence, place)
        for s in found
        for f in s.findings
        for place in f.places
    }
    return (
        places,
        sum(s.bytes for s in found),
        sum(s.chunks for s in found),
        [item for s in found for item in s.skipped],
    )


def locally(source: ContentSource, rules_cache: Path) -> object:
    engine = Local(1)
    try:
        return told(list(steps(engine, source, rules_cache)))
    finally:
        engine.close()


def test_a_repository(shared: Cluster, repository: Path, rules_cache: Path) -> None:
    """Two workers find what this machine finds alone; nobody logs or keeps the key of the fingerprints."""
    engine = Dask(shared.address)
    try:
        found = told(list(steps(engine, GitRepository(repository), rules_cache)))
    finally:
        engine.close()
    assert found == locally(GitRepository(repository), rules_cache)
    key = PEPPER.for_worker()
    assert repr(key)[2:-1] not in shared.log()
    assert not [f for f in shared.folder.rglob("*") if f.is_file() and key in f.read_bytes()]


def test_a_directory(shared: Cluster, tmp_path: Path, rules_cache: Path) -> None:
    """Content that is read here is looked at here."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.txt").write_text("x\n" * 9_000 + expand("client_secret: amzn1.oa2-cs.v1.{hex:64}") + "\n")
    engine = Dask(shared.address)
    try:
        found = told(list(steps(engine, Directory(folder), rules_cache)))
    finally:
        engine.close()
    assert found == locally(Directory(folder), rules_cache)


def test_files_that_come_in_lots(shared: Cluster, tmp_path: Path, rules_cache: Path) -> None:
    """The files of a large directory are read by the workers, the same is found as here; what is near is not sent."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.env").write_text(expand(f"SECRET_{number}=amzn1.oa2-cs.v1.{{hex:64}}\n"))
    (lot,) = Plan(str(folder), "files").lots(item for item in walk(str(folder)) if isinstance(item, Entry))
    detector, recipe = parts(rules_cache)
    examination = Examination(detector, PEPPER, KNOWN, recipe=recipe)
    engine = Dask(shared.address)
    place = os.open(folder, os.O_RDONLY)
    nowhere_else = replace(lot, base=f"/proc/self/fd/{place}")
    try:
        sent, kept, lost = (
            engine.start(examination, ContentBatch(cursor=None, lots=(one,)))()
            for one in (lot, replace(nowhere_else, near=True), nowhere_else)
        )
    finally:
        engine.close()
        os.close(place)
    assert (sent.findings, sent.chunks) == (examination.lot(lot).findings, 6)
    assert len(sent.findings) == 6
    assert kept == sent
    assert "another directory" in lost.skipped[0].why


def test_a_killed_worker(clusters: Clusters, repository: Path, rules_cache: Path) -> None:
    """A worker that is killed costs what it was at, again, and nothing else."""
    cluster = clusters()
    victim = cluster.work()
    cluster.work()
    engine = Dask(cluster.address)
    try:
        working = steps(engine, GitRepository(repository), rules_cache)
        found = [next(working)]
        victim.kill()
        found += working
    finally:
        engine.close()
    assert told(found) == locally(GitRepository(repository), rules_cache)


def examined(engine: Dask, lot: Deadly | Broken, rules_cache: Path) -> tuple[Skipped, ...]:
    detector, recipe = parts(rules_cache)
    examination = Examination(detector, PEPPER, KNOWN, recipe=recipe)
    return engine.start(examination, ContentBatch(cursor=None, lots=(lot,)))().skipped


def test_what_kills_every_worker(clusters: Clusters, rules_cache: Path) -> None:
    """A lot that too many workers died of is told as not scanned; and where no worker is left, the scan ends."""
    cluster = clusters(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    cluster.work()
    engine = Dask(cluster.address, patience=1)
    try:
        (skipped,) = examined(engine, Deadly(), rules_cache)
        assert (skipped.what, skipped.why) == ("deadly", "1 workers were ended while they looked through it")
        with pytest.raises(ScanError, match="no worker is left"):
            examined(engine, Broken(), rules_cache)
    finally:
        engine.close()


def test_a_defect(shared: Cluster, rules_cache: Path) -> None:
    """What goes wrong on a worker is told by its kind and place; what was read is in no log."""
    engine = Dask(shared.address)
    try:
        (skipped,) = examined(engine, Broken(), rules_cache)
    finally:
        engine.close()
    assert skipped.what == "broken"
    assert "ended with ValueError in hard_lots.py, line" in skipped.why
    assert "tcp://127.0.0.1:" in skipped.why
    assert "what was read" not in skipped.why + shared.log()


def test_what_a_worker_cannot_read(shared: Cluster, repository: Path, tmp_path: Path, rules_cache: Path) -> None:
    """A worker that does not see the repository says so: nothing is taken for clean."""
    moved = shutil.copytree(repository, tmp_path / "there")
    batches = [batch for batch in GitRepository(moved).read({}) if batch.lots]
    moved.rename(tmp_path / "elsewhere")
    detector, recipe = parts(rules_cache)
    engine = Dask(shared.address)
    try:
        found = engine.start(Examination(detector, PEPPER, KNOWN, recipe=recipe), batches[0])()
    finally:
        engine.close()
    (skipped,) = found.skipped
    assert "the worker tcp://127.0.0.1:" in skipped.why
    assert f"cannot read it: {moved}" in skipped.why
    assert "shared file system" in (skipped.hint or "")


def test_the_scheduler_dies(
    clusters: Clusters, repository: Path, rules_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a scheduler takes with it is an error, and what was told before it still holds."""
    cluster = clusters()
    cluster.work()
    engine = Dask(cluster.address)
    try:
        working = steps(engine, GitRepository(repository), rules_cache)
        found = [next(working)]
        cluster.scheduler.kill()
        with pytest.raises(ScanError, match="the scheduler does not answer any more"):
            found += working
    finally:
        engine.close()
    assert found
    assert capsys.readouterr().err == ""


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, that is said."""
    monkeypatch.setattr(dask_engine, "_CONNECTING", 0.5)
    with pytest.raises(UsageError, match=CLOSED) as error:
        Dask(CLOSED)
    assert "is `dask scheduler` running there" in (error.value.hint or "")
    with pytest.raises(UsageError, match="not an address"):
        Dask("nonsense://127.0.0.1:1")


def test_no_worker(clusters: Clusters) -> None:
    """A scheduler without workers is waited for, and not for ever."""
    cluster = clusters()
    with pytest.raises(UsageError, match="no worker came within 1 seconds"):
        Dask(cluster.address, patience=1)


def test_another_keywatch(clusters: Clusters, tmp_path: Path) -> None:
    """Workers whose code is not ours would find something else, and are not asked."""
    other = shutil.copytree(Path(dask_engine.__file__).parents[1], tmp_path / "other" / "keywatch")
    with (other / "__init__.py").open("a") as file:
        file.write("# another\n")
    cluster = clusters()
    cluster.work(PYTHONPATH=str(tmp_path / "other"))
    with pytest.raises(UsageError, match=r"the worker tcp://127\.0\.0\.1:\d+ has keywatch .+; here it is ") as error:
        Dask(cluster.address)
    assert "install the same keywatch" in (error.value.hint or "")


def test_stopped(shared: Cluster, repository: Path, rules_cache: Path) -> None:
    """What was not examined when somebody wants the scan to end is not waited for."""
    detector, recipe = parts(rules_cache)
    examination = Examination(detector, PEPPER, KNOWN, recipe=recipe)
    engine = Dask(shared.address)
    try:
        waits = [engine.start(examination, batch) for batch in GitRepository(repository).read({}) if batch.lots]
        first = waits[0]()
        engine.stop()
        rest = [wait() for wait in waits[1:]]
        assert engine.start(examination, ContentBatch(cursor=None, lots=(Broken(),)))().skipped == ()
    finally:
        engine.close()
    assert first.chunks
    assert not [item for one in rest for item in one.skipped]


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.1:8786", "192.0.2.1:8786", "tcp://scheduler:8786", "ucx://[2001:db8::1]:1"]
)
def test_nothing_goes_unencrypted(address: str) -> None:
    """The key of the fingerprints leaves this machine encrypted, or not at all."""
    with pytest.raises(UsageError, match="would travel unencrypted") as error:
        Dask(address)
    assert "tls://" in (error.value.hint or "")


def certificate(folder: Path) -> dict[str, str]:
    """Make a certificate that vouches for itself, and return Dask's settings that name it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    settings = {"CA_FILE": "cert.pem"}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        settings |= {f"{role}__CERT": "cert.pem", f"{role}__KEY": "key.pem"}
    return {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(folder / file) for name, file in settings.items()}


def test_encrypted(clusters: Clusters, repository: Path, tmp_path: Path) -> None:
    """With certificates named in Dask's own settings the cluster is reached by TLS; without them that is said."""
    settings = certificate(tmp_path)
    cluster = clusters("--protocol", "tls", **settings)
    cluster.work()
    assert cluster.address.startswith("tls://")
    command = [sys.executable, "-m", "keywatch", "scan", "--engine", "dask", "--scheduler", cluster.address]
    done = subprocess.run([*command, str(repository)], env=os.environ | settings, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    done = subprocess.run([*command, str(repository)], env=os.environ, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"certificates are missing or wrong" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_command(
    shared: Cluster,
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--engine dask` reports what `--engine local` reports, with a baseline too, wherever it is called."""
    spread = ["--engine", "dask", "--scheduler", shared.address]
    monkeypatch.chdir(repository.parent)

    def report(*arguments: str) -> tuple[int, str, object]:
        status = run(["scan", "--fresh", "--format", "json", *arguments, repository.name])
        written = capsys.readouterr()
        document = json.loads(written.out)
        del document["summary"]["seconds"]
        return status, written.err.rpartition(" scanned in ")[0], document

    here = report()
    assert here[0] == 1
    assert report(*spread) == here
    accepted = str(tmp_path / "accepted.json")
    assert run(["scan", "--write-baseline", accepted, *spread, "--confidence", "high", repository.name]) == 0
    assert "is scanned on this machine alone" in capsys.readouterr().err
    here = report("--baseline", accepted)
    assert here[0] == 0
    assert report("--baseline", accepted, *spread) == here
