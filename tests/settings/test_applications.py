"""Tables of applications, sellers and accounts, and of the probe: what is refused, and that nothing is echoed."""

from pathlib import Path

import pytest

from keywatch.model.errors import ConfigError
from keywatch.settings.load import load

TOKEN = "Atzr" + "|" + "IwEBI" + "x" * 200
SELLER = '[[seller]]\nseller = "A2EXAMPLE"\napplication = "orders"\n'
ARN = 'aws = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:x"]\n'
APPLICATION = '[[application]]\nname = "orders"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f'{SELLER}refresh_token = "{TOKEN}"\n',
            ":1: seller[1]: refresh_token: a value is never written here: keep it",
        ),
        (
            f'{SELLER}name = "{TOKEN}"\n',
            ":4: seller[1].name: holds one of Amazon's tokens, which is never written here",
        ),
        (f'{SELLER}vault = ["prod/kv/{TOKEN}"]\n', ":4: seller[1].vault[1]: holds one of Amazon's tokens"),
        (f'{APPLICATION}client_secret = "{TOKEN}"\n', ":1: application[1]: client_secret: a value is never written"),
        (f'{APPLICATION}client_id = "{TOKEN}"\n', ":3: application[1].client_id: holds one of Amazon's tokens"),
        (f'{APPLICATION}client_id = "amzn1.sp.solution.1"\n', ":3: application[1].client_id: is the id of the appl"),
        (f'{APPLICATION}client_id = "orders"\n', ":3: application[1].client_id: should be an LWA client id"),
        (f'{APPLICATION}regions = ["mars"]\n', ":3: application[1].regions[1]: should be na, eu or fe"),
        (f'{APPLICATION}aws = ["orders"]\n', ":3: application[1].aws[1]: should be the ARN of a secret"),
        (f'{APPLICATION}vault = ["orders"]\n', ":3: application[1].vault[1]: should be the name of a [[vault]]"),
        (
            f'{APPLICATION}vault = ["prod/kv/orders"]\n',
            'application "orders" is said to be in "prod/kv/orders", but no',
        ),
        (f'{APPLICATION}developer = "b"\n[[developer]]\nname = "a"\n', 'application "orders" is of "b", but no'),
        (f"{APPLICATION}{APPLICATION}", 'two entries named "orders"'),
        (f"{SELLER}{SELLER}", 'seller "A2EXAMPLE" of "orders" stands there twice for one region'),
        (
            f"{SELLER}{ARN}{SELLER.replace('A2', 'A3')}{ARN}",
            'two keys are said to be in "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x": add #field',
        ),
        (f'{SELLER}region = "eu"\nmarketplaces = ["ATVPDKIKX0DER"]\n', ":1: seller[1]: are in several regions"),
        (f'{SELLER}marketplaces = ["Germany"]\n', ":4: seller[1].marketplaces[1]: should be ids of marketplaces"),
        (SELLER.replace("A2EXAMPLE", "a/b"), ":2: seller[1].seller: should have no slash"),
        (
            '[[declared_file]]\nname = "a"\nfile = "x.csv"\ncolumns = { shop = "Shop" }\n',
            "names a field that there is not",
        ),
        ('[[declared_file]]\nname = "a"\nfile = "x.csv"\ndate_format = "%d.%m."\n', "should say day, month and year"),
        ('[probe]\nevery = "5m"\n', ":1: probe: every should be an hour at least"),
        (
            '[probe]\nbase_url = "http://amazon.example"\n',
            ":2: probe.base_url: should be https, or http on this machine",
        ),
        ('[probe]\nbase_url = "https://user:pw@a.example"\n', ":2: probe.base_url: should be an address alone"),
        ('[probe]\nvault_tokens = { prod = "file:/x" }\n', '[probe] has a token for "prod", but no [[vault]] has'),
        (f'[probe]\nvault_tokens = {{ prod = "{TOKEN}" }}\n', "a secret is never written into the configuration"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_never_repeated(tmp_path: Path, text: str, says: str) -> None:
    """A token that was pasted is told what to do with, and is in no message, cause or context."""
    path = tmp_path / "keywatch.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as refused:
        load(path)
    error = refused.value
    assert says in error.message
    assert TOKEN[8:30] not in f"{error.message} {error.hint} {error.__cause__!r} {error.__context__!r}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost:1", "https://a.example"])
def test_a_base_url_is_this_machine_or_encrypted(tmp_path: Path, url: str) -> None:
    """Keys are sent there."""
    path = tmp_path / "keywatch.toml"
    path.write_text(f'[probe]\nbase_url = "{url}"\n', "utf-8")
    assert load(path).probe.base_url == url
