"""A scan turns chunks into findings: one per secret, attributed, without plaintext, in steps that can be committed."""

import hashlib
import io
import itertools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keywatch.collect.content.files import Directory
from keywatch.collect.content.git import GitRepository
from keywatch.collect.content.stdin import StandardInput
from keywatch.collect.content.windows import WINDOW
from keywatch.detect.engine import Detector
from keywatch.detect.known import KnownKeys
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import ScanError
from keywatch.model.finding import Confidence, Finding, Ownership, Place, RuleInfo
from keywatch.model.key import Handle, HandleSpace, Key, KeyId, KeyKind, Location, SourceId
from keywatch.model.secret import Fingerprint, Pepper, Redacted, Secret
from keywatch.model.source import ContentBatch, Cursor, Skipped
from keywatch.scan.engine import Local
from keywatch.scan.findings import FindingSet, merged, place_order
from keywatch.scan.scanner import Scanner

PEPPER = Pepper(bytes(32))


def lwa_secret(name: str) -> str:
    """Return a client secret of the right shape that Amazon never issued."""
    return "amzn1.oa2-cs.v1." + hashlib.sha256(f"EXAMPLE {name}".encode()).hexdigest()


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(packaged())


@pytest.fixture
def scanner(detector: Detector) -> Iterator[Scanner]:
    scanner = Scanner(detector, PEPPER, KnownKeys(()))
    yield scanner
    scanner.close()


class Given:
    """A content source of bytes held in memory, one batch for each, ending in an error if there is one."""

    id = SourceId("given")
    target = "given"

    def __init__(self, *texts: str, error: BaseException | None = None) -> None:
        self._texts = texts
        self._error = error

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        assert cursor == {}
        for number, text in enumerate(self._texts):
            chunk = Chunk(text.encode(), Origin(self.target, f"file{number}"))
            yield ContentBatch(chunks=(chunk,), cursor={"at": number}, skipped=(Skipped(f"{number}", "why"),))
        if self._error:
            raise self._error

    def check(self) -> Iterator[str | Skipped]:
        yield "nothing to check"


def git(path: Path, *arguments: str) -> str:
    person = {"NAME": "Ann Example", "EMAIL": "ann@example.org", "DATE": "2026-01-02T03:04:05+00:00"}
    environment = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in person.items()}
    environment |= {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], cwd=path, env=environment, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(path: Path) -> str:
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "a change")
    return git(path, "rev-parse", "HEAD")


def test_a_step_brings_findings_and_cursor_together(scanner: Scanner) -> None:
    """Each step has the findings of its batch, the cursor after it, and what was skipped in it."""
    steps = list(scanner.scan(Given(f"x = '{lwa_secret('one')}'\n", "nothing\n"), {}))
    assert [step.cursor for step in steps] == [{"at": 0}, {"at": 1}]
    assert [len(step.findings) for step in steps] == [1, 0]
    assert [(step.chunks, step.skipped[0].what) for step in steps] == [(1, "0"), (1, "1")]
    (finding,) = steps[0].findings
    place = finding.places[0]
    assert (finding.rule.id, place.path, place.line, place.column) == ("lwa-client-secret", "file0", 1, 6)


def test_a_finding_holds_no_plaintext(scanner: Scanner) -> None:
    """What is left of a secret is its fingerprint and at most its first four characters."""
    plain = lwa_secret("one")
    (step,) = scanner.scan(Given(plain), {})
    (finding,) = step.findings
    assert plain[5:] not in repr(step)
    assert finding.redacted == Redacted(PEPPER.fingerprint(Secret(plain.encode())), "amzn…")


def test_one_secret_is_one_finding(scanner: Scanner) -> None:
    """The same value in several places is one finding with all of them."""
    one, two = lwa_secret("one"), lwa_secret("two")
    (step,) = scanner.scan(Given(f"{one}\n{two}\n{one}\n"), {})
    assert sorted([place.line for place in finding.places] for finding in step.findings) == [[1, 3], [2]]


