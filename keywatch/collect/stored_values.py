"""
Values of our own keys, fetched from where they are kept at the moment they are used. Nothing is kept here.

The inventory knows only where a value is: these rights are a probe's alone (config/vault/probe.hcl and
config/aws/probe-policy.json), and where it has them for one path, it reads that path and no other.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from keywatch.collect.aws import AwsAccess, AwsClients, asking
from keywatch.collect.vault import Vault, VaultAccess, VaultSession
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.secret import Secret

_ACTION = "secretsmanager:GetSecretValue"
_REGION = 3
"""In an ARN."""


class StoredValues(Protocol):
    """Where values are."""

    def read(self, place: str) -> Mapping[str, Secret]:
        """
        Fetch what is at a place: its fields, or one without a name.

        Raises:
            SourceError: it refuses, cannot be reached, or holds no such thing.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultDoor:
    """How values of one Vault are reached."""

    access: VaultAccess
    token: Callable[[], Secret | VaultSession]
    """Asked when it is used."""
    mounts: tuple[str, ...] = ()
    """Of KV v2, where a name has a slash; else the first part of a path is the mount."""


class VaultValues:
    """KV v2 of one or several Vaults. A place is `name/mount/path`."""

    def __init__(self, who: str, doors: Mapping[str, VaultDoor]) -> None:
        self._who = who
        self._doors = doors
        self._open: dict[str, Vault] = {}

    def read(self, place: str) -> Mapping[str, Secret]:
        name, _, rest = place.partition("/")
        door = self._doors.get(name)
        if door is None:
            raise SourceDenied(f"{place}: no [[vault]] is called {name}", hint="name one that is configured")
        mount = next((mount for mount in door.mounts if rest.startswith(f"{mount}/")), rest.partition("/")[0])
        if name not in self._open:
            self._open[name] = Vault(f"{self._who}: vault {name}", door.access, door.token())
        found = self._open[name].read(f"{mount}/data/{rest.removeprefix(f'{mount}/')}")
        values = (found or {}).get("data")
        if not isinstance(values, dict):
            hint = "is it KV v2, and has the secret a version that is not deleted?"
            raise SourceMalformed(f"{self._who}: vault {place} holds nothing", hint=hint)
        return {field: Secret(value.encode()) for field, value in values.items() if isinstance(value, str)}

    def close(self) -> None:
        self._open.clear()


class AwsValues:
    """Secrets Manager. A place is a secret's ARN, whose region is asked."""

    def __init__(self, who: str, access: AwsAccess) -> None:
        self._who = who
        self._clients = AwsClients(who, access)

    def read(self, place: str) -> Mapping[str, Secret]:
        if ":secretsmanager:" not in place:
            raise SourceMalformed(f"{self._who}: {place} is no secret of Secrets Manager, and nothing else is read")
        client = self._clients.secrets(place.split(":")[_REGION])
        with asking(self._who, _ACTION):
            text = client.get_secret_value(SecretId=place).get("SecretString")
        if not text:
            raise SourceMalformed(f"{self._who}: {place} holds no text")
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            return {"": Secret(text.encode())}
        return {field: Secret(value.encode()) for field, value in values.items() if isinstance(value, str)}

    def close(self) -> None:
        self._clients.close()


class Stores:
    """Vault's and AWS's, told apart by how a place is written."""

    def __init__(self, vault: StoredValues, aws: StoredValues) -> None:
        self._vault = vault
        self._aws = aws

    @staticmethod
    def name_of(place: str) -> str:
        """Return what is out of reach together with a place."""
        return ":".join(place.split(":")[:5]) if place.startswith("arn:") else f"vault {place.partition('/')[0]}"

    def read(self, place: str) -> Mapping[str, Secret]:
        return (self._aws if place.startswith("arn:") else self._vault).read(place)

    def close(self) -> None:
        self._vault.close()
        self._aws.close()
