"""The Vaults that the contract is held against, and what a test needs in them."""

import secrets
from collections.abc import Iterator

import pytest

from keywatch.demo.vault_admin import VaultAdmin
from tests.demo.targets import REAL, SEALABLE, STAND_INS, Target, reached


@pytest.fixture(params=[*STAND_INS, *REAL])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each Vault in turn."""
    yield from reached(request.param)


@pytest.fixture(params=[*STAND_INS, *SEALABLE])
def sealable(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each Vault that may be sealed, as it can be opened again."""
    yield from reached(request.param)


@pytest.fixture
def admin(target: Target) -> VaultAdmin:
    return VaultAdmin(target.url, target.token)


@pytest.fixture
def mount(admin: VaultAdmin) -> Iterator[str]:
    """A KV v2 mount of a name nobody else uses."""
    path = f"keywatch-test-{secrets.token_hex(6)}"
    admin.mount(path)
    yield path
    admin.unmount(path)


@pytest.fixture
def approle(admin: VaultAdmin) -> Iterator[str]:
    """An AppRole mount of a name nobody else uses, with a slash in it."""
    path = f"keywatch/test-{secrets.token_hex(6)}"
    admin.enable(path, "approle")
    yield path
    admin.disable(path)
