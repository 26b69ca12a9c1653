"""
What a company declares of its selling-partner keys: developer accounts, applications, and who authorised these. Pure.

An application is one client secret, whatever its regions. A seller's authorisation is one refresh token: of one
application, in one region. A seller in two regions has authorised twice, and stands there twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias, TypeVar

from keywatch.collect.inventory import declared_words as words
from keywatch.collect.inventory.pasted import INSTEAD, NEVER_HERE, plain_name

T = TypeVar("T")
Value: TypeAlias = "str | date | list[str]"
"""Of a field: a cell is a string, TOML has dates and lists too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Developer:
    """A developer account at Amazon."""

    name: str
    place: str
    """Where it is declared, for a person."""
    developer_id: str | None = None
    """Amazon's."""
    regions: tuple[str, ...] = ()
    owner: str | None = None
    excused: str | None = None
    """Why it may stand beside another one in its region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An LWA application, and so its client secret."""

    name: str
    place: str
    client_id: str | None = None
    developer: str | None = None
    """The name of its developer account."""
    regions: tuple[str, ...] = ()
    issued: datetime | None = None
    """When the client secret in use was issued."""
    vault: tuple[str, ...] = ()
    """Where it is kept: `prod/kv/orders/lwa`, and `#field` where a secret has several."""
    aws: tuple[str, ...] = ()
    owner: str | None = None
    probe: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """A seller's authorisation of an application, and so its refresh token."""

    seller: str
    application: str
    place: str
    name: str | None = None
    region: str | None = None
    marketplaces: tuple[str, ...] = ()
    authorised: datetime | None = None
    expires: datetime | None = None
    vault: tuple[str, ...] = ()
    aws: tuple[str, ...] = ()
    owner: str | None = None
    probe: bool = True


Row: TypeAlias = Developer | Application | Seller

FIELDS = (
    "kind",
    "developer",
    "developer_id",
    "application",
    "client_id",
    "seller",
    "name",
    "region",
    "marketplaces",
    "issued",
    "authorised",
    "expires",
    "vault",
    "aws",
    "owner",
    "excused",
    "probe",
)
"""What a row may say. Which of it counts depends on what the row is of."""
_KINDS = ("developer", "application", "seller")
_SEPARATORS = str.maketrans(";,|\n", "    ")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowForm:
    """How rows are read."""

    now: datetime
    dates: str | None = None
    """How days are written, for `strptime`; None: `2026-09-01`."""
    clients: Mapping[str, str] | None = None
    """Applications by client id, for rows that name that alone."""


def read_row(said: Mapping[str, Value], place: str, form: RowForm) -> Row:
    """
    Read one row of a sheet, or one table of a file.

    Raises:
        ValueError: something is wrong; the text names the field, says what should stand there, and quotes nothing.
    """
    for field in said:
        if field not in FIELDS:
            if plain_name(field) in NEVER_HERE:
                raise ValueError(f"{plain_name(field)}: a value is never written here: {INSTEAD}")
            raise ValueError(f"has a field that means nothing here; those that do: {', '.join(FIELDS)}")
    fields = _Fields(said, form)
    kind = fields.kind()
    if kind == "developer":
        return Developer(
            name=fields.needed("developer", words.name),
            place=place,
            developer_id=fields.one("developer_id", words.name),
            regions=fields.several("region", words.region),
            owner=fields.one("owner", words.name),
            excused=fields.one("excused", words.name),
        )
    client_id = fields.one("client_id", words.client_id)
    application = fields.one("application", words.name_in_handle) or (form.clients or {}).get(client_id or "")
    if application is None:
        raise ValueError("application: is missing")
    vault, aws = fields.places("vault", words.vault_place), fields.places("aws", words.aws_place)
    owner, probe = fields.one("owner", words.name), fields.flag("probe")
    if kind == "application":
        return Application(
            name=application,
            place=place,
            client_id=client_id,
            developer=fields.one("developer", words.name),
            regions=words.regions_of(
                fields.several("marketplaces", words.marketplace), fields.several("region", words.region)
            ),
            issued=fields.past("issued"),
            vault=vault,
            aws=aws,
            owner=owner,
            probe=probe,
        )
    marketplaces, regions = fields.several("marketplaces", words.marketplace), fields.several("region", words.region)
    if len(regions) > 1:
        raise ValueError("region: should be one: each has its own authorisation and token, and so a row of its own")
    return Seller(
        seller=fields.needed("seller", words.name_in_handle),
        application=application,
        place=place,
        name=fields.one("name", words.name),
        region=_named("marketplaces", lambda: words.region_in(marketplaces, regions[0] if regions else None)),
        marketplaces=marketplaces,
        authorised=fields.past("authorised"),
        expires=fields.moment("expires"),
        vault=vault,
        aws=aws,
        owner=owner,
        probe=probe,
    )


