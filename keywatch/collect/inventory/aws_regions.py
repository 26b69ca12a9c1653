"""A regional service of AWS that keeps secrets, asked in several regions: what its two inventories have in common."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

from keywatch.collect.aws import AwsClients, Identity, asking
from keywatch.collect.iam import IamAccount
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.key import Key
from keywatch.model.source import Skipped

MOST_PAGES = 20_000
"""Of one listing. A page may be empty and yet not the last, so entries alone do not end a listing that never ends."""
NOBODY = "keywatch-check-nobody"
"""A name that nothing has: AWS refuses what we may not ask before it says that it knows no such thing."""


NONSENSE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What botocore's parser and we raise where JSON has another shape than AWS documents."""


class Page(TypedDict, total=False):
    """Where a listing goes on; empty: where it begins."""

    NextToken: str


class Regions:
    """One account's regions. A region that cannot be read is a `Skipped`, and the others are read."""

    def __init__(self, clients: AwsClients, account: str | None, regions: tuple[str, ...]) -> None:
        self.clients = clients
        self._who = clients.who
        self._account = IamAccount(clients, account)
        self._regions = regions or (clients.access.region or "us-east-1",)
        self._identity: Identity | None = None

    @property
    def identity(self) -> Identity:
        """Whom AWS takes us for; asked once. Raises `SourceError`, also where it is another account's."""
        if self._identity is None:
            self._identity = self._account.identity()
        return self._identity

    def read(self, what: str, region_read: Callable[[str], Iterator[Key | Skipped]]) -> Iterator[Key | Skipped]:
        """
        Read each region.

        Args:
            what: is read, as the settings call it: `secrets`.
            region_read: reads one.

        Raises:
            SourceError: no region could be read.
        """
        _ = self.identity
        failed: list[SourceError] = []
        for region in self._regions:
            try:
                yield from region_read(region)
            except SourceError as error:
                failed.append(error)
                yield Skipped(f"{what} in {region}", error.message, error.hint)
        if len(failed) == len(self._regions):
            first = failed[0]
            if isinstance(first, SourceDenied) and first.hint:
                # Whoever keeps nothing there, and has given no right to look, should hear how to have peace.
                raise SourceDenied(first.message, hint=f"{first.hint}, or set `{what} = false`")
            raise first

    def try_each(self, trials: Callable[[str], list[tuple[str, Callable[[], object]]]]) -> Iterator[str | Skipped]:
        """Try each permission in each region (`trials`: its actions, and what takes each); see `KeySource.check`."""
        try:
            _ = self.identity
            yield self.clients.way_in
        except SourceError as error:
            yield Skipped(self.clients.way_in, error.message, error.hint)
            return
        for region in self._regions:
            for action, trial in trials(region):
                try:
                    trial()
                except SourceError as error:
                    yield Skipped(f"{action} in {region}", error.message, error.hint)
                    if isinstance(error, SourceUnreachable):
                        break  # nobody answers there: asking for the next permission would only take as long again
                else:
                    yield f"{action} in {region}"

    def listed(
        self, action: str, region: str, member: str, ask: Callable[[Page], Mapping[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """
        Yield what a listing has, page by page. An empty page is not the last one while it says that there is more.

        Args:
            action: which `ask` takes.
            region: where it is asked.
            member: of the answer, the one that has the entries. AWS always gives it; what answers without it is not AWS
                (a captive portal, a proxy), and must not be taken for an empty listing.
            ask: asks for the page it is given.
        """
        page: Page = {}
        for _ in range(MOST_PAGES):
            with self.asking(action, region):
                answer = ask(page)
                entries, token = answer[member], answer.get("NextToken")
            yield from entries
            if not token:
                return
            if token == page.get("NextToken"):
                break
            page = {"NextToken": token}
        raise SourceMalformed(f"{self._who} in {region}: {action} says there is more, but not where")

    @contextmanager
    def asking(self, action: str, region: str) -> Iterator[None]:
        """As `keywatch.collect.aws.asking`; an answer that botocore cannot make sense of is malformed as well."""
        who = f"{self._who} in {region}"
        with asking(who, action, self._identity.arn if self._identity else None):
            try:
                yield
            except NONSENSE:
                raise SourceMalformed(f"{who}: the answer to {action} is not what AWS documents") from None
