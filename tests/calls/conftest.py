"""What tests of call sources share."""

import pickle
from collections.abc import Iterator
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader


@pytest.fixture(scope="session", autouse=True)
def _models_once() -> Iterator[None]:
    """Each session of boto3 parses AWS's descriptions of its services anew; for hundreds of tests, once is enough."""
    parse = JSONFileLoader().load_file

    @cache
    def kept(path: str) -> object:
        found = parse(path)
        return found if path.endswith("endpoints") else pickle.dumps(found)

    def load_file(_: JSONFileLoader, path: str) -> object:
        found = kept(path)
        # A copy of each model, since moto changes what it is given; the list of endpoints nobody changes.
        return pickle.loads(found) if isinstance(found, bytes) else found  # noqa: S301 - our own

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield
