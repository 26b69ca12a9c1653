"""One authorisation that is tried, and what comes of it."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from keywatch.collect.calls import probe_words as words
from keywatch.collect.calls.answers import Tally, answer_of
from keywatch.collect.inventory.declared_rows import Application, Seller
from keywatch.collect.lwa import Reply
from keywatch.collect.stored_values import Stores
from keywatch.model.call import Call, Origin, Outcome
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.source import Skipped

ID = SourceId("probe:selling-partner")


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


def mark_of(row: Seller) -> str:
    """Return what an authorisation is called on record."""
    name = "\0".join((row.application, row.seller, row.region or ""))
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def place_of(row: Application | Seller) -> str:
    """Return where a value is fetched from, of the places that keep it."""
    return (*row.vault, *row.aws)[0]
