"""
Vault's own tokens, known by their accessors: who has which, since when, and when it ends.

Vault tells no token by this, and keywatch keeps no accessor. Batch tokens have none, and tokens of a short life, as
every login makes them, are nothing that anybody keeps: they are left out. When one was used only the audit log tells.
https://developer.hashicorp.com/vault/api-docs/auth/token#list-accessors
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from keywatch.collect.inventory.vault_accessors import Found, instant, looked_up, require_life, seconds
from keywatch.collect.inventory.vault_identity import Identities, notes, text, texts
from keywatch.collect.vault import Fields, Vault, VaultAccess, VaultSession
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, KeyStatus, Location, SourceId
from keywatch.model.secret import Secret
from keywatch.model.source import KeySource, Skipped

_LIST, _LOOK = "auth/token/accessors", "auth/token/lookup-accessor"
_NOBODY = "keywatch-check"


class VaultTokens:
    """The tokens of one Vault that live long enough to be kept by somebody."""

    def __init__(
        self,
        name: str,
        access: VaultAccess,
        token: Secret | VaultSession,
        *,
        now: Callable[[], datetime],
        least: timedelta = timedelta(days=7),
        most: int = 100_000,
    ) -> None:
        """
        Args:
            name: The source's name in the settings; the first part of its keys' handles.
            access: How the Vault is reached.
            token: Needs `list` and `sudo` on `auth/token/accessors`, `update` on `auth/token/lookup-accessor`; for
                owners, `read` on `identity/entity/id/*`.
            now: The clock, to tell a token that has ended.
            least: Tokens that cannot live so long are left out.
            most: Tokens of one run before the rest is skipped.
        """  # noqa: D205
        self._id = SourceId(f"vault-tokens:{name}")
        self._name = name
        self._access = access
        self._token = token
        self._now = now
        self._least = least
        self._most = most

    @property
    def id(self) -> SourceId:
        return self._id

    def keys(self) -> Iterator[Key | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        vault.require_health()
        lived = vault.token_lives()
        people = Identities(vault)
        found = looked_up(
            lambda: vault.list(_LIST),
            lambda accessor: vault.post(_LOOK, {"accessor": accessor}),
            most=self._most,
            what="token",
        )
        for item in found:
            if isinstance(item, Skipped):
                yield item
            elif self._is_kept(item.fields):
                yield self._key(item, people)
        require_life(vault, self._id, lived=lived)

    def check(self) -> Iterator[str | Skipped]:
        vault = Vault(self._id, self._access, self._token)
        try:
            vault.require_health()
            yield "sys/health"
            accessors = vault.list(_LIST)
            yield f"list {_LIST}"
        except SourceError as error:
            hint = f"give the token `list` and `sudo` on {_LIST} in its policy"
            yield Skipped(_LIST, error.message, hint if isinstance(error, SourceDenied) else error.hint)
            return
        trials: list[tuple[str, Callable[[], object]]] = [
            (f"update {_LOOK}", lambda: _ask(vault, accessors)),
            ("read identity/entity/id/", lambda: vault.read(f"identity/entity/id/{_NOBODY}")),
        ]
        for what, ask in trials:
            try:
                ask()
                yield what
            except SourceError as error:
                yield Skipped(what.partition(" ")[2], error.message, error.hint)

    def _is_kept(self, fields: Fields) -> bool:
        lives = seconds(fields.get("creation_ttl"))
        longest = max(lives, seconds(fields.get("explicit_max_ttl"))) if fields.get("renewable") is True else lives
        periodic = seconds(fields.get("period")) > 0
        return lives == 0 or periodic or longest >= self._least.total_seconds()

    def _key(self, found: Found, people: Identities) -> Key:
        fields, meta = found.fields, notes(found.fields, "meta")
        ends = instant(fields.get("expire_time"))
        shown = "root token" if "root" in texts(fields, "policies") else text(fields, "display_name") or "token"
        name = f"{shown} {found.shown}…"
        return Key(
            kind=KeyKind.VAULT_TOKEN,
            handles=(Handle(HandleSpace.VAULT_ACCESSOR, f"{self._name}/{found.digest}"),),
            name=name,
            locations=(Location(self._id, f"{text(fields, 'path') or 'auth/token'} {name}"),),
            status=KeyStatus.EXPIRED if ends is not None and ends <= self._now() else KeyStatus.ACTIVE,
            created_at=instant(fields.get("issue_time")) or instant(fields.get("creation_time")),
            owner=meta.get("owner") or people.owner_of(fields.get("entity_id")),
            application=meta.get("application"),
        )


def _ask(vault: Vault, accessors: tuple[str, ...]) -> None:
    """Look one up that is there: what is asked of one that is not looks like a refusal in some versions."""
    try:
        if accessors:
            vault.post(_LOOK, {"accessor": accessors[0]})
    except SourceMalformed:
        return  # it ended since it was listed


_: type[KeySource] = VaultTokens
