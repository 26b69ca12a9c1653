"""Where a network is, from local databases that somebody replaces now and then."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from keywatch.collect.atlas import Atlas
from keywatch.model.errors import ConfigError
from keywatch.model.usage import Whereabouts
from tests.service.networks import write_countries, write_systems

NETWORK = "203.0.113.0/24"


@pytest.fixture
def systems(tmp_path: Path) -> Path:
    path = tmp_path / "asn.mmdb"
    write_systems(path, {NETWORK: (64500, "Example"), "2001:db8::/32": (64501, "Sixth")})
    return path


@pytest.fixture
def countries(tmp_path: Path) -> Path:
    path = tmp_path / "country.mmdb"
    write_countries(path, {NETWORK: "NL"})
    return path


def test_a_network_is_looked_up(systems: Path, countries: Path) -> None:
    """Both databases say what they know; what neither knows is nowhere; without databases everything is."""
    atlas = Atlas(systems, countries)
    assert Whereabouts(system=64500, organisation="Example", country="NL") == atlas.locate(NETWORK)
    assert Whereabouts(system=64501, organisation="Sixth") == atlas.locate("2001:db8:1::/48")
    assert [Whereabouts()] * 3 == [atlas.locate(network) for network in ("10.1.0.0/16", "*", "")]
    assert Whereabouts() == Atlas().locate(NETWORK)


def test_a_new_database_is_used_at_once(systems: Path) -> None:
    """A database that was replaced is read at the next look; one that cannot be read leaves the old one in use."""
    atlas = Atlas(systems)
    assert 64500 == atlas.locate(NETWORK).system
    write_systems(systems, {NETWORK: (64999, "Sold")})
    assert 64500 == atlas.locate(NETWORK).system
    atlas.refresh()
    assert 64999 == atlas.locate(NETWORK).system
    systems.write_bytes(b"half of a download")
    atlas.refresh()
    systems.unlink()
    atlas.refresh()
    assert 64999 == atlas.locate(NETWORK).system


def test_a_damaged_database_is_no_reason_to_stop(systems: Path) -> None:
    """Wherever a byte is wrong: it is refused when it is opened, or knows less."""
    whole = systems.read_bytes()
    found: set[int | None] = set()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        systems.write_bytes(damaged)
        with suppress(ConfigError):
            found.add(Atlas(systems).locate(NETWORK).system)
    assert {64500, None} <= found


def test_a_database_beyond_measure_is_refused(systems: Path) -> None:
    """It would be held in memory."""
    os.truncate(systems, 1 << 30)
    with pytest.raises(ConfigError, match="larger than 512 MB"):
        Atlas(systems)
