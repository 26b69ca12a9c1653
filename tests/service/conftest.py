"""What the tests of the daemon share."""

import shutil
from pathlib import Path

import pytest

from tests.service.installation import Installation


@pytest.fixture
def here(tmp_path: Path, rules_cache: Path) -> Installation:
    """A fresh installation with nothing configured, but the rules compiled: that takes seconds."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    return Installation(tmp_path)