def test_a_secret_that_a_window_cuts_in_two_is_told_once_and_whole(scanner: Scanner, tmp_path: Path) -> None:
    """Its first part alone would look like another secret."""
    token = "Atzr|Iw" + "".join(lwa_secret(str(number))[16:] for number in range(4))
    content = (b"a line\n" * WINDOW)[: WINDOW - 100] + f"\nx = '{token}'\n".encode()
    (tmp_path / "huge.log").write_bytes(content)
    for source in (Directory(tmp_path), StandardInput(io.BytesIO(content))):
        (finding,) = [finding for step in scanner.scan(source, {}) for finding in step.findings]
        assert finding.redacted.fingerprint == PEPPER.fingerprint(Secret(token.encode()))


def test_a_key_of_ours_is_named(detector: Detector) -> None:
    """A value whose fingerprint is in the inventory names its key, and is ours."""
    key = Key(
        kind=KeyKind.LWA_CLIENT_SECRET,
        handles=(Handle(HandleSpace.DECLARED, "orders"),),
        name="orders",
        locations=(Location(SourceId("declared"), "keywatch.toml"),),
        fingerprints=frozenset({PEPPER.fingerprint(Secret(lwa_secret("ours").encode()))}),
    )
    scanner = Scanner(detector, PEPPER, KnownKeys([key]))
    (step,) = scanner.scan(Given(f"{lwa_secret('ours')}\n{lwa_secret('other')}\n"), {})
    scanner.close()
    assert {(finding.ownership, finding.key) for finding in step.findings} == {
        (Ownership.OURS, key.id),
        (Ownership.UNKNOWN, None),
    }


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_any_number_of_threads_finds_the_same(detector: Detector, tmp_path: Path, jobs: int) -> None:
    """The result does not depend on how many threads looked."""
    for number in range(50):
        (tmp_path / f"f{number:02}").write_text(lwa_secret(str(number % 10)) + "\n")
    scanner = Scanner(detector, PEPPER, KnownKeys(()), engine=Local(jobs))
    found = FindingSet()
    for step in scanner.scan(Directory(tmp_path), {}):
        found.add(step.findings)
    scanner.close()
    assert [len(finding.places) for finding in found.all()] == [5] * 10
    assert all(list(one.places) == sorted(one.places, key=place_order) for one in found.all())


def test_a_source_that_fails_keeps_what_it_brought(scanner: Scanner) -> None:
    """Steps before an error hold; the error comes after them."""
    steps = scanner.scan(Given(lwa_secret("one"), error=ScanError("it broke")), {})
    assert len(next(steps).findings) == 1
    with pytest.raises(ScanError, match="it broke"):
        next(steps)


def test_a_deleted_secret_is_attributed(scanner: Scanner, tmp_path: Path) -> None:
    """A secret in a deleted file of the history names the commit, author, day and path that brought it in."""
    git(tmp_path, "init", "-q")
    (tmp_path / "config.py").write_text(f"SECRET = '{lwa_secret('one')}'\n")
    first = commit(tmp_path)
    (tmp_path / "config.py").write_text("SECRET = None\n")
    commit(tmp_path)
    steps = list(scanner.scan(GitRepository(tmp_path), {}))
    (finding,) = merged(finding for step in steps for finding in step.findings)
    (place,) = finding.places
    assert (place.path, place.commit, place.author, place.present) == ("config.py", first, "Ann Example", False)
    assert str(place.committed_at) == "2026-01-02 03:04:05+00:00"
    assert steps[-1].cursor is not None


def test_a_second_scan_is_silent(scanner: Scanner, tmp_path: Path) -> None:
    """What a cursor has seen is not told again."""
    git(tmp_path, "init", "-q")
    (tmp_path / "config.py").write_text(lwa_secret("one"))
    commit(tmp_path)
    cursor = list(scanner.scan(GitRepository(tmp_path), {}))[-1].cursor
    assert cursor is not None
    assert [step.findings for step in scanner.scan(GitRepository(tmp_path), cursor)] == [()]


class Interrupted(GitRepository):
    """A repository whose reading is interrupted before its last batch."""

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        yield from [replace(batch, cursor=None) for batch in super().read(cursor)] * 2
        raise KeyboardInterrupt


