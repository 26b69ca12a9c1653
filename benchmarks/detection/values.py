"""Invented values: shaped like the real thing, made at run time from a seed, known to no provider."""

import base64
import string
import uuid
from random import Random

LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits
BASE64 = ALNUM + "+/"
BASE32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"


class Values:
    """A source of values; the same seed makes the same values."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - nothing here is a secret

    def of(self, alphabet: str, length: int) -> str:
        """Return `length` characters of `alphabet`."""
        return "".join(self._random.choice(alphabet) for _ in range(length))

    def pick(self, *choices: str) -> str:
        """Return one of the choices."""
        return self._random.choice(choices)

    def key_id(self) -> str:
        """Return what an AWS access key id looks like."""
        return "AKIA" + self.of(BASE32, 16)

    def aws_secret(self) -> str:
        """Return what an AWS secret access key looks like."""
        return self.of(BASE64, 40)

    def client_id(self) -> str:
        """Return what an LWA client id looks like."""
        return "amzn1.application-oa2-client." + self.of(HEX, 32)

    def client_secret(self) -> str:
        """Return what a current LWA client secret looks like."""
        return "amzn1.oa2-cs.v1." + self.of(HEX, 64)

    def old_client_secret(self) -> str:
        """Return what an old LWA client secret looks like: 64 hexadecimal digits."""
        return self.of(HEX, 64)

    def refresh_token(self) -> str:
        """Return what a seller's refresh token looks like."""
        return "Atzr|Iw" + self.of(ALNUM + "-_", 240)

    def access_token(self) -> str:
        """Return what an LWA access token looks like."""
        return "Atza|Iw" + self.of(ALNUM + "-_", 300)

    def mws_token(self) -> str:
        """Return what an MWS auth token looks like."""
        return "amzn.mws." + self.uuid()

    def uuid(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def password(self) -> str:
        """Return a password of a careful person."""
        return self.of(ALNUM + "!#%*+-_=", 18)

    def blob(self, size: int) -> str:
        """Return `size` random bytes in base64."""
        return base64.b64encode(self._random.randbytes(size)).decode()
