"""Values apart from their names, and values in pieces: every issuer of the Amazon family in every container."""

import importlib.util
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Match


def _beside(name: str) -> ModuleType:
    """Return what stands beside this file: the tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONTAINERS: dict[str, Callable[[list[tuple[str, str]]], str]] = _beside("containers").CONTAINERS
LAYOUTS: dict[str, Callable[[list[tuple[str, str]]], str]] = _beside("layouts").LAYOUTS

DETECTOR = Detector(packaged())
KEY_ID, KEY, OLD = "AKIA{base32:16}", "{base64:40}", "{hex:64}"
CLIENT, SECRET = "amzn1.application-oa2-client.{hex:32}", "amzn1.oa2-cs.v1.{hex:64}"
TOKEN, ACCESS, RESTRICTED = "Atzr|Iw{base64url:300}", "Atza|Iw{base64url:300}", "Atz.sprdt|Iw{base64url:200}"
MWS = "amzn.mws.{uuid}"

PAIRS = [
    ("aws_access_key_id", "aws_secret_access_key"),
    ("access_key", "secret_key"),
    ("aws_access_key", "aws_secret_key"),
    ("SP_API_ACCESS_KEY", "SP_API_SECRET_KEY"),
    ("AWS_SELLING_PARTNER_ACCESS_KEY_ID", "AWS_SELLING_PARTNER_SECRET_ACCESS_KEY"),
    ("MWS_ACCESS_KEY", "MWS_SECRET_KEY"),
    ("Access_Key_ID", "Secret_Access_Key"),
    ("key_id", "secret_key"),
]
CLIENTS = [
    ("client_id", "client_secret"),
    ("lwa_app_id", "lwa_client_secret"),
    ("LWA_CLIENT_ID", "LWA_CLIENT_SECRET"),
    ("SELLING_PARTNER_APP_CLIENT_ID", "SELLING_PARTNER_APP_CLIENT_SECRET"),
    ("App_Client_Id", "App_Client_Secret"),
    ("sp_api_client_id", "sp_api_client_secret"),
    ("AMAZON_OAUTH_CLIENT_ID", "AMAZON_OAUTH_CLIENT_SECRET"),
]
FAMILY: dict[str, list[tuple[str, str]]] = {
    **{f"pair-{b}": [(a, KEY_ID), (b, KEY)] for a, b in PAIRS},
    **{f"alone-{b}": [(b, KEY)] for _, b in PAIRS if b != "Secret_Access_Key"},
    **{f"new-{b}": [(a, CLIENT), (b, SECRET)] for a, b in CLIENTS},
    **{f"old-{b}": [(a, CLIENT), (b, OLD)] for a, b in CLIENTS},
    **{f"old-alone-{b}": [(b, OLD)] for _, b in CLIENTS[1:] if b != "App_Client_Secret"},
    **{f"token-{name}": [(name, TOKEN)] for name in ("refresh_token", "SP_API_REFRESH_TOKEN", "LWA_REFRESH_TOKEN")},
    "access": [("access_token", ACCESS)],
    "restricted": [("restricted_data_token", RESTRICTED)],
    "mws": [("MWS_AUTH_TOKEN", MWS)],
    "triple-old": [("lwa_app_id", CLIENT), ("lwa_client_secret", OLD), ("refresh_token", TOKEN)],
    "triple-new": [("client_id", CLIENT), ("client_secret", SECRET), ("refresh_token", TOKEN)],
    "by-token": [("client_secret", OLD), ("refresh_token", TOKEN)],
}
PUBLIC = {KEY_ID, CLIENT}
HARMLESS = {
    "placeholder": "your-secret-key-goes-here",
    "angle": "<your secret access key>",
    "reference": "${AWS_SECRET_ACCESS_KEY}",
    "documented": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sha-1": "{hex:40}",
    "uuid": "{uuid}",
    "crosses": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "words": "the-name-of-the-secret-in-the-vault",
}


def scanned(text: str) -> list[Match]:
    """Return what is found in one file, every place inside it."""
    data = text.encode()
    matches = DETECTOR.scan(Chunk(data, Origin("t", "config.txt")))
    for match in matches:
        assert 0 <= match.offset < match.offset + match.length <= len(data)
    return matches


def in_turn(family: str) -> list[tuple[str, Callable[[list[tuple[str, str]]], str]]]:
    """Return every container, and of the many layouts each fourth: with the families in turn, all of them are met."""
    turn = list(FAMILY).index(family)
    return [*CONTAINERS.items(), *list(LAYOUTS.items())[turn % 4 :: 4]]


# One test a family, not one a combination: five thousand tests would take longer to count than to run.
@pytest.mark.parametrize("family", FAMILY)
def test_the_amazon_family_is_found_in_every_container(family: str) -> None:
    """Whatever the names of the library and the syntax of the file, each secret is found by a rule that knows it."""
    pairs = [
        (name, template, expand(template + "{}" * number)) for number, (name, template) in enumerate(FAMILY[family])
    ]
    missed = []
    for container, write in in_turn(family):
        found = {
            match.secret.reveal().decode(): match.rule.category
            for match in scanned(write([(name, value) for name, _, value in pairs]))
        }
        missed += [
            f"{name} in {container}"
            for name, template, value in pairs
            if template not in PUBLIC
            # A Kubernetes Secret is told as it stands there, in base64.
            and {found.get(value, "generic"), found.get(b64encode(value.encode()).decode(), "generic")} == {"generic"}
        ]
    assert missed == []


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_no_secret_is_none_in_any_container(kind: str) -> None:
    """Placeholders, references, hashes and identifiers under the same names are passed over."""
    names = (
        ("aws_secret_access_key", "MWS_SECRET_KEY")
        if kind == "sha-1"
        else ("aws_secret_access_key", "lwa_client_secret")
    )
    assert [
        f"{match.rule.id} in {container}"
        for container, write in (CONTAINERS | LAYOUTS).items()
        for match in scanned(write([(name, expand(HARMLESS[kind])) for name in names]))
        if match.rule.category in {"aws", "lwa", "mws", "seller"}
    ] == []


@pytest.mark.parametrize("token", [TOKEN, ACCESS, SECRET])
@pytest.mark.parametrize(
    ("width", "end"),
    [(76, "=\n"), (73, "=\r\n"), (72, "\n"), (70, "\n> "), (64, "\n    "), (60, "\r\n>> "), (76, "=\n> ")],
)
def test_a_token_broken_over_lines_is_whole_again(token: str, width: int, end: str) -> None:
    """E-mail programs break long lines; a reply quotes them."""
    plain = expand(token)
    text = f"refresh: {plain}"
    lines = [text[start : start + width] for start in range(0, len(text), width)]
    (match,) = scanned("Hello,\n" + end.join(lines) + "\n\nThanks\n")
    assert plain == match.secret.reveal().decode()


def test_a_constructor_takes_a_pair() -> None:
    """Two strings side by side are a pair where one of them is an access key id."""
    key = expand(KEY)
    (match,) = scanned(f'new BasicAWSCredentials("{expand(KEY_ID)}",\n    "{key}")')
    assert (match.rule.id, match.secret.reveal().decode()) == ("aws-key-pair", key)


def test_the_place_is_the_values_own() -> None:
    """A value that was renamed or put together is told where it stands, from its first byte to its last."""
    key = expand(KEY)
    text = f'- value: "{key}"\n  name: AWS_SECRET_ACCESS_KEY\n'
    (match,) = scanned(text)
    assert (match.offset, match.length) == (text.index(key), 40)
    text = f'AWS_SECRET_KEY = "{key[:20]}" + "{key[20:]}"\n'
    (match,) = scanned(text)
    assert (match.offset, match.length) == (text.index(key[:20]), 40 + len('" + "'))


@given(
    st.lists(
        st.sampled_from(
            [
                '"',
                "'",
                "+",
                "\n",
                "secret_key",
                "=",
                "value: ",
                "name: ",
                ",",
                ";",
                "Atzr|",
                "amzn1.",
                "abcDEF12345678901",
                "  ",
            ]
        )
    )
)
def test_any_mixture_has_places_inside_it(parts: list[str]) -> None:
    """No layout makes the reading fail or tell a place outside the input."""
    scanned("".join(parts))
