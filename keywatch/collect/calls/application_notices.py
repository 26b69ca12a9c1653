"""
The queue in which Amazon announces that an application's client secret ends, or that there is a new one.

A new secret comes by this queue alone: who deletes its message has lost the secret. So such a message is left where it
is unless somebody says otherwise, and what is left is shown to other readers again at once.
https://developer-docs.amazon.com/sp-api/docs/rotate-your-application-client-secret
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from keywatch.collect.aws import AwsAccess, asking
from keywatch.collect.calls.cloudtrail_queue import NoticeQueue
from keywatch.collect.calls.secret_notice import Letter, read_letter
from keywatch.model.call import Coverage
from keywatch.model.errors import SourceDenied, SourceError
from keywatch.model.key import KeyKind, SourceId
from keywatch.model.source import CallBatch, CallSource, Cursor, Skipped
from keywatch.model.time import parse_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from keywatch.model.source import Json

_AT_ONCE = 10
_HIDDEN = 60
"""Seconds for which what was received is shown to nobody else, should we be killed before it is shown again."""
_MOST = 100
"""Times that messages are received in one run: a thousand messages."""
_OWN_QUEUE = (
    "give keywatch a queue of its own and set delete and delete_new_secrets, or take the redrive policy from the queue"
)


class _Message(NamedTuple):
    id: str
    letter: Letter
    receipt: str


class LookedAtQueue(NoticeQueue):
    """A queue whose messages may be put back."""

    def look(self, source: SourceId, now: datetime) -> list[_Message]:
        """Receive up to ten messages, and keep nothing of their text."""
        sqs = self._clients.sqs()
        with asking(self._clients.who, "sqs:ReceiveMessage"):
            answer = sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=self._wait,
                VisibilityTimeout=_HIDDEN,
            )
        return [
            _Message(one.get("MessageId", ""), read_letter(one.get("Body", ""), source, now), one["ReceiptHandle"])
            for one in answer.get("Messages", [])
        ]

    def put_back(self, receipts: list[str]) -> None:
        """Show messages to everybody again."""
        sqs = self._clients.sqs()
        for start in range(0, len(receipts), _AT_ONCE):
            some = enumerate(receipts[start : start + _AT_ONCE])
            with asking(self._clients.who, "sqs:ChangeMessageVisibility"):
                sqs.change_message_visibility_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                        for number, receipt in some
                    ],
                )

    def redrives(self) -> bool:
        """Whether messages that were received often enough are moved elsewhere."""
        sqs = self._clients.sqs()
        with asking(self._clients.who, "sqs:GetQueueAttributes"):
            answer = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["RedrivePolicy"])
        return bool(answer.get("Attributes", {}).get("RedrivePolicy"))


class ApplicationNotices:
    """What Amazon says of client secrets. It proves no call, and says of no key that there was none."""

    def __init__(
        self,
        name: str,
        access: AwsAccess,
        queue: str,
        *,
        now: Callable[[], datetime],
        delete: bool = True,
        delete_new_secrets: bool = False,
        wait: int = 1,
    ) -> None:
        """
        Args:
            name: The source's name in the settings.
            access: How AWS is asked, in the region that the URL names if it names one.
            queue: Its URL.
            now: The clock.
            delete: Whether what is read is deleted: the queue is keywatch's own. Else all of it is put back.
            delete_new_secrets: Whether a message with a new secret is deleted as well.
            wait: Seconds to wait for a message; with any, an answer without messages means that there are none.
        """  # noqa: D205
        self._id = SourceId(f"application-notices:{name}")
        self._queue = LookedAtQueue(self._id, access, queue, wait=wait)
        self._now = now
        self._delete = delete
        self._delete_new_secrets = delete and delete_new_secrets

    @property
    def id(self) -> SourceId:
        return self._id

    @property
    def kinds(self) -> frozenset[KeyKind]:
        return frozenset()

    def read(self, cursor: Cursor) -> Iterator[CallBatch]:
        started = self._now()
        self._may_put_back()
        seen: set[str] = set()
        kept: list[str] = []
        try:
            for _ in range(_MOST):
                messages = self._queue.look(self._id, started)
                fresh = [message for message in messages if message.id not in seen]
                seen.update(message.id for message in fresh)
                done = [message.receipt for message in messages if self._is_done(message.letter)]
                kept += [message.receipt for message in messages if not self._is_done(message.letter)]
                if fresh:
                    yield self._batch(fresh, cursor)
                    self._queue.delete(done)  # what they led to is committed
                if not fresh:
                    break
        finally:
            with contextlib.suppress(SourceError):  # they come again by themselves, in a minute
                self._queue.put_back(kept)
        since = _moment(cursor.get("since")) or started
        yield self._batch([], {"version": 1, "since": to_rfc3339(since), "until": to_rfc3339(started)})

    def check(self) -> Iterator[str | Skipped]:
        yield from self._queue.check()
        what = f"sqs:GetQueueAttributes on {self._queue.url}"
        try:
            self._may_put_back()
        except SourceError as error:
            yield Skipped(what, error.message, error.hint)
        else:
            if not self._delete_new_secrets:
                yield what

    def _may_put_back(self) -> None:
        """
        See that nothing gets lost by being looked at.

        Each look counts as a receipt, and after some receipts a redrive policy moves a message to where nobody expects
        it: a new secret would be gone for whoever has to put it into use.
        """
        if not self._delete_new_secrets and self._queue.redrives():
            why = "has a dead-letter queue, to which messages would move that are looked at and not deleted"
            raise SourceDenied(f"{self._id}: the queue {why}", hint=_OWN_QUEUE)

    def _is_done(self, letter: Letter) -> bool:
        """Whether nobody needs the message any more."""
        if letter.brings_secret:
            return self._delete_new_secrets
        return self._delete and (letter.notice is not None or (letter.type or "").startswith("TEST"))

    def _batch(self, messages: list[_Message], cursor: Cursor) -> CallBatch:
        since, until = _moment(cursor.get("since")), _moment(cursor.get("until"))
        letters = [message.letter for message in messages]
        return CallBatch(
            evidence=(),
            notices=tuple(letter.notice for letter in letters if letter.notice is not None),
            cursor=cursor,
            coverage=Coverage(source=self._id, kinds=frozenset(), since=since, until=until),
            skipped=tuple(self._skipped(letters)),
        )

    def _skipped(self, letters: list[Letter]) -> Iterator[Skipped]:
        """What could not be understood; in a queue of our own also what does not belong there."""
        broken = [letter for letter in letters if letter.why is not None]
        if broken:
            many = f"{len(broken)} messages could not be read" if len(broken) > 1 else "a message could not be read"
            hint = "they are left in the queue: look at one, and mind that it may hold a client secret"
            yield Skipped(self._queue.url, f"{many}: one {broken[0].why}", hint)
        strange = sorted({str(letter.type) for letter in letters if self._delete and self._is_strange(letter)})
        if strange:
            hint = "they are left in the queue: send them to a queue of their own, or set delete = false"
            yield Skipped(self._queue.url, f"messages of other kinds: {', '.join(strange[:5])}", hint)

    def _is_strange(self, letter: Letter) -> bool:
        return letter.why is None and letter.notice is None and not self._is_done(letter)


def _moment(value: "Json") -> datetime | None:
    return parse_rfc3339(value) if isinstance(value, str) else None


_: type[CallSource] = ApplicationNotices
