"""What the tests of the daemon share."""

import shutil
from pathlib import Path

import pytest

from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
from tests.service.installation import Installation


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("compiled")
    Detector(packaged(), cache_dir=directory)
    return directory


@pytest.fixture
def here(tmp_path: Path, _compiled: Path) -> Installation:
    """A fresh installation with nothing configured, but the rules compiled: that takes seconds."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(_compiled, tmp_path / "state" / "cache")
    return Installation(tmp_path)
