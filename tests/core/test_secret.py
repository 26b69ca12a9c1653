"""A plaintext that cannot be shown by any of the ways a program shows things."""

import copy
import dataclasses
import json
import logging
import pickle
import traceback

import pytest

from keywatch.model.secret import Pepper, Secret

CANARY = "canary-" + "plaintext-0123456789"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r}".format,
        lambda secret: f"{secret:>40}",
        lambda secret: repr([secret]),
        lambda secret: "%s" % secret,  # noqa: UP031
    ],
)
def test_no_way_of_printing_shows_it(show: object) -> None:
    """repr, str, format, a container's repr and the old % all say that it is hidden."""
    assert CANARY not in show(Secret(CANARY.encode()))  # type: ignore[operator]


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars, hash])
def test_no_way_of_taking_it_along_works(take: object) -> None:
    """It cannot be pickled, copied, serialised, walked or hashed."""
    with pytest.raises(TypeError) as refused:
        take(Secret(CANARY.encode()))  # type: ignore[operator]
    assert CANARY not in str(refused.value)


def test_a_record_that_holds_one_cannot_be_turned_into_a_dict() -> None:
    """`dataclasses.asdict` copies, and a copy is refused."""

    @dataclasses.dataclass
    class Holder:
        secret: Secret

    with pytest.raises(TypeError):
        dataclasses.asdict(Holder(Secret(CANARY.encode())))


def test_neither_a_log_line_nor_a_traceback_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    """What lands in a log when somebody passes it on by mistake is its hidden form."""
    secret = Secret(CANARY.encode())
    try:
        raise RuntimeError("failed with %r" % secret)  # noqa: UP031, TRY301
    except RuntimeError:
        logging.getLogger("test").exception("holding %s", secret)
        assert CANARY not in traceback.format_exc()
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("plaintext", "preview"),
    [(b"abcd" * 10, "abcd…"), (b"abcdefgh", "ab…"), (b"abc", "…"), (b"\x1b[2Jabcdefghijkl", "[2J…")],
)
def test_a_preview_shows_at_most_four_characters_and_a_quarter(plaintext: bytes, preview: str) -> None:
    """A short secret shows less, and no preview carries a terminal escape."""
    assert preview == Secret(plaintext).preview()


def test_secrets_compare_by_value() -> None:
    """Two copies of one plaintext are equal, and nothing else is."""
    assert Secret(b"a") == Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != "a"


def test_a_fingerprint_depends_on_the_pepper() -> None:
    """A stolen database cannot be matched against another installation's fingerprints."""
    one, two = Pepper(bytes(32)), Pepper(bytes([1]) * 32)
    assert one.fingerprint(Secret(b"x")) == one.fingerprint(Secret(b"x")) != two.fingerprint(Secret(b"x"))
    assert one.id != two.id
    assert bytes(32).hex() not in repr(one)
    with pytest.raises(TypeError):
        pickle.dumps(one)
    with pytest.raises(ValueError, match="32 bytes"):
        Pepper(b"short")
