"""Selling-partner keys as the company declares them: in the configuration, or in a file beside it. Never a value."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from keywatch.collect.inventory.declared_file import DeclaredFile
from keywatch.collect.inventory.declared_rows import Application, Developer, Row, Seller
from keywatch.collect.inventory.handles import handles_of
from keywatch.model.errors import SourceError
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.source import KeySource, Skipped


class Rows(Protocol):
    """Something that declares."""

    def rows(self) -> Iterator[Row | Skipped]: ...


class DeclaredTables:
    """What stands in the configuration itself."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = tuple(rows)

    def rows(self) -> Iterator[Row | Skipped]:
        yield from self._rows


class DeclaredApplications:
    """The client secrets and refresh tokens that are declared in one place."""

    def __init__(self, source: SourceId, rows: Rows, *, where: str) -> None:
        """
        Args:
            source: this source's id.
            rows: what is declared.
            where: the file's name, for the keys' places.
        """  # noqa: D205
        self._id = source
        self._rows = rows
        self._where = where

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        for row in self._rows.rows():
            if isinstance(row, Skipped):
                yield row
            elif not isinstance(row, Developer):
                yield key_of(row, self._id, self._where)

    def check(self) -> Iterator[str | Skipped]:
        counts = {Developer: 0, Application: 0, Seller: 0}
        try:
            for row in self._rows.rows():
                if isinstance(row, Skipped):
                    yield row
                else:
                    counts[type(row)] += 1
        except SourceError as error:
            yield Skipped(self._where, error.message, error.hint)
            return
        yield (
            f"read {self._where}: developer accounts {counts[Developer]}, applications {counts[Application]}, "
            f"authorisations {counts[Seller]}"
        )


def key_of(row: Application | Seller, source: SourceId, where: str) -> Key:
    """Return the key that a row declares."""
    # A field is a part of the place's name: several fields of one secret are several keys.
    kept = [Handle(HandleSpace.VAULT, place) for place in row.vault]
    kept += [Handle(HandleSpace.AWS_ARN, place) for place in row.aws]
    if isinstance(row, Application):
        kind, name = KeyKind.LWA_CLIENT_SECRET, row.name
        own = handles_of(kind, client_id=row.client_id, application=row.name)
        return Key(
            kind=kind,
            handles=(*own, *kept),
            name=name,
            locations=(Location(source, f"{where} application {name}"),),
            created_at=row.issued,
            owner=row.owner,
            application=name,
            account=row.developer,
            region=", ".join(row.regions) or None,
        )
    kind = KeyKind.LWA_REFRESH_TOKEN
    name = f"{row.application}/{row.seller}" + (f"/{row.region}" if row.region else "")
    return Key(
        kind=kind,
        handles=(*handles_of(kind, application=row.application, seller=row.seller), *kept),
        name=row.name or name,
        locations=(Location(source, f"{where} seller {name}"),),
        created_at=row.authorised,
        expires_at=row.expires,
        owner=row.owner,
        application=row.application,
        region=row.region,
        seller=row.seller,
    )


_: type[KeySource] = DeclaredApplications
__: type[Rows] = DeclaredFile
