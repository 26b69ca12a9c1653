"""
Repositories whose authors mean harm.

Each is a real repository, read by every door keywatch has. Whatever it says, no program of its own runs, nothing is
written, nobody is called, nothing of what lies beside it is read, and it ends soon. What can be read of it is read;
what cannot is an error or is named, so that no repository makes itself look clean.
"""

import hashlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keywatch.collect.content import open_target
from keywatch.collect.content.git import GitRepository
from keywatch.collect.content.git_staged import StagedFiles
from keywatch.collect.content.git_transfer import Limits
from keywatch.collect.content.remote import RemoteRepository
from keywatch.collect.content.remote_url import parse_remote
from keywatch.collect.content.submodules import submodules
from keywatch.model.content import Chunk
from keywatch.model.errors import KeywatchError
from keywatch.model.finding import Place
from keywatch.model.source import ContentSource, Sighted, Skipped
from tests.content.repository import Repository, contents, index, put

PRIVATE = "what is nobody's business"
MINE = "what the repository holds itself"
LATER = "what came later"
PATIENCE = 60
"""Seconds for all doors together: on a busy machine most is the starting of git."""


@dataclass
class World:
    """A hostile repository, and beside it what it must not reach."""

    top: Path
    repository: Repository
    neighbour: Repository
    """Somebody else's, with `PRIVATE` in it."""
    caller: str
    """An address at which somebody listens whom nobody should call."""
    calls: list[str] = field(default_factory=list)

    @property
    def git(self) -> Path:
        return self.repository.path / ".git"

    @property
    def canary(self) -> Path:
        return self.top / "canary"

    @property
    def evil(self) -> str:
        """A program that leaves a trace when it runs."""
        return str(self.top / "evil.sh")

    def config(self, *settings: tuple[str, str]) -> None:
        for name, value in settings:
            self.repository.git("config", "--add", name, value)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    neighbour = Repository(tmp_path / "neighbour")
    neighbour.commit({"private.txt": PRIVATE})
    (tmp_path / "private.txt").write_text(f"{PRIVATE}\n")
    repository = Repository(tmp_path / "repository")
    attributes = "* filter=evil diff=evil merge=evil text\n"
    repository.commit({"mine.txt": MINE, ".gitattributes": attributes})
    repository.commit({"mine.txt": LATER})
    repository.write("untracked.txt", "untracked")
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\necho $0 $* >> {tmp_path}/canary\n")
    evil.chmod(0o700)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = World(tmp_path, repository, neighbour, f"127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=_listen, args=(listener, made.calls), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


def _listen(listener: socket.socket, calls: list[str]) -> None:
    try:
        while True:
            connection, address = listener.accept()
            calls.append(str(address))
            connection.close()
    except OSError:
        return


@dataclass
class Read:
    """What all doors together brought."""

    texts: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    """Everything said: errors, what was skipped, paths, authors."""
    errors: int = 0
    missed: int = 0
    """How often it was said of something that it was not read."""

    def whole(self, source: ContentSource) -> None:
        for item in (item for batch in source.read({}) for item in contents(batch)):
            if isinstance(item, Chunk):
                self.texts.add(item.data.decode("utf-8", "replace"))
                self.told.append(item.origin.path)
            else:
                self.missed += 1
                self.told.append(f"{item.what} {item.why} {item.hint}")

    def source(self, source: ContentSource) -> None:
        try:
            self.whole(source)
        except KeywatchError as error:
            self.failed(error)

    def failed(self, error: KeywatchError) -> None:
        self.errors += 1
        self.told.append(f"{error.message} {error.hint}")


def by_every_door(path: Path, clones: Path) -> Read:
    """Read a repository in each way there is."""
    found = Read()
    source = GitRepository(path)
    blobs = [f"{number:x}" * 40 for number in range(3)]
    with suppress(KeywatchError):  # it is met again below
        blobs += [
            item.origin.blob or "" for batch in source.read({}) for item in contents(batch) if isinstance(item, Chunk)
        ]
    found.source(source)
    found.source(GitRepository(path, unreachable=True))
    found.source(GitRepository(path, branches=("main",)))
    found.source(StagedFiles(path))
    found.source(RemoteRepository(parse_remote(f"file://{path}"), clones, limits=Limits(seconds=50, spare=0)))
    try:
        for items in source.introductions(blobs).values():
            found.told += [f"{item.path} {item.author}" for item in items]
        source.gone([Place(target="x", path="mine.txt", line=1, column=1, blob=blob) for blob in blobs if blob])
    except KeywatchError as error:
        found.failed(error)
    found.told += [f"{item.what} {item.why}" for item in source.check() if isinstance(item, Skipped)]
    for item in submodules(path):
        if isinstance(item, Path):
            found.source(GitRepository(item))
    return found


def everything(top: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what lies below a directory: kinds, sizes, contents."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = Path(folder, name)
            status = path.lstat()
            content = (
                path.read_bytes() if path.is_file() and not path.is_symlink() and status.st_size < 1 << 20 else b""
            )
            found[str(path)] = (status.st_mode, status.st_size if path.is_file() else 0, content)
    return found


Harm = Callable[[World], object]
READ: list[Harm] = []
"""Harm in spite of which the repository is read."""
TOLD: list[Harm] = []
"""Harm that leaves less to be read than there is, which is said."""
REFUSED: list[Harm] = []
"""Harm because of which nothing of the repository is read, which is an error."""


def is_read(harm: Harm) -> Harm:
    READ.append(harm)
    return harm


def is_told(harm: Harm) -> Harm:
    TOLD.append(harm)
    return harm


def is_refused(harm: Harm) -> Harm:
    REFUSED.append(harm)
    return harm


# Programs that the configuration names.


@is_read
def programs_in_the_configuration(world: World) -> None:
    names = (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass", "core.gitProxy",
        "core.alternateRefsCommand", "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.smudge",
        "filter.evil.clean", "filter.evil.process", "merge.evil.driver", "gpg.program", "gpg.ssh.program",
        "credential.helper", "uploadpack.packObjectsHook", "pager.log", "pager.rev-list", "pager.for-each-ref",
        "sequence.editor", "trailer.x.command", "alias.log", "alias.cat-file", "alias.rev-list", "gc.recentObjectsHook",
        "credential.https://git.example.helper", "remote.origin.vcs", "remote.origin.uploadpack",
    )  # fmt: skip
    world.config(*((name, world.evil) for name in names))
    world.config(("alias.ls-tree", f"!{world.evil}"), ("filter.evil.required", "true"), ("log.showSignature", "true"))


@is_read
def hooks(world: World) -> None:
    folder = world.top / "hooks"
    folder.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        (folder / name).symlink_to(world.evil)
        (world.git / "hooks").mkdir(exist_ok=True)
        shutil.copy(world.evil, world.git / "hooks" / name)
    world.config(("core.hooksPath", str(folder)))


@is_read
def settings_behind_an_include(world: World) -> None:
    more = world.repository.path / "more"
    more.write_text(
        f'[core]\nfsmonitor = "{world.evil}"\nsshCommand = "{world.evil}"\n[diff]\nexternal = "{world.evil}"\n'
    )
    world.config(("include.path", "../more"), ("includeIf.gitdir:**.path", "../more"))
    world.config(("extensions.worktreeConfig", "true"))
    (world.git / "config.worktree").write_text(more.read_text())


@is_read
def settings_that_change_what_git_prints(world: World) -> None:
    """Colours, encodings, orders, mail maps and formats would make its answers mean something else."""
    pipe = world.top / "pipe"
    os.mkfifo(pipe)
    world.config(
        ("color.ui", "always"), ("color.diff", "always"), ("i18n.logOutputEncoding", "UTF-16"),
        ("log.decorate", "full"), ("diff.orderFile", str(pipe)), ("mailmap.file", str(pipe)),
        ("log.mailmap", "true"), ("log.follow", "true"),
        ("core.quotePath", "true"), ("core.abbrev", "4"), ("diff.renames", "copies"), ("log.showRoot", "false"),
        ("format.pretty", "fuller"), ("blame.ignoreRevsFile", str(pipe)), ("core.excludesFile", str(pipe)),
        ("core.attributesFile", str(pipe)), ("diff.noprefix", "true"), ("diff.ignoreSubmodules", "all"),
        ("log.date", "relative"), ("log.diffMerges", "off"), ("core.warnAmbiguousRefs", "true"),
    )  # fmt: skip


@is_read
def settings_that_make_git_slow(world: World) -> None:
    world.config(
        ("core.deltaBaseCacheLimit", "1"), ("core.packedGitLimit", "1"), ("core.packedGitWindowSize", "1"),
        ("core.bigFileThreshold", "1"), ("core.compression", "9"), ("core.fsyncMethod", "batch"), ("core.fsync", "all"),
        ("index.threads", "10000"), ("pack.threads", "10000"), ("core.preloadIndex", "true"),
    )  # fmt: skip


@is_read
def a_work_tree_elsewhere(world: World) -> None:
    world.config(("core.worktree", str(world.neighbour.path)))


@is_read
def a_work_tree_that_is_the_whole_machine(world: World) -> None:
    world.config(("core.worktree", "/"), ("core.bare", "true"))


@is_told
def a_missing_object_and_a_promise(world: World) -> None:
    """A partial clone fetches what is missing, by whatever program its remote names."""
    blob = world.repository.blob("HEAD~1:mine.txt")
    world.repository.object_file(blob).unlink()
    world.config(
        ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"ext::{world.evil}"), ("protocol.allow", "always"), ("protocol.ext.allow", "always"),
        ("core.sshCommand", world.evil), ("remote.origin.partialCloneFilter", "blob:none"),
    )  # fmt: skip


@is_told
def a_missing_object_and_a_server_that_listens(world: World) -> None:
    world.repository.object_file(world.repository.blob("HEAD~1:mine.txt")).unlink()
    world.config(
        ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"http://{world.caller}/x"), ("protocol.http.allow", "always"),
        ("http.proxy", f"http://{world.caller}"), ("core.gitProxy", world.evil),
    )  # fmt: skip


