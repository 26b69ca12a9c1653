"""From the settings to repositories that lie elsewhere, alone or as an organisation's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from keywatch.model.errors import ConfigError
from keywatch.model.key import SourceId
from keywatch.model.secret import Secret
from keywatch.service.vault_sessions import VaultSessions
from keywatch.settings.content import Scan
from keywatch.settings.reference import Reference

if TYPE_CHECKING:
    from keywatch.collect.content.git_transfer import Access, Limits
    from keywatch.collect.content.hosting.fleet import Repositories
    from keywatch.collect.content.remote import RemoteRepository
    from keywatch.collect.content.remote_url import RemoteUrl

CLONES = "clones"
"""In the state directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remotes:
    """What all of them share."""

    clones: Callable[[], Path]
    vaults: VaultSessions
    stopping: Callable[[], bool]
    patient: bool

    def repository(self, entry: Scan, url: "RemoteUrl", source: SourceId, ruleset: str) -> "RemoteRepository":
        """Return the one repository that an entry names."""
        return self._member(entry, ruleset, url, source, may_be_missing=False)

    def fleet(self, entry: Scan, source: SourceId, ruleset: str) -> "Repositories":
        """Return the organisation that an entry names."""
        from keywatch.collect.content.hosting.api import Patience
        from keywatch.collect.content.hosting.fleet import Repositories
        from keywatch.collect.content.hosting.github import WEB as GITHUB
        from keywatch.collect.content.hosting.github import GitHub
        from keywatch.collect.content.hosting.gitlab import WEB as GITLAB
        from keywatch.collect.content.hosting.gitlab import GitLab
        from keywatch.collect.content.hosting.listing import Selection

        patience = Patience() if self.patient else Patience(total=5)
        token, ca = self._token(entry), _path(entry.ca_file)
        hosting: GitHub | GitLab
        if entry.github is not None:
            hosting = GitHub(entry.github, token, base_url=entry.base_url or GITHUB, ca=ca, patience=patience)
        else:
            owner = entry.gitlab or ""
            hosting = GitLab(owner, token, base_url=entry.base_url or GITLAB, ca=ca, patience=patience)
        selection = Selection(
            include=entry.include,
            exclude=entry.exclude,
            archived=entry.archived,
            forks=entry.forks,
            wikis=entry.wikis,
        )

        def build(url: "RemoteUrl", member: SourceId, may_be_missing: bool) -> "RemoteRepository":
            return self._member(entry, ruleset, url, member, may_be_missing=may_be_missing)

        return Repositories(source, hosting, selection, build)

    def _member(
        self, entry: Scan, ruleset: str, url: "RemoteUrl", source: SourceId, *, may_be_missing: bool
    ) -> "RemoteRepository":
        from keywatch.collect.content.remote import RemoteRepository

        return RemoteRepository(
            url,
            self.clones(),
            source,
            access=self._access(entry),
            limits=self._limits(entry),
            requests=entry.pull_requests,
            may_be_missing=may_be_missing,
            ruleset=ruleset,
        )

    def _access(self, entry: Scan) -> "Access":
        from keywatch.collect.content.git_transfer import Access

        return Access(
            token=self._token(entry),
            username=entry.username,
            ca=_path(entry.ca_file),
            ssh_key=_path(entry.ssh_key),
            known_hosts=_path(entry.known_hosts),
            accept_new=entry.new_host_keys == "accept",
        )

    def _limits(self, entry: Scan) -> "Limits":
        from keywatch.collect.content.git_transfer import Limits

        return Limits(bytes=entry.largest_gb << 30, stopping=self.stopping)

    def _token(self, entry: Scan) -> Callable[[], Secret] | None:
        if entry.token is None:
            return None
        if entry.token.scheme != "vault":
            return entry.token.resolve
        return partial(from_vault, entry.token, self.vaults)


def from_vault(reference: Reference, vaults: VaultSessions) -> Secret:
    """
    Fetch one field of one KV v2 secret: `vault:NAME/MOUNT/PATH#FIELD`.

    Raises:
        SourceError: Vault refuses, or cannot be reached.
        ConfigError: there is no such vault, secret or field.
    """
    from keywatch.collect.vault import Vault

    place, _, field = reference.name.partition("#")
    name, _, rest = place.partition("/")
    mount, _, path = rest.partition("/")
    if name not in vaults.names:
        raise ConfigError(f"{reference}: no [[vault]] has that name", hint="name one that is configured")
    found = Vault(f"vault {name}", vaults.access(name), vaults.session(name)).read(f"{mount}/data/{path}")
    values = (found or {}).get("data")
    value = values.get(field) if isinstance(values, dict) else None
    if not isinstance(value, str) or not value.strip():
        hint = f"write it: `vault kv put -mount={mount} {path} {field}=…`"
        raise ConfigError(f"{reference}: there is no such field, or it is empty", hint=hint)
    return Secret(value.strip().encode())


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None
