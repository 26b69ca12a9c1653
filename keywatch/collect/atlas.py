"""
Which autonomous system and country a network belongs to: local databases in MaxMind's format, and nothing is asked.

GeoLite2-ASN, GeoLite2-Country and what has their fields serve; a City database has the country too.
https://dev.maxmind.com/geoip/docs/databases
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from keywatch.model.errors import ConfigError
from keywatch.model.usage import Whereabouts

if TYPE_CHECKING:
    from maxminddb import Reader

_log = structlog.get_logger(__name__)

_MOST = 512 << 20
"""Bytes. A database is held in memory: one that is mapped would kill us if somebody wrote over it."""
_REMEMBERED = 100_000
_HINT = "download it anew, or take the setting out: keywatch works without, and then knows networks alone"


class Atlas:
    """Looks networks up. A database that is replaced is read anew; if it cannot be, the old one stays."""

    def __init__(self, systems: Path | None = None, countries: Path | None = None) -> None:
        """
        Open the databases.

        Raises:
            ConfigError: one is not there, or is not such a database.
        """
        self._systems = _Database(systems) if systems else None
        self._countries = _Database(countries) if countries else None
        self._known: dict[str, Whereabouts] = {}

    def refresh(self) -> None:
        """Read anew what was replaced since the last time."""
        for database in (self._systems, self._countries):
            if database is not None and database.refresh():
                self._known.clear()

    def locate(self, network: str) -> Whereabouts:
        """Say where a network (`203.0.113.0/24`) is, as far as the databases know it."""
        known = self._known.get(network)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[network] = self._locate(network.partition("/")[0])
        return known

    def _locate(self, address: str) -> Whereabouts:
        system = self._systems.get(address) if self._systems else {}
        number, organisation = system.get("autonomous_system_number"), system.get("autonomous_system_organization")
        place = self._countries.get(address) if self._countries else {}
        return Whereabouts(
            system=number if isinstance(number, int) else None,
            organisation=organisation if isinstance(organisation, str) else "",
            country=_code(place.get("country")) or _code(place.get("registered_country")),
        )


class _Database:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader, self._stamp = _opened(path)

    def refresh(self) -> bool:
        """Whether there is another one now."""
        try:
            if _stamp(self._path) == self._stamp:
                return False
            self._reader, self._stamp = _opened(self._path)
        except (ConfigError, OSError) as error:
            why = error.message if isinstance(error, ConfigError) else f"{self._path}: {error.strerror}"
            _log.warning(
                "database_unreadable", path=str(self._path), error=why, hint="the one read before stays in use"
            )
            return False
        return True

    def get(self, address: str) -> Mapping[str, object]:
        """What the database says of an address; nothing, if that cannot be read."""
        from maxminddb import InvalidDatabaseError

        try:
            found = self._reader.get(address)
        except (InvalidDatabaseError, ValueError, RecursionError, LookupError, TypeError):
            return {}  # no address, of a version it does not have, or damaged just there
        return found if isinstance(found, Mapping) else {}


def _opened(path: Path) -> "tuple[Reader, tuple[int, ...]]":
    from maxminddb import MODE_MEMORY, InvalidDatabaseError, open_database

    try:
        stamp = _stamp(path)
        if stamp[0] > _MOST:
            raise ConfigError(f"{path}: larger than {_MOST >> 20} MB", hint=_HINT)
        return open_database(path, MODE_MEMORY), stamp
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or 'cannot be read'}", hint=_HINT) from None
    except (InvalidDatabaseError, ValueError, RecursionError, LookupError, TypeError):
        raise ConfigError(f"{path}: not a database in MaxMind's format (.mmdb)", hint=_HINT) from None


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def _code(place: object) -> str | None:
    code = place.get("iso_code") if isinstance(place, Mapping) else None
    return code if isinstance(code, str) else None
