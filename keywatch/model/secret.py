"""A plaintext that cannot be shown, and the fingerprint that stands for it everywhere else."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import NoReturn, final

_HIDDEN = "Secret(<hidden>)"


@final
class Secret:
    """
    A secret's plaintext, in memory only.

    It has no readable repr, str or format, cannot be pickled, copied or hashed, and has no `__dict__` for a debugger's
    dump to walk. `reveal()` is the only door; whoever calls it keeps the bytes in a local variable, briefly.
    """

    __slots__ = ("_plaintext",)

    def __init__(self, plaintext: bytes) -> None:
        self._plaintext = plaintext

    def reveal(self) -> bytes:
        """Return the plaintext. Never log, store, raise or format what comes back."""
        return self._plaintext

    def preview(self, most: int = 4) -> str:
        """
        Return what may be shown of this secret: at most its first four characters, and never more than a quarter.

        Characters outside printable ASCII are left out, so that a preview cannot carry terminal escapes.
        """
        shown = self._plaintext[: max(0, min(most, 4, len(self._plaintext) // 4))]
        return "".join(letter for letter in shown.decode("ascii", "ignore") if letter.isprintable()) + "…"

    def __len__(self) -> int:
        return len(self._plaintext)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._plaintext, other._plaintext)

    # Unhashable on purpose: a hash would be a cheap, unkeyed digest of the plaintext.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied: it lives in this process's memory only")


@dataclass(frozen=True, slots=True, order=True)
class Fingerprint:
    """HMAC-SHA256 of a secret under this installation's pepper: its identity, and nothing of its value."""

    digest: str
    """64 lower-case hexadecimal digits."""

    @property
    def short(self) -> str:
        """The form a person compares, `kw:` and twelve hexadecimal digits."""
        return f"kw:{self.digest[:12]}"


@final
class Pepper:
    """
    The installation's own key for fingerprints: 32 random bytes kept outside the database.

    Whoever steals the database without the pepper cannot test guesses against the fingerprints in it.
    """

    __slots__ = ("_key",)

    SIZE = 32
    """Bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != self.SIZE:
            raise ValueError(f"a pepper has {self.SIZE} bytes, not {len(key)}")
        self._key = key

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name this pepper without revealing it; stored beside the fingerprints."""
        return hmac.new(self._key, b"keywatch pepper id", hashlib.sha256).hexdigest()[:8]

    def fingerprint(self, secret: Secret) -> Fingerprint:
        """Return the fingerprint of `secret`'s plaintext. The same value has one fingerprint whatever its kind."""
        return Fingerprint(hmac.new(self._key, b"secret\0" + secret.reveal(), hashlib.sha256).hexdigest())

    def __repr__(self) -> str:
        return f"Pepper(id={self.id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Pepper cannot be pickled or copied")


@dataclass(frozen=True, slots=True)
class Redacted:
    """What is kept of a secret once it has been seen: its fingerprint, and a preview a person may read."""

    fingerprint: Fingerprint
    preview: str = field(default="…")
