"""What stands in test code: invented passwords are only slightly believed, and all else as anywhere."""

import base64
import json

import pytest

from keywatch.detect.anchors import Anchors
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.rules import packaged
from keywatch.detect.sealing import sealed
from keywatch.detect.testcode import is_test_code
from keywatch.detect.webtoken import was_issued
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Confidence, Match
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind
from keywatch.model.known_secret import KnownSecret
from keywatch.model.secret import Pepper, Secret

DETECTOR = Detector(packaged())
PASSWORD = "Kx" + expand("{digit:3}!{alnum:9}")
RANDOM = expand("{alnum:40}")
CODE = "orders/test_checkout.py"
SETTINGS = "orders/checkout.py"


def scanned(text: str, path: str, detector: Detector = DETECTOR) -> list[Match]:
    return detector.scan(Chunk(data=text.encode(), origin=Origin("t", path)))


def web_token(claims: dict[str, object]) -> str:
    """Return a web token of these claims that nobody signed."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "." + expand("{alnum:43}")


@pytest.mark.parametrize(
    "path",
    [
        "test_checkout.py",
        "orders/checkout_test.py",
        "tests/conftest.py",
        "pkg/checkout_test.go",
        "spec/checkout_spec.rb",
        "ui/checkout.test.ts",
        "ui/checkout.spec.jsx",
        "ui/__tests__/checkout.mjs",
        "app/CheckoutTest.java",
        "app/CheckoutIT.kt",
        "app/CheckoutTests.cs",
        "src/test/java/shop/Fixtures.java",
    ],
)
def test_test_code_is_known_by_its_name(path: str) -> None:
    """What a language's own test runner would run."""
    assert is_test_code(path.encode())


@pytest.mark.parametrize(
    "path",
    [
        "",
        "-",
        "case.txt",
        "cases/checkout.py",
        "tests/checkout.py",
        "tests/fixtures/test_settings.yaml",
        "test_settings.env",
        "tests/.env",
        "test.py",
        "latest_orders.py",
        "contest.rb",
        "app/AUDIT.java",
        "app/Contest.java",
        "src/test/resources/application.properties",
        "test_checkout.py/settings.ini",
    ],
)
def test_a_directory_called_tests_makes_no_test_code(path: str) -> None:
    """Settings, data and helpers lie there as well, and people keep real keys in these."""
    assert not is_test_code(path.encode())


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{RANDOM}"',
        f'password = "{PASSWORD}"',
        f'connect("postgres://app:{PASSWORD}@db.shop.internal/orders")',
        f'token = "{web_token({"sub": "orders"})}"',
    ],
)
def test_what_tells_itself_by_its_name_alone(text: str) -> None:
    """A password, a random value or a web token of nobody's: told, but in test code only slightly believed."""
    (elsewhere,) = scanned(text, SETTINGS)
    (match,) = scanned(text, CODE)
    assert elsewhere.confidence is not Confidence.SLIGHT
    assert match.confidence is Confidence.SLIGHT


@pytest.mark.parametrize(
    "text",
    [
        expand("GITHUB_TOKEN = '{crc:ghp_:30}'"),
        expand("GITHUB_TOKEN = 'ghp_{alnum:36}'"),
        expand("aws_access_key_id = 'AKIA{base32:16}'\naws_secret_access_key = '{base64:40}'"),
        expand("SECRET = 'amzn1.oa2-cs.v1.{hex:64}'"),
        expand("TOKEN = 'Atzr|Iw{base64url:100}'"),
        expand(
            "KEY = '''-----BEGIN{} RSA PRIVATE KEY-----\n{base64:64}\n{base64:64}\n-----END{} RSA PRIVATE KEY-----'''"
        ),
        f"'''Here is our password for sellercentral.amazon.de: {PASSWORD}'''",
        f'token = "{web_token({"iss": "https://login.shop.test", "exp": 1900000000})}"',
    ],
)
def test_what_has_a_shape_of_its_own(text: str) -> None:
    """A token of an issuer, a key of the Amazon family, a seller's login: worth the same wherever it stands."""
    believed = {match.confidence for match in scanned(text, SETTINGS)}
    assert believed
    assert believed == {match.confidence for match in scanned(text, CODE)}


def test_a_key_of_ours_in_test_code() -> None:
    """A value we know is recognised, not guessed."""
    pepper = Pepper(bytes(32))
    known = sealed(Secret(RANDOM.encode()), pepper)
    assert isinstance(known, KnownSecret)
    name = Handle(HandleSpace.DECLARED, "shop")
    key = Key(kind=KeyKind.OTHER, handles=(name,), name="shop", locations=(), known=frozenset({known}))
    detector = Detector(packaged())
    detector.known = Anchors([key], pepper)
    assert [Confidence.HIGH] == [match.confidence for match in scanned(f"api_key = '{RANDOM}'", CODE, detector)]


@pytest.mark.parametrize(
    ("token", "issued"),
    [
        (web_token({"iss": "shop", "sub": "7"}), True),
        (web_token({"sub": "7", "iat": 1}), True),
        (web_token({"sub": "7"}), False),
        (web_token({"password": "x"}), False),
        (web_token({"sub": "1234567890", "name": "John Doe", "iat": 1516239022}), False),
        ("eyJhbGciOiJIUzI1NiJ9.{not base64}.x", True),
        ("eyJhbGciOiJIUzI1NiJ9." + "A" * 10_000 + ".x", True),
        ("no token at all", True),
        ("", True),
    ],
)
def test_a_web_token_says_who_issued_it(token: str, issued: bool) -> None:
    """One that names no issuer and no time was put together by hand; one that cannot be read is given the doubt."""
    assert issued is was_issued(token.encode())