@is_read
def submodules_with_options_for_addresses(world: World) -> None:
    world.repository.write(
        ".gitmodules",
        f'[submodule "x"]\n\tpath = x\n\turl = --upload-pack={world.evil}\n\tupdate = !{world.evil}\n'
        f'[submodule "../../y"]\n\tpath = ../neighbour\n\turl = ext::{world.evil}\n',
    )
    world.config(("submodule.x.update", f"!{world.evil}"), ("submodule.recurse", "true"), ("submodule.active", "."))
    world.repository.commit()


# Parts of the repository that lie elsewhere.


@is_refused
def a_git_file_that_points_elsewhere(world: World) -> None:
    shutil.rmtree(world.git)
    world.git.write_text(f"gitdir: {world.neighbour.path}/.git\n")


@is_refused
def a_git_link(world: World) -> None:
    shutil.rmtree(world.git)
    world.git.symlink_to(world.neighbour.path / ".git")


@is_refused
def a_git_file_to_a_worktree_of_somebody_else(world: World) -> None:
    """The other side knows a worktree, but not this one."""
    world.neighbour.git("worktree", "add", "-q", str(world.top / "theirs"), "-b", "theirs")
    shutil.rmtree(world.git)
    shutil.copy(world.top / "theirs" / ".git", world.git)


