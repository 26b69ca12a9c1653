"""
A git repository: every blob any ref reaches, once, and what lies in the working tree beside them.

Of the working tree, what git ignores is left out: it does not leave this machine by git. `Directory` scans it too.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keywatch.collect.content.attribution import Attributes, Introduction, Resumes, Vouches
from keywatch.collect.content.batching import batches
from keywatch.collect.content.file_batches import content
from keywatch.collect.content.file_content import blob_id
from keywatch.collect.content.files import holder
from keywatch.collect.content.git_history import head_tree, introductions
from keywatch.collect.content.git_listing import everything, walked
from keywatch.collect.content.git_objects import (
    LARGEST,
    Blob,
    BlobList,
    answers,
    decode_path,
    list_blobs,
    list_named,
    reachable,
    read_blobs,
)
from keywatch.collect.content.git_plumbing import Git, GitFailed
from keywatch.collect.content.gitignore import ignored
from keywatch.collect.content.lot_plan import planned
from keywatch.collect.content.measure import Ahead, Foresees, Measures, packed
from keywatch.collect.content.names import Names
from keywatch.collect.content.survey import Survey
from keywatch.collect.content.text import chunks
from keywatch.collect.content.tree import printable
from keywatch.collect.content.work_tree import uncommitted
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import KeywatchError, ScanError
from keywatch.model.finding import Place
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Json, Skipped

if TYPE_CHECKING:
    from keywatch.collect.content.git_log import Log

_LIST_TIME = 120
"""Seconds the listing of what is ignored may take: an ignore file that is a pipe would be waited for."""
_LOG_TIME = 120
"""Seconds the log may take; what it has told by then is used."""
_REMEMBERED = 100
"""Things skipped that a cursor remembers, so that they are told again while they are not repaired."""


class GitRepository:
    """The whole history and the working tree of one repository. Nothing of its configuration is obeyed."""

    def __init__(
        self,
        path: Path,
        id: SourceId | None = None,  # noqa: A002 - the Protocol's word
        *,
        target: str | None = None,
        ruleset: str = "",
        since: str | None = None,
        branches: tuple[str, ...] = (),
        unreachable: bool = False,
        largest: int = LARGEST,
    ) -> None:
        """
        Name the repository; nothing is opened yet.

        Args:
            path: a work tree's top, a linked worktree, a bare repository.
            id: the source's name; made from the path if not given.
            target: what a person calls it, where that is not the path.
            ruleset: `RuleSet.hash` of what is looked for. A cursor made under another one is void.
            since: leave out what this revision reaches.
            branches: only what these reach, without the working tree; empty: all there is.
            unreachable: also what no ref reaches any more, as long as it is in the object database.
            largest: bytes of a blob that is still read.
        """
        self.path = path
        self.target = target or printable(str(path))
        self.id = id or SourceId(f"git:{self.target}")
        self._ruleset = ruleset
        self._since = since
        self._branches = branches
        self._unreachable = unreachable
        self._largest = largest
        self.ahead: Ahead | None = None
        self._log: Log[Any] | None = None
        self._tree: Survey | None = None
        """Of the working tree, if that was read: it may have what history does not know."""

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """Read the blobs that came after `cursor`, then the working tree if it changed. See `ContentSource.read`."""
        git = Git(self.path)
        old: Cursor = cursor if cursor.get("ruleset") == self._ruleset else {}
        ignored_refs: list[str] = []
        tips = [_branch(git, name) for name in self._branches] or _tips(git, ignored_refs)
        limits = _shallow(git)
        if limits:
            yield ContentBatch(chunks=(), cursor=None, skipped=tuple(limits))
        done = _existing(git, [str(tip) for tip in _list(old.get("tips"))])
        remembered = [Skipped(*map(str, item)) for item in _list(old.get("skipped")) if isinstance(item, list)]
        if remembered:
            yield ContentBatch(chunks=(), cursor=None, skipped=tuple(remembered))
        if set(tips) - set(done) or self._unreachable:
            for batch in self._history(git, tips, done, odd=bool(ignored_refs)):
                remembered += batch.skipped
                yield batch
        tree = ""
        if os.path.lexists(self.path / ".git") and not self._branches:
            left_out: frozenset[str] = frozenset()
            try:
                left_out = ignored(Git(self.path, timeout=_LIST_TIME), self.path)
            except GitFailed as error:
                what = Skipped(f"{self.target}: what git ignores", error.message, "nothing was taken for ignored")
                yield ContentBatch(cursor=None, skipped=(what,))
            survey = Survey(self.path, ignored=left_out)
            survey.finish()
            tree = survey.digest()
            if tree != old.get("tree") or set(tips) - set(done):
                yield from self._work_tree(git, survey)
            else:
                yield from batches([*survey.skipped])
        kept: list[Json] = [[item.what, item.why, item.hint or ""] for item in remembered[:_REMEMBERED]]
        after: Cursor = {
            "version": 1,
            "ruleset": self._ruleset,
            "tips": [*sorted(tips)],
            "tree": tree,
            "skipped": kept,
        }
        yield ContentBatch(chunks=(), cursor=after)

    def foreseen(self, most: int) -> int:  # noqa: ARG002 - all of it is told at once
        """See `Foresees.foreseen`."""
        return 0 if self._since else packed(self.path / "objects" / "pack", self.path / ".git" / "objects" / "pack")

    def check(self) -> Iterator[str | Skipped]:
        """Open the repository and count its refs. See `KeySource.check`."""
        try:
            yield f"read {self.target}: {len(_tips(Git(self.path)))} tips"
        except KeywatchError as error:
            yield Skipped(self.target, error.message, error.hint)

    def introductions(self, blobs: Iterable[str]) -> Mapping[str, tuple[Introduction, ...]]:
        """See `Attributes.introductions`."""
        log, self._log = self._log, None
        found = introductions(Git(self.path, timeout=_LOG_TIME), frozenset(blobs), log.read() if log else None)
        if log is not None:
            log.close()
        return found

    def uncommitted(self, places: Iterable[Place]) -> Mapping[str, tuple[Introduction, ...]]:
        """See `Attributes.uncommitted`."""
        if self._tree is None:
            return {}
        return uncommitted(self.path, places, Git(self.path).object_format, self._tree.odd)

    @property
    def resumes(self) -> bool:
        """Whether a cursor of this reading serves another one: it is of the whole repository."""
        return self._since is None and not self._branches and not self._unreachable

    def standing(self, places: Iterable[Place], cursor: Cursor) -> list[Place]:
        """
        Return those of `places`, of a reading up to `cursor`, that are still there, as they are now.

        Raises:
            ScanError: that cannot be told.
        """
        git = Git(self.path)
        tips = [str(tip) for tip in _list(cursor.get("tips"))]
        kept = _existing(git, tips)
        asked = list(places)
        if len(kept) < len(tips) or _unreached(git, kept):
            gone = self.gone(place for place in asked if place.commit)
            asked = [place for place in asked if place not in gone]
        present = {(blob.decode(), decode_path(path)) for blob, path in head_tree(git)}
        still: list[Place] = []
        for place in asked:
            if place.commit is None:
                if place.blob is None or blob_id(holder(self.path, place.path), git.object_format) == place.blob:
                    still.append(place)
            elif place.present is None:
                still.append(place)
            else:
                top = place.path.partition("!")[0]
                there = (place.blob, place.path) in present or (place.blob, top) in present
                still.append(replace(place, present=there))
        return still

    def gone(self, places: Iterable[Place]) -> frozenset[Place]:
        """See `Vouches.gone`."""
        asked = [place for place in places if place.blob]
        git = Git(self.path)
        there = reachable(git, {place.blob for place in asked if place.blob})
        lost = [place for place in asked if place.blob not in there]
        return frozenset(
            place for place in lost if blob_id(holder(self.path, place.path), git.object_format) != place.blob
        )

    def _history(self, git: Git, tips: list[str], done: list[str], *, odd: bool) -> Iterator[ContentBatch]:
        exclude = [*done, _revision(git, self._since)] if self._since else done
        only = [_branch(git, name) for name in self._branches]
        if exclude:
            new = list_blobs(git, exclude=exclude, only=only, unreachable=self._unreachable, largest=self._largest)
            self.ahead = Ahead(new.count, new.bytes)
            yield from batches(self._blobs(git, new))
            return
        found = everything(git, _LOG_TIME, tips, only, unreachable=self._unreachable, odd=odd)
        plan = planned(git, self.target, found.listed, self._largest)
        if found.named and plan.others and not answers(git, plan.others):
            found = walked(git, only, unreachable=self._unreachable, log=found.log)
            plan = planned(git, self.target, found.listed, self._largest)
        self._log = found.log
        self.ahead = Ahead(sum(len(lot.offsets) for lot in plan.lots) + len(plan.others))
        if found.unlisted:
            yield ContentBatch(cursor=None, skipped=tuple(found.unlisted))
        yield from (ContentBatch(cursor=None, lots=(lot,)) for lot in plan.lots)
        others = list_named(git, plan.others, largest=self._largest, present=not found.named)
        yield from batches(self._blobs(git, others))

    def _blobs(self, git: Git, found: BlobList) -> Iterator[Chunk | Skipped]:
        try:
            yield from found.skipped
            for blob in read_blobs(git, found):
                yield from self._chunks(blob)
        finally:
            found.close()

    def _chunks(self, blob: Blob | Skipped) -> Iterator[Chunk | Skipped]:
        if isinstance(blob, Skipped):
            yield blob
        else:
            yield from chunks(blob.data, Origin(self.target, blob.path, blob.id))

    def _work_tree(self, git: Git, survey: Survey) -> Iterator[ContentBatch]:
        self._tree = survey
        names = Names.of(git.object_format, ())
        try:
            names = Names.of(git.object_format, (blob for blob, _ in head_tree(git)))
        except GitFailed as error:
            skipped = Skipped(f"{self.target}: tree of HEAD", error.message, error.hint)
            yield ContentBatch(cursor=None, skipped=(skipped,))
        yield from content(survey, self.path, self.target, names)


def _tips(git: Git, warned: list[str] | None = None) -> list[str]:
    """Return what refs and HEADs name, in git's order; `warned` gets what it says of those that it ignores."""
    names = git.ask("for-each-ref", "--format=%(objectname)", warned=warned).split()
    # A detached HEAD is no ref; an unborn one is nothing at all.
    names += git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)).split()
    if os.path.lexists(git.common / "worktrees"):
        try:
            names += git.ask("rev-list", "--no-walk", "--all").split()  # each worktree has a HEAD of its own
        except GitFailed as error:
            if warned is not None:
                warned.append(error.message)
    return [*dict.fromkeys(names)]


