"""
Sightings of keys, made by several sources, become one Key a credential.

Pure. Two sightings are of one credential when they share a handle and do not contradict each other's kind: a Vault
entry whose metadata names an access key id and the IAM user's key of that id are one Key with two Locations. A place
that keeps a key for an IAM user without saying which is taken for a place of that user's newest one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from keywatch.model.key import Handle, HandleSpace, Keeping, Key, KeyKind, KeyStatus, SourceId
from keywatch.model.selling_region import region_named

_ISSUER = ("aws-iam", "declared", "declared-file")
"""Who is believed about dates and status: the issuer's own word, then the owner's, then any store's."""
_OWNER = ("declared", "declared-file", "aws-iam")
"""Who is believed about names and people: whoever wrote the configuration, then the issuer's tags, then any store's."""

_LIVELIEST = (KeyStatus.ACTIVE, KeyStatus.UNKNOWN, KeyStatus.EXPIRED, KeyStatus.INACTIVE)


@dataclass
class _Group:
    """The sightings of one credential so far."""

    kind: KeyKind
    sightings: list[Key] = field(default_factory=list)
    handles: set[Handle] = field(default_factory=set)

    def accepts(self, kind: KeyKind) -> bool:
        return KeyKind.OTHER in (kind, self.kind) or kind == self.kind


def correlate(sightings: Iterable[Key]) -> tuple[Key, ...]:
    """
    Make one Key of all sightings that share a handle, sorted by id.

    A sighting of kind `other` joins whatever it shares its strongest handle with; sightings of two definite kinds are
    never one Key, even under one application's name.
    """
    ordered = sorted(apart(sightings), key=lambda key: (key.kind is KeyKind.OTHER, key.id, key.locations))
    groups: list[_Group] = []
    by_handle: dict[Handle, list[_Group]] = {}
    for sighting in ordered:
        home = _home(sighting, by_handle)
        if home is None:
            home = _Group(sighting.kind)
            groups.append(home)
        _absorb(home, sighting, groups, by_handle)
    _find_users_keys(groups)
    return tuple(sorted((_merge(group) for group in groups), key=lambda key: key.id))


def apart(sightings: Iterable[Key]) -> list[Key]:
    """
    Tell authorisations apart that one seller gave to one application in several regions, each with a token of its own.

    Most sellers gave one, and whoever writes it down leaves the region out as often as not; so a region is part of an
    authorisation's name only where sightings name several. Then what names none is somebody else again.
    """
    sightings = list(sightings)
    regions: dict[str, set[str]] = {}
    for key in sightings:
        if (name := _authorisation(key)) is not None and (region := region_named(key.region or "")):
            regions.setdefault(name, set()).add(region)
    several = {name for name, found in regions.items() if len(found) > 1}
    return [_regional(key) if _authorisation(key) in several else key for key in sightings]


def _authorisation(key: Key) -> str | None:
    if key.kind is not KeyKind.LWA_REFRESH_TOKEN or not (key.application and key.seller):
        return None
    name = f"{key.application}/{key.seller}"
    return name if Handle(HandleSpace.AUTHORISATION, name) in key.handles else None


def _regional(key: Key) -> Key:
    region = region_named(key.region or "")
    if region is None:
        return key
    name = f"{key.application}/{key.seller}"
    whole = Handle(HandleSpace.AUTHORISATION, name)
    part = Handle(HandleSpace.AUTHORISATION, f"{name}/{region}")
    return replace(key, handles=tuple(part if handle == whole else handle for handle in key.handles))


def _home(sighting: Key, by_handle: dict[Handle, list[_Group]]) -> _Group | None:
    for handle in sorted(sighting.handles, key=lambda handle: handle.strength):
        for group in by_handle.get(handle, ()):
            if group.accepts(sighting.kind):
                return group
    return None