@is_refused
def a_git_file_with_a_line_end_in_its_path(world: World) -> None:
    odd = world.top / "a\nb"
    shutil.copytree(world.neighbour.path / ".git", odd)
    shutil.rmtree(world.git)
    world.git.write_text(f"gitdir: {odd}\n")


@is_refused
def a_commondir_that_points_elsewhere(world: World) -> None:
    (world.git / "commondir").write_text(f"{world.neighbour.path}/.git\n")


@is_refused
def a_forged_worktree_with_a_commondir_elsewhere(world: World) -> None:
    """It knows of itself, as a linked worktree would, but lies in no repository."""
    forged = world.top / "forged"
    world.git.rename(forged)
    (forged / "gitdir").write_text(f"{world.git}\n")
    (forged / "commondir").write_text(f"{world.neighbour.path}/.git\n")
    world.git.write_text(f"gitdir: {forged}\n")


def _moved(world: World, name: str) -> None:
    place = world.git / name
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(world.neighbour.path / ".git" / name)


@is_refused
def objects_elsewhere(world: World) -> None:
    _moved(world, "objects")


@is_refused
def packs_elsewhere(world: World) -> None:
    world.neighbour.git("repack", "-a", "-d", "-q")
    _moved(world, "objects/pack")


@is_refused
def one_pack_elsewhere(world: World) -> None:
    world.neighbour.git("repack", "-a", "-d", "-q")
    for path in (world.neighbour.path / ".git" / "objects" / "pack").iterdir():
        (world.git / "objects" / "pack" / path.name).symlink_to(path)


@is_refused
def loose_objects_elsewhere(world: World) -> None:
    for folder in (world.neighbour.path / ".git" / "objects").iterdir():
        if len(folder.name) == 2 and not (world.git / "objects" / folder.name).exists():
            (world.git / "objects" / folder.name).symlink_to(folder)


@is_refused
def refs_elsewhere(world: World) -> None:
    _moved(world, "refs")


@is_refused
def heads_elsewhere(world: World) -> None:
    _moved(world, "refs/heads")


@is_refused
def packed_refs_that_are_a_private_file(world: World) -> None:
    """Its first line would be quoted by git as one that it cannot read."""
    (world.git / "packed-refs").symlink_to(world.top / "private.txt")


@is_refused
def a_head_elsewhere(world: World) -> None:
    _moved(world, "HEAD")


@is_refused
def a_configuration_elsewhere(world: World) -> None:
    (world.git / "config").unlink()
    (world.git / "config").symlink_to(world.top / "private.txt")


@is_refused
def a_shallow_file_elsewhere(world: World) -> None:
    (world.git / "shallow").symlink_to(world.top / "private.txt")


@is_refused
def an_index_elsewhere(world: World) -> None:
    _moved(world, "index")


@is_refused
def a_shared_index_elsewhere(world: World) -> None:
    world.repository.git("update-index", "--split-index")
    (shared,) = world.git.glob("sharedindex.*")
    shared.unlink()
    shared.symlink_to(world.neighbour.path / ".git" / "index")


@is_refused
def an_exclude_file_that_is_a_device(world: World) -> None:
    (world.git / "info").mkdir(exist_ok=True)
    (world.git / "info" / "exclude").unlink(missing_ok=True)
    (world.git / "info" / "exclude").symlink_to("/dev/zero")


@is_read
def what_people_do_share(world: World) -> None:
    """Hooks, and patterns of what to ignore: the one is not run, the other is nobody's secret."""
    shutil.rmtree(world.git / "hooks", ignore_errors=True)
    (world.git / "hooks").symlink_to(world.neighbour.path)
    (world.git / "lfs").symlink_to(world.neighbour.path)
    (world.git / "info").mkdir(exist_ok=True)
    (world.git / "info" / "exclude").unlink(missing_ok=True)
    (world.git / "info" / "exclude").symlink_to(world.top / "private.txt")


