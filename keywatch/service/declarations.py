"""What the settings declare of selling-partner keys, and what the files declare that they name."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.collect.inventory.declared_rows import Application, Developer, Row, Seller
from keywatch.collect.inventory.declared_words import region_in, regions_of
from keywatch.model.errors import SourceError
from keywatch.model.source import Skipped
from keywatch.settings.schema import Settings

if TYPE_CHECKING:
    from keywatch.collect.inventory.declared_file import DeclaredFile as File
    from keywatch.settings.applications import DeclaredFile

WHERE = "keywatch.toml"


def tables(settings: Settings) -> Iterator[Row]:
    """What stands in the settings themselves."""
    for developer in settings.developer:
        yield Developer(
            name=developer.name,
            place=f"{WHERE} [[developer]]",
            developer_id=developer.id,
            regions=developer.regions,
            owner=developer.owner,
            excused=developer.excused,
        )
    for application in settings.application:
        yield Application(
            name=application.name,
            place=f"{WHERE} [[application]]",
            client_id=application.client_id,
            developer=application.developer,
            regions=regions_of(application.marketplaces, application.regions),
            issued=_moment(application.issued),
            vault=application.vault,
            aws=application.aws,
            owner=application.owner,
            probe=application.probe,
        )
    for seller in settings.seller:
        yield Seller(
            seller=seller.seller,
            application=seller.application,
            place=f"{WHERE} [[seller]]",
            name=seller.name,
            region=region_in(seller.marketplaces, seller.region),
            marketplaces=seller.marketplaces,
            authorised=_moment(seller.authorised),
            expires=_moment(seller.expires),
            vault=seller.vault,
            aws=seller.aws,
            owner=seller.owner,
            probe=seller.probe,
        )


def _moment(value: date | datetime | None) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    return datetime.combine(value, time(), tzinfo=UTC)


def client_names(settings: Settings) -> dict[str, str]:
    """Application names by client id, as far as the settings themselves say."""
    named = [(key.client_id, key.application) for key in settings.key]
    named += [(application.client_id, application.name) for application in settings.application]
    return {client_id: application for client_id, application in named if client_id and application}


def file_of(entry: "DeclaredFile", settings: Settings, now: Callable[[], datetime]) -> "File":
    """The file that an entry names."""
    from keywatch.collect.inventory.declared_file import DeclaredFile, DeclaredFileForm

    form = DeclaredFileForm(columns=entry.columns, separator=entry.separator, dates=entry.date_format)
    return DeclaredFile(Path(entry.file).expanduser(), now=now, form=form, clients=client_names(settings))


class Declarations:
    """
    Everything that is declared, wherever; files are read again when they have changed.

    Of a file that cannot be read, what it said last still holds: that it cannot is its own source's trouble.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._read: dict[str, tuple[object, tuple[Developer | Application, ...]]] = {}

    def rows(self) -> Iterator[Row]:
        """Yield all that can be read now, a row at a time."""
        yield from tables(self._settings)
        for entry in self._settings.declared_file:
            try:
                yield from (
                    row for row in file_of(entry, self._settings, self._now).rows() if not isinstance(row, Skipped)
                )
            except SourceError:
                continue

    def stamp(self) -> str:
        """Return what changes when something else may be declared."""
        files = [str(_state(Path(entry.file).expanduser())) for entry in self._settings.declared_file]
        return blake2b("\n".join([*map(repr, tables(self._settings)), *files]).encode(), digest_size=8).hexdigest()

    def accounts(self) -> list[Developer | Application]:
        """Return the developer accounts and applications."""
        found = [row for row in tables(self._settings) if not isinstance(row, Seller)]
        for entry in self._settings.declared_file:
            state = _state(Path(entry.file).expanduser())
            known = self._read.get(entry.name)
            if known is None or (state is not None and known[0] != state):
                self._read[entry.name] = (state, self._reread(entry, known[1] if known else ()))
            found += self._read[entry.name][1]
        return found

    def clients(self) -> Mapping[str, str]:
        """Application names by client id, as they are now whenever it is looked into."""
        return _Clients(self)

    def named_clients(self) -> dict[str, str]:
        """Application names by client id, as they are now."""
        named = {row.client_id: row.name for row in self.accounts() if isinstance(row, Application) and row.client_id}
        return named | client_names(self._settings)

    def _reread(
        self, entry: "DeclaredFile", known: tuple[Developer | Application, ...]
    ) -> tuple[Developer | Application, ...]:
        try:
            rows = file_of(entry, self._settings, self._now).rows()
            return tuple(row for row in rows if not isinstance(row, (Seller, Skipped)))
        except SourceError:
            return known


class _Clients(Mapping[str, str]):
    """What a source that lives long can hold."""

    def __init__(self, declarations: Declarations) -> None:
        self._declarations = declarations

    def __getitem__(self, client_id: str) -> str:
        return self._declarations.named_clients()[client_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declarations.named_clients())

    def __len__(self) -> int:
        return len(self._declarations.named_clients())


def _state(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)
