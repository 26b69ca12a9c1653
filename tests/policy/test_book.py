"""The obligations as data: those that come with keywatch, and a company's own changes."""

from pathlib import Path

import pytest

from keywatch.model.errors import ConfigError
from keywatch.policy import packaged, read

SENTENCES = {
    "policy-known", "purpose", "authorised-sellers", "no-help-to-violate", "violating-sellers", "policies-followed",
    "true-advertising", "clear-about-data", "data-unaltered", "calculations-explained", "laws", "others-rights",
    "availability", "impact-before-launch", "throttling", "validated-analyses", "keys-not-shared", "no-seller-keys",
    "third-party-authorisation", "no-idle-applications", "ninety-days", "no-seller-central-logins", "secondary-users",
    "needed-data-only", "need-to-know", "one-account-a-region", "no-disclosure", "no-insights-about-amazon",
    "data-protection",
}  # fmt: skip
"""Every single thing that the Acceptable Use Policy asks for."""


def test_every_sentence_of_the_policy_has_its_entry() -> None:
    """None is left out, none stands there twice, and each says what to do and in which text it was read."""
    obligations = packaged().obligations
    assert {item.id for item in obligations if item.duty.policy == "aup"} == SENTENCES
    assert len({item.id for item in obligations}) == len(obligations)
    for item in obligations:
        assert item.watched or item.question, item.id
        assert item.remedy, item.id
        assert item.title.endswith("."), item.id
        assert item.duty.link.startswith("https://"), item.id
        assert item.duty.edition, item.id


def test_a_company_changes_what_is_different_there_and_adds_its_own(tmp_path: Path) -> None:
    """Fields that are not named stay; an obligation that does not apply says why."""
    own = tmp_path / "own.toml"
    own.write_text(
        """
        policy = "house"
        [[obligation]]
        id = "need-to-know"
        confirmed_every_days = 30
        [[obligation]]
        id = "secondary-users"
        excused = "we have none, and ask for none"
        [[obligation]]
        id = "laptops"
        title = "Laptops are encrypted."
        confirmed_every_days = 90
        question = "Are they?"
        """
    )
    book = read([own])
    assert len(book.obligations) == len(packaged().obligations) + 1
    changed = book["need-to-know"]
    assert changed.confirmed_every is not None
    assert changed.confirmed_every.days == 30
    assert changed.question == packaged()["need-to-know"].question
    assert book["secondary-users"].excused == "we have none, and ask for none"
    assert book["laptops"].duty.policy == "house"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "is not TOML"),
        ("x = 1", "unknown field `x`"),
        ("", "missing required field `obligation`"),
        ("[[obligation]]\ntitle = 'x'", "missing required field `id`"),
        ("[[obligation]]\nid = 'A b'", "id"),
        ("[[obligation]]\nid = 'x'\nwatched = ['nothing']", "'nothing'"),
        ("[[obligation]]\nid = 'x'\nconfirmed_every_days = -1", "confirmed_every_days"),
        ("[[obligation]]\nid = 'x'\nconfirmed_every_days = 1", "obligation x has no question"),
        ("[[obligation]]\nid = 'x'", "obligation x is neither watched nor confirmed"),
        ("[[obligation]]\nid = 'x'\nwatched = ['key-dying']", "obligation x does not say what it is seen_by"),
        (
            "[[obligation]]\nid = 'x'\nwatched = ['key-dying']\nseen_by = ['access']\nonly_where_read = true",
            "obligation x is watched only_where_read, and nobody confirms it",
        ),
        ("[[obligation]]\nid = 'x'\nexcused = 'y'\n[[obligation]]\nid = 'x'", "obligation x stands there twice"),
    ],
)
def test_a_file_that_means_nothing_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    """With the file, the entry and what is wrong."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read([path])
    assert str(path) in refused.value.message
    assert said in refused.value.message.replace(": is", " is").replace(": has", " has").replace(": does", " does")


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(ConfigError, match="No such file"):
        read([tmp_path / "gone.toml"])
