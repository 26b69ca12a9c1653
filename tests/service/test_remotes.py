"""The daemon on repositories that lie elsewhere: an organisation is listed, cloned and followed like anything else."""

import base64
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keywatch.demo.text import invented_refresh_token
from keywatch.demo.vault import VaultServer
from keywatch.demo.vault_admin import VaultAdmin
from keywatch.model.errors import ConfigError
from keywatch.model.finding import FindingState
from keywatch.settings.load import load
from tests.content.git_server import Moods, serve
from tests.content.hosting_service import TOKEN, Service
from tests.content.repository import Repository
from tests.service.installation import Installation


@dataclass
class Hub:
    """A hosting service with its listing and its repositories, on one address as such services have it."""

    root: Path
    moods: Moods
    listing: Service

    def push(self, name: str, files: dict[str, str]) -> None:
        """Put one more commit into `acme/NAME`, making it and listing it if need be."""
        work = Repository(self.root / "work" / name)
        work.commit(files)
        bare = self.moods.root / "acme" / f"{name}.git"
        if not bare.exists():
            Repository(bare, "--bare")
            self.listing.repositories.append({"full_name": f"acme/{name}", "path_with_namespace": f"acme/back/{name}"})
        work.git("push", "-q", "--force", str(bare), "main")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    listing = Service()
    moods = Moods(tmp_path / "served", token=TOKEN, api=listing.answer)
    with serve(moods) as server:
        listing.url = server.url
        yield Hub(tmp_path, moods, listing)


@pytest.fixture
def leak() -> str:
    """A seller's refresh token, as somebody wrote it into a file."""
    return f"token: {invented_refresh_token().reveal().decode()}\n"


def organisation(hub: Hub, more: str = "") -> str:
    (hub.root / "token").write_text(TOKEN)
    entry = f'[[scan]]\nname = "acme"\ngithub = "acme"\nbase_url = "{hub.listing.url}"\ntoken = "file:HERE/token"\n'
    return entry + more


def test_an_organisation_is_scanned_and_followed(here: Installation, hub: Hub, leak: str) -> None:
    """Each repository is a source of its own; one that is new is scanned by the next run."""
    hub.push("orders", {"README": "hello\n"})
    hub.push("shop", {"notes.txt": leak})
    here.configure(organisation(hub, 'owner = "platform"\n'))
    (fired,) = here.news()
    assert fired.startswith("fired: ")
    with here.open() as keywatch:
        assert [alert.problem.owner for alert in keywatch._store.alerts()] == ["platform"]
    assert f"{hub.listing.url}/acme/shop.git" in fired
    assert here.news() == []
    other = f"token: {invented_refresh_token().reveal().decode()}\n"
    hub.push("new", {"notes.txt": other})
    assert "acme/new.git" in here.news()[0]
    assert here.source("github:acme/acme/new").last_success == here.now
    assert here.source("github:acme").items == 3


def test_a_repository_in_trouble_hides_no_other(here: Installation, hub: Hub, leak: str) -> None:
    """One repository that cannot be fetched is an alert of its own, over when it can be fetched again."""
    hub.push("broken", {"README": "hello\n"})
    hub.push("shop", {"notes.txt": leak})
    bare = hub.moods.root / "acme" / "broken.git"
    bare.rename(bare.with_suffix(".away"))
    here.configure(organisation(hub))
    told = here.news()
    assert ["github:acme/acme/broken" in line for line in told if "cannot read" in line] == [True]
    assert [line for line in told if "acme/shop.git" in line]
    bare.with_suffix(".away").rename(bare)
    (resolved,) = here.news()
    assert resolved.startswith("resolved: ")


def test_a_repository_that_is_no_longer_listed(here: Installation, hub: Hub, leak: str) -> None:
    """It is told, its findings stay open and its clone is kept; to exclude it says that this is meant."""
    hub.push("orders", {"README": "hello\n"})
    hub.push("shop", {"notes.txt": leak})
    here.configure(organisation(hub))
    here.cycle()
    hub.listing.repositories = hub.listing.repositories[:1]
    (gone,) = here.news()
    assert "cannot read github:acme/acme/shop" in gone
    assert len(here.findings(FindingState.OPEN)) == 1
    assert list((here.directory / "state" / "clones").glob("*acme-shop.git-*.git"))
    here.configure(organisation(hub, 'exclude = ["shop"]\n'))
    here.cycle()
    assert here.findings(FindingState.OPEN) == []


