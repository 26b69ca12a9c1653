"""Whether a JSON Web Token was issued by a service, going by what it says of itself."""

import binascii

from keywatch.detect import lazy_re2 as re2

_CLAIM = re2.compile(rb'"(?:iss|aud|exp|iat|nbf|jti|azp|client_id|scope|scp|roles?|email|session_id)"\s*:')
"""Who issued it, for whom, when, until when: what a service puts in (RFC 7519, section 4.1), and what it grants."""
_DOCUMENTED = re2.compile(rb'"sub"\s*:\s*"?1234567890"?\s*[,}]')
"""The subject of the token on jwt.io, which half the world's examples are made from."""
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_LONGEST = 8192


def was_issued(token: bytes) -> bool:
    """
    Tell whether `token` looks like one that a service issued; True where its payload cannot be read.

    A token that was put together for a test or a manual says little more than for whom it is.
    """
    _, _, rest = token.partition(b".")
    payload, _, _ = rest.partition(b".")
    claims = _decoded(payload)
    if claims is None:
        return True
    return _CLAIM.search(claims) is not None and _DOCUMENTED.search(claims) is None


def _decoded(part: bytes) -> bytes | None:
    """Return the JSON object that `part` is base64url of; None if it is none."""
    if len(part) > _LONGEST:
        return None
    try:
        text = binascii.a2b_base64(part.translate(_FROM_URL) + b"=" * (-len(part) % 4))
    except binascii.Error:
        return None
    return text if text.startswith(b"{") and text.endswith(b"}") else None
