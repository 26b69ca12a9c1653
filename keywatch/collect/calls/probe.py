"""
Whether our own keys would work, by trying them: a token exchange and one harmless request for each authorisation.

Only what is declared with its store is tried, at most once in hours: far below the 0.016 requests a second that Amazon
allows for one seller and application. A refusal is an answer, and not tried again. What could not be tried (Vault, the
network, Amazon's own failures) says nothing of a key, and is tried again after minutes, then hours.

Each round of tries is put on record before the first request leaves, so that a daemon that is killed and started in a
circle does not ask more often.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nsmallest

from keywatch.collect.calls import probe_words as words
from keywatch.collect.calls.probe_state import State
from keywatch.collect.calls.probe_try import ID, LOGIN, Found, Run, Try, mark_of, noting, place_of
from keywatch.collect.inventory.declared_rows import Application, Row, Seller
from keywatch.collect.lwa import API_HOSTS, Amazon, Reply
from keywatch.collect.stored_values import Stores
from keywatch.model.call import Coverage
from keywatch.model.errors import KeywatchError, SourceMalformed, SourceUnreachable
from keywatch.model.key import Handle, HandleSpace, KeyKind, SourceId
from keywatch.model.secret import Fingerprint, Pepper, Secret
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped

PACE = 3.0
"""Seconds between any two tries, at least; at most twice as long."""
_AT_ONCE = 40
"""Tries of one run. The next run goes on."""
_MOST = 5000
"""Authorisations that are tried at all: what is on record of them is written with each batch."""
_INTENT = timedelta(minutes=15)
"""Longer than a run takes: when those are tried again whose run was killed."""
_AGAIN = timedelta(minutes=5)
"""What could not be tried is tried again after so long, and after twice that, …"""
_APPLICATION_AGAIN = timedelta(hours=1)
"""No seller of an application whose client secret was refused is tried for so long."""
_KINDS = frozenset({KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN})
_NAMED = 20
"""Of those that could not be tried before, by name."""
_ATTEMPTS = 12
"""Doublings of `_AGAIN` that are counted."""
_LATER = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRules:
    """Who is tried, and how often."""

    every: timedelta = timedelta(days=1)
    counts_as_use: bool = False
    applications: frozenset[str] = frozenset()
    """Empty: all."""


class Probe:
    """The authorisations that are declared with their stores."""

    def __init__(
        self,
        rows: Callable[[], Iterable[Row]],
        stamp: Callable[[], str],
        stores: Stores,
        amazon: Amazon,
        *,
        pepper: Pepper,
        now: Callable[[], datetime],
        wait: Callable[[float], bool],
        rules: ProbeRules | None = None,
        foreign: Callable[[Fingerprint, tuple[Handle, ...]], bool] = lambda _value, _names: False,
        chance: random.Random | None = None,
    ) -> None:
        """
        Args:
            rows: Everything that is declared.
            stamp: Something that changes when that may have changed.
            stores: Where values are.
            amazon: Who is asked.
            pepper: To know somebody else's value again.
            now: The clock.
            wait: Waits for so many seconds; whether it was woken up, to end.
            rules: Who is tried, and how often.
            foreign: Whether a value or a name is known to be somebody else's: that is never tried.
            chance: For pauses and order.
        """  # noqa: D205
        self._rows = rows
        self._stamp = stamp
        self._stores = stores
        self._amazon = amazon
        self._pepper = pepper
        self._now = now
        self._wait = wait
        self._rules = rules or ProbeRules()
        self._foreign = foreign
        self._chance = chance or random.Random()  # noqa: S311 - pauses are no secret

    @property
    def id(self) -> SourceId:
        return ID

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return _KINDS if self._rules.counts_as_use else frozenset()

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        """Try those whose turn it is. See `CallSource.read`."""
        now = self._now()
        state = State.of(cursor, now)
        stamp = self._stamp()
        if stamp == state.stamp and now < state.next_turn and not state.failed:
            return  # nothing was declared since, nobody's turn has come, and nothing is amiss
        state.stamp = stamp
        due, skipped = self._due(state, now)
        if not due:
            yield self._batch(Found(), state, skipped)
            state.fail()  # what was amiss is so until somebody was tried
            return
        for one in due:
            state.due[one.mark] = now + _INTENT  # should this run not come so far
        yield self._batch(Found(), state, skipped)
        run = Run()
        try:
            for number, one in enumerate(due):
                if number and self._wait(PACE * (1 + self._chance.random())):
                    return
                found = self._tried(one, state, run)
                if run.hold:
                    state.due.update((later.mark, self._now() + run.hold) for later in due[number + 1 :])
                yield self._batch(found, state, found.skipped)
                if run.hold or LOGIN in run.down:
                    break  # nobody else can be tried either
        finally:
            self._stores.close()
            self._amazon.close()
        state.trouble = None if run.answered else run.why(whole=not state.others)
        yield self._batch(Found(), state, ())
        state.fail()

    def check(self) -> Iterator[str | Skipped]:
        """Fetch the values that would be shown next, and show them to nobody. See `CallSource.check`."""
        due, skipped = self._due(State.of({}, self._now()), self._now())
        yield from skipped
        if not due:
            hint = "name in `vault` or `aws` where the token and the application's client secret are kept"
            yield Skipped("authorisations to try", "none is declared with its store", hint)
        try:
            for one in due:
                try:
                    self._values(one)
                    yield f"values of {one.name}; Amazon is not asked now"
                except KeywatchError as error:
                    yield Skipped(f"values of {one.name}", error.message, error.hint)
        finally:
            self._stores.close()

    def _due(self, state: "State", now: datetime) -> tuple[list["Try"], tuple[Skipped, ...]]:
        """Return those whose turn it is, those that wait for longest first, in an order that nobody knows."""
        applications: dict[str, Application] = {}
        sellers: dict[str, Seller] = {}
        beyond = 0
        for row in self._rows():
            if isinstance(row, Application):
                applications.setdefault(row.name, row)
            elif isinstance(row, Seller) and row.probe and (row.vault or row.aws):
                if len(sellers) < _MOST:
                    sellers.setdefault(mark_of(row), row)
                else:
                    beyond += 1
        tries = [
            Try(mark, seller, applications[seller.application])
            for mark, seller in sellers.items()
            if self._wanted(applications.get(seller.application))
        ]
        state.forget({one.mark for one in tries}, now)
        waiting = [
            one
            for one in tries
            if state.due.get(one.mark, now) <= now and state.blocked.get(one.application.name, now) <= now
        ]
        chosen = nsmallest(_AT_ONCE, waiting, key=lambda one: (state.due.get(one.mark, now), one.mark))
        self._chance.shuffle(chosen)
        picked = {one.mark for one in chosen}
        state.others = len(tries) > len(picked | state.failed.keys())
        amiss = [one.name for one in tries if one.mark in state.failed and one.mark not in picked]
        skipped = [Skipped(f"{name} could not be tried", "as was said; it is tried again") for name in amiss[:_NAMED]]
        if beyond:
            why = f"more than {_MOST:,} authorisations are declared with a store"
            hint = "name in [probe] applications which are to be tried"
            skipped.append(Skipped(f"{beyond:,} authorisations", why, hint))
        return chosen, tuple(skipped)

    def _wanted(self, application: Application | None) -> bool:
        only = self._rules.applications
        return (
            application is not None
            and application.probe
            and bool(application.vault or application.aws)
            and (not only or application.name in only)
        )

    def _tried(self, one: "Try", state: "State", run: Run) -> "Found":
        """Try one, and say when its turn is again."""
        found = Found()
        down = [place for place in (*one.stores, one.seller.region or "") if place in run.down]
        if one.application.name in run.refused:
            state.due[one.mark] = self._now() + _APPLICATION_AGAIN
            return found
        if down:
            self._later(one, state)
            return found
        try:
            reply = self._asked(one, found, run)
        except KeywatchError as error:
            self._later(one, state)
            run.first = run.first or error
            found.skipped = (Skipped(f"{one.name} could not be tried", error.message, error.hint),)
            return found
        run.answered = True
        state.failed.pop(one.mark, None)
        pause = self._rules.every * (0.8 + 0.2 * self._chance.random())
        if reply.throttled:
            pause = max(pause, timedelta(seconds=reply.retry_after or 0))
        if reply.error == "invalid_client":
            run.refused.add(one.application.name)
            state.blocked[one.application.name] = self._now() + _APPLICATION_AGAIN
        state.due[one.mark] = self._now() + pause
        return found

    def _asked(self, one: "Try", found: "Found", run: Run) -> Reply:
        try:
            client_id, client_secret, refresh_token = self._values(one)
        except SourceUnreachable as error:
            run.down.update(dict.fromkeys(one.stores, error))
            raise
        with noting(run, LOGIN):
            reply = self._amazon.exchange(client_id, client_secret, refresh_token)
        found.note(one, client_id, reply, self._now(), exchange=True)
        if reply.token is None:
            if reply.throttled:  # where everybody logs in: it is meant for all
                run.hold = max(_INTENT, timedelta(seconds=reply.retry_after or 0))
            return reply
        with noting(run, one.seller.region or ""):
            reply = self._amazon.participations(one.seller.region or "", reply.token)
        found.note(one, client_id, reply, self._now(), exchange=False)
        return reply

    def _values(self, one: "Try") -> tuple[str, Secret, Secret]:
        """
        Fetch what is to be shown.

        Raises:
            SourceError: it is not there, is not what it should be, or is not ours to show.
        """
        if one.seller.region not in API_HOSTS:
            hint = "give `region` or `marketplaces` of the [[seller]]"
            raise SourceMalformed(f"{one.name}: in which region is not known", hint=hint) from None
        where, field_ = _cut(place_of(one.application))
        secrets = self._stores.read(where)
        try:
            client_secret = words.client_secret(secrets, field_)
            client_id = one.application.client_id or words.client_id(secrets)
        except ValueError as error:
            raise SourceMalformed(f"{where} {error}", hint="correct where it is kept") from None
        if client_id is None:
            raise SourceMalformed(
                f"{one.name}: its client id is not known", hint="add client_id to the [[application]]"
            )
        where, field_ = _cut(place_of(one.seller))
        try:
            refresh_token = words.refresh_token(self._stores.read(where), field_)
        except ValueError as error:
            raise SourceMalformed(f"{where} {error}", hint="correct where it is kept") from None
        names = (Handle(HandleSpace.LWA_CLIENT_ID, client_id),)
        for value in (client_secret, refresh_token):
            if self._foreign(self._pepper.fingerprint(value), names if value is client_secret else ()):
                hint = "a seller's own key is never tried: purge it, and let the seller authorise the application"
                raise SourceMalformed(f"{one.name}: what is kept for it is somebody else's", hint=hint)
        return client_id, client_secret, refresh_token

    def _later(self, one: "Try", state: "State") -> None:
        times = min(state.failed.get(one.mark, 0), _ATTEMPTS)
        state.failed[one.mark] = times + 1
        state.due[one.mark] = self._now() + min(_AGAIN * 2**times, _LATER, self._rules.every)

    def _batch(self, found: "Found", state: "State", skipped: tuple[Skipped, ...]) -> CallBatch:
        coverage = Coverage(
            source=ID,
            kinds=self.kinds,
            applications=self._rules.applications,
            unseen=("calls other than its own would not be seen",),
            since=state.since,
            until=self._now(),
        )
        return CallBatch(
            evidence=tuple(found.calls),
            answers=found.tally.answered(ID),
            cursor=state.cursor(),
            coverage=coverage,
            skipped=skipped,
        )


def _cut(place: str) -> tuple[str, str | None]:
    where, _, name = place.partition("#")
    return where, name or None


_: type[CallSource] = Probe
