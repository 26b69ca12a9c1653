"""
What may stand in each field of a declaration, wherever it is written: a table, a sheet, custom metadata, a tag. Pure.

Each function returns what a field says, or raises a ValueError whose text is for a person and quotes nothing: what was
written there by mistake may be a secret.
"""

import re
from datetime import UTC, date, datetime, time, timedelta

from keywatch.collect.inventory.marketplaces import region_of
from keywatch.collect.inventory.pasted import INSTEAD, secret_in
from keywatch.model.selling_region import REGIONS, region_named

LONGEST = 100
"""Characters of a name."""
_LONGEST_PLACE = 1000
_AHEAD = timedelta(days=1)
"""How far in the future something may have happened: a day, for who writes from east of here."""
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
"""There was no such key before MWS."""
_CLIENT_ID = re.compile(r"amzn1\.application-oa2-client\.[0-9a-f]{16,64}")
_APPLICATION_ID = re.compile(r"amzn1\.(?:sp\.solution|sellerapps\.app)\.")
_MARKETPLACE = re.compile(r"A[A-Z0-9]{9,19}")
_VAULT = re.compile(r"[^/#]+(?:/[^/#]+){2,}(?:#[^#]+)?")
_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/)[^#\s]+(?:#[^#]+)?"
)


def name(text: str) -> str:
    """Read a name of anything: of an application, an owner, an account."""
    if kind := secret_in(text):
        raise ValueError(f"holds {kind}, which is never written here: {INSTEAD}")
    if len(text) > LONGEST:
        raise ValueError(f"has more than {LONGEST} characters")
    if not text or not text.isprintable():
        raise ValueError("should be one line of text")
    return text


def name_in_handle(text: str) -> str:
    """Read the name of an application or the id of a seller, which name a key together."""
    if "/" in name(text):
        raise ValueError("should have no slash")
    return text


def client_id(text: str) -> str:
    """Read the client id of an LWA application."""
    name(text)
    if _APPLICATION_ID.match(text):
        raise ValueError("is the id of the application; the client id stands under its LWA credentials")
    if not _CLIENT_ID.fullmatch(text):
        raise ValueError("should be an LWA client id, as `amzn1.application-oa2-client.` and 32 digits")
    return text


def region(text: str) -> str:
    """Read a region of SP-API."""
    found = region_named(text)
    if found is None:
        raise ValueError(f"should be {', '.join(REGIONS[:-1])} or {REGIONS[-1]}")
    return found


def marketplace(text: str) -> str:
    """Read the id of a marketplace."""
    name(text)
    if not _MARKETPLACE.fullmatch(text):
        raise ValueError("should be ids of marketplaces, as `A1PA6795UKMFR9`")
    return text


def region_in(marketplaces: tuple[str, ...], said: str | None) -> str | None:
    """
    Return the region of an authorisation: the one that is `said`, which its marketplaces must be in, or theirs.

    None where neither tells: an id that is not known here may be anywhere.
    """
    found = {known for known in map(region_of, marketplaces) if known}
    if len(found | ({said} if said else set())) > 1:
        raise ValueError("are in several regions: each has its own authorisation and token, and so an entry of its own")
    return said or next(iter(found), None)


def regions_of(marketplaces: tuple[str, ...], said: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regions of an application: those that are `said`, and those of its marketplaces."""
    return tuple(dict.fromkeys((*said, *filter(None, map(region_of, marketplaces)))))


def vault_place(text: str) -> str:
    """Read where Vault keeps a value: `prod/kv/orders/lwa`, and `#field` where the secret has several."""
    _place(text)
    if not _VAULT.fullmatch(text):
        raise ValueError("should be the name of a [[vault]], the mount and the path, as `prod/kv/orders/lwa`")
    return text


def aws_place(text: str) -> str:
    """Read where AWS keeps a value: the ARN of a secret or parameter, and `#field` of a secret in JSON."""
    _place(text)
    if not _ARN.fullmatch(text):
        raise ValueError("should be the ARN of a secret or a parameter")
    return text


def _place(text: str) -> None:
    if kind := secret_in(text, place=True):
        raise ValueError(f"holds {kind}, which is never written here: {INSTEAD}")
    if not text.isprintable() or len(text) > _LONGEST_PLACE:
        raise ValueError(f"should be one line of at most {_LONGEST_PLACE} characters")


def moment(value: str | date, form: str | None = None) -> datetime:
    """
    Read a day or an instant; a day begins at midnight UTC.

    Args:
        value: `2026-09-01`, `2026-09-01T12:00:00Z`, or as `form` has it.
        form: how days are written, for `strptime`: `%d.%m.%Y`.
    """
    if isinstance(value, str):
        value = _written(value, form)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), tzinfo=UTC)
    try:
        found = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValueError("should be a date, as 2026-09-01") from None
    if found < _EARLIEST:
        raise ValueError("lies before there were such keys")
    return found


def past(at: datetime, now: datetime) -> datetime:
    """Insist that something has happened already."""
    if at > now + _AHEAD:
        raise ValueError("lies in the future")
    return at


def _written(text: str, form: str | None) -> datetime:
    try:
        return datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - of days
    except (ValueError, OverflowError):
        should = f"be a date as {form} has it" if form else "be a date, as 2026-09-01"
        raise ValueError(f"should {should}") from None
