"""The Amazon family and what sellers write: nothing of it is missed, and nothing else is taken for it."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin

Case = tuple[str, str, tuple[str, ...]]
AMAZON = {"aws", "lwa", "mws", "seller"}


def _beside(name: str) -> ModuleType:
    """Return a module of cases: the tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


AMAZON_CASES, HUMAN, HARMLESS, SECOND = map(_beside, ("amazon_cases", "human_cases", "harmless_cases", "second_cases"))
DETECTOR = Detector(packaged())


def found(text: str) -> dict[str, str]:
    """Return the secrets told in a text, with the categories of the rules that tell them; each place is inside it."""
    # UTF-16 text comes as characters of one byte each.
    data = text.encode("latin-1" if "\0t\0" in text else "utf-8")
    matches = DETECTOR.scan(Chunk(data, Origin("t", "notes.txt")))
    assert all(0 <= match.offset < match.offset + match.length <= len(data) for match in matches)
    return {match.secret.reveal().decode("utf-8", "replace"): match.rule.category for match in matches}


def missed(cases: Iterable[Case]) -> Iterator[str]:
    """Yield the names of the cases in which a secret is not told as what it is."""
    for name, text, secrets in cases:
        told = found(text)
        if any(told.get(secret, "generic") == "generic" for secret in secrets):
            yield name


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(AMAZON_CASES.cases, id="headers-addresses-queues-broken-lines"),
        pytest.param(HUMAN.passwords, id="passwords-in-messages"),
        pytest.param(HUMAN.quoted_passwords, id="passwords-in-quotation-marks"),
        pytest.param(HUMAN.keys, id="secret-keys-in-messages"),
        pytest.param(HUMAN.stored, id="logins-in-files-and-forms"),
        pytest.param(SECOND.cases, id="whole-files-and-conversations"),
    ],
)
def test_every_secret_is_told(cases: Callable[[], Iterator[Case]]) -> None:
    """Whoever wrote it, wherever and in whatever words: the value itself is told, no more and no less."""
    assert list(missed(cases())) == []


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(HARMLESS.harmless, id="talk-identifiers-labels"),
        pytest.param(SECOND.calm, id="letters-and-manuals"),
    ],
)
def test_nothing_is_told_where_there_is_nothing(cases: Callable[[], Iterator[tuple[str, str]]]) -> None:
    """Talk of keys and passwords, public identifiers, hashes, placeholders and labels of a form are no leaks."""
    assert [name for name, text in cases() if AMAZON.intersection(found(text).values())] == []


def test_a_password_is_a_sellers_near_seller_central_only() -> None:
    """The same words about another site are no matter of Amazon's policy."""
    for sentence in (
        "the password for {} is {}",
        "Passwort für {}: {}",
        "mot de passe {} : {}",
        "{}のパスワードは{}です",
    ):
        password = HUMAN.CHOSEN[0]
        assert found(sentence.format("Seller Central", password)).get(password) == "seller"
        assert "seller" not in found(sentence.format("Intranet", password)).values()


def test_a_password_of_another_service_of_amazon_is_no_sellers() -> None:
    """Amazon's own name makes it one, the name of a database that Amazon runs does not."""
    password = HUMAN.CHOSEN[0]
    assert found(f"the password for Amazon is {password}").get(password) == "seller"
    for sentence in ("the password for Amazon RDS is {}", "Amazon ElastiCache password: {}", "pw for Amazon MQ: {}"):
        assert "seller" not in found(sentence.format(password)).values()


def test_the_place_of_a_password_in_a_sentence_is_its_own() -> None:
    """A person is shown the word itself, also behind letters of several bytes and in a mail's own encoding."""
    password = HUMAN.CHOSEN[0]
    text = f"セラーセントラルのパスワードは「{password}」です。\n"
    (match,) = DETECTOR.scan(Chunk(text.encode(), Origin("t", "mail.txt")))
    assert text.encode()[match.offset : match.offset + match.length].decode() == password