def test_an_interruption_loses_nothing_found(scanner: Scanner, tmp_path: Path) -> None:
    """What was found and not yet attributed is told before Ctrl-C takes effect."""
    git(tmp_path, "init", "-q")
    (tmp_path / "config.py").write_text(lwa_secret("one"))
    commit(tmp_path)
    findings: list[Finding] = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the steps before it matter
        for step in scanner.scan(Interrupted(tmp_path), {}):
            findings += step.findings
    assert len(merged(findings)) == 1


def finding(line: int, **changes: object) -> Finding:
    """Return a finding of one secret in one line."""
    place = Place(target="t", path="p", line=line, column=1)
    rule = RuleInfo(id="r", description="d", category="c")
    base = Finding(rule=rule, redacted=Redacted(Fingerprint("0" * 64)), confidence=Confidence.LOW, places=(place,))
    return replace(base, **changes)  # type: ignore[arg-type]


def test_merging_keeps_the_best_word() -> None:
    """Of two sightings, the surer confidence and the known owner hold."""
    key = "declared:orders"
    (one,) = merged([finding(2), finding(1, confidence=Confidence.HIGH), finding(3, ownership=Ownership.OURS, key=key)])
    assert (one.confidence, one.ownership, one.key) == (Confidence.HIGH, Ownership.OURS, key)
    assert [place.line for place in one.places] == [1, 2, 3]


def seen_by(rule: str, specificity: int, line: int, **more: object) -> Finding:
    """Return what one rule says of one value in one place."""
    found = Finding(
        rule=RuleInfo(id=rule, description="d", category="c"),
        redacted=Redacted(Fingerprint("a" * 64)),
        confidence=Confidence.MEDIUM,
        places=(Place(target="t", path="p", line=line, column=1),),
        specificity=specificity,
    )
    return replace(found, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_several_rules_see_is_one_finding_of_the_most_specific(order: tuple[int, ...]) -> None:
    """In whichever order they are seen: all places, whatever any place tells of it, and which rules saw it."""
    key = KeyId("declared:orders")
    handle = Handle(HandleSpace.LWA_CLIENT_ID, "x")
    seen = [
        seen_by("generic", 10, 1, confidence=Confidence.HIGH),
        seen_by("by-name", 52, 2, ownership=Ownership.FOREIGN),
        seen_by("pair", 60, 3, ownership=Ownership.OURS, key=key, handles=(handle,)),
    ]
    (one,) = merged(seen[number] for number in order)
    assert (one.rule.id, one.other_rules) == ("pair", ("by-name", "generic"))
    assert [place.line for place in one.places] == [1, 2, 3]
    assert (one.ownership, one.key, one.handles) == (Ownership.OURS, key, (handle,))
    assert one.confidence is Confidence.HIGH


def test_what_a_seller_sent_stays_a_sellers_wherever_else_it_is() -> None:
    """A more specific rule elsewhere does not make a plain leak of what we may not have; only holding the key does."""
    sent = seen_by("seller-key", 10, 1)
    sent = replace(sent, rule=replace(sent.rule, category="seller"), ownership=Ownership.FOREIGN)
    (one,) = merged([seen_by("pair", 60, 2), sent])
    assert (one.rule.id, one.ownership) == ("seller-key", Ownership.FOREIGN)
    (known,) = merged([sent, seen_by("known-secret", 1000, 2, ownership=Ownership.OURS)])
    assert (known.rule.id, known.ownership) == ("known-secret", Ownership.OURS)


def test_a_secret_in_forty_places_of_many_kinds_is_one_finding(scanner: Scanner) -> None:
    """The same value as a header, an assignment and in text: one finding, forty places."""
    value = lwa_secret("forty")
    texts = [f"{intro}{value}\n" for intro in ("client_secret = ", "Authorization: Bearer ", "", "x-api-key: ") * 10]
    (one,) = merged(f for step in scanner.scan(Given(*texts), {}) for f in step.findings)
    assert len(one.places) == 40
