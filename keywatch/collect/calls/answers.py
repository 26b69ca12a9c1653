"""
From status and error text to what an answer says of a credential; and answers, counted as they are read. Pure.

Login with Amazon names its errors as OAuth does (RFC 6749, 5.2), with 401 for `invalid_client` and 400 for the rest.
SP-API's are `{"errors": [{"code", "message", "details"}]}`, where code is `Unauthorized` for everything that is
refused, and only `details`, where there are any, say why.
https://www.rfc-editor.org/rfc/rfc6749#section-5.2
https://developer-docs.amazon.com/sp-api/docs/sp-api-errors-faq
"""

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from keywatch.model.answer import REFUSALS, SUCCESSES, Answer, Answered, DayCount, Streak, continued
from keywatch.model.key import Handle, HandleSpace, SourceId

if TYPE_CHECKING:
    from keywatch.model.source import Json

_OAUTH = re.compile(
    r"(?<![A-Za-z_])(invalid_client|invalid_grant|unauthorized_client|invalid_request|invalid_scope"
    r"|unsupported_grant_type|access_denied|server_error|temporarily_unavailable)(?![A-Za-z_])"
)
_OAUTH_ANSWERS = {
    "invalid_client": Answer.INVALID_CLIENT,
    "invalid_grant": Answer.INVALID_GRANT,
    "unauthorized_client": Answer.UNAUTHORIZED_CLIENT,
}
_SAID = (
    # The first that stands in the text. Their own words come from `keywatch.reporter`.
    (Answer.EXPIRED, ("access token you provided has expired", "token-expired")),
    (Answer.REVOKED, ("access token you provided is revoked", "token-revoked")),
    (Answer.RESTRICTED, ("not have access to one or more", "not have access to some or all", "data-restricted")),
)
_OF_THE_APPLICATION = frozenset({Answer.INVALID_CLIENT, Answer.RESTRICTED})
"""What is wrong with the application whoever the seller is."""
_OF_THE_SELLER = frozenset({Answer.INVALID_GRANT, Answer.UNAUTHORIZED_CLIENT, Answer.NOT_EXCHANGED, Answer.REVOKED})
"""What is wrong with one seller's authorisation, and with the application's only if nobody says which seller's."""
_EXCHANGES = frozenset(
    {
        Answer.EXCHANGED,
        Answer.INVALID_CLIENT,
        Answer.INVALID_GRANT,
        Answer.UNAUTHORIZED_CLIENT,
        Answer.NOT_EXCHANGED,
    }
)
"""No calls of SP-API: no quota is theirs."""
_AWS = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""AWS's codes for a key that it does not accept, whatever was asked. A key without rights has others.
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""
_LONGEST = 4000
"""Characters of an error that are looked at."""
_UNAUTHENTICATED, _FORBIDDEN, _TOO_MANY, _BAD_REQUEST = 401, 403, 429, 400


def answer_of(status: int, error: str, *, exchange: bool) -> Answer | None:
    """
    Say what an answer says of the credential. None: nothing, and it was no call of SP-API either.

    Args:
        status: of HTTP.
        error: what is known of the error: its code, its message or the whole body. It is looked at and not kept.
        exchange: whether a token was asked for, and not SP-API.
    """
    if 200 <= status < 300:  # noqa: PLR2004
        return Answer.EXCHANGED if exchange else Answer.ACCEPTED
    if exchange:
        return _not_exchanged(status, error)
    return Answer.THROTTLED if status == _TOO_MANY else _refused(status, error.lower())


def _not_exchanged(status: int, error: str) -> Answer | None:
    if status < _BAD_REQUEST or status >= 500 or status == _TOO_MANY:  # noqa: PLR2004
        return None
    if named := _OAUTH.search(error):
        return _OAUTH_ANSWERS.get(named[1])  # the others speak of the request, not of who makes it
    if status == _UNAUTHENTICATED:
        return Answer.INVALID_CLIENT  # LWA has this status for nothing else
    return Answer.NOT_EXCHANGED if status == _BAD_REQUEST else None


def _refused(status: int, error: str) -> Answer:
    if status not in (_BAD_REQUEST, _UNAUTHENTICATED, _FORBIDDEN):
        return Answer.OTHER
    said = next((answer for answer, words in _SAID if any(word in error for word in words)), None)
    if status == _BAD_REQUEST:
        return Answer.RESTRICTED if said is Answer.RESTRICTED else Answer.OTHER
    return said or Answer.DENIED


