"""Mistakes in the settings about sharing: named with file, line and what would be right."""

from pathlib import Path

import pytest

from keywatch.model.errors import ConfigError
from keywatch.settings.load import load


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sharing]\nwindow_days = 15", "keywatch.toml:2: sharing.window_days: "),
        ("[sharing]\nmost_agent = 1", "keywatch.toml:2: sharing.most_agent: no such setting"),
        ('[[sharing.allow]]\nnetworks = ["203.0.113.7/24"]', "has one that is not a network, as"),
        ('[[sharing.allow]]\nkey = ["orders"]', "needs networks, providers, countries, agents or principals"),
        ("[[sharing.allow]]\nproviders = [64500]", "allow names providers, which needs asn_database as well"),
        ('[[sharing.allow]]\ncountries = ["NL"]', "allow names countries, which needs country_database as well"),
        ('[[sharing.allow]]\ncountries = ["Netherlands"]', "should be two capital letters, as `NL`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong, and what would be right."""
    path = tmp_path / "keywatch.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert said in caught.value.message
