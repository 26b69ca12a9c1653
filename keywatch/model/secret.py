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

    __slots__ = ("_key", "_keys")

    SIZE = 32
    """Bytes."""
    TAG = 16
    """Bytes that sealing adds."""

    def __init__(self, key: bytes) -> None:
        if len(key) != self.SIZE:
            raise ValueError(f"a pepper has {self.SIZE} bytes, not {len(key)}")
        self._key = key
        self._keys: dict[bytes, bytes] = {}

    def for_worker(self) -> bytes:
        """Return the key, for a process of ours that shares the work: over a pipe, and never to be kept."""
        return self._key

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name this pepper without revealing it; stored beside the fingerprints."""
        return hmac.digest(self._key, b"keywatch pepper id", "sha256").hex()[:8]

    def fingerprint(self, secret: Secret) -> Fingerprint:
        """Return the fingerprint of `secret`'s plaintext. The same value has one fingerprint whatever its kind."""
        return Fingerprint(hmac.digest(self._key, b"secret\0" + secret.reveal(), "sha256").hex())

    def mark(self, content: bytes) -> str:
        """Return 32 hexadecimal digits that tell later whether the same bytes are still there, and nothing of them."""
        return self._derived(b"log mark", content)[:16].hex()

    def signature(self, digest: str) -> str:
        """Return 64 hexadecimal digits by which this installation knows again what it has made."""
        return self._derived(b"signature", digest.encode()).hex()

    def seal(self, plaintext: bytes, about: bytes) -> bytes:
        """
        Encrypt `plaintext` so that only this pepper opens it, and only as something about `about`.

        Deterministic, authenticated encryption in the manner of SIV (RFC 5297), with HMAC-SHA256 as its only part: the
        first 16 bytes are an HMAC over `about` and the plaintext; they are both the proof that nothing was changed and
        the start of the counter whose HMACs, block by block, are the key stream. One plaintext about one thing is
        sealed alike each time, so that what is written from it does not change by itself; nothing else can be told
        from two sealed texts.
        """
        tag = self._derived(b"seal tag", len(about).to_bytes(8, "big") + about + plaintext)[: self.TAG]
        return tag + self._crypted(tag, plaintext)

    def unseal(self, sealed: bytes, about: bytes) -> bytes | None:
        """Return what was sealed; None where it is damaged, about something else, or another pepper's."""
        tag = sealed[: self.TAG]
        plaintext = self._crypted(tag, sealed[self.TAG :])
        whole = self._derived(b"seal tag", len(about).to_bytes(8, "big") + about + plaintext)[: self.TAG]
        return plaintext if hmac.compare_digest(tag, whole) else None

    def _crypted(self, tag: bytes, text: bytes) -> bytes:
        size = hashlib.sha256().digest_size
        stream = b"".join(
            self._derived(b"seal stream", tag + block.to_bytes(8, "big")) for block in range(-(-len(text) // size))
        )
        return bytes(one ^ other for one, other in zip(text, stream, strict=False))

    def _derived(self, purpose: bytes, message: bytes) -> bytes:
        """Return an HMAC under a key that the pepper has for this one purpose."""
        key = self._keys.get(purpose)
        if key is None:
            key = self._keys[purpose] = hmac.digest(self._key, b"keywatch " + purpose, "sha256")
        return hmac.digest(key, message, "sha256")

    def __repr__(self) -> str:
        return f"Pepper(id={self.id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Pepper cannot be pickled or copied")


@dataclass(frozen=True, slots=True)
class Redacted:
    """What is kept of a secret once it has been seen: its fingerprint, and a preview a person may read."""

    fingerprint: Fingerprint
    preview: str = field(default="…")