def answer_to_key(error: str, *, succeeded: bool) -> Answer | None:
    """Say what AWS's answer says of an access key; None: nothing. `error`: its code, of one that is an error."""
    if succeeded:
        return Answer.ACCEPTED
    return Answer.INVALID_KEY if error in _AWS else None


def error_text(value: "Json") -> str:
    """Make one text of what a record has for an error: a word, a message, or an object as it came."""
    if isinstance(value, str):
        return value[:_LONGEST]
    if not isinstance(value, dict | list) or not value:
        return ""
    try:
        return json.dumps(value)[:_LONGEST]
    except RecursionError:
        return ""  # what could be decoded may still be too deep to be written


class Tally:
    """
    Counts what the calls of each credential were answered.

    A call costs a few look-ups. What is kept is a handful of numbers for each credential, however many calls there are.
    """

    def __init__(self) -> None:
        self._counts: dict[Handle, _Counts] = {}
        self._concerned: dict[tuple[str | None, str | None, str | None], tuple[_Counts | None, _Counts | None]] = {}

    def add(
        self,
        answer: Answer,
        at: datetime,
        *,
        application: str | None,
        client_id: str | None,
        seller: str | None,
        count: int = 1,
    ) -> None:
        """Count the answer to a call, or to `count` calls that are alike, the latest of them at `at`."""
        who = (application, client_id, seller)
        concerned = self._concerned.get(who)
        if concerned is None:
            concerned = self._concerned[who] = self._of(application, client_id, seller)
        of_application, of_seller = concerned
        if of_seller is not None and answer not in _OF_THE_APPLICATION:
            of_seller.add(answer, at, count)
        if of_application is not None and (of_seller is None or answer not in _OF_THE_SELLER):
            of_application.add(answer, at, count)

    def add_to(self, handle: Handle, answer: Answer, at: datetime, count: int = 1) -> None:
        """Count the answer to calls of a key that is no selling partner's: no quota of theirs is used."""
        self._counts.setdefault(handle, _Counts()).streak(answer, at, count)

    def answered(self, source: SourceId) -> tuple[Answered, ...]:
        """All that was counted, in the order of the handles."""
        return tuple(
            Answered(handle=handle, source=source, streaks=counts.streaks, days=counts.days)
            for handle, counts in sorted(self._counts.items(), key=lambda item: item[0].strength)
        )

    def _of(
        self, application: str | None, client_id: str | None, seller: str | None
    ) -> "tuple[_Counts | None, _Counts | None]":
        """Where calls are counted: once for the application, under the name it has, and once for the seller."""
        name = Handle(HandleSpace.APPLICATION, application) if application else None
        name = name or (Handle(HandleSpace.LWA_CLIENT_ID, client_id) if client_id else None)
        given = Handle(HandleSpace.AUTHORISATION, f"{application}/{seller}") if application and seller else None
        return tuple(  # type: ignore[return-value]
            self._counts.setdefault(handle, _Counts()) if handle else None for handle in (name, given)
        )


class _Counts:
    """Of one credential. What most calls do, changes lists in place: a log may have millions."""

    __slots__ = ("_days", "_refusals", "_successes")

    def __init__(self) -> None:
        self._successes: dict[Answer, _Run] = {}
        self._refusals: dict[Answer, Streak] = {}
        self._days: dict[int, list[int]] = {}

    @property
    def streaks(self) -> dict[Answer, Streak]:
        return {**{answer: Streak(*run) for answer, run in self._successes.items()}, **self._refusals}

    @property
    def days(self) -> dict[int, DayCount]:
        return {day: DayCount(*counted) for day, counted in self._days.items()}

    def add(self, answer: Answer, at: datetime, count: int) -> None:
        self.streak(answer, at, count)
        if answer not in _EXCHANGES:
            counted = self._days.setdefault(at.toordinal(), [0, 0])
            counted[0] += count
            if answer is Answer.THROTTLED:
                counted[1] += count

    def streak(self, answer: Answer, at: datetime, count: int) -> None:
        if answer in SUCCESSES:
            run = self._successes.get(answer)
            if run is None:
                self._successes[answer] = [at, at, count]
            else:
                if at > run[1]:
                    run[1] = at
                elif at < run[0]:
                    run[0] = at
                run[2] += count
        elif answer in REFUSALS:
            self._refusals[answer] = continued(self.streaks, answer, Streak(at, at, count))


_Run: TypeAlias = list[Any]
"""First, last and how many, as of a `Streak`."""
