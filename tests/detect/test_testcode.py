"""What stands in test code: invented passwords are only slightly believed, and all else as anywhere."""

import base64
import json

import pytest

from keywatch.detect.anchors import Anchors
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.rules import packaged
from keywatch.detect.sealing import sealed
from keywatch.detect.testcode import Purpose, purpose
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
        "orders/fixture",
        "orders/fixtures/fixture.gz!fixture",
        "orders/users_fixture.json",
        "orders/fixture.zip!config/settings.ini",
        "internal/conf/settings.golden.ini",
        "ui/__snapshots__/checkout.tsx.snap",
    ],
)
def test_test_code_is_known_by_its_name(path: str) -> None:
    """What a language's own test runner would run."""
    assert purpose(path.encode()) is Purpose.TEST


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
        "fixtures/users.json",
        "fixtures.d/settings.ini",
        "golden/settings.ini",
        "orders/fixturelist.py",
    ],
)
def test_a_directory_called_tests_makes_no_test_code(path: str) -> None:
    """Settings, data and helpers lie there as well, and people keep real keys in these."""
    assert purpose(path.encode()) is not Purpose.TEST


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".env.example", Purpose.TEMPLATE),
        ("config/settings.sample.yml", Purpose.TEMPLATE),
        ("wp-config-sample.php", Purpose.TEMPLATE),
        ("app.ini.dist", Purpose.TEMPLATE),
        ("apis/iam-2010-05-08.examples.json", Purpose.EXAMPLES),
        ("iam/2010-05-08/examples-1.json", Purpose.EXAMPLES),
        ("examples/settings.yml", Purpose.ANY),
        (".env", Purpose.ANY),
        ("distribution.yml", Purpose.ANY),
    ],
)
def test_a_file_says_by_its_own_name_what_it_is_for(path: str, expected: Purpose) -> None:
    """A configuration to be filled in, a document of examples; never a directory's name."""
    assert purpose(path.encode()) is expected


def test_a_template_holds_passwords_to_be_replaced() -> None:
    """What a generator made is no placeholder: people copy their real settings into the template."""
    (password,) = scanned(f'DB_PASSWORD="{PASSWORD}"\n', ".env.example")
    (key,) = scanned(f"SHOP_API_KEY={RANDOM}\n", ".env.example")
    assert (password.confidence, key.confidence) == (Confidence.SLIGHT, Confidence.LOW)


def test_a_document_of_examples_holds_examples() -> None:
    """Random values and web tokens as well, for they show what an answer looks like; an issuer's token stays one."""
    issued = web_token({"iss": "https://login.shop.test", "exp": 1900000000})
    path = "apis/shop.examples.json"
    for text in (f'"clientSecret": "{RANDOM}"', f'"idToken": "{issued}"', f'"password": "{PASSWORD}"'):
        (match,) = scanned(text, path)
        assert match.confidence is Confidence.SLIGHT
    (token,) = scanned(f'"refreshToken": "{expand("Atzr|Iw{base64url:100}")}"', path)
    assert token.confidence is Confidence.HIGH


def test_a_key_that_somebody_typed() -> None:
    """Beside a service's name a series may be its key; in test code it is one that nobody was given."""
    typed = ("a1b2" + "c3d4" + "e5f6") * 3
    text = f'pandadoc_key = "{typed}"'
    (elsewhere,) = scanned(text, SETTINGS)
    (match,) = scanned(text, CODE)
    assert (elsewhere.confidence, match.confidence) == (Confidence.MEDIUM, Confidence.SLIGHT)


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