@is_read
def alternates_elsewhere(world: World) -> None:
    """Objects that no commit here names are not to be had from there, not even where all objects are asked for."""
    (world.git / "objects" / "info").mkdir(exist_ok=True)
    (world.git / "objects" / "info" / "alternates").write_text(f"{world.neighbour.path}/.git/objects\n")
    (world.git / "objects" / "info" / "http-alternates").write_text(f"http://{world.caller}/objects\n")


@is_told
def alternates_elsewhere_and_a_broken_history(world: World) -> None:
    alternates_elsewhere(world)
    put(world.repository, "commit", b"garbage", name=world.repository.blob("HEAD~1"))


@is_read
def alternates_in_a_circle(world: World) -> None:
    (world.git / "objects" / "info").mkdir(exist_ok=True)
    (world.git / "objects" / "info" / "alternates").write_text(f"{world.git}/objects\n../objects\n/dev/null\n\x1b[2J\n")


# What git would wait for.


@is_refused
def pipes_for_files(world: World) -> None:
    for name in ("config", "packed-refs"):
        (world.git / name).unlink(missing_ok=True)
        os.mkfifo(world.git / name)


@is_refused
def a_pipe_for_alternates(world: World) -> None:
    (world.git / "objects" / "info").mkdir(exist_ok=True)
    os.mkfifo(world.git / "objects" / "info" / "alternates")


@is_refused
def an_included_pipe(world: World) -> None:
    os.mkfifo(world.repository.path / "pipe")
    (world.git / "more").write_text("[Include]\n\tPATH = ../pipe\n")
    with (world.git / "config").open("a") as config:
        config.write("[include]\n\tpath = more\n")


@is_read
def pipes_and_links_in_the_work_tree(world: World) -> None:
    tree = world.repository.path
    os.mkfifo(tree / "pipe")
    (tree / "folder").symlink_to(world.neighbour.path)
    (tree / "file").symlink_to(world.top / "private.txt")
    (tree / "loop").symlink_to(tree)
    (tree / "device").symlink_to("/dev/zero")
    (tree / "sub").mkdir()
    (tree / "sub" / ".gitignore").symlink_to(world.top / "private.txt")


@is_told
def an_ignore_file_that_is_a_pipe(world: World) -> None:
    (world.repository.path / "sub").mkdir()
    os.mkfifo(world.repository.path / "sub" / ".gitignore")
    os.mkfifo(world.repository.path / ".gitignore")


@is_read
def a_repository_in_the_work_tree(world: World) -> None:
    """With settings of its own, in a directory of any name, bare or not."""
    for place in (world.repository.path / "inner" / ".git", world.repository.path / "bare"):
        shutil.copytree(world.git, place)
        with (place / "config").open("a") as config:
            config.write(f'[core]\nfsmonitor = "{world.evil}"\nworktree = "{world.neighbour.path}"\n')


# Names that mean something to somebody.


@is_read
def odd_names_of_files(world: World) -> None:
    blob = put(world.repository, "blob", MINE.encode())
    names = [
        b".git",
        b"..",
        b"...",
        b"a\nb",
        b"\x1b[2J",
        b"-rf",
        b"--output=x",
        b"\xff\xfe",
        b"CON",
        b"a\tb",
        b"a:b",
        b'"',
        b"a\\b",
    ]
    entries = b"".join(b"100644 " + name + b"\0" + bytes.fromhex(blob) for name in sorted(names))
    inner = put(world.repository, "tree", entries)
    parts = [b"40000 " + name + b"\0" + bytes.fromhex(inner) for name in (b"..", b".git", b"\x1b]0;x\x07")]
    _adopt(world, put(world.repository, "tree", b"".join(parts)))


@is_told
def a_tree_with_an_absolute_path(world: World) -> None:
    blob = put(world.repository, "blob", MINE.encode())
    names = [b"/etc/passwd", b"../../x", b"", b"a/../../b"]
    entries = b"".join(b"100644 " + name + b"\0" + bytes.fromhex(blob) for name in names)
    _adopt(world, put(world.repository, "tree", entries))


def _adopt(world: World, tree: str) -> str:
    """Put a commit of this tree on top."""
    parent = world.repository.blob("HEAD")
    who = b"\x1b[31mEve\x1b[0m <eve@example.org> 1767225600 +0000"
    text = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n\nx\n" % (tree.encode(), parent.encode(), who, who)
    commit = put(world.repository, "commit", text)
    (world.git / "refs" / "heads" / "main").write_text(f"{commit}\n")
    return commit


@is_read
def an_index_whose_paths_lead_out(world: World) -> None:
    blob = put(world.repository, "blob", MINE.encode())
    names = (b"../../neighbour/private.txt", b"../private.txt", b"/etc/passwd", b".git/config", b"a\nb", b"\x1b[2J")
    (world.git / "index").write_bytes(index(*((0o100644, blob, name) for name in sorted(names))))


@is_read
def refs_that_look_like_options(world: World) -> None:
    names = (f"--upload-pack={world.evil}", "--output=canary", "-n0", "--not", "-", "%s", "$(x)", "HEAD", "FETCH_HEAD")
    _pack_refs(world, names)


