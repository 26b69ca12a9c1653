"""Selling-partner keys as a person declares them: developer accounts, applications, sellers, and files of these."""

from collections import Counter
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from keywatch.collect.inventory import declared_words as words
from keywatch.collect.inventory.declared_rows import FIELDS
from keywatch.collect.inventory.pasted import INSTEAD, NEVER_HERE, plain_name
from keywatch.settings.interval import Interval
from keywatch.settings.table import Table

DeclaredName = Annotated[str, AfterValidator(words.name)]
"""One line of text that is no secret."""
NameInHandle = Annotated[str, AfterValidator(words.name_in_handle)]
"""The same without a slash: of an application, or a seller's id."""
ClientId = Annotated[str, AfterValidator(words.client_id)]
SpRegion = Annotated[str, AfterValidator(words.region)]
"""Of SP-API: `na`, `eu`, `fe`."""
Marketplace = Annotated[str, AfterValidator(words.marketplace)]
VaultPlace = Annotated[str, AfterValidator(words.vault_place)]
"""As `vault name/mount/path`, and `#field` where the secret has several."""
AwsPlace = Annotated[str, AfterValidator(words.aws_place)]
"""The ARN of a secret or parameter, and `#field` of a secret in JSON."""
Moment = date | datetime


class _Declared(Table):
    """A table that says where a value is kept, and never holds it."""

    @model_validator(mode="before")
    @classmethod
    def _no_value(cls, table: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        for key in table if isinstance(table, dict) else ():
            if plain_name(str(key)) in NEVER_HERE:
                raise ValueError(f"{plain_name(str(key))}: a value is never written here: {INSTEAD}")
        return table


class Developer(_Declared):
    """A developer account at Amazon, of which there is to be one in a region."""

    name: DeclaredName
    id: DeclaredName | None = None
    """Amazon's."""
    regions: tuple[SpRegion, ...] = ()
    """Empty: those of its applications."""
    owner: DeclaredName | None = None
    excused: DeclaredName | None = None
    """Why it may stand beside another one in its region: what Amazon agreed to, and where that is written."""


class Application(_Declared):
    """An LWA application: one client secret."""

    name: NameInHandle
    """As its calls name it."""
    client_id: ClientId | None = None
    developer: DeclaredName | None = None
    """The name of a [[developer]]."""
    regions: tuple[SpRegion, ...] = ()
    marketplaces: tuple[Marketplace, ...] = ()
    """Their regions are its regions too."""
    issued: Moment | None = None
    """When the client secret in use was issued."""
    vault: tuple[VaultPlace, ...] = ()
    aws: tuple[AwsPlace, ...] = ()
    owner: DeclaredName | None = None
    probe: bool = True
    """Whether it may be tried, where `[probe]` is switched on."""


class Seller(_Declared):
    """A seller's authorisation of an application in one region: one refresh token."""

    seller: NameInHandle
    """The seller's id, as calls name it."""
    application: NameInHandle
    name: DeclaredName | None = None
    """What people call it."""
    region: SpRegion | None = None
    marketplaces: tuple[Marketplace, ...] = ()
    """All in one region. They tell it, where `region` does not."""
    authorised: Moment | None = None
    expires: Moment | None = None
    """Default: `[deadlines]` after it was authorised."""
    vault: tuple[VaultPlace, ...] = ()
    aws: tuple[AwsPlace, ...] = ()
    owner: DeclaredName | None = None
    probe: bool = True

    @model_validator(mode="after")
    def _in_one_region(self) -> Self:
        words.region_in(self.marketplaces, self.region)
        return self


class DeclaredFile(Table):
    """A sheet (CSV), or a TOML file with the tables [[developer]], [[application]] and [[seller]]."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    file: Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
    columns: dict[str, Annotated[str, Field(min_length=1, max_length=100)]] = Field(default_factory=dict)
    """What the columns of a sheet are called, where that is not the field's name: `seller = "Merchant token"`."""
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Default: what the first line uses of `,`, `;`, tab and `|`."""
    date_format: str | None = None
    """How days are written in a sheet: `%d.%m.%Y`. Default: `2026-09-01`."""
    scan: bool = True
    """Whether the file is looked through for secrets that somebody pasted into it."""
    every: Interval = timedelta(minutes=5)

    @field_validator("columns")
    @classmethod
    def _fields_exist(cls, columns: dict[str, str]) -> dict[str, str]:
        if not columns.keys() <= set(FIELDS):
            raise ValueError(f"names a field that there is not; there are {', '.join(FIELDS)}")
        return columns

    @field_validator("date_format")
    @classmethod
    def _a_day(cls, form: str | None) -> str | None:
        if form is not None:
            day = date(2026, 11, 27)
            try:
                same = datetime.strptime(day.strftime(form), form).date() == day  # noqa: DTZ007 - of days
            except ValueError:
                same = False
            if not same:
                raise ValueError("should say day, month and year, as %d.%m.%Y")
        return form


def together(
    developers: Collection[Developer],
    applications: Collection[Application],
    sellers: Collection[Seller],
    vaults: Collection[str],
    files: Collection[DeclaredFile],
) -> None:
    """
    Insist that the tables fit together.

    Raises:
        ValueError: one names what there is not, or two are of one thing.
    """
    accounts = {developer.name for developer in developers}
    for application in applications:
        if application.developer and accounts and not files and application.developer not in accounts:
            raise ValueError(
                f'application "{application.name}" is of "{application.developer}", but no [[developer]] has that name'
            )
    seen: set[tuple[str, str, str | None]] = set()
    for seller in sellers:
        what = (seller.application, seller.seller, seller.region)
        if what in seen:
            raise ValueError(f'seller "{seller.seller}" of "{seller.application}" stands there twice for one region')
        seen.add(what)
    for tables in (applications, sellers):
        kept = [place for table in tables for place in (*table.vault, *table.aws)]
        if doubled := next((place for place, times in Counter(kept).items() if times > 1), None):
            raise ValueError(f'two keys are said to be in "{doubled}": add #field where a secret holds several')
    places = [(f'application "{one.name}"', place) for one in applications for place in one.vault]
    places += [(f'seller "{one.seller}"', place) for one in sellers for place in one.vault]
    for what_for, place in places:
        if place.partition("/")[0] not in vaults:
            raise ValueError(f'{what_for} is said to be in "{place}", but no [[vault]] has that name')
