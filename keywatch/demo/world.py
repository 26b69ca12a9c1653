"""
A small company on one machine, with everything that can go wrong: what `keywatch demo` shows, and the tests use.

AWS is moto's server; Vault is `bao` or `vault` in dev mode if there is one, else a stand-in; Slack is a stand-in. The
daemon that watches it is the real one, and cannot tell.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keywatch.demo.cloud import BUCKET, Cloud, CloudUser, cloud_server
from keywatch.demo.history import make_repository
from keywatch.demo.slack import SlackMessage, SlackServer
from keywatch.demo.text import (
    BERLIN,
    PARIS,
    HelpDesk,
    invented,
    invented_client_secret,
    invented_refresh_token,
    write_requests,
)
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.demo.vault_program import RunningVault, vault_server
from keywatch.model.secret import Secret

CLIENT_ID = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
_SOURCES = 10
"""
IAM, its last-used dates, secrets, parameters, CloudTrail, Vault, declared keys, request log, git, help desk: see
`_configuration`.
"""
_PROBLEMS = 5
"""A key about to die, a token on its way there, a key never used, a leaked pair, a seller's secret key."""
_DAY = timedelta(days=1)
_USERS = (
    CloudUser(name="orders-uploader", owner="orders-team", age=300 * _DAY, idle=2 * _DAY),
    CloudUser(name="reports-export", owner="reports-team", age=250 * _DAY, idle=86 * _DAY, refused=3 * _DAY),
    CloudUser(name="pilot-integration", owner="orders-team", age=40 * _DAY, idle=None),
    CloudUser(name="ci-deploy", owner="platform-team", age=190 * _DAY, idle=1 * _DAY),
)
_POLICY = """
path "kv/metadata/*" { capabilities = ["read", "list"] }
path "sys/mounts" { capabilities = ["read"] }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A seeded company, running."""

    directory: Path
    config: Path
    state: Path
    environment: dict[str, str]
    """What the daemon's process needs to find this world and nothing real."""
    cloud: Cloud
    vault: RunningVault
    slack: SlackServer
    desk: HelpDesk
    web: str
    """Where the daemon shows health and metrics."""
    sources: int
    """How many sources are configured."""
    problems: int
    """How many problems there are to tell of."""
    planted: tuple[Secret, ...]
    """Every plaintext that lies about in it: none may ever be seen outside of where it was put."""


@contextmanager
def world(
    directory: Path, *, now: datetime | None = None, on_message: Callable[[SlackMessage], None] | None = None
) -> Iterator[World]:
    """
    Build the company below `directory` and keep its servers running.

    Args:
        directory: empty; holds its files, the configuration and keywatch's state.
        now: aware UTC; the past is counted back from it.
        on_message: told of each message that arrives in Slack.
    """
    moment = now or datetime.now(UTC)
    with ExitStack() as stack:
        cloud = stack.enter_context(cloud_server(moment))
        vault = stack.enter_context(vault_server())
        slack = stack.enter_context(SlackServer(("#keys", "#orders"), on_message=on_message))
        cloud.seed(_USERS)
        cloud.keep("orders-uploader", "orders/uploader")
        client_secret, refresh = invented_client_secret(), invented_refresh_token()
        _seed_vault(vault, cloud, client_secret, refresh)
        token = VaultAdmin(vault.url, vault.token).new_token("keywatch")
        make_repository(directory / "orders-sync", cloud.keys["ci-deploy"], moment)
        sellers = Secret(invented(40).encode())
        desk = _help_desk(directory / "helpdesk" / "tickets.log", sellers, moment)
        write_requests(directory / "app" / "sp-api.jsonl", moment)
        held = {
            "client-secret": client_secret,
            "slack-token": Secret(slack.token.encode()),
            "vault-token": Secret(token.encode()),
        }
        for name, secret in held.items():
            _keep(directory / "credentials" / name, secret)
        listen = f"127.0.0.1:{_free_port()}"
        config = directory / "keywatch.toml"
        config.write_text(_configuration(directory, cloud, vault, slack, moment, listen), "utf-8")
        planted = (client_secret, refresh, sellers, *held.values(), *(key.secret for key in cloud.keys.values()))
        yield World(
            directory=directory,
            config=config,
            state=directory / "state",
            environment=_environment(cloud, directory),
            cloud=cloud,
            vault=vault,
            slack=slack,
            desk=desk,
            web=f"http://{listen}",
            sources=_SOURCES,
            problems=_PROBLEMS,
            planted=planted,
        )


