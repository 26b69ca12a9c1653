"""What a value must look like to pass for a password, where nothing, something or all speaks for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.examples import expand
from keywatch.detect.password import (
    Grade,
    grade,
    looks_like_password,
    looks_like_strong_password,
    looks_like_weak_password,
)

STRONG = (
    "Kx4!bq9",
    "!Dd{digit:1}G4s9",
    "Kx{alnum:4}4!{lower:2}",
    "q{{h}o)p${e]n(a[f>-#x",
    "P4lm-tr33-0n",
    "wind#{digit:2}",
)
FAIR = (
    "hunter{digit:2}",
    "sommer{digit:4}",
    "cack{}le!",
    "Sommer{digit:4}",
    "shop-{digit:4}-lamp",
    "Passw{}ord{digit:3}!",
)
WEAK = (
    "sommerwind",
    "open sesame",
    "blue_lamp_shade",
    "{digit:3}947",
    "Welcome!",
    "P@ssw{}0rd",
    "us-east-1",
    "pass{}word9",
)
NONE = (
    "", "abc", "aaaaaaa", "********", "●●●●●●", "-----", "?!?!", "xxxxxxxx", "0000", "changeme", "password", "none",
    "string", "sha256", "${PASSWORD}", "$password", "{{ vault_pw }}", "#{pw}", "%(pw)s", "%s", "%PASSWORD%",
    "<your password>", "{0}", "<%= pw %>", "os.environ['PW1']", "config.password2", "getpass()",
    "this.password", "process.env.PW", "req->pw1", "a.b.c", "!vault", "ENC(Kx4bq9)", "vault:kv/a#b1",
    "op://a/b1", "/etc/shadow1", "./pw1.txt", "https://x.test/1", "C:\\x1\\y", "#ff00aa", "#new-password",
    ".form #x1", "v1.2.3", "10.0.0.1", "2024-01-31", "2024-01-31T10:00:00Z", "jane@shop.test",
    "Enter your password", "Forgot password?", "myPassword", "passwort", "contraseña", "^[a-z]+$",
    "(?=.*\\d)x1", "a1 && b2", "\\x00\\x01a", "input[name=pw1]",
)  # fmt: skip


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param(template, expected, id=f"{expected.name.lower()}-{number}")
        for expected, templates in (
            (Grade.STRONG, STRONG), (Grade.FAIR, FAIR), (Grade.WEAK, WEAK), (Grade.NONE, NONE),
        )
        for number, template in enumerate(templates)
    ],
)  # fmt: skip
def test_a_value_is_graded_by_its_looks(template: str, expected: Grade) -> None:
    """What stands for a password is none; a word is weak, with digits or marks fair, and mixed as in no name strong."""
    value = (template if expected is Grade.NONE else expand(template)).encode()
    assert expected is grade(value), template


def test_a_test_takes_its_grade_and_all_above() -> None:
    """A rule that is content with a word is content with everything better."""
    tests = (looks_like_weak_password, looks_like_password, looks_like_strong_password)
    told = [
        [test(expand(template).encode()) for test in tests] for template in ("sommerwind", "hunter{digit:2}", "Kx4!bq9")
    ]
    assert told == [[True, False, False], [True, True, False], [True, True, True]]


@pytest.mark.parametrize("value", [b"Kx4!bq9\x01", b"Kx4!\xffbq9", b"Kx4!\x7fbq9"])
def test_what_cannot_be_typed_is_no_password(value: bytes) -> None:
    """Control characters and bytes that are not UTF-8 come from programs, not from people."""
    assert grade(value) is Grade.NONE


def test_what_is_longer_than_anybody_types_is_taken_for_generated() -> None:
    """A token of hundreds of characters passes wherever a password would; a mask of that length does not."""
    assert looks_like_strong_password(expand("{alnum:300}").encode())
    assert not looks_like_weak_password(b"x" * 300)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_graded(value: bytes) -> None:
    """Whatever stands behind a label has a grade, and the quick look at its shape never refuses what has it."""
    assert looks_like_strong_password(value) == (grade(value) >= Grade.STRONG)
    assert looks_like_password(value) == (grade(value) >= Grade.FAIR)
    assert looks_like_weak_password(value) == (grade(value) >= Grade.WEAK)
