"""One authorisation that is tried, and what comes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from keywatch.collect.calls import probe_words as words
from keywatch.collect.calls.answers import Tally, answer_of
from keywatch.collect.inventory.declared_rows import Application, Seller
from keywatch.collect.lwa import Reply
from keywatch.collect.stored_values import Stores
from keywatch.model.call import Call, Origin, Outcome
from keywatch.model.errors import KeywatchError, SourceMalformed, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import Skipped

ID = SourceId("probe:selling-partner")
LOGIN = "login"
"""Among what may be out of reach: Login with Amazon."""


@dataclass(frozen=True, slots=True)
class Try:
    """One authorisation that may be tried."""

    mark: str
    seller: Seller
    application: Application

    @property
    def name(self) -> str:
        """What it is called for a person."""
        region = f" ({self.seller.region})" if self.seller.region else ""
        return f"{self.seller.application}/{self.seller.seller}{region}"

    @property
    def stores(self) -> tuple[str, ...]:
        """What must be within reach."""
        return tuple(Stores.name_of(place_of(row)) for row in (self.application, self.seller))


@dataclass
class Found:
    """What came of one try."""

    calls: list[Call] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    skipped: tuple[Skipped, ...] = ()

    def note(self, one: Try, client_id: str, reply: Reply, at: datetime, *, exchange: bool) -> None:
        """Take down what an answer says of the keys that were shown."""
        if reply.throttled:
            return  # of this seller's quota, which others use too: nothing of the keys
        application, seller = one.application.name, one.seller.seller
        answer = answer_of(reply.status, reply.said, exchange=exchange)
        if answer is not None:
            self.tally.add(answer, at, application=application, client_id=None, seller=seller)
        secret = (Handle(HandleSpace.APPLICATION, application), Handle(HandleSpace.LWA_CLIENT_ID, client_id))
        token = tuple(
            Handle(HandleSpace.AUTHORISATION, f"{application}/{seller}{region}")
            for region in ("", f"/{one.seller.region}")
        )
        called = words.EXCHANGED if exchange else words.ASKED
        if not reply.accepted:
            refused = secret if reply.error == "invalid_client" else token
            why = reply.error if exchange else f"{reply.status} {reply.error}".strip()
            self._call(refused, at, Outcome.FAILURE, words.refused(called, why))
        elif not exchange:
            self._call((*secret, *token), at, Outcome.SUCCESS, called)

    def _call(self, handles: tuple[Handle, ...], at: datetime, outcome: Outcome, action: str) -> None:
        self.calls += [
            Call(handle=handle, at=at, outcome=outcome, source=ID, action=action, origin=Origin.PROBE)
            for handle in handles
        ]


@dataclass
class Run:
    """What was learnt in one run that concerns others too."""

    answered: bool = False
    """Whether Amazon said anything of any key."""
    down: dict[str, SourceUnreachable] = field(default_factory=dict)
    """What is out of reach: a store, Login with Amazon, a region of SP-API."""
    nonsense: SourceMalformed | None = None
    """What came in place of an answer of Amazon's."""
    first: KeywatchError | None = None
    """Why somebody could not be tried."""
    hold: timedelta | None = None
    """How long nobody is to be tried, as Amazon asks."""
    refused: set[str] = field(default_factory=set)
    """Applications whose client secret was refused."""

    def why(self, *, whole: bool) -> KeywatchError | None:
        """
        Say why nobody can be tried, where nobody was; None: that is not so, or nobody knows.

        Args:
            whole: whether those that could not be tried are all there are.
        """
        return next(iter(self.down.values()), None) or self.nonsense or (self.first if whole else None)


@contextmanager
def noting(run: Run, host: str) -> Iterator[None]:
    """Take down that `host` is out of reach, where it turns out to be."""
    try:
        yield
    except SourceUnreachable as error:
        run.down[host] = error
        raise
    except SourceMalformed as error:
        run.nonsense = SourceMalformed(error.message, hint="is there a proxy or a login page in between?")
        raise


def mark_of(row: Seller) -> str:
    """Return what an authorisation is called on record."""
    name = "\0".join((row.application, row.seller, row.region or ""))
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def place_of(row: Application | Seller) -> str:
    """Return where a value is fetched from, of the places that keep it."""
    return (*row.vault, *row.aws)[0]
