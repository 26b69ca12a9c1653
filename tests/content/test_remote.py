"""A repository elsewhere is fetched into a clone that loses nothing, by git held so that no token leaves its way."""

import base64
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from keywatch.collect.content.clone import Clone
from keywatch.collect.content.git_plumbing import Git
from keywatch.collect.content.git_transfer import Access, Limits
from keywatch.collect.content.remote import RemoteRepository
from keywatch.collect.content.remote_url import looks_remote, parse_remote
from keywatch.demo.loopback import LoopbackServer
from keywatch.model.content import Chunk
from keywatch.model.errors import ScanError, UsageError
from keywatch.model.finding import Place
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped
from tests.content.git_server import Moods, serve
from tests.content.repository import Repository, contents, read, texts

TOKEN = "invented" + "-token-of-nobody"
LIMITS = Limits(seconds=60, stalled=5, spare=0)


@dataclass
class World:
    """A person's repository, the server they push to, and keywatch's clones of it."""

    work: Repository
    moods: Moods
    server: LoopbackServer
    clones: Path

    def push(self, *options: str) -> None:
        self.work.git("push", "-q", "--prune", *options, str(self.moods.root / "orders.git"), "refs/*:refs/*")

    def source(self, token: str = "", **options: object) -> RemoteRepository:
        access = Access(token=lambda: Secret(token.encode())) if token else Access()
        url = parse_remote(f"{self.server.url}/orders.git")
        return RemoteRepository(url, self.clones, access=access, **({"limits": LIMITS} | options))  # type: ignore[arg-type]

    @property
    def clone(self) -> Path:
        (found,) = self.clones.glob("*.git")
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    work = Repository(tmp_path / "work")
    root = tmp_path / "served"
    Repository(root / "orders.git", "--bare")
    moods = Moods(root)
    with serve(moods) as server:
        yield World(work, moods, server, tmp_path / "clones")
        moods.released.set()


def read_failing(source: RemoteRepository) -> tuple[list[str], ScanError]:
    """Read a source that ends with an error; return what it brought before."""
    brought: list[str] = []
    batches = source.read({})
    with pytest.raises(ScanError) as failed:
        brought.extend(item.data.decode() for batch in batches for item in contents(batch) if isinstance(item, Chunk))
    return sorted(brought), failed.value


def test_a_remote_is_read_whole_then_what_is_new(world: World) -> None:
    """Every branch and tag is read once; a second read brings the new commits; the target is the address."""
    world.work.commit({"a": "one"})
    world.work.git("tag", "-a", "v1", "-m", "v1")
    world.work.git("checkout", "-q", "-b", "side")
    world.work.commit({"b": "side"})
    world.push()
    source = world.source()
    chunks, skipped, cursor = read(source)
    assert (texts(chunks), skipped) == (["one", "side"], [])
    assert {chunk.origin.target for chunk in chunks} == {source.target} == {f"{world.server.url}/orders.git"}
    world.work.commit({"b": "more"})
    world.push()
    chunks, _, cursor = read(world.source(), cursor)
    assert texts(chunks) == ["more"]
    assert texts(read(world.source(), cursor)[0]) == []


def test_attribution_and_presence(world: World) -> None:
    """Who brought something in, and whether the remote's HEAD still has it, is known of a clone too."""
    first = world.work.commit({"a": "one", "b": "kept"})
    (world.work.path / "a").unlink()
    world.work.commit()
    world.push()
    source = world.source()
    read(source)
    gone, kept = world.work.blob(f"{first}:a"), world.work.blob("HEAD:b")
    found = source.introductions([gone, kept])
    assert [(found[blob][0].commit, found[blob][0].present) for blob in (gone, kept)] == [(first, False), (first, True)]


def test_a_forced_push_takes_nothing_away(world: World) -> None:
    """What was fetched once is scanned though the remote has lost it, by a forced push or with a branch."""
    world.work.commit({"a": "one"})
    world.work.git("branch", "short-lived")
    world.push()
    read(world.source())
    world.work.git("checkout", "-q", "short-lived")
    world.work.commit({"a": "on a branch"})
    world.push()
    _, _, cursor = read(world.source())
    world.work.git("checkout", "-q", "main")
    world.work.git("branch", "-q", "-D", "short-lived")
    for text in ("amended", "amended again"):
        world.work.write("a", text)
        world.work.git("commit", "-q", "-a", "--amend", "-m", "rewritten")
        world.push("--force")
        _, _, cursor = read(world.source(), cursor)
    assert texts(read(world.source())[0]) == ["amended", "amended again", "on a branch", "one"]
    blob = world.work.blob(f"{world.work.git('rev-parse', 'main').strip()}:a")
    assert world.source().gone([Place(target="x", path="a", line=1, column=1, blob=blob)]) == frozenset()