def _absorb(home: _Group, sighting: Key, groups: list[_Group], by_handle: dict[Handle, list[_Group]]) -> None:
    """Add a sighting to its group, and with it every group that it shows to be the same credential."""
    home.sightings.append(sighting)
    for handle in sighting.handles:
        for other in list(by_handle.get(handle, ())):
            if other is not home and other.kind == home.kind:
                home.sightings += other.sightings
                home.handles |= other.handles
                groups.remove(other)
                for claimed in other.handles:
                    by_handle[claimed] = [home if group is other else group for group in by_handle[claimed]]
        home.handles.add(handle)
        claims = by_handle.setdefault(handle, [])
        if home not in claims:
            claims.append(home)


def _find_users_keys(groups: list[_Group]) -> None:
    """
    Bring what makes keys for an IAM user together with the user's newest active key, which is the one that it keeps.

    Of two users of one name, in two accounts, nobody knows which is meant; then it stays apart.
    """
    keys: dict[str, list[_Group]] = {}
    for group in groups:
        for arn in {arn for sighting in group.sightings for arn in _users(sighting)}:
            keys.setdefault(arn.rpartition("/")[2], []).append(group)
    for group in [group for group in groups if group.kind is KeyKind.OTHER]:
        users = {keeping.user for sighting in group.sightings for keeping in sighting.keeping if keeping.user}
        of_user = keys.get(users.pop(), []) if len(users) == 1 else []
        if len({arn for one in of_user for sighting in one.sightings for arn in _users(sighting)}) != 1:
            continue
        newest = max(of_user, key=lambda one: max(map(_made, one.sightings)))
        newest.sightings += group.sightings
        newest.handles |= group.handles
        groups.remove(group)


def _users(sighting: Key) -> Iterator[str]:
    """The IAM user whose key a sighting is of, where IAM says that it accepts it."""
    if sighting.kind is KeyKind.AWS_ACCESS_KEY and sighting.status is KeyStatus.ACTIVE:
        for location in sighting.locations:
            if location.source.startswith("aws-iam:") and ":user/" in location.place:
                yield location.place


def _made(sighting: Key) -> datetime:
    return sighting.created_at or datetime.min.replace(tzinfo=UTC)


def _merge(group: _Group) -> Key:
    issuer_first = sorted(group.sightings, key=lambda key: _rank(key, _ISSUER))
    owner_first = sorted(group.sightings, key=lambda key: _rank(key, _OWNER))
    return Key(
        kind=group.kind,
        handles=tuple(sorted(group.handles, key=lambda handle: handle.strength)),
        name=owner_first[0].name,
        locations=tuple(sorted({location for key in group.sightings for location in key.locations})),
        status=_status(issuer_first),
        created_at=next((key.created_at for key in issuer_first if key.created_at), None),
        owner=next((key.owner for key in owner_first if key.owner), None),
        application=next((key.application for key in owner_first if key.application), None),
        account=next((key.account for key in issuer_first if key.account), None),
        expires_at=next((key.expires_at for key in issuer_first if key.expires_at), None),
        region=next((key.region for key in owner_first if key.region), None),
        seller=next((key.seller for key in owner_first if key.seller), None),
        keeping=_keeping(group.sightings),
        fingerprints=frozenset(mark for key in group.sightings for mark in key.fingerprints),
        known=frozenset(known for key in group.sightings for known in key.known),
    )


def _status(issuer_first: list[Key]) -> KeyStatus:
    """
    Whose word it is: the issuer's, then the owner's; of stores, that of the one where the key is most alive.

    A store that deletes its copy says nothing of the copies elsewhere.
    """
    believed = [key.status for key in issuer_first if _rank(key, _ISSUER)[0] < len(_ISSUER)]
    told = next((status for status in believed if status is not KeyStatus.UNKNOWN), None)
    return told or min((key.status for key in issuer_first), key=_LIVELIEST.index)


def _keeping(sightings: list[Key]) -> tuple[Keeping, ...]:
    told = {keeping.location: keeping for key in sightings for keeping in key.keeping}
    return tuple(told[location] for location in sorted(told))


def _rank(sighting: Key, believed: tuple[str, ...]) -> tuple[int, SourceId]:
    source = min(location.source for location in sighting.locations) if sighting.locations else SourceId("")
    system = source.partition(":")[0]
    return (believed.index(system) if system in believed else len(believed), source)
