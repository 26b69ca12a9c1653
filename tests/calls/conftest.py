"""What tests of call sources share."""

from collections.abc import Iterator
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader


@pytest.fixture(scope="session", autouse=True)
def _endpoints_once() -> Iterator[None]:
    """Each session of boto3 parses the list of all of AWS's endpoints anew; for hundreds of tests, once is enough."""
    parse = JSONFileLoader().load_file
    once = cache(parse)

    def load_file(_: JSONFileLoader, path: str) -> object:
        return once(path) if path.endswith("endpoints") else parse(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield
