"""Small databases in MaxMind's format, for networks that belong to nobody."""

from collections.abc import Mapping
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def write_systems(path: Path, systems: Mapping[str, tuple[int, str]]) -> None:
    """Write which autonomous system each network belongs to, with the fields of GeoLite2-ASN."""
    _write(
        path,
        "Example-ASN",
        {
            network: {"autonomous_system_number": number, "autonomous_system_organization": name}
            for network, (number, name) in systems.items()
        },
    )


def write_countries(path: Path, countries: Mapping[str, str]) -> None:
    """Write which country each network is in, with the fields of GeoLite2-Country."""
    _write(path, "Example-Country", {network: {"country": {"iso_code": code}} for network, code in countries.items()})


def _write(path: Path, kind: str, entries: Mapping[str, Mapping[str, object]]) -> None:
    writer = MMDBWriter(6, kind, ipv4_compatible=True)
    for network, entry in entries.items():
        writer.insert_network(IPSet([network]), dict(entry))
    fresh = path.with_suffix(".new")
    writer.to_db_file(str(fresh))
    fresh.replace(path)
