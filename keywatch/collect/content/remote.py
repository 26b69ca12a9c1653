"""A repository that lies elsewhere: fetched into a bare clone of ours, and read there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from keywatch.collect.content.attribution import Attributes, Introduction, Vouches
from keywatch.collect.content.clone import Clone
from keywatch.collect.content.git import GitRepository
from keywatch.collect.content.git_transfer import Access, Limits, list_refs
from keywatch.collect.content.measure import Ahead, Measures
from keywatch.collect.content.remote_url import RemoteUrl
from keywatch.collect.content.transfer_trouble import RepositoryMissing
from keywatch.model.errors import KeywatchError, ScanError
from keywatch.model.finding import Place
from keywatch.model.key import SourceId
from keywatch.model.source import ContentBatch, ContentSource, Cursor, Skipped


class RemoteRepository:
    """
    The whole history of a repository that is reached by an address.

    What was fetched once stays in the clone and is scanned, though the remote may have lost it since.
    """

    def __init__(
        self,
        url: RemoteUrl,
        clones: Path,
        id: SourceId | None = None,  # noqa: A002 - the Protocol's word
        *,
        access: Access | None = None,
        limits: Limits | None = None,
        requests: bool = False,
        may_be_missing: bool = False,
        ruleset: str = "",
        since: str | None = None,
        branches: tuple[str, ...] = (),
        unreachable: bool = False,
    ) -> None:
        """
        Name the repository; nothing is contacted yet.

        Args:
            url: where it is.
            clones: the directory of all clones; it is made.
            id: the source's name; made from the address if not given.
            access: how one logs in.
            limits: where a fetch is given up.
            requests: whether pull and merge requests are read too.
            may_be_missing: whether it is no trouble that there is none, as with a wiki that nobody wrote in.
            ruleset: see `GitRepository`.
            since: see `GitRepository`.
            branches: see `GitRepository`.
            unreachable: see `GitRepository`.
        """
        self.target = url.text
        self.id = id or SourceId(f"git:{self.target}")
        self._clone = Clone(clones, url)
        self._access = access or Access()
        self._limits = limits or Limits()
        self._requests = requests
        self._may_be_missing = may_be_missing
        self._ruleset = ruleset
        self._since = since
        self._branches = branches
        self._unreachable = unreachable
        self._inner: GitRepository | None = None

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """
        Fetch, then read on from `cursor`. See `ContentSource.read`.

        Raises:
            ScanError: also where the remote could not be fetched, after what an earlier fetch brought has been read.
        """
        trouble: ScanError | None = None
        with self._clone.opened() as clone:
            if clone.aside is not None:
                hint = f"look into {clone.aside}; what the remote has lost since is in there alone"
                broken = Skipped(f"{self.target}: the old clone", "broken, put aside and made anew", hint)
                yield ContentBatch(chunks=(), cursor=None, skipped=(broken,))
            try:
                clone.fetch(self._access, self._limits, requests=self._requests)
            except ScanError as error:
                if clone.empty():
                    if self._may_be_missing and isinstance(error, RepositoryMissing):
                        yield ContentBatch(chunks=(), cursor=cursor)
                        return
                    raise
                trouble = error
            else:
                if clone.emptied():
                    hint = "if that is meant, remove it here too; what was fetched before is kept, and was scanned"
                    trouble = ScanError(f"{self.target}: has been emptied", hint=hint)
            clone.share()
            try:
                for batch in self._repository().read(cursor):
                    yield replace(batch, skipped=tuple(self._named(item) for item in batch.skipped))
            except ScanError as error:
                raise ScanError(self._name(error.message), hint=error.hint) from None
        if trouble is not None:
            raise trouble

    def check(self) -> Iterator[str | Skipped]:
        """Ask the remote for its refs. See `KeySource.check`."""
        try:
            yield f"fetch {self.target}: {list_refs(self._clone.url, self._access, self._limits)} refs"
        except KeywatchError as error:
            yield Skipped(self.target, error.message, error.hint)

    @property
    def ahead(self) -> Ahead | None:
        """See `Measures.ahead`; fetching is no part of it."""
        return self._inner.ahead if self._inner is not None else None

    def introductions(self, blobs: Iterable[str]) -> Mapping[str, tuple[Introduction, ...]]:
        """See `Attributes.introductions`."""
        return self._repository().introductions(blobs)

    def uncommitted(self, places: Iterable[Place]) -> Mapping[str, tuple[Introduction, ...]]:
        """See `Attributes.uncommitted`."""
        return self._repository().uncommitted(places)

    def gone(self, places: Iterable[Place]) -> frozenset[Place]:
        """See `Vouches.gone`. What was pushed once is not gone because it was pushed away: others may have it."""
        return self._repository().gone(places)

    def _named(self, item: Skipped) -> Skipped:
        return replace(item, what=self._name(item.what), why=self._name(item.why))

    def _name(self, text: str) -> str:
        """Say the address, which a person knows, for the clone."""
        return text.replace(str(self._clone.directory), self.target)

    def _repository(self) -> GitRepository:
        if self._inner is None:
            self._inner = GitRepository(
                self._clone.directory,
                self.id,
                target=self.target,
                ruleset=self._ruleset,
                since=self._since,
                branches=self._branches,
                unreachable=self._unreachable,
            )
        return self._inner


_: type[ContentSource] = RemoteRepository
__: type[Attributes] = RemoteRepository
___: type[Vouches] = RemoteRepository
____: type[Measures] = RemoteRepository