def test_a_detached_head_that_moves(world: World) -> None:
    """What only a detached HEAD had is held as well."""
    bare = world.moods.root / "orders.git"
    world.work.commit({"a": "one"})
    world.push()
    for text in ("two", "three"):
        world.work.git("checkout", "-q", "--detach", "main")
        commit = world.work.commit({"a": text})
        world.push()
        world.work.git("push", "-q", str(bare), "HEAD:refs/heads/passing")
        (bare / "HEAD").write_text(f"{commit}\n")
        world.push()
        read(world.source())
    assert texts(read(world.source())[0]) == ["one", "three", "two"]


def test_few_refs_are_held(world: World) -> None:
    """A branch that only moves forward is held once, however often it was fetched."""
    for text in "abcd":
        world.work.commit({"a": text})
        world.push()
        read(world.source())
    held = Git(world.clone).ask("for-each-ref", "refs/keywatch/seen").splitlines()
    assert len(held) == 1


def test_a_branch_where_a_directory_was(world: World) -> None:
    """`a` may become `a/b`, and `a/b` may become `a`."""
    for old, new in (("a", "a/b"), ("a/b", "a")):
        world.work.commit({"a": f"{old} to {new}"})
        world.work.git("branch", "-f", old)
        world.push("--force")
        read(world.source())
        world.work.git("branch", "-D", old)
        world.work.git("branch", new)
        world.push("--force")
        assert read(world.source())[1] == []
        world.work.git("branch", "-D", new)


def test_pull_requests_on_demand(world: World) -> None:
    """Pull and merge requests, which strangers may open, are read where that is asked for."""
    world.work.commit({"a": "one"})
    for number, place in enumerate(("refs/pull/7/head", "refs/merge-requests/8/head", "refs/notes/x")):
        world.work.git("checkout", "-q", "--detach", "main")
        world.work.commit({"a": f"request {number}"})
        world.work.git("update-ref", place, "HEAD")
    world.work.git("checkout", "-q", "main")
    world.push()
    assert texts(read(world.source())[0]) == ["one", "request 2"]
    assert texts(read(world.source(requests=True))[0]) == ["one", "request 0", "request 1", "request 2"]


def test_an_empty_repository_is_no_trouble(world: World) -> None:
    """Nothing was pushed yet."""
    chunks, skipped, _ = read(world.source())
    assert (chunks, skipped) == ([], [])


def test_a_sha256_repository(tmp_path: Path) -> None:
    """A remote that names its objects by SHA-256 gets a clone that does."""
    work = Repository(tmp_path / "work", "--object-format=sha256")
    work.commit({"a": "one"})
    for _ in range(2):
        source = RemoteRepository(parse_remote(f"file://{work.path}"), tmp_path / "clones", limits=LIMITS)
        assert texts(read(source)[0]) == ["one"]


def test_what_is_skipped_is_told_by_its_address(world: World) -> None:
    """A person knows the address of a repository, not where its clone lies."""
    work = world.work
    work.commit({"a": "one"})
    work.git("update-ref", "refs/tags/odd", work.git("commit-tree", "-m", "x", work.blob("HEAD^{tree}")).strip())
    world.push()
    read(world.source())
    loose = os.urandom(3000).hex()
    work.commit({"big": loose})
    world.push()
    source = world.source()
    source._repository()._largest = 1000
    _, (skipped,), _ = read(source)
    assert skipped.what.startswith(f"{source.target}: blob ")


def test_a_head_that_points_nowhere(world: World) -> None:
    """A default branch that was deleted does not hide the others."""
    world.work.commit({"a": "one"})
    world.work.git("branch", "-m", "main", "other")
    world.push()
    assert texts(read(world.source())[0]) == ["one"]


def empty(world: World) -> None:
    shutil.rmtree(world.moods.root / "orders.git")
    Repository(world.moods.root / "orders.git", "--bare")


def vanish(world: World) -> None:
    shutil.rmtree(world.moods.root / "orders.git")


def expire(world: World) -> None:
    world.moods.token = "another"


