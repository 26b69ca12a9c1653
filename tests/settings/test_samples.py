"""Every sample loads as it stands, and the template is the sample with its settings switched off."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from keywatch.settings.load import load
from keywatch.settings.schema import Settings

CONFIG = Path(__file__).parents[2] / "config"
TEMPLATE = files("keywatch.settings").joinpath("template.toml").read_text("utf-8")


@pytest.mark.parametrize("sample", sorted(CONFIG.glob("*.toml")), ids=lambda path: path.name)
def test_a_sample_loads(sample: Path) -> None:
    """`config/` holds nothing that `keywatch check` would refuse."""
    assert isinstance(load(sample), Settings)


def test_the_template_changes_nothing_until_a_setting_is_switched_on(tmp_path: Path) -> None:
    """What `keywatch init` writes is valid, and equal to no configuration at all."""
    path = tmp_path / "keywatch.toml"
    path.write_text(TEMPLATE, "utf-8")
    assert load(path) == Settings()


def test_the_template_switched_on_is_the_sample() -> None:
    """One text explains both."""
    switched_on = "".join(line.removeprefix("#:") for line in TEMPLATE.splitlines(keepends=True))
    assert switched_on == (CONFIG / "keywatch.toml").read_text("utf-8")


def test_every_setting_is_explained() -> None:
    """A table that the schema knows and the sample does not show is one nobody will find."""
    sample = tomllib.loads((CONFIG / "keywatch.toml").read_text("utf-8"))
    assert set(Settings.model_fields) == set(sample)
