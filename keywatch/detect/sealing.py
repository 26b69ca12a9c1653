"""From a value we hold to what is kept of it: a fingerprint, and an anchor that only the pepper opens."""

import math
import re
import struct

from keywatch.detect.rarity import bits, has_random_part, rarest
from keywatch.detect.value import is_placeholder
from keywatch.model.known_secret import Anchor, KnownSecret, Refused
from keywatch.model.secret import Fingerprint, Pepper, Secret

LONGEST_ANCHOR = 8
SHORTEST_ANCHOR = 4
LEFT_UNKNOWN = 64
"""Bits of a value that its anchor does not tell, at least: guessing the rest is hopeless even for whoever has both the
state directory and its pepper."""
LONGEST_VALUE = 12 << 10
"""Bytes. Content is scanned in chunks that overlap by somewhat more."""

_LAYOUT = struct.Struct(">BII8s")
_PUBLIC = re.compile(
    rb"-----BEGIN (?:[A-Z0-9 ]+ )?(?:CERTIFICATE|PUBLIC KEY|CERTIFICATE REQUEST)-----"
    rb"|(?:ssh|ecdsa)-[a-z0-9-]+ AAAA|arn:aws|(?:AKIA|ASIA|ABIA|ACCA|AIDA|AROA)[A-Z2-7]{16}$"
    rb"|amzn1\.(?:application|sellerapps|sp|account)[a-z0-9.-]*\.[0-9a-zA-Z-]+$"
)
"""What names or shows a key without opening anything, and so stands where it may."""
_SCHEME = re.compile(rb"^[a-z][a-z0-9+.-]*://")


def sealed(secret: Secret, pepper: Pepper) -> KnownSecret | Refused:
    """
    Return what is to be kept of a value so that it is found wherever it stands, or why that would not do.

    Pure, and the same for the same value under the same pepper. The plaintext is in nothing that is returned.

    Args:
        secret: the value as it is used, without the line end of a file it came from.
        pepper: of this installation.
    """
    value = secret.reveal()
    size = _anchor_size(value)
    if isinstance(size, Refused):
        return size
    if is_placeholder(_SCHEME.sub(b"", value)) or _PUBLIC.match(value) or not has_random_part(value):
        return Refused("reads like a name, a word, a placeholder or something public: it may stand anywhere by itself")
    offset, size = rarest(value, size, SHORTEST_ANCHOR)
    fingerprint = pepper.fingerprint(secret)
    plain = _LAYOUT.pack(size, offset, len(value), value[offset : offset + size])
    return KnownSecret(fingerprint, pepper.seal(plain, _about(fingerprint)).hex())


def opened(known: KnownSecret, pepper: Pepper) -> Anchor | None:
    """Return the anchor; None where it is damaged or another pepper's."""
    try:
        plain = pepper.unseal(bytes.fromhex(known.sealed), _about(known.fingerprint))
    except ValueError:
        return None
    if plain is None or len(plain) != _LAYOUT.size:
        return None
    size, offset, length, text = _LAYOUT.unpack(plain)
    if not SHORTEST_ANCHOR <= size <= LONGEST_ANCHOR or offset + size > length or length > LONGEST_VALUE:
        return None
    return Anchor(text[:size], offset, length)


def _about(fingerprint: Fingerprint) -> bytes:
    return b"anchor\0" + fingerprint.digest.encode()


def _anchor_size(value: bytes) -> int | Refused:
    """Return how long the anchor may be so that enough of the value stays unknown."""
    if len(value) > LONGEST_VALUE:
        return Refused(f"is longer than {LONGEST_VALUE} bytes: it would be cut where content is read in pieces")
    spare = len(value) - math.ceil(LEFT_UNKNOWN / bits(value)) if value else 0
    if spare < SHORTEST_ANCHOR:
        return Refused("is too short or too plain: what is kept of it would help to guess it")
    return min(LONGEST_ANCHOR, spare)