def _named(field: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None


class _Fields:
    """One row's fields, read by their names."""

    def __init__(self, said: Mapping[str, Value], form: RowForm) -> None:
        self._said = said
        self._form = form

    def kind(self) -> str:
        """What the row is of: what it says itself, or the smallest thing that it names."""
        kind = self._text("kind")
        if kind is None:
            return next((kind for kind in ("seller", "application", "developer") if self._text(kind)), "application")
        if kind.casefold() not in _KINDS:
            raise ValueError(f"kind: should be {', '.join(_KINDS[:-1])} or {_KINDS[-1]}")
        return kind.casefold()

    def one(self, field: str, read: Callable[[str], str]) -> str | None:
        text = self._text(field)
        return None if text is None else _named(field, lambda: read(text))

    def needed(self, field: str, read: Callable[[str], str]) -> str:
        found = self.one(field, read)
        if found is None:
            raise ValueError(f"{field}: is missing")
        return found

    def several(self, field: str, read: Callable[[str], str]) -> tuple[str, ...]:
        """Read what stands beside each other, each once: regions, marketplaces."""
        value = self._said.get(field)
        found = value if isinstance(value, list) else None
        text = None if found is not None else self._text(field)
        if text is not None and field == "region" and (whole := _whole_region(text)) is not None:
            found = [whole]
        parts = found if found is not None else (text or "").translate(_SEPARATORS).split()
        return tuple(dict.fromkeys(_named(field, lambda part=part: read(part.strip())) for part in parts))  # type: ignore[misc]

    def places(self, field: str, read: Callable[[str], str]) -> tuple[str, ...]:
        """Read paths or ARNs, which may hold spaces: one a line, or between semicolons, commas or bars."""
        value = self._said.get(field)
        parts = value if isinstance(value, list) else _cut(self._text(field) or "")
        return tuple(dict.fromkeys(_named(field, lambda part=part: read(part.strip())) for part in parts))  # type: ignore[misc]

    def moment(self, field: str) -> datetime | None:
        value = self._said.get(field)
        if isinstance(value, date):
            return _named(field, lambda: words.moment(value))
        text = self._text(field)
        return None if text is None else _named(field, lambda: words.moment(text, self._form.dates))

    def past(self, field: str) -> datetime | None:
        at = self.moment(field)
        return None if at is None else _named(field, lambda: words.past(at, self._form.now))

    def flag(self, field: str) -> bool:
        text = (self._text(field) or "yes").casefold()
        if text not in ("yes", "no", "true", "false"):
            raise ValueError(f"{field}: should be yes or no")
        return text in ("yes", "true")

    def _text(self, field: str) -> str | None:
        value = self._said.get(field)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return value.strip() or None
        raise ValueError(f"{field}: should be text")


def _whole_region(text: str) -> str | None:
    """`North America` is one region and two words."""
    try:
        return words.region(text)
    except ValueError:
        return None


def _cut(text: str) -> list[str]:
    for separator in ";,|":
        text = text.replace(separator, "\n")
    return [part for part in text.split("\n") if part.strip()]
