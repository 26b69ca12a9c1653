"""The seams to the outside world: what every collector and notifier promises."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from keywatch.model.content import Chunk, Glance, Mark, Passed, Repeated, Span
from keywatch.model.key import Key, KeyKind, SourceId

if TYPE_CHECKING:
    # A scan has nothing to do with calls and alerts, and need not load them.
    from keywatch.model.access import Access
    from keywatch.model.alert import Delivery
    from keywatch.model.answer import Answered
    from keywatch.model.call import Coverage, Evidence
    from keywatch.model.errors import KeywatchError
    from keywatch.model.held_value import LoggedHash, ValueBatch
    from keywatch.model.secret_notice import SecretNotice
    from keywatch.model.usage import Usage
    from keywatch.native.sieve import Harmless

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Cursor: TypeAlias = Mapping[str, Json]
"""Where a source was read up to, as JSON. Empty: from the beginning. Only the source itself understands it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was asked for and could not be read: counted and named, while the rest is done."""

    what: str
    why: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Excess(Skipped):
    """Something that a source is allowed to do and should not be."""


@runtime_checkable
class KeySource(Protocol):
    """A system that holds keys. One implementation a module in `collect/inventory/`."""

    @property
    def id(self) -> SourceId: ...

    def keys(self) -> Iterator[Key | Skipped]:
        """
        Yield every key the source holds, once, each with one location; and a `Skipped` for each it would not show.

        Raises:
            SourceError: nothing can be said of any key. What was yielded before still holds.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """
        Try each permission the source needs, one after the other, changing nothing.

        Yields a sentence for each that holds (`iam:ListUsers`), and a `Skipped` for each that is missing, whose hint
        says how to grant it. Never raises.
        """
        ...


@runtime_checkable
class ValueSource(Protocol):
    """A store that shows its values, so that they are known again where they leak. In `collect/inventory/` as well."""

    @property
    def id(self) -> SourceId: ...

    @property
    def manner(self) -> str:
        """How values are read and kept. Where it is another than last time, all are read anew."""
        ...

    def covers(self, place: str, field: str) -> bool:
        """Whether the settings ask for a field at `place` (empty: for anything there); if not, it is forgotten."""
        ...

    def values(self, marks: Mapping[str, str]) -> "Iterator[ValueBatch]":
        """
        Read what is new since the last time.

        Args:
            marks: by place, what the reading before left there.

        Raises:
            SourceError: the store cannot be read (further). Batches yielded before still hold.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBatch:
    """What one step through a call source brought. All of it is committed together or not at all."""

    evidence: "tuple[Evidence, ...]"
    uses: "tuple[Usage, ...]" = ()
    """From where the keys were used, since the batch before."""
    answers: "tuple[Answered, ...]" = ()
    """What the calls were answered, since the batch before."""
    ids: tuple[str, ...] = ()
    """By which calls of this batch are known again, if they are told again."""
    notices: "tuple[SecretNotice, ...]" = ()
    """What Amazon says of client secrets."""
    cursor: Cursor
    coverage: "Coverage"
    """What has been covered when this batch is included."""
    skipped: tuple[Skipped, ...] = ()
    logged: "tuple[LoggedHash, ...]" = ()
    """Values that were handed out, hashed: what is found elsewhere can be compared with them."""


@runtime_checkable
class CallSource(Protocol):
    """A system that knows which keys were used. One implementation a module in `collect/calls/`."""

    @property
    def id(self) -> SourceId: ...

    @property
    def kinds(self) -> frozenset[KeyKind]:
        """The kinds of key whose successful calls this source can prove. Empty: it can only tell attempts."""
        ...

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        """
        Read on from `cursor`, in batches small enough to commit.

        Raises:
            SourceError: the source cannot be read (further). Batches yielded before still hold.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...


@dataclass(frozen=True, slots=True)
class Sighted:
    """What of one chunk concerns a later version of the same content; places are bytes in the chunk, ascending."""

    matches: Sequence[Span] = ()
    """Where something was found: if it is still there, it is found there too."""
    marks: Sequence[Mark] = ()
    """What may be, or be part of, a secret together with something new that comes near it."""


Reading: TypeAlias = Generator["Chunk | Glance | Passed | Repeated | Skipped", Sighted | None, None]
"""What reading a lot yields, and is answered."""