def test_a_listing_that_fails_forgets_nothing(here: Installation, hub: Hub, leak: str) -> None:
    """A token that has expired makes the organisation blind; nothing is taken for gone."""
    hub.push("shop", {"notes.txt": leak})
    here.configure(organisation(hub))
    here.cycle()
    hub.listing.token = hub.moods.token = "another"
    assert ["cannot read github:acme since" in line for line in here.news()] == [True]
    assert len(here.findings(FindingState.OPEN)) == 1
    assert here.source("github:acme/acme/shop").failing_since is None


def test_a_forced_push_leaves_a_leak_open(here: Installation, hub: Hub, leak: str) -> None:
    """What was pushed once is not taken for gone because it was pushed away."""
    hub.push("shop", {"notes.txt": leak})
    here.configure(f'[[scan]]\nname = "shop"\ngit = "{hub.listing.url}/acme/shop.git"\ntoken = "file:HERE/token"\n')
    (hub.root / "token").write_text(TOKEN + "\n")
    assert here.news()[0].startswith("fired: ")
    shutil.rmtree(hub.root / "work" / "shop")
    hub.push("shop", {"README": "hello\n"})
    assert here.news() == []
    assert len(here.findings(FindingState.OPEN)) == 1


def test_the_token_is_in_no_file_of_ours(here: Installation, hub: Hub, leak: str) -> None:
    """Neither database, clones nor caches hold it, in clear or as it is sent."""
    hub.push("shop", {"notes.txt": leak})
    here.configure(organisation(hub))
    here.cycle()
    hub.moods.token = "another"
    here.cycle()
    hidden = (TOKEN.encode(), base64.b64encode(b"x-access-token:" + TOKEN.encode()))
    for path in (here.directory / "state").rglob("*"):
        if path.is_file():
            assert not [form for form in hidden if form in path.read_bytes()]


def test_a_token_in_vault(here: Installation, hub: Hub, leak: str) -> None:
    """The token may lie in Vault; it is read anew by each run, and its absence is told."""
    hub.push("shop", {"notes.txt": leak})
    with VaultServer() as vault:
        admin = VaultAdmin(vault.url, vault.token)
        admin.mount("kv")
        admin.write("kv", "ci/git", {"token": "expired"})
        (hub.root / "vault-token").write_text(vault.token)
        here.configure(
            f'[[vault]]\nname = "prod"\naddress = "{vault.url}"\ntoken = "file:HERE/vault-token"\nmounts = ["kv"]\n'
            + organisation(hub).replace("file:HERE/token", "vault:prod/kv/ci/git#token")
        )
        assert ["cannot read github:acme since" in line for line in here.news()] == [True]
        admin.write("kv", "ci/git", {"token": TOKEN})
        assert [line for line in here.news() if "acme/shop.git" in line]
        admin.write("kv", "ci/git", {"other": TOKEN})
        here.cycle()
        assert here.source("github:acme").error == "vault:prod/kv/ci/git#token: there is no such field, or it is empty"


@pytest.mark.parametrize(
    "entry",
    [
        'git = "https://ann:' + TOKEN + '@git.example/x"',
        'git = "http://git.example/x"',
        'git = "ext::sh -c true"',
        'github = "acme"\nbase_url = "http://git.example"',
        'github = "acme"\ngitlab = "acme"',
        'github = "acme"\ntoken = "' + TOKEN + '"',
        'github = "acme"\ntoken = "vault:prod/kv#x"',
        'github = "acme"\ntoken = "vault:prod/kv/ci#x"',
    ],
)
def test_settings_that_are_refused(tmp_path: Path, entry: str) -> None:
    """An address with a password, in the clear, or of a protocol that runs programs; a token that is no reference."""
    path = tmp_path / "keywatch.toml"
    path.write_text(f'[[scan]]\nname = "x"\n{entry}\n')
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert TOKEN not in f"{refused.value.message} {refused.value.hint}"