def _seed_vault(vault: RunningVault, cloud: Cloud, client_secret: Secret, refresh: Secret) -> None:
    admin = VaultAdmin(vault.url, vault.token)
    admin.mount("kv")
    admin.policy("keywatch", _POLICY)
    admin.write(
        "kv",
        "orders/lwa",
        {"client_secret": client_secret.reveal().decode()},
        {"kind": "lwa-client-secret", "application": "orders", "client_id": CLIENT_ID, "owner": "orders-team"},
    )
    admin.write(
        "kv",
        "orders/sellers/paris",
        {"refresh_token": refresh.reveal().decode()},
        {"kind": "lwa-refresh-token", "application": "orders", "seller": PARIS, "owner": "orders-team"},
    )
    reports = cloud.keys["reports-export"]
    admin.write(
        "kv",
        "reports/aws",
        {"secret_access_key": reports.secret.reveal().decode()},
        {"kind": "aws-access-key", "access_key_id": reports.id, "owner": "reports-team"},
    )


def _help_desk(path: Path, sellers: Secret, now: datetime) -> HelpDesk:
    desk = HelpDesk(path)
    desk.write(now - timedelta(hours=5), "Since yesterday no orders arrive from Germany.")
    desk.write(
        now - timedelta(hours=4), f"Hello, here is my Amazon secret key: {sellers.reveal().decode()} please connect me"
    )
    desk.rotate()
    desk.write(now - timedelta(hours=1), "Thank you, the orders are back.")
    return desk


def _keep(path: Path, secret: Secret) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret.reveal())


def _environment(cloud: Cloud, directory: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    return {**kept, **cloud.environment(), "HOME": str(directory), "NO_COLOR": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _configuration(  # noqa: PLR0917
    directory: Path, cloud: Cloud, vault: RunningVault, slack: SlackServer, now: datetime, listen: str
) -> str:
    return f"""\
# What the demo watches. `keywatch init` writes a file with every setting explained.
state_dir = "{directory}/state"

[http]
listen = "{listen}"

[slack]
token = "file:{directory}/credentials/slack-token"
channel = "#keys"
api_url = "{slack.api_url}"

[channels]
"orders-team" = "#orders"

# The keys of the demo are old so that they can have a history.
[hygiene]
leave_out = ["key-old"]

[[aws]]
name = "demo"
endpoint_url = "{cloud.url}"
every = "30s"

[[cloudtrail]]
name = "demo"
bucket = "{BUCKET}"
endpoint_url = "{cloud.url}"
every = "5s"

[[vault]]
name = "demo"
address = "{vault.url}"
token = "file:{directory}/credentials/vault-token"
mounts = ["kv"]
every = "30s"

[[key]]
name = "orders"
kind = "lwa-client-secret"
application = "orders"
client_id = "{CLIENT_ID}"
owner = "orders-team"
created = {now - 110 * _DAY:%Y-%m-%d}
vault = ["demo/kv/orders/lwa"]
secret = "file:{directory}/credentials/client-secret"

[[key]]
name = "orders in Berlin"
kind = "lwa-refresh-token"
application = "orders"
seller = "{BERLIN}"
owner = "orders-team"
created = {now - 200 * _DAY:%Y-%m-%d}

[[key]]
name = "orders in Paris"
kind = "lwa-refresh-token"
application = "orders"
seller = "{PARIS}"
owner = "orders-team"
created = {now - 300 * _DAY:%Y-%m-%d}
vault = ["demo/kv/orders/sellers/paris"]

[[request_log]]
name = "orders"
path = "{directory}/app/sp-api*.jsonl"
fields = {{ time = "ts", application = "app", seller = "seller_id" }}
every = "5s"

[[scan]]
name = "orders-sync"
git = "{directory}/orders-sync"
owner = "orders-team"
every = "10s"

[[scan]]
name = "helpdesk"
log = "{directory}/helpdesk/tickets.log*"
every = "2s"
"""