class Lot(Protocol):
    """
    A part of a source which whoever looks through it reads for himself: in another thread, process or machine.

    It can be pickled, holds no content, and can be read again after whoever had it has died.
    """

    @property
    def size(self) -> int:
        """Bytes to be read, about."""
        ...

    def read(self, harmless: "Harmless | None" = None) -> Reading:
        """
        Yield what there is to look at, and what cannot be read. Each chunk is answered by what was sighted in it.

        Args:
            harmless: what need not be looked at again; None: everything is looked at. What is looked at together, in a
                glance, is answered by its marks, or by None: then all of it has to be looked at.

        Raises:
            ScanError: nothing of it can be read (any more).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentBatch:
    """What one step through a content source brought. Findings and cursor are committed together or not at all."""

    chunks: tuple[Chunk, ...] = field(default=(), repr=False)
    cursor: Cursor | None
    """None: not a place to resume from; the next batch, or a later one, will be."""
    skipped: tuple[Skipped, ...] = ()
    lots: tuple[Lot, ...] = ()
    """Content that is read where it is looked through."""
    calls: CallBatch | None = None
    """What the same bytes prove, where they serve both rivers: committed together with the findings."""

    @property
    def is_pause(self) -> bool:
        """Whether it brings nothing at all: the source waits for more, and what was read is told meanwhile."""
        return not (self.chunks or self.skipped or self.lots or self.calls) and self.cursor is None


@runtime_checkable
class ContentSource(Protocol):
    """Something that holds text which may have leaked a secret. One implementation a module in `collect/content/`."""

    @property
    def id(self) -> SourceId: ...

    @property
    def target(self) -> str:
        """What a person calls it: the path or URL that was asked for."""
        ...

    def read(self, cursor: Cursor) -> Iterator[ContentBatch]:
        """
        Read on from `cursor`, a bounded amount of memory at a time.

        Raises:
            ScanError: the source cannot be read (further). Batches yielded before still hold.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...


@runtime_checkable
class AccessSource(Protocol):
    """A system that decides who may read keys. One implementation a module in `collect/inventory/`."""

    @property
    def id(self) -> SourceId: ...

    def grants(self) -> "Access":
        """
        Return who may read what. What could not be read of that is said in it.

        Raises:
            SourceError: nothing can be said.
        """
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """One of many: a source of its own, made when its turn comes and dropped after it."""

    id: SourceId
    build: "Callable[[], KeySource | CallSource | ContentSource]"
    accounts: frozenset[str] = frozenset()
    """The accounts that it is about, where that is known before it is read: no others are in doubt if it cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Muster:
    """Who belongs to a fleet now. It is whole: nobody else does."""

    members: tuple[Member, ...]
    skipped: tuple[Skipped, ...] = ()
    unwanted: frozenset[SourceId] = frozenset()
    """Those that are there and were not asked for: what is known of them is forgotten."""
    resting: "Mapping[SourceId, KeywatchError]" = field(default_factory=dict)
    """Those that are there and cannot be read as they are now, with why: what is known of them stays, in doubt."""


@runtime_checkable
class Fleet(Protocol):
    """Many sources that somebody else lists: an organisation's repositories, an organisation's accounts."""

    @property
    def id(self) -> SourceId:
        """A member's id is this, a slash, and its name."""
        ...

    @property
    def at_once(self) -> int:
        """How many members may be read at the same time."""
        ...

    def muster(self) -> Muster:
        """
        List the members anew.

        Raises:
            SourceError: the listing cannot be had whole, so nothing can be said of who is not in it.
        """
        ...

    def excludes(self, member: SourceId) -> bool:
        """Whether the settings leave this one out, whether or not it is still listed."""
        ...

    def lost(self, member: SourceId) -> "KeywatchError | None":
        """What it means that a member is listed no longer. None: what it held is gone with it."""
        ...

    def check(self) -> Iterator[str | Skipped]:
        """As `KeySource.check`."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receiver's word that it has the message."""

    reference: str | None = None


class Notifier(Protocol):
    """Something that tells a person. One implementation a module in `notify/`."""

    @property
    def reconciles(self) -> bool:
        """Whether `find` can be asked what became of a message whose answer was lost."""
        ...

    def send(self, delivery: "Delivery") -> Receipt:
        """
        Send once, without a retry of its own.

        Raises:
            DeliveryError: it did not arrive; try again, after `retry_after` if given.
            DeliveryRefused: it will not arrive, ever.
            DeliveryUncertain: the answer was lost.
        """
        ...

    def find(self, delivery: "Delivery") -> Receipt | None:
        """
        Look for a message whose answer was lost. None: the receiver does not have it, so send it (again).

        Raises:
            DeliveryError: the receiver cannot be asked now.
            DeliveryRefused: the receiver may not be asked (a missing scope): the caller accepts one possible repeat.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What a run of a source brought that went through to its end."""

    source: SourceId
    items: int = 0
    skipped: tuple[Skipped, ...] = ()
