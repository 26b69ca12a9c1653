"""The address of a remote repository, as a person types it: taken apart, checked, and never holding a credential."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from keywatch.model.errors import UsageError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:::|://)")
_SCP = re.compile(r"(?P<user>[A-Za-z0-9][A-Za-z0-9._-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*):(?P<path>[^:].*)")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_PATH = re.compile(r"[^\x00-\x20\x7f?#\\]+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SCHEMES = frozenset({"https", "http", "ssh", "file"})
_HINT = "give https://host/owner/name, ssh://git@host/owner/name, git@host:owner/name or file:///path"


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """One remote repository's address, without a password."""

    scheme: str
    host: str
    """With the port where one was given; empty for `file`."""
    path: str
    """Begins with a slash."""
    user: str = ""
    """Whom to log in as; of `https` it is no part of the address."""

    @property
    def text(self) -> str:
        """What git is given and a person reads."""
        user = f"{self.user}@" if self.user and self.scheme == "ssh" else ""
        return f"{self.scheme}://{user}{self.host}{self.path}"

    @property
    def origin(self) -> str:
        """`scheme://host:port`: who may be shown a credential."""
        return f"{self.scheme}://{self.host}"


def looks_remote(text: str) -> bool:
    """Whether a target is meant as a repository's address and not as a path: anything with a scheme but `s3:`."""
    scheme = _SCHEME.match(text)
    return scheme[1].lower() != "s3" if scheme else _SCP.fullmatch(text) is not None


def parse_remote(text: str) -> RemoteUrl:
    """
    Take an address apart.

    Raises:
        UsageError: it is none, holds a password, or would be fetched in the clear. Its password is not repeated.
    """
    if short := _SCP.fullmatch(text):
        return _checked(RemoteUrl("ssh", short["host"].lower(), "/" + short["path"].lstrip("/"), short["user"]))
    if not text.isprintable():
        raise UsageError("that address holds characters that cannot be seen", hint=_HINT)  # urlsplit leaves them out
    try:
        parts = urlsplit(text)
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError:
        raise UsageError("that address cannot be read", hint=_HINT) from None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES or "://" not in text:
        # git would run a program for some: `ext::sh -c …`
        raise UsageError(f"{scheme or 'this'}: not a way keywatch fetches repositories", hint=_HINT)
    if parts.password is not None:
        hint = "the shell's history and the process list have seen it: change it, then give it with --token"
        raise UsageError(f"{scheme}://{host}: an address must not hold a password or token", hint=hint)
    if parts.query or parts.fragment:
        raise UsageError(f"{scheme}://{host}: an address of a repository has no ? and no #", hint=_HINT)
    if scheme == "file" and host not in ("", "localhost"):
        raise UsageError("file://: names another machine", hint="begin the path with a slash: file:///path")
    shown = f"[{host}]" if ":" in host else host
    place = "" if scheme == "file" else f"{shown}:{port}" if port else shown
    url = RemoteUrl(scheme, place, parts.path.rstrip("/") if scheme != "file" else parts.path, parts.username or "")
    if scheme == "http" and host not in _LOOPBACK:
        raise UsageError(f"{url.text}: over plain http anybody on the way could read and change it", hint="use https")
    return _checked(url, host)


def _checked(url: RemoteUrl, host: str | None = None) -> RemoteUrl:
    name = url.host if host is None else host
    # A host, user or path that begins with a dash would be an option of ssh.
    good = (url.scheme == "file" or _HOST.fullmatch(name)) and _PATH.fullmatch(url.path)
    if not good or url.path in ("", "/") or url.path.startswith("/-") or (url.user and not _USER.fullmatch(url.user)):
        raise UsageError(f"{url.scheme}: host, user or path of that address cannot be used", hint=_HINT)
    return url
