"""
A company's keys over one year, made of one seed: which key is held where and when, and which calls are really made.

Nothing here knows how keywatch judges. The year is 2028: it has a 29 February.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from keywatch.model.call import Outcome
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, SourceId

DAY = timedelta(days=1)
START = datetime(2028, 1, 1, tzinfo=UTC)
END = START + 366 * DAY
HISTORY = START - 200 * DAY
"""The first calls and the oldest keys are from here."""

IAM, VAULT, OLD_VAULT, CONFIG = map(SourceId, ("aws-iam:prod", "vault-kv2:prod", "vault-kv2:old", "declared:config"))
INVENTORIES = (IAM, VAULT, OLD_VAULT, CONFIG)
ACCOUNTS = ("111122223333", "444455556666")
OWNERS = ("orders@example.com", "billing@example.com", "#shipping", "left@example.com", None)

_KINDS = {
    KeyKind.AWS_ACCESS_KEY: 40,
    KeyKind.LWA_CLIENT_SECRET: 15,
    KeyKind.LWA_REFRESH_TOKEN: 25,
    KeyKind.VAULT_TOKEN: 7,
    KeyKind.OTHER: 9,
    KeyKind.MWS_KEY: 4,
}


@dataclass(frozen=True, slots=True)
class Stay:
    """One source holds a key from `since` to before `until`, and shows it as `key`."""

    source: SourceId
    since: datetime
    until: datetime
    key: Key


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody really used a key, under one of its names."""

    at: datetime
    outcome: Outcome
    handle: Handle
    data: bool = False
    """A call for data, as of an S3 object: no record of calls shows it, IAM's last-used date does."""


@dataclass(frozen=True, slots=True)
class Life:
    """One credential, or several that followed one another under one name."""

    number: int
    kind: KeyKind
    account: str | None
    application: str | None
    stays: tuple[Stay, ...]
    uses: tuple[Use, ...]
    """By time."""


def lives(seed: int, count: int) -> list[Life]:
    """Return `count` lives; the same for the same seed."""
    made: list[Life] = []
    while len(made) < count:
        number = len(made)
        chance = Random(f"{seed}/{number}")  # noqa: S311 - a test's chance
        kind = chance.choices(list(_KINDS), weights=list(_KINDS.values()))[0]
        made += _Maker(chance, number, kind).lives()
    return made[:count]