def forbid(world: World) -> None:
    world.moods.status = 403


def fail(world: World) -> None:
    world.moods.status = 500


def stop(world: World) -> None:
    world.server.stop()


def cut(world: World) -> None:
    world.work.commit({"big": os.urandom(50_000).hex()})
    world.push()
    world.moods.cut_after = 20_000


def hang(world: World) -> None:
    world.moods.silent = True


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (empty, "emptied"), (vanish, "renamed, deleted"), (expire, "login"), (forbid, "refused the login"),
        (fail, "git: "), (stop, "cannot be reached"), (cut, "broke the connection off"), (hang, "in time"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_trouble_is_told_and_the_clone_is_kept(world: World, happens: object, why: str) -> None:
    """A remote that is gone, emptied, refuses, hangs or breaks off is an error; what was fetched before is read."""
    assert callable(happens)
    world.work.commit({"a": "one"})
    world.push()
    read(world.source(TOKEN))
    happens(world)
    brought, error = read_failing(world.source(TOKEN, limits=Limits(seconds=60, stalled=1, spare=0)))
    assert brought == ["one"]
    assert why in error.message
    assert TOKEN not in f"{error.message} {error.hint}"
    assert not list(world.clone.rglob("tmp_*"))


def test_a_first_fetch_that_fails(world: World) -> None:
    """Where nothing was ever fetched there is nothing to read, and nothing that looks clean."""
    vanish(world)
    assert read_failing(world.source())[0] == []


def test_a_wiki_that_nobody_wrote_in(world: World) -> None:
    """Where a repository may be missing, that it is missing is no trouble; any other trouble is one."""
    vanish(world)
    assert read(world.source(may_be_missing=True))[:2] == ([], [])
    stop(world)
    assert "cannot be reached" in read_failing(world.source(may_be_missing=True))[1].message


def test_a_fetch_is_given_up_when_keywatch_stops(world: World) -> None:
    """Who is asked to end does not wait for a slow server."""
    world.moods.silent = True
    _, error = read_failing(world.source(limits=Limits(spare=0, stopping=lambda: True)))
    assert "keywatch stops" in error.message


def test_a_clone_is_taken_up_after_a_broken_first_fetch(world: World) -> None:
    """A clone whose first fetch broke off is completed by the next."""
    world.work.commit({"a": os.urandom(50_000).hex()})
    world.push()
    world.moods.cut_after = 20_000
    read_failing(world.source())
    world.moods.cut_after = -1
    assert len(read(world.source())[0]) == 1


def test_a_repository_above_the_limit(world: World) -> None:
    """A pack above the limit is not kept, and said to be too large."""
    world.work.commit({"a": "one"})
    world.push()
    read(world.source())
    world.work.commit({"big": os.urandom(2_000_000).hex()})
    world.push()
    brought, error = read_failing(world.source(limits=Limits(seconds=60, spare=0, bytes=500_000)))
    assert (brought, "larger than the limit" in error.message) == (["one"], True)
    assert not list(world.clone.rglob("tmp_*"))
    assert len(read(world.source())[0]) == 2


def test_a_disk_that_is_nearly_full(world: World) -> None:
    """Nothing is fetched into the room that others need; what is there is read."""
    world.work.commit({"a": "one"})
    world.push()
    read(world.source())
    world.moods.silent = True
    brought, error = read_failing(world.source(limits=Limits(seconds=60, spare=1 << 62)))
    assert (brought, "nearly full" in error.message) == (["one"], True)


def test_a_fetch_that_takes_too_long(world: World) -> None:
    """A server that keeps the connection alive and sends nothing is given up."""
    world.work.commit({"a": "one"})
    world.push()
    world.moods.silent = True
    _, error = read_failing(world.source(limits=Limits(seconds=0.5, stalled=60, spare=0)))
    assert "given up" in error.message


def test_what_a_killed_git_left_behind(world: World) -> None:
    """Locks, half packs and a draft of a clone do not stop the next fetch, and are cleared away."""
    world.work.commit({"a": "one"})
    world.push()
    read(world.source())
    clone = world.clone
    half = clone / "objects" / "pack" / "tmp_pack_abc123"
    left = [clone / "packed-refs.lock", clone / "config.lock", clone / "HEAD.lock", half]
    left.append(clone / "refs" / "keywatch" / "fetched" / "heads" / "main.lock")
    for path in left:
        path.write_bytes(b"half")
    clone.with_suffix(".new").mkdir()
    world.work.commit({"a": "two"})
    world.push()
    assert texts(read(world.source())[0]) == ["one", "two"]
    assert not [path for path in left if path.exists()]


def test_a_clone_that_is_broken(world: World) -> None:
    """A clone that is no repository any more is put aside, told, and made anew."""
    world.work.commit({"a": "one"})
    world.push()
    read(world.source())
    shutil.rmtree(world.clone / "refs")
    (world.clone / "HEAD").write_bytes(b"\0" * 20)
    chunks, skipped, _ = read(world.source())
    assert texts(chunks) == ["one"]
    assert ["put aside" in item.why for item in skipped] == [True]
    assert list(world.clones.glob("*.broken"))


KILLED = """
import sys
from pathlib import Path
from keywatch.collect.content.git_transfer import Limits
from keywatch.collect.content.remote import RemoteRepository
from keywatch.collect.content.remote_url import parse_remote
for _ in RemoteRepository(parse_remote(sys.argv[1]), Path(sys.argv[2]), limits=Limits(spare=0)).read({}):
    pass
"""


def test_kill_9(world: World) -> None:
    """Killed in the middle of a fetch, the git that lives on holds the lock; when it has ended, all is read."""
    world.work.commit({"a": "one"})
    world.push()
    read(world.source())
    world.work.commit({"a": "two"})
    world.push()
    world.moods.silent = True
    url = f"{world.server.url}/orders.git"
    asked = len(world.moods.seen)
    process = subprocess.Popen([sys.executable, "-c", KILLED, url, str(world.clones)])
    while len(world.moods.seen) == asked:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    lock = os.open(world.clone.with_suffix(".lock"), os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)
    world.moods.silent = False
    world.moods.released.set()
    assert texts(read(world.source())[0]) == ["one", "two"]


def test_two_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another keywatch that fetches is waited for, and named when it takes too long; one that reads may be joined."""
    world.work.commit({"a": "one"})
    world.push()
    monkeypatch.setattr("keywatch.collect.content.clone._WAIT", 0.2)
    with Clone(world.clones, parse_remote(f"{world.server.url}/orders.git")).opened():
        _, error = read_failing(world.source())
    assert "another keywatch" in error.message


def test_a_token_is_shown_to_its_server_alone(world: World) -> None:
    """Who has the token is let in; a redirect to another host does not carry it, before the login or after."""
    world.work.commit({"a": "one"})
    world.push()
    world.moods.token = TOKEN
    assert texts(read(world.source(TOKEN))[0]) == ["one"]
    other = Moods(world.moods.root)
    with serve(other) as elsewhere:
        for needed, asked in ((TOKEN, ""), ("", "any"), ("", "")):
            world.moods.token, other.token, world.moods.redirect = needed, asked, elsewhere.url
            shutil.rmtree(world.clones)
            with suppress(ScanError):  # whether git goes on from there is its own affair
                read(world.source(TOKEN))
        assert other.seen
        assert {authorization for _, authorization in other.seen} == {""}


def test_a_token_is_nowhere_to_be_seen(world: World, tmp_path: Path) -> None:
    """While git runs, the token is in no argument and no environment of any process; afterwards it is in no file."""
    world.work.commit({"a": "one"})
    world.push()
    world.moods.token = TOKEN
    read(world.source(TOKEN))
    world.moods.token, world.moods.silent = "", True
    asked = len(world.moods.seen)
    code = KILLED.replace("limits=", "access=Access(token=lambda: Secret(Path(sys.argv[3]).read_bytes())), limits=")
    code = code.replace("import Limits", "import Access, Limits\nfrom keywatch.model.secret import Secret")
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    url = f"{world.server.url}/orders.git"
    process = subprocess.Popen([sys.executable, "-c", code, url, str(world.clones), str(secret)])
    try:
        while len(world.moods.seen) == asked:
            time.sleep(0.01)
        looked = 0
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            looked += b"git" in seen and str(world.clones).encode() in seen
            assert TOKEN.encode() not in seen
        assert looked
    finally:
        world.moods.released.set()
        process.wait()
    hidden = (TOKEN.encode(), base64.b64encode(b"x-access-token:" + TOKEN.encode()))
    for path in world.clones.rglob("*"):
        if path.is_file():
            assert not [form for form in hidden if form in path.read_bytes()]


def test_what_the_server_says_is_not_repeated(world: World) -> None:
    """An error's text is ours: a server could echo the token, or send escapes for the terminal."""
    world.moods.token = TOKEN
    read_failing(world.source("wrong"))
    world.moods.token, world.moods.status = "", 418
    _, error = read_failing(world.source(TOKEN))
    assert "as you wish" not in error.message
    assert error.message.isprintable()


def test_check(world: World) -> None:
    """`keywatch check` asks the remote for its refs, and fetches nothing."""
    world.work.commit({"a": "one"})
    world.push()
    url = f"{world.server.url}/orders.git"
    assert list(world.source().check()) == [f"fetch {url}: 2 refs"]
    assert not world.clones.exists()
    world.moods.token = TOKEN
    (missing,) = world.source("wrong").check()
    assert isinstance(missing, Skipped)
    assert "asks for a login" in missing.why


def test_a_file_address(world: World) -> None:
    """`file://` is fetched like any other remote."""
    world.work.commit({"a": "one"})
    source = RemoteRepository(parse_remote(f"file://{world.work.path}"), world.clones, limits=LIMITS)
    assert texts(read(source)[0]) == ["one"]


@pytest.mark.parametrize("accept_new", [False, True])
def test_ssh(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, accept_new: bool) -> None:
    """The ssh program is asked without a question to anybody, with the host's key checked and the named key alone."""
    world.work.commit({"a": "one"})
    programs = tmp_path / "bin"
    programs.mkdir()
    ssh = programs / "ssh"
    # Plays the far side: what it was called with is kept, and the command is run here.
    ssh.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/called\nfor last; do :; done\n'
        f"case $last in *upload-pack*) exec git-upload-pack {world.work.path};; esac\nexit 1\n"
    )
    ssh.chmod(0o700)
    exec_path = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, text=True).stdout.strip()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}:{exec_path}")
    access = Access(ssh_key=tmp_path / "a key", known_hosts=tmp_path / "known", accept_new=accept_new)
    source = RemoteRepository(
        parse_remote("git@git.example:acme/orders.git"), world.clones, access=access, limits=LIMITS
    )
    assert texts(read(source)[0]) == ["one"]
    called = (tmp_path / "called").read_text().splitlines()
    for option in (
        "BatchMode=yes",
        f"StrictHostKeyChecking={'accept-new' if accept_new else 'yes'}",
        "IdentitiesOnly=yes",
        f'IdentityFile="{tmp_path}/a key"',
        "ForwardAgent=no",
        "git@git.example",
    ):
        assert option in called


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://git.example/acme/orders.git", "https://git.example/acme/orders.git"),
        ("https://Git.Example:8443/acme/orders/", "https://git.example:8443/acme/orders"),
        ("https://ann@git.example/acme/orders", "https://git.example/acme/orders"),
        ("ssh://git@git.example:2222/acme/orders", "ssh://git@git.example:2222/acme/orders"),
        ("git@git.example:acme/orders.git", "ssh://git@git.example/acme/orders.git"),
        ("file:///srv/git/orders", "file:///srv/git/orders"),
        ("https://[2001:db8::1]/orders", "https://[2001:db8::1]/orders"),
        ("http://localhost:3000/orders", "http://localhost:3000/orders"),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    """What people type is an address, told without who they are."""
    assert looks_remote(text)
    assert parse_remote(text).text == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://ann:" + TOKEN + "@git.example/orders",
        "http://git.example/orders",
        "ext::sh -c true",
        "ext://x/y",
        "git://git.example/orders",
        "ssh://-oProxyCommand=true/orders",
        "ssh://git.example/-orders",
        "ssh://-x@git.example/orders",
        "https://git.example/a?b=c",
        "https://git.example/a b",
        "https://git.example/a\nb",
        "https://git.example/",
        "https://git.example:port/a",
        "file://elsewhere/orders",
    ],
)
def test_addresses_that_are_refused(text: str) -> None:
    """Passwords, other protocols, what ssh would take for options, and the clear are refused; nothing is repeated."""
    assert looks_remote(text)
    with pytest.raises(UsageError) as refused:
        parse_remote(text)
    assert TOKEN not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize("text", ["orders", "./a:b", "C:/x", "s3://bucket/prefix", "/srv/git@home:x", "-"])
def test_paths_are_no_addresses(text: str) -> None:
    """What can only be a path, or is another kind of target, is not taken for a repository's address."""
    assert not looks_remote(text)
