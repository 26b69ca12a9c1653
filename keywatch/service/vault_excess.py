"""Whether the token of a `[[vault]]`, which is for names alone, may do more than it should."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keywatch.model.errors import KeywatchError
from keywatch.model.source import Skipped

if TYPE_CHECKING:
    from keywatch.collect.vault import Vault
    from keywatch.collect.vault_rights import Right

_PROBE = "keywatch-check"
"""A name that nobody uses. A rule for one secret alone, where a `[[scan]]` takes its token from, does not match it."""
_MOST_FOLDERS = 50


def excess(vault: "Vault", mounts: tuple[str, ...]) -> Iterator[str | Skipped]:
    """
    Say what of a token for names could read a value or change anything; that it could not, if so.

    Args:
        vault: seen through that token.
        mounts: KV version 2; empty: all that the token is shown.
    """
    from keywatch.collect.vault_rights import rights

    try:
        told = list(rights(vault, list(_asked(vault, mounts))))
    except KeywatchError as error:
        yield Skipped("what the token may do", error.message, error.hint)
        return
    yield from told or ["the token can read no value and change nothing"]


def _asked(vault: "Vault", mounts: tuple[str, ...]) -> "Iterator[Right]":
    from keywatch.collect.vault_rights import Right

    none, read = frozenset[str](), frozenset({"read"})
    for mount in mounts or _shown(vault):
        folders = [name for name in vault.list(f"{mount}/metadata/") if name.endswith("/")][:_MOST_FOLDERS]
        yield from (Right(f"{mount}/data/{folder}{_PROBE}", none, "no value") for folder in ("", *folders))
        yield Right(f"{mount}/metadata/{_PROBE}", none, "no change", may=read)
    for path in (f"sys/policies/acl/{_PROBE}", "auth/token/create"):
        yield Right(path, none, "no change", may=read)


def _shown(vault: "Vault") -> Iterator[str]:
    found = (vault.read("sys/internal/ui/mounts") or {}).get("secret")
    for path, table in found.items() if isinstance(found, dict) else ():
        options = table.get("options") if isinstance(table, dict) else None
        if isinstance(options, dict) and options.get("version") == "2":
            yield path.strip("/")