class _Maker:
    """Makes one life, or two where a user's key is replaced by another."""

    def __init__(self, chance: Random, number: int, kind: KeyKind) -> None:
        self.chance = chance
        self.number = number
        self.kind = kind
        self.account = chance.choice(ACCOUNTS) if kind is KeyKind.AWS_ACCESS_KEY else None
        selling = kind in (KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN)
        self.application = f"app{number % 40}" if selling else None
        self.owner = chance.choice(OWNERS)
        self.dated = kind is KeyKind.AWS_ACCESS_KEY or chance.random() < 0.7

    def lives(self) -> Iterator[Life]:
        born = self.moment(HISTORY, END - 20 * DAY) if self.chance.random() < 0.6 else self.moment(HISTORY, START)
        gone = born + self.days(60, 900)
        yield self.life(self.number, born, gone)
        if self.kind is KeyKind.AWS_ACCESS_KEY and self.chance.random() < 0.3:
            # The user's second key: sometimes in time for the first to go, sometimes both stay.
            yield self.life(self.number + 1, max(born, gone - self.days(1, 60)), END)

    def life(self, number: int, born: datetime, gone: datetime) -> Life:
        stays = tuple(self.stays(number, born, gone))
        handles = sorted({*self.names(number), *(handle for stay in stays for handle in stay.key.handles)})
        uses = tuple(sorted(self.uses(handles, born), key=lambda use: use.at))
        return Life(number, self.kind, self.account, self.application, stays, uses)

    # What holds it.

    def stays(self, number: int, born: datetime, gone: datetime) -> Iterator[Stay]:
        own = self.names(number)
        path = Handle(HandleSpace.VAULT, f"prod/kv/{number}")
        if self.kind is KeyKind.AWS_ACCESS_KEY:
            yield from self.history(IAM, own, f"arn:aws:iam::{self.account}:user/u{self.number}", born, gone)
            if self.chance.random() < 0.3:
                yield from self.copy(VAULT, (*own, path), f"kv/{number}", born, gone)
        elif self.kind in (KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN):
            declared = (*own, Handle(HandleSpace.DECLARED, f"key {number}"), path)
            yield from self.history(CONFIG, declared, f"keywatch.toml:{number}", born, gone)
            if self.chance.random() < 0.5:
                # The store does not always know all the names.
                yield from self.copy(VAULT, (*own[-1:], path), f"kv/{number}", born, gone)
        elif self.chance.random() < 0.5:
            yield from self.history(VAULT, (*own, path), f"kv/{number}", born, gone)
        else:
            # It is moved from one store to another.
            moved = self.moment(born, gone)
            yield from self.history(OLD_VAULT, own, f"kv/{number}", born, moved + self.days(0, 3))
            yield from self.history(VAULT, (*own, path), f"kv/{number}", moved, gone)

    def names(self, number: int) -> tuple[Handle, ...]:
        if self.kind in (KeyKind.AWS_ACCESS_KEY, KeyKind.MWS_KEY):
            return (Handle(HandleSpace.AWS_ACCESS_KEY_ID, f"AKIAYEAR{number:012}"),)
        if self.kind is KeyKind.LWA_CLIENT_SECRET:
            client = Handle(HandleSpace.LWA_CLIENT_ID, f"amzn1.application-oa2-client.{number}")
            return (client, Handle(HandleSpace.APPLICATION, f"application {number}"))
        if self.kind is KeyKind.LWA_REFRESH_TOKEN:
            return (Handle(HandleSpace.AUTHORISATION, f"{self.application}/A{number}"),)
        return (Handle(HandleSpace.DECLARED, f"key {number}"),)

    def history(
        self, source: SourceId, handles: tuple[Handle, ...], place: str, born: datetime, gone: datetime
    ) -> Iterator[Stay]:
        """What the place that knows it best shows over the years: it is rotated, switched off and on, given away."""
        key = Key(
            kind=self.kind,
            handles=handles,
            name=f"key {handles[0].value}",
            locations=(Location(source, place),),
            created_at=born if self.dated else None,
            owner=self.owner,
            application=self.application,
            account=self.account,
        )
        at = born + self.days(0, 10)
        while at < min(gone, END):
            fate, until = self.chance.random(), min(at + self.days(10, 220), gone)
            yield Stay(source, at, until, key)
            at = until
            if fate < 0.35 and self.kind is not KeyKind.AWS_ACCESS_KEY:
                key = replace(key, created_at=at if self.dated else None)  # rotated
            elif fate < 0.5:
                off = KeyStatus.INACTIVE if key.status is KeyStatus.ACTIVE else KeyStatus.ACTIVE
                key = replace(key, status=off)
            elif fate < 0.6:
                key = replace(key, owner=self.chance.choice(OWNERS))
            elif fate < 0.75 and self.kind is not KeyKind.AWS_ACCESS_KEY:
                at += self.days(1, 150)  # deleted, and made anew under the same name
                key = replace(key, created_at=at - self.days(0, 1) if self.dated else None, status=KeyStatus.ACTIVE)
            elif fate < 0.8:
                key = replace(key, status=KeyStatus.EXPIRED)

    def copy(
        self, source: SourceId, handles: tuple[Handle, ...], place: str, born: datetime, gone: datetime
    ) -> Iterator[Stay]:
        """What a store that has a copy shows: when it was written there, whatever becomes of the key."""
        written = born + self.days(0, 30)
        key = Key(
            kind=self.kind,
            handles=handles,
            name=f"copy of {handles[0].value}",
            locations=(Location(source, place),),
            created_at=written,
            status=self.chance.choice((KeyStatus.ACTIVE, KeyStatus.ACTIVE, KeyStatus.UNKNOWN, KeyStatus.INACTIVE)),
            owner=self.owner if self.chance.random() < 0.5 else None,
        )
        yield Stay(source, written, gone + self.days(-10, 60), key)

    # Who uses it.

    def uses(self, handles: list[Handle], born: datetime) -> Iterator[Use]:
        """Habits that last for a while each. A key that is gone may still be tried."""
        at = born
        while at < END:
            habit = self.chance.choice(("busy", "seldom", "refused", "silent", "data", "tokens"))
            until = at + self.days(20, 200)
            while at < until:
                at += self.days(25, 100) if habit == "seldom" else self.days(1, 12)
                data = habit == "data" and self.kind is KeyKind.AWS_ACCESS_KEY
                if habit != "silent":
                    yield Use(at, self.outcome(habit), self.chance.choice(handles), data)

    def outcome(self, habit: str) -> Outcome:
        if habit == "refused" or self.chance.random() < 0.1:
            return Outcome.FAILURE
        # Exchanges of a token are attempts; an AWS key has none of its own.
        attempts = habit == "tokens" and self.kind is not KeyKind.AWS_ACCESS_KEY
        return Outcome.ATTEMPT if attempts else Outcome.SUCCESS

    def days(self, least: float, most: float) -> timedelta:
        return timedelta(microseconds=round(self.chance.uniform(least, most) * 86_400_000_000))

    def moment(self, since: datetime, until: datetime) -> datetime:
        return since + (until - since) * self.chance.random()
