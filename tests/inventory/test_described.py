"""What tags and names say of a key, and what they must not be taken to say."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.inventory.described import Describer, TagNames
from keywatch.collect.inventory.name_words import guessed, says_secret, speaks_of
from keywatch.collect.inventory.named import NamePattern
from keywatch.model.key import Handle, HandleSpace, KeyKind

KEY_ID = "AKIA" + "KEYWATCHTEST" + "AAAA"
ORDERS = {"application": "orders"}
SELLER = {"application": "orders", "seller": "A1EXAMPLE"}


def kind(name: str, tags: dict[str, str] | None = None, describer: Describer | None = None) -> KeyKind | None:
    described = (describer or Describer()).describe(name, tags or {})
    return described.kind if described else None


@pytest.mark.parametrize(
    ("name", "tags", "expected"),
    [
        pytest.param("x", {"kind": "lwa-client-secret"}, KeyKind.LWA_CLIENT_SECRET, id="tagged"),
        pytest.param("x", {"kind": "database"}, None, id="tagged-as-something-else"),
        pytest.param("x", {"access_key_id": KEY_ID}, KeyKind.AWS_ACCESS_KEY, id="an-access-key-id"),
        pytest.param("x", {"client_id": "c", **SELLER}, KeyKind.LWA_REFRESH_TOKEN, id="a-client-and-a-seller"),
        pytest.param("x", ORDERS, None, id="an-application-has-databases-too"),
        pytest.param("x", {"kind": ""}, None, id="an-empty-tag"),
        pytest.param("prod/lwa/client-secret", ORDERS, KeyKind.LWA_CLIENT_SECRET, id="client-secret"),
        pytest.param("prod/spApi/refreshToken", SELLER, KeyKind.LWA_REFRESH_TOKEN, id="refresh-token-in-camel-case"),
        pytest.param("SP_API_REFRESH_TOKEN", ORDERS, KeyKind.OTHER, id="whose-token-nobody-says"),
        pytest.param("prod/lwa/client-secret", {}, KeyKind.OTHER, id="which-application-nobody-says"),
        pytest.param("selling-partner/orders", ORDERS, KeyKind.OTHER, id="something-of-sp-api"),
        pytest.param("legacy/mws-secret-key", {}, KeyKind.MWS_KEY, id="mws"),
        pytest.param("mws", {}, None, id="mws-alone"),
        pytest.param(f"iam/{KEY_ID}", {}, KeyKind.AWS_ACCESS_KEY, id="an-id-in-the-name"),
        pytest.param("aws/uploader/access-key", {}, KeyKind.OTHER, id="which-aws-key-nobody-says"),
        pytest.param("lwa/client-id", {}, None, id="a-client-id-is-no-secret"),
        pytest.param("bulwark/secret", {}, None, id="letters-in-a-word"),
        pytest.param("google/refresh-token", {}, None, id="somebody-elses-token"),
        pytest.param("prod/orders/db", {}, None, id="a-database"),
        pytest.param("", {}, None, id="no-name"),
    ],
)
def test_what_is_a_key(name: str, tags: dict[str, str], expected: KeyKind | None) -> None:
    """Tags say it, or words; and a kind is named only where its calls could be known by something."""
    assert expected == kind(name, tags)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("/prod/db/password", True),
        ("/prod/dbPassword", True),
        ("PROD_API_KEY", True),
        ("/jwt/signing-key/", True),
        ("/github/token", True),
        ("/password/policy", False),
        ("/max-tokens", False),
        ("/oauth/token-url", False),
        ("/secret/arn", False),
        ("/secrets/db/host", False),
        ("/passwordless", False),
        ("/", False),
    ],
)
def test_which_names_are_those_of_secrets(name: str, *, secret: bool) -> None:
    """The last part counts, by its words, unless it is about a secret only."""
    assert secret is says_secret(name)


def test_a_pattern_says_more_than_words_and_less_than_tags() -> None:
    """The first pattern that fits counts; a tag beats it; what it excludes may still be tagged."""
    describer = Describer(
        patterns=[
            NamePattern("prod/*/lwa/test", holds_key=False),
            NamePattern("prod/{application}/lwa/{seller}", KeyKind.LWA_REFRESH_TOKEN),
            NamePattern("tokens/*"),
        ]
    )
    described = describer.describe("prod/orders/lwa/A1EXAMPLE", {"application": "shop", "kind": ""})
    assert described is not None
    assert (KeyKind.LWA_REFRESH_TOKEN, "shop", "A1EXAMPLE") == (
        described.kind,
        described.application,
        described.seller,
    )
    assert (Handle(HandleSpace.AUTHORISATION, "shop/A1EXAMPLE"),) == described.handles
    assert None is kind("prod/orders/lwa/test", {}, describer)
    assert KeyKind.MWS_KEY is kind("prod/orders/lwa/test", {"kind": "mws-key"}, describer)
    assert KeyKind.OTHER is kind("tokens/deep/er", {}, describer)
    assert None is kind("prod/orders/shop/db/x/y", {}, Describer(patterns=[NamePattern("prod/{application}/shop")]))


def test_tag_names_are_configurable() -> None:
    """A company that tags otherwise says how."""
    describer = Describer(tags=TagNames(kind="keywatch:kind", application="Team/App"))
    described = describer.describe("x", {"keywatch:Kind": "lwa-client-secret", "team/app": " orders ", "kind": "no"})
    assert described is not None
    assert (KeyKind.LWA_CLIENT_SECRET, "orders") == (described.kind, described.application)


@pytest.mark.parametrize("text", ["{team}", "{application}{application}", "{", "a}b", "{}"])
def test_a_pattern_that_cannot_be_read_is_refused(text: str) -> None:
    """The message says what may stand in braces."""
    with pytest.raises(ValueError, match=r"\{application\}, \{seller\}"):
        NamePattern(text)


def test_hostile_names_and_patterns_cost_little() -> None:
    """Many stars against a long name that nearly fits: time grows with the name, not with what could be tried."""
    began = time.process_time()
    assert None is NamePattern("*a" * 40 + "b").parts_of("a" * 2048)
    assert 1 > time.process_time() - began


@given(st.text(max_size=200))
def test_any_name_is_survived(name: str) -> None:
    """Whatever stands in a name is judged without an error, the same way each time."""
    assert guessed(name) == guessed(name)
    assert says_secret(name) in (True, False)
    assert speaks_of(f"{name} spApi", ("sp-api",))
    assert None is NamePattern("{application}/*/x").parts_of(name + "y")


@pytest.mark.parametrize("name", ["authorised_at", "Authorised-At", "authorized_at", "issued_at"])
def test_dates_are_taken_as_they_were_written_down(name: str) -> None:
    """As a day or an instant; what is no date is said, and the rest is taken."""
    tags = {"kind": "lwa-refresh-token", **SELLER, name: "2026-03-01", "expires_at": "2027-03-01T12:00:00+01:00"}
    described = Describer().describe("x", tags)
    assert described is not None
    assert (described.issued_at, described.expires_at, described.doubts) == (
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2027, 3, 1, 11, tzinfo=UTC),
        (),
    )
    described = Describer().describe("x", tags | {name: "last spring"})
    assert described is not None
    assert (described.issued_at, described.seller) == (None, "A1EXAMPLE")
    assert described.doubts == ("authorised_at: should be a date, as 2026-09-01",)


def test_an_application_may_say_whose_developer_account_it_is_of() -> None:
    """An account at Amazon; that a developer is named says nothing of it."""
    tags = {"kind": "lwa-client-secret", **ORDERS, "developer": "Jane"}
    for more, expected in (({}, None), ({"Developer-Account": "acme"}, "acme")):
        described = Describer().describe("x", tags | more)
        assert described is not None
        assert described.developer_account == expected
