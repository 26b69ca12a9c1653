"""All repositories of an organisation: listed anew for each run, each a source of its own."""

from collections.abc import Callable, Iterator
from functools import partial

from keywatch.collect.content.hosting.listing import Hosted, Hosting, Selection, wanted
from keywatch.collect.content.remote import RemoteRepository
from keywatch.collect.content.remote_url import RemoteUrl
from keywatch.model.errors import ScanError
from keywatch.model.key import SourceId
from keywatch.model.source import Fleet, Member, Muster, Skipped

Build = Callable[[RemoteUrl, SourceId, bool], RemoteRepository]
"""Makes the source of one repository: its address, its id, whether it may be missing."""

_GONE_HINT = "what was found there stays open; to have it forgotten, add the name to `exclude`"


class Repositories:
    """An organisation's repositories."""

    at_once = 1
    """A history is looked through on all cores."""

    def __init__(self, id: SourceId, hosting: Hosting, selection: Selection, build: Build) -> None:  # noqa: A002
        self._id = id
        self._hosting = hosting
        self._selection = selection
        self._build = build

    @property
    def id(self) -> SourceId:
        return self._id

    def muster(self) -> Muster:
        listing = list(self._hosting.repositories())
        members: list[Member] = []
        skipped: list[Skipped] = []
        for item in wanted(listing, self._selection):
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                name, url, may_be_missing = item
                member = self.member(name)
                members.append(Member(member, partial(self._build, url, member, may_be_missing)))
        there = {self.member(item.name) for item in listing if isinstance(item, Hosted)}
        there |= {self.member(f"{item.name}.wiki") for item in listing if isinstance(item, Hosted)}
        unwanted = frozenset(there - {member.id for member in members})
        return Muster(members=tuple(members), skipped=tuple(skipped), unwanted=unwanted)

    def member(self, name: str) -> SourceId:
        """Return the id of the source that reads the repository `name`."""
        return SourceId(f"{self.id}/{name}")

    def excludes(self, member: SourceId) -> bool:
        return not self._selection.names(member.removeprefix(f"{self.id}/"))

    def lost(self, member: SourceId) -> ScanError:
        """A repository that is merely out of sight must not take along what was found in it."""
        return ScanError(f"{member}: is not listed any more: renamed, deleted, or hidden", hint=_GONE_HINT)

    def check(self) -> Iterator[str | Skipped]:
        """See `Hosting.check`."""
        yield from self._hosting.check()


_: type[Fleet] = Repositories
