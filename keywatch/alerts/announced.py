"""When a client secret ends, where Amazon has said so. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from keywatch.alerts.words import day, minute
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind
from keywatch.model.secret_notice import NoticeKind, SecretNotice

OLD_LIVES = timedelta(days=7)
"""As long the old secret works beside the new one.
https://developer-docs.amazon.com/sp-api/docs/rotating-your-apps-lwa-credentials"""

_FORGOTTEN = timedelta(days=30)
"""After its end an application that no inventory has is taken for given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What Amazon's word comes to for the secret that is in use."""

    at: datetime
    """When that ends."""
    said: str
    """Who says so, for a person."""
    replaced: bool = False
    """Whether there is a new one already, which is not in use everywhere as far as is known."""


class Announcements:
    """The last notices of each application."""

    def __init__(self, notices: Iterable[SecretNotice]) -> None:
        self._notices: dict[str, dict[NoticeKind, SecretNotice]] = defaultdict(dict)
        for notice in sorted(notices, key=lambda notice: notice.at):
            self._notices[notice.client_id][notice.kind] = notice

    def of(self, key: Key, *, dated: bool, now: datetime) -> Announced | None:
        """
        Return when the secret of `key` ends. None: nobody has said.

        Args:
            key: of any kind; only a client secret can have been announced.
            dated: whether a source says when it was made.
            now: aware UTC.
        """
        notices = next((self._notices[name] for name in _client_ids(key) if name in self._notices), None)
        if notices is None:
            return None
        made = key.created_at if dated else None
        expiry, new = notices.get(NoticeKind.EXPIRY), notices.get(NoticeKind.NEW_SECRET)
        if new is not None and not _concerns_new(expiry, new):
            return _after_rotation(new, made, now)
        if expiry is None or expiry.ends_at is None or (made is not None and made.date() > expiry.at.date()):
            return None  # what was made after the notice is not what it speaks of
        return Announced(at=expiry.ends_at, said=f"Amazon announced it on {minute(expiry.at)}")

    def strangers(self, keys: Iterable[Key], *, now: datetime) -> Iterator[Key]:
        """Yield a key for each application that is announced and in no inventory, as long as it may still matter."""
        known = {name for key in keys for name in _client_ids(key)}
        for client_id in sorted(self._notices.keys() - known):
            ends = max(notice.ends_at or notice.at for notice in self._notices[client_id].values())
            if ends + _FORGOTTEN < now:
                continue
            yield Key(
                kind=KeyKind.LWA_CLIENT_SECRET,
                handles=(Handle(HandleSpace.LWA_CLIENT_ID, client_id),),
                name=f"{client_id} (in no inventory)",
                locations=(),
                created_at=min(notice.at for notice in self._notices[client_id].values()),
            )


def _client_ids(key: Key) -> Iterator[str]:
    return (handle.value for handle in key.handles if handle.space is HandleSpace.LWA_CLIENT_ID)


def _old_ends(new: SecretNotice) -> datetime:
    return new.old_ends_at or new.at + OLD_LIVES


def _concerns_new(expiry: SecretNotice | None, new: SecretNotice) -> bool:
    """Whether the notice of an end came after the new secret, and is not about the old one."""
    return expiry is not None and expiry.at > new.at and (expiry.ends_at is None or expiry.ends_at > _old_ends(new))


def _after_rotation(new: SecretNotice, made: datetime | None, now: datetime) -> Announced | None:
    issued = f"Amazon issued a new client secret on {minute(new.at)}"
    # Where nobody says how old the secret in use is, it must be the new one once the old one has ended.
    switched = now >= _old_ends(new) if made is None else made.date() >= new.at.date()
    if not switched:
        known = f", and what is kept is of {day(made)}" if made is not None else ""
        return Announced(at=_old_ends(new), said=f"{issued}{known}", replaced=True)
    return None if new.ends_at is None else Announced(at=new.ends_at, said=issued)
