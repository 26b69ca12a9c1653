"""References to secrets: where a secret is kept, never what it is."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator

from keywatch.model.errors import ConfigError
from keywatch.model.secret import Secret

_FORMS = "file:/path, env:NAME or cred:NAME (a systemd credential)"
_FORMS_OF_A_TOKEN = f"{_FORMS}, or vault:VAULT/MOUNT/PATH#FIELD"
_LARGEST = 64 * 1024
"""Bytes. A credential file larger than this is the wrong file."""
_VAULT_PARTS = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """Where to find one secret. Harmless to print."""

    scheme: str
    name: str

    @classmethod
    def parse(cls, text: object) -> Self:
        """
        Read `file:/etc/keywatch/slack-token`, `env:SLACK_TOKEN` or `cred:slack-token`.

        Raises:
            ValueError: anything else; most likely the secret itself, so the text is not repeated.
        """
        if isinstance(text, cls):
            return text
        if not isinstance(text, str):
            raise ValueError(f"should be a reference to a secret: {_FORMS}")  # noqa: TRY004 - pydantic's contract
        scheme, _, name = text.partition(":")
        if scheme not in {"file", "env", "cred"} or not name:
            raise ValueError(f"a secret is never written into the configuration, only a reference to it: {_FORMS}")
        if scheme == "cred" and Path(name).name != name:
            raise ValueError("a systemd credential is named without a directory: cred:NAME")
        return cls(scheme, name)

    @classmethod
    def parse_token(cls, text: object) -> Self:
        """
        Read a reference as `parse` does, or `vault:prod/kv/ci/github#token`: a field of a KV v2 secret.

        Raises:
            ValueError: anything else.
        """
        if isinstance(text, str) and text.startswith("vault:"):
            name = text.removeprefix("vault:")
            place, _, field = name.partition("#")
            if not field or len([part for part in place.split("/") if part]) < _VAULT_PARTS:
                raise ValueError(f"should be a reference to a secret: {_FORMS_OF_A_TOKEN}")
            return cls("vault", name)
        return cls.parse(text)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}"

    def resolve(self) -> Secret:
        """
        Fetch the secret, without the line end that editors leave behind.

        Raises:
            ConfigError: it is not there, cannot be read, or is empty.
        """
        if self.scheme == "vault":
            raise ConfigError(f"{self}: only the daemon reads secrets from Vault", hint=f"give {_FORMS}")
        value = self._read().strip()
        if not value:
            raise ConfigError(f"{self} is empty", hint="put the secret there, on one line")
        return Secret(value)

    def _read(self) -> bytes:
        if self.scheme == "env":
            found = os.environb.get(os.fsencode(self.name))
            if found is None:
                raise ConfigError(f"{self}: the environment has no such variable", hint=f"export {self.name}=…")
            return found
        path = self._path()
        try:
            with path.open("rb") as file:
                return file.read(_LARGEST)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            hint = f"create {path}, readable by the user that runs keywatch only (mode 0600)"
            raise ConfigError(f"{self}: {reason}", hint=hint) from None

    def _path(self) -> Path:
        if self.scheme == "file":
            return Path(self.name).expanduser()
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            hint = f"run keywatch under systemd with LoadCredential={self.name}:/path"
            raise ConfigError(f"{self}: no systemd credentials here", hint=hint)
        return Path(directory) / self.name


SecretReference = Annotated[Reference, BeforeValidator(Reference.parse)]
"""A setting that names where a secret is."""
TokenReference = Annotated[Reference, BeforeValidator(Reference.parse_token)]
"""The same, where Vault may hold it too."""
