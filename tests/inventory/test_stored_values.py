"""Values of declared keys, from Vault and Secrets Manager: what is fetched, and what is said where it cannot be."""

import json
from collections.abc import Iterator

import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.stored_values import AwsValues, Stores, VaultDoor, VaultValues
from keywatch.collect.vault import VaultAccess
from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.secret import Secret

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"
KEPT = {
    f"{ARN}object": json.dumps({"refresh_token": "one", "number": 3}),
    f"{ARN}text": "two",
    f"{ARN}empty": "",
    f"{ARN}deep": "[" * 100_000,
}


class SecretsManager(LoopbackServer):
    """Answers GetSecretValue, and nothing else."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(_handler(self))


def _handler(server: SecretsManager) -> type[QuietHandler]:
    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
            server.asked.append(self.headers.get("X-Amz-Target", ""))
            name = json.loads(self.body())["SecretId"]
            if name.endswith("denied"):
                answer, status = {"__type": "AccessDeniedException", "Message": "no"}, 400
            elif name not in KEPT:
                answer, status = {"__type": "ResourceNotFoundException", "Message": "none"}, 400
            else:
                answer, status = {"ARN": name, "SecretString": KEPT[name]}, 200
            self.answer(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

    return Handler


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManager]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA" + "KEYWATCHTEST" + "AAAA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x" * 8)
    with SecretsManager() as server:
        yield server


def shown(values: object) -> dict[str, str]:
    assert isinstance(values, dict)
    return {name: value.reveal().decode() for name, value in values.items()}


def test_secrets_manager_is_asked_for_one_secret_at_a_time(manager: SecretsManager) -> None:
    """A secret in JSON has fields, of which text counts; any other is one value without a name."""
    values = AwsValues("probe", AwsAccess(endpoint_url=manager.url, attempts=1))
    assert shown(values.read(f"{ARN}object")) == {"refresh_token": "one"}
    assert shown(values.read(f"{ARN}text")) == {"": "two"}
    assert list(shown(values.read(f"{ARN}deep"))) == [""]
    assert set(manager.asked) == {"secretsmanager.GetSecretValue"}
    for name, error, says in (
        ("denied", SourceDenied, "secretsmanager:GetSecretValue was refused"),
        ("nowhere", SourceMalformed, "ResourceNotFoundException"),
        ("empty", SourceMalformed, "holds no text"),
    ):
        with pytest.raises(error, match=says):
            values.read(f"{ARN}{name}")
    with pytest.raises(SourceMalformed, match="is no secret of Secrets Manager"):
        values.read("arn:aws:ssm:eu-west-1:111122223333:parameter/x")
    values.close()


@pytest.fixture
def vault() -> Iterator[VaultServer]:
    with VaultServer() as server:
        admin = VaultAdmin(server.url, server.token)
        for mount in ("kv", "team/kv"):
            admin.mount(mount)
        admin.write("kv", "orders/lwa", {"client_secret": "value-1", "number": 3})
        admin.write("team/kv", "x", {"refresh_token": "two"})
        server.requests.clear()
        yield server


def of_vault(vault: VaultServer, *mounts: str, token: str | None = None) -> VaultValues:
    secret = Secret((token or vault.token).encode())
    access = VaultAccess(url=vault.url, timeout=5)
    return VaultValues("probe", {"prod": VaultDoor(access=access, token=lambda: secret, mounts=mounts)})


def test_vault_is_asked_for_the_one_path(vault: VaultServer) -> None:
    """A mount's name may have a slash, where the settings say so; only text is a value."""
    assert shown(of_vault(vault).read("prod/kv/orders/lwa")) == {"client_secret": "value-1"}
    assert shown(of_vault(vault, "kv", "team/kv").read("prod/team/kv/x")) == {"refresh_token": "two"}
    assert vault.requests == [("GET", "kv/data/orders/lwa"), ("GET", "team/kv/data/x")]


def test_what_vault_will_not_show_is_said(vault: VaultServer) -> None:
    """With what to do, as everywhere."""
    for place, error in (
        ("other/kv/orders/lwa", SourceDenied),
        ("prod/kv/nowhere", SourceMalformed),
        ("prod/kv/../sys/x", SourceMalformed),
    ):
        with pytest.raises(error) as refused:
            of_vault(vault).read(place)
        assert "value-1" not in f"{refused.value.message} {refused.value.hint}"
    with pytest.raises(SourceDenied, match="was refused"):
        of_vault(vault, token="hvs.nobody").read("prod/kv/orders/lwa")
    vault.seal()
    with pytest.raises(SourceUnreachable):
        of_vault(vault).read("prod/kv/orders/lwa")


def test_a_place_tells_which_store_it_is_in(vault: VaultServer, manager: SecretsManager) -> None:
    """And what is out of reach together."""
    stores = Stores(of_vault(vault), AwsValues("probe", AwsAccess(endpoint_url=manager.url, attempts=1)))
    assert shown(stores.read("prod/kv/orders/lwa")) == {"client_secret": "value-1"}
    assert shown(stores.read(f"{ARN}text")) == {"": "two"}
    stores.close()
    assert Stores.name_of("prod/kv/a") == Stores.name_of("prod/kv/b") != Stores.name_of("test/kv/a")
    assert Stores.name_of(f"{ARN}a") == Stores.name_of(f"{ARN}b") != Stores.name_of(f"{ARN}a".replace("eu-", "us-"))
    manager.stop()
    with pytest.raises(SourceError, match="got no answer"):
        stores.read(f"{ARN}text")
