"""
Everything that may stand in `keywatch.toml`, with its default.

Each list of tables names its entries, because a name is what the store, the alerts and `keywatch check` call a source.
"""

from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from keywatch.settings.applications import Application, DeclaredFile, Developer, Seller, together
from keywatch.settings.aws import Athena, Aws, CloudTrail, LookupEvents
from keywatch.settings.content import Bucket, CloudWatch, Scan
from keywatch.settings.keys import DeclaredKey, Vault
from keywatch.settings.limits import Baseline, Deadlines, Hygiene, PolicySettings, Sharing
from keywatch.settings.notices import ApplicationNoticeQueue
from keywatch.settings.probe import Probe
from keywatch.settings.request_log import Reporter, RequestLog
from keywatch.settings.serving import Http, Intake, Slack
from keywatch.settings.table import AccountId, FilePath, Table
from keywatch.settings.throttling import Throttling
from keywatch.settings.vault_audit import VaultAudit
from keywatch.settings.vault_inventory import MustBeInVault, NeedToKnow
from keywatch.settings.vault_values import VaultValues


class Settings(Table):
    """The whole file."""

    state_dir: FilePath | None = None
    """Default: $STATE_DIRECTORY, else $XDG_STATE_HOME/keywatch, else ~/.local/state/keywatch."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    our_accounts: tuple[AccountId, ...] = ()
    """AWS accounts of the company: an access key of any other account is somebody else's."""
    rules: tuple[FilePath, ...] = ()
    """Rule files beside the packaged ones, in keywatch's, gitleaks' or betterleaks' form."""
    baseline: Baseline = Baseline()
    deadlines: Deadlines = Deadlines()
    policy: PolicySettings = PolicySettings()
    sharing: Sharing = Sharing()
    hygiene: Hygiene = Hygiene()
    throttling: Throttling = Throttling()
    need_to_know: NeedToKnow = NeedToKnow()
    must_be_in_vault: MustBeInVault = MustBeInVault()
    http: Http = Http()
    intake: Intake = Intake()
    slack: Slack | None = None
    channels: dict[str, str] = Field(default_factory=dict)
    """Owner -> Slack channel."""
    aws: tuple[Aws, ...] = ()
    cloudtrail: tuple[CloudTrail, ...] = ()
    lookup_events: tuple[LookupEvents, ...] = ()
    athena: tuple[Athena, ...] = ()
    vault: tuple[Vault, ...] = ()
    vault_values: tuple[VaultValues, ...] = ()
    key: tuple[DeclaredKey, ...] = ()
    developer: tuple[Developer, ...] = ()
    application: tuple[Application, ...] = ()
    seller: tuple[Seller, ...] = ()
    declared_file: tuple[DeclaredFile, ...] = ()
    probe: Probe = Probe()
    request_log: tuple[RequestLog, ...] = ()
    reporter: tuple[Reporter, ...] = ()
    application_notices: tuple[ApplicationNoticeQueue, ...] = ()
    vault_audit: tuple[VaultAudit, ...] = ()
    scan: tuple[Scan, ...] = ()
    bucket: tuple[Bucket, ...] = ()
    cloudwatch: tuple[CloudWatch, ...] = ()

    @field_validator(
        "aws",
        "cloudtrail",
        "lookup_events",
        "athena",
        "vault",
        "vault_values",
        "key",
        "developer",
        "application",
        "declared_file",
        "request_log",
        "reporter",
        "application_notices",
        "vault_audit",
        "scan",
        "bucket",
        "cloudwatch",
    )
    @classmethod
    def _names_differ(cls, tables: tuple[BaseModel, ...]) -> tuple[BaseModel, ...]:
        seen: set[str] = set()
        for table in tables:
            name: str = getattr(table, "name", "")
            if name in seen:
                raise ValueError(f'has two entries named "{name}"; names must differ')
            seen.add(name)
        return tables

    @model_validator(mode="after")
    def _channels_can_be_reached(self) -> Self:
        if self.channels and (self.slack is None or self.slack.token is None):
            raise ValueError("channels needs [slack] with a token: a webhook has one channel, and the console none")
        return self

    @model_validator(mode="after")
    def _values_are_of_a_vault(self) -> Self:
        known = {vault.name for vault in self.vault}
        for values in self.vault_values:
            if values.vault not in known:
                raise ValueError(f'vault_values "{values.name}" is of "{values.vault}", but no [[vault]] has that name')
            if any((values.token, values.login) == (vault.token, vault.login) for vault in self.vault):
                raise ValueError(
                    f'vault_values "{values.name}" needs a token of its own: that of [[vault]] is for names'
                )
        return self

    @model_validator(mode="after")
    def _vaults_are_known(self) -> Self:
        known = {vault.name for vault in self.vault}
        for scan in self.scan:
            if scan.token is not None and scan.token.scheme == "vault":
                vault = scan.token.name.partition("/")[0]
                if vault not in known:
                    raise ValueError(f'the token of scan "{scan.name}" is in "{vault}", but no [[vault]] has that name')
        for log in self.vault_audit:
            if log.device is not None and log.vault not in known:
                raise ValueError(f'vault_audit "{log.name}" has a device, but no [[vault]] is named "{log.vault}"')
            if missing := sorted(set(log.tokens.values()) - {key.name for key in self.key}):
                raise ValueError(f'vault_audit "{log.name}" has tokens of "{missing[0]}", which is no [[key]]')
        for key in self.key:
            for place in key.vault:
                if place.partition("/")[0] not in known:
                    raise ValueError(f'key "{key.name}" is said to be in "{place}", but no [[vault]] has that name')
        return self

    @model_validator(mode="after")
    def _declarations_fit(self) -> Self:
        together(
            self.developer, self.application, self.seller, {vault.name for vault in self.vault}, self.declared_file
        )
        for vault in self.probe.vault_tokens:
            if vault not in {known.name for known in self.vault}:
                raise ValueError(f'[probe] has a token for "{vault}", but no [[vault]] has that name')
        return self