@is_told
def refs_that_cannot_be_names(world: World) -> None:
    _pack_refs(world, ("a..b", "x:y", "@{0}", "\x1b[2J", "a\tb", "a.lock"))


def _pack_refs(world: World, names: Iterable[str]) -> None:
    head = world.repository.blob("HEAD")
    lines = "".join(f"{head} refs/heads/{name}\n" for name in sorted(names))
    (world.git / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{lines}")


@is_read
def refs_in_a_circle(world: World) -> None:
    heads = world.git / "refs" / "heads"
    (heads / "a").write_text("ref: refs/heads/b\n")
    (heads / "b").write_text("ref: refs/heads/a\n")
    (heads / "long").write_text("ref: refs/heads/" + "x" * 5000 + "\n")
    (heads / "out").write_text("ref: refs/../../../neighbour/.git/refs/heads/main\n")


@is_read
def thousands_of_refs(world: World) -> None:
    _pack_refs(world, (f"many/{number:06d}" for number in range(3_000)))


# History that pretends to be another.


@is_read
def replaced_objects(world: World) -> None:
    other = put(world.repository, "blob", b"harmless")
    world.repository.git("replace", "-f", world.repository.blob("HEAD~1:mine.txt"), other)


@is_read
def grafts(world: World) -> None:
    """An old way to say that a commit has no parents."""
    (world.git / "info").mkdir(exist_ok=True)
    (world.git / "info" / "grafts").write_text(world.repository.blob("HEAD") + "\n")


@is_read
def a_commit_graph_without_the_past(world: World) -> None:
    """A cache of the commits that says of the last one that it has no parents."""
    head = world.repository.blob("HEAD")
    tree = world.repository.blob("HEAD^{tree}")
    fan = b"".join(struct.pack(">I", 1 if number >= int(head[:2], 16) else 0) for number in range(256))
    data = bytes.fromhex(tree) + struct.pack(">IIQ", 0x70000000, 0x70000000, (1 << 34) | 1767225600)
    chunks = [(b"OIDF", fan), (b"OIDL", bytes.fromhex(head)), (b"CDAT", data)]
    offset = 8 + 12 * (len(chunks) + 1)
    table = body = b""
    for name, content in chunks:
        table += name + struct.pack(">Q", offset + len(body))
        body += content
    table += bytes(4) + struct.pack(">Q", offset + len(body))
    graph = b"CGPH\x01\x01" + bytes([len(chunks), 0]) + table + body
    place = world.git / "objects" / "info"
    place.mkdir(exist_ok=True)
    (place / "commit-graph").write_bytes(graph + hashlib.sha1(graph).digest())  # noqa: S324 - git's own


@is_told
def a_shallow_file(world: World) -> None:
    (world.git / "shallow").write_text(world.repository.blob("HEAD") + "\n")


@is_refused
def a_shallow_file_of_garbage(world: World) -> None:
    (world.git / "shallow").write_bytes(b"\x1b[2Jgarbage\n\0\n" * 100)


# What is larger than it looks.


@is_told
def a_blob_that_is_larger_than_it_says(world: World) -> None:
    put(world.repository, "blob", bytes(200 << 20), name=world.repository.blob("HEAD~1:mine.txt"), claimed=10)


@is_told
def a_blob_that_says_it_is_enormous(world: World) -> None:
    put(world.repository, "blob", b"x", name=world.repository.blob("HEAD~1:mine.txt"), claimed=1 << 40)


@is_told
def a_delta_of_a_few_bytes_for_very_many(world: World) -> None:
    """A few kilobytes of pack spell a blob of 256 MiB: one piece, copied over and over."""
    target = 1 << 28
    _adopt_pack(world, [_based(_varint(len(BASE)) + _varint(target) + b"\x80" * (target >> 16))])


@is_told
def a_delta_that_makes_more_than_it_says(world: World) -> None:
    """A thousand times the 64 kB of its base, and says ten bytes; a megabyte of it is a kilobyte of pack."""
    _adopt_pack(world, [_based(_varint(len(BASE)) + _varint(10) + b"\x80" * (1 << 20))])


@is_told
def a_delta_that_makes_less_than_it_says(world: World) -> None:
    _adopt_pack(world, [_based(_varint(len(BASE)) + _varint(60 << 20) + b"\x80")])


@is_told
def a_delta_for_another_base(world: World) -> None:
    _adopt_pack(world, [_based(_varint(len(BASE) + 1) + _varint(1 << 16) + b"\x80")])


@is_told
def a_delta_that_is_larger_than_what_is_read(world: World) -> None:
    """Thirty million instructions to copy one byte each, in seventy kilobytes."""
    _adopt_pack(world, [_based(_varint(len(BASE)) + _varint(1) + bytes([0x90, 1]) * (33 << 20))])


@is_told
def deltas_of_deltas_that_lie(world: World) -> None:
    """The first is true, the second is for another size, the third for what that would be."""
    true, first = _based(_varint(len(BASE)) + _varint(1 << 16) + b"\x80"), bytes(19) + b"\1"
    second = bytes(19) + b"\2"
    lies = [_packed(7, _varint(1 << 20) + _varint(1 << 20) + b"\x80" * 16, first)]
    lies.append(_packed(7, _varint(1 << 20) + _varint(1 << 20) + b"\x80" * 16, second))
    _adopt_pack(world, [true, *lies])


def a_delta_of_itself(world: World) -> None:
    name = bytes(19) + b"\1"
    _adopt_pack(world, [_packed(7, _varint(5) + _varint(5) + b"\x90\x05", name)])


def deltas_of_each_other(world: World) -> None:
    names = [bytes(19) + bytes([number]) for number in (2, 1)]
    _adopt_pack(world, [_packed(7, _varint(5) + _varint(5) + b"\x90\x05", name) for name in names])


@is_told
def an_object_whose_size_is_no_number(world: World) -> None:
    """Its header has four hundred bits of it."""
    _adopt_pack(world, [bytes([0x3F | 0x80]) + b"\xff" * 58 + b"\x7f" + zlib.compress(b"x")])


@is_told
def a_pack_with_garbage_in_it(world: World) -> None:
    _adopt_pack(world, [_packed(3, b"x" * 50)[:2] + b"garbage, not compressed" * 10])


def an_index_that_points_out_of_its_pack(world: World) -> None:
    _adopt_pack(world, [], {bytes(19) + b"\1": 0x7FFFFFF0})


@is_told
def an_index_that_points_out_of_itself(world: World) -> None:
    """At an entry of the table of large offsets, which it does not have."""
    _adopt_pack(world, [], {bytes(19) + b"\1": 0x80000064})


@is_told
def an_index_that_points_into_an_object(world: World) -> None:
    _adopt_pack(world, [], {bytes(19) + b"\1": 30})


@is_read
def an_index_that_points_at_another_object(world: World) -> None:
    """Git takes it for what is asked for, too, but does not send it to anybody."""
    _adopt_pack(world, [_packed(3, b"another")], {bytes(19) + b"\2": 12})


@is_read
def a_pack_that_is_a_link_within_the_repository(world: World) -> None:
    world.repository.git("repack", "-a", "-d", "-q")
    (world.git / "elsewhere").mkdir()
    for path in (world.git / "objects" / "pack").iterdir():
        path.rename(world.git / "elsewhere" / path.name)
        path.symlink_to(world.git / "elsewhere" / path.name)


def _varint(number: int) -> bytes:
    made = bytearray()
    while number >= 128:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes(made) + bytes([number])


BASE = b"x" * (1 << 16)
BASE_NAME = hashlib.sha1(b"blob %d\0" % len(BASE) + BASE).digest()  # noqa: S324 - git's own


SMALL = _varint(len(BASE)) + _varint(len(BASE) + 1) + b"\x80\x01y"
"""A delta that adds a letter to `BASE`."""


def _based(delta: bytes) -> bytes:
    return _packed(7, delta, BASE_NAME)


def _adopt_pack(world: World, objects: list[bytes], further: dict[bytes, int] | None = None) -> None:
    """
    Put a pack of `BASE` and these objects into the repository, and a commit that has them all.

    What they are named by as a whole would have to be computed to be indexed honestly. It is a stranger's index, so it
    lies: they are called 1, 2, 3, and whatever `further` calls what is at an offset.
    """
    names = [BASE_NAME, *(number.to_bytes(20, "big") for number in range(1, len(objects) + 1))]
    objects = [_packed(3, BASE), *objects]
    offsets, at = {}, 12
    for name, item in zip(names, objects, strict=True):
        offsets[name], at = at, at + len(item)
    offsets |= further or {}
    body = b"PACK" + struct.pack(">II", 2, len(offsets)) + b"".join(objects)
    sums = dict.fromkeys(offsets, 0) | {name: zlib.crc32(item) for name, item in zip(names, objects, strict=True)}
    _write_pack(world, body + hashlib.sha1(body).digest(), offsets, sums)  # noqa: S324 - git's own
    entries = [b"100644 %06d\0" % number + name for number, name in enumerate(offsets)]
    _adopt(world, put(world.repository, "tree", b"".join(entries)))


def a_chain_of_deltas(world: World, length: int, size: int) -> list[str]:
    """Each blob is the one before with a byte more, as a delta of it; a tree has them all."""
    data = bytearray(b"y" * size)
    names = [hashlib.sha1(b"blob %d\0" % len(data) + data).digest()]  # noqa: S324 - git's own
    objects = [_packed(3, bytes(data))]
    for number in range(length):
        whole = len(data)
        copies = b"".join(
            b"\xff" + struct.pack("<I", at) + struct.pack("<I", min(0xFFFF00, whole - at))[:3]
            for at in range(0, whole, 0xFFFF00)
        )
        data.append(65 + number % 26)
        delta = _varint(whole) + _varint(len(data)) + copies + b"\x01" + data[-1:]
        objects.append(_packed(7, delta, names[-1]))
        names.append(hashlib.sha1(b"blob %d\0" % len(data) + data).digest())  # noqa: S324 - git's own
    body = b"PACK" + struct.pack(">II", 2, len(objects)) + b"".join(objects)
    offsets, at = {}, 12
    for name, item in zip(names, objects, strict=True):
        offsets[name], at = at, at + len(item)
    sums = {name: zlib.crc32(item) for name, item in zip(names, objects, strict=True)}
    _write_pack(world, body + hashlib.sha1(body).digest(), offsets, sums)  # noqa: S324 - git's own
    # The longest first: none is there yet when it is asked for.
    entries = [b"100644 %06d\0" % number + name for number, name in enumerate(reversed(names))]
    _adopt(world, put(world.repository, "tree", b"".join(entries)))
    return [name.hex() for name in names]


def _packed(kind: int, data: bytes, base: bytes = b"") -> bytes:
    size = len(data)
    first, size = kind << 4 | size & 15, size >> 4
    head = bytearray()
    while size:
        head.append(first | 128)
        first, size = size & 127, size >> 7
    head.append(first)
    return bytes(head) + base + zlib.compress(data, 9)


def _write_pack(world: World, pack: bytes, offsets: dict[bytes, int], sums: dict[bytes, int]) -> None:
    names = sorted(offsets)
    fan = b"".join(struct.pack(">I", sum(name[0] <= number for name in names)) for number in range(256))
    made = b"\xfftOc" + struct.pack(">I", 2) + fan + b"".join(names)
    made += b"".join(struct.pack(">I", sums[name]) for name in names)
    made += b"".join(struct.pack(">I", offsets[name]) for name in names) + pack[-20:]
    made += hashlib.sha1(made).digest()  # noqa: S324 - git's own
    place = world.git / "objects" / "pack"
    (place / f"pack-{pack[-20:].hex()}.pack").write_bytes(pack)
    (place / f"pack-{pack[-20:].hex()}.idx").write_bytes(made)


@is_read
def trees_as_deep_as_they_are_many(world: World) -> None:
    """Twenty thousand directories, each in the one before."""
    blob = put(world.repository, "blob", MINE.encode())
    tree = put(world.repository, "tree", b"100644 f\0" + bytes.fromhex(blob))
    for _ in range(2000):
        tree = put(world.repository, "tree", b"40000 d\0" + bytes.fromhex(tree))
    _adopt(world, tree)


@is_read
def a_tree_that_spells_more_paths_than_there_are_atoms(world: World) -> None:
    blob = put(world.repository, "blob", MINE.encode())
    tree = put(world.repository, "tree", b"".join(b"100644 f%d\0" % n + bytes.fromhex(blob) for n in range(10)))
    for _ in range(80):
        tree = put(world.repository, "tree", b"".join(b"40000 d%d\0" % n + bytes.fromhex(tree) for n in range(10)))
    _adopt(world, tree)


@is_read
def a_tag_of_a_tag_of_a_tag(world: World) -> None:
    name, kind = world.repository.blob("HEAD"), "commit"
    for number in range(2000):
        text = f"object {name}\ntype {kind}\ntag t{number}\ntagger E <e@example.org> 0 +0000\n\nx\n"
        name, kind = put(world.repository, "tag", text.encode()), "tag"
    (world.git / "refs" / "tags" / "deep").write_text(f"{name}\n")


# The tests.


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is bounded by a time is bounded by a short one."""
    monkeypatch.setattr("keywatch.collect.content.git._LOG_TIME", 10)
    monkeypatch.setattr("keywatch.collect.content.git._LIST_TIME", 1)
    monkeypatch.setattr("keywatch.collect.content.git_history._TREE_LIMIT", 100_000)
    monkeypatch.setattr("keywatch.collect.content.git_plumbing._MEMORY", 512 << 20)


def harmed(world: World, harm: Harm) -> Read:
    """Do harm, read by every door, and look that nothing outside has noticed."""
    harm(world)
    world.canary.unlink(missing_ok=True)
    before = everything(world.top)
    began = time.monotonic()
    found = by_every_door(world.repository.path, world.top / "clones")
    seconds = time.monotonic() - began
    shutil.rmtree(world.top / "clones", ignore_errors=True)
    assert not world.canary.exists(), world.canary.read_text()
    assert everything(world.top) == before
    assert world.calls == []
    assert not [text for text in found.texts if PRIVATE in text]
    assert not [text for text in found.told if PRIVATE in text]
    assert seconds < PATIENCE
    return found


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("harm", READ, ids=lambda harm: harm.__name__)
def test_harm_in_spite_of_which_all_is_read(world: World, harm: Harm) -> None:
    """The whole history and the working tree are read, as if nothing were the matter."""
    found = harmed(world, harm)
    read = Read()
    read.source(GitRepository(world.repository.path))
    assert {MINE, LATER, "untracked"} <= read.texts
    # Where trees have no end, who committed it and what is staged cannot be told; what has another's name, not fetched.
    partly = {a_tree_that_spells_more_paths_than_there_are_atoms: 2, an_index_that_points_at_another_object: 1}
    assert found.errors == partly.get(harm, 0), found.told
    assert not read.missed, read.told


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("harm", READ, ids=lambda harm: harm.__name__)
def test_harm_to_a_repository_that_is_packed(world: World, harm: Harm) -> None:
    """The same where content comes from a pack that we read ourselves."""
    world.repository.git("repack", "-a", "-d", "-q")
    harm(world)
    world.canary.unlink(missing_ok=True)
    read = Read()
    read.source(GitRepository(world.repository.path))
    read.source(GitRepository(world.repository.path, unreachable=True))
    assert {MINE, LATER, "untracked"} <= read.texts
    assert not read.missed, read.told
    assert not [text for text in read.texts if PRIVATE in text]
    assert not world.canary.exists(), world.canary.read_text()
    assert world.calls == []


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("harm", TOLD, ids=lambda harm: harm.__name__)
def test_harm_that_leaves_less_to_be_read(world: World, harm: Harm) -> None:
    """The rest is read, and it is said that there is more."""
    found = harmed(world, harm)
    assert {LATER, "untracked"} <= found.texts
    read = Read()
    read.source(GitRepository(world.repository.path))
    assert read.missed


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("harm", REFUSED, ids=lambda harm: harm.__name__)
def test_harm_because_of_which_nothing_is_read(world: World, harm: Harm) -> None:
    """It is an error by every door, and clean by none."""
    found = harmed(world, harm)
    assert not found.texts & {MINE, LATER}
    for source in (GitRepository(world.repository.path), StagedFiles(world.repository.path)):
        with pytest.raises(KeywatchError):
            list(source.read({}))


@pytest.mark.usefixtures("_soon")
def test_a_ref_that_leads_out(world: World) -> None:
    """Git takes such a list of refs for dangerous; a branch that is named can be read all the same."""
    harmed(world, lambda world: _pack_refs(world, ("../../x",)))
    with pytest.raises(KeywatchError, match="dangerous"):
        list(GitRepository(world.repository.path).read({}))


def test_the_files_of_a_refused_repository_can_be_scanned(world: World) -> None:
    """As the hint says."""
    a_git_link(world)
    read = Read()
    read.source(open_target(str(world.repository.path), git=False))
    assert {LATER, "untracked"} <= read.texts
    assert not [text for text in read.texts if PRIVATE in text]


def test_what_shares_objects_on_purpose_is_read(world: World) -> None:
    """A clone with `--shared` has its objects elsewhere, and names each of them."""
    clone = world.top / "clone"
    world.neighbour.git("clone", "-q", "--shared", ".", str(clone))
    read = Read()
    read.source(GitRepository(clone))
    assert PRIVATE in read.texts


def test_deltas_of_deltas_are_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git takes beyond reason to put content together, what is left is named, and the rest is read."""
    blobs = a_chain_of_deltas(world, 300, 4_000_000)
    monkeypatch.setattr("keywatch.collect.content.git_patience.AT_LEAST", 0.2)
    monkeypatch.setattr("keywatch.collect.content.git_patience.SLOWEST", 10**12)
    began = time.monotonic()
    read = Read()
    read.source(GitRepository(world.repository.path))
    assert time.monotonic() - began < PATIENCE
    assert any("beyond reason" in told for told in read.told)
    assert "untracked" in read.texts
    assert len(blobs) == 301


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (a_delta_of_itself, "memory"),
        (deltas_of_each_other, "memory"),
        (an_index_that_points_out_of_its_pack, "beyond end of packfile"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_packs_that_git_gives_up_at(world: World, harm: Harm, why: str) -> None:
    """A circle of deltas is followed for as long as there is memory, say. It is an error, and nothing is clean."""
    harm(world)
    with pytest.raises(KeywatchError, match=why):
        Read().whole(GitRepository(world.repository.path))


def test_what_a_delta_repeats_too_often_is_looked_at_whole(world: World) -> None:
    """A delta of a few bytes makes half a million places of those at which something was sighted before."""
    _adopt_pack(world, [_based(_varint(len(BASE)) + _varint(1 << 21) + b"\x80" * 32), _based(SMALL)])
    changed: list[bool] = []
    for batch in GitRepository(world.repository.path).read({}):
        for lot in batch.lots:
            reading = lot.read()
            with suppress(StopIteration):
                item = next(reading)
                while True:
                    assert isinstance(item, Chunk)
                    if len(item.data) == len(BASE):
                        marks = [(at, at + 4, 0, 0) for at in range(0, len(BASE), 4)]
                        item = reading.send(Sighted(marks=marks))
                    else:
                        changed.append(item.changed is not None)
                        item = reading.send(Sighted())
    assert changed == [False, True]


def test_very_many_bytes_from_a_few_cost_no_memory(world: World) -> None:
    """It is known by its header, and never made: neither by us nor by git."""
    a_delta_of_a_few_bytes_for_very_many(world)
    code = (
        "import resource, sys; from pathlib import Path; from keywatch.collect.content.git import GitRepository\n"
        "for batch in GitRepository(Path(sys.argv[1])).read({}):\n"
        "    for lot in batch.lots: assert [*lot.read()]\n"
        # Not getrusage of itself: that remembers the tests' own process, before it became this one.
        "own = next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(world.repository.path)], capture_output=True, check=True, text=True
    )
    assert int(done.stdout) < 150_000