def _unreached(git: Git, tips: list[str]) -> bool:
    """Tell whether one of `tips`, which exist, is reached by no ref any more; also where that cannot be told."""
    now = _tips(git)
    if not set(tips) - set(now):
        return False
    try:
        question = "".join(f"{tip}\n" for tip in tips) + "".join(f"^{tip}\n" for tip in now)
        return git.ask("rev-list", "--max-count=1", "--stdin", question=question) != ""
    except GitFailed:
        return True


def _existing(git: Git, tips: list[str]) -> list[str]:
    """Leave out tips that a forced push and a garbage collection have taken away since."""
    if not tips:
        return []
    answers = git.ask("cat-file", "--batch-check=%(objectname)", question="".join(f"{tip}\n" for tip in tips))
    return [line for line in answers.splitlines() if " " not in line]


def _revision(git: Git, revision: str) -> str:
    name = git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}", ok=(0, 1, 128))
    if not name.strip():
        hint = "name a commit, branch or tag that exists in this repository"
        raise ScanError(f"{git.path}: unknown revision {printable(revision)}", hint=hint)
    return name.strip()


def _branch(git: Git, name: str) -> str:
    """Return the tip of a branch of ours, of a remote, or fetched by us; else whatever git takes the name for."""
    for place in ("refs/heads/", "refs/remotes/origin/", "refs/keywatch/fetched/heads/"):
        answer = git.ask("rev-parse", "--verify", "--quiet", f"{place}{name}^{{commit}}", ok=(0, 1, 128)).strip()
        if answer:
            return answer
    return _revision(git, name)


def _shallow(git: Git) -> list[Skipped]:
    if not git.is_shallow:
        return []
    hint = "fetch it (`git fetch --unshallow`; in CI: fetch-depth 0), or scan the files alone with --no-git"
    return [Skipped(f"{printable(str(git.path))}: older history", "a shallow clone does not have it", hint)]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


_: type[ContentSource] = GitRepository
__: type[Attributes] = GitRepository
____: type[Resumes] = GitRepository
___: type[Vouches] = GitRepository
_____: type[Measures] = GitRepository
______: type[Foresees] = GitRepository
