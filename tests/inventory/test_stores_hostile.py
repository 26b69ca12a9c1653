"""What answers in AWS's place, or answers with nonsense, is never taken for an account without keys."""

from collections.abc import Iterator

import pytest

from keywatch.collect.aws import AwsAccess
from keywatch.collect.inventory.aws_parameters import AwsParameters
from keywatch.collect.inventory.aws_secrets import AwsSecrets
from keywatch.demo.loopback import LoopbackServer, QuietHandler
from keywatch.model.errors import SourceMalformed
from keywatch.model.source import Skipped
from tests.inventory.stores import ACCOUNT, ROLE

_IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>{ROLE}</Arn><UserId>x</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
).encode()


class Portal(QuietHandler):
    """Knows who we are, and answers all else with one and the same body."""

    said = b""

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        self.body()
        self.answer(200, self.said if "X-Amz-Target" in self.headers else _IDENTITY, "text/plain")


@pytest.fixture
def url() -> Iterator[str]:
    server = LoopbackServer(Portal)
    server.start()
    yield server.url
    server.stop()


def sources(url: str) -> list[AwsSecrets | AwsParameters]:
    access = AwsAccess(endpoint_url=url, attempts=1)
    return [AwsSecrets("prod", access), AwsParameters("prod", access)]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"<html>please log in", id="a-captive-portal"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="nothing-of-what-was-asked"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"\xff\xfe{", id="no-text"),
        pytest.param(b'{"SecretList": "x", "Parameters": "x"}', id="text-for-a-list"),
        pytest.param(b'{"SecretList": [1], "Parameters": [1]}', id="numbers-for-entries"),
        pytest.param(
            b'{"SecretList": [{"CreatedDate": "soon"}], "Parameters": [{"LastModifiedDate": 1e300}]}', id="no-date"
        ),
        pytest.param(b'{"SecretList": [], "Parameters": [], "NextToken": 5}', id="a-token-that-cannot-be-sent"),
    ],
)
def test_nonsense_is_an_error_not_an_empty_account(url: str, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Else every key would seem to have gone."""
    monkeypatch.setattr(Portal, "said", answer)
    for source in sources(url):
        with pytest.raises(SourceMalformed):
            list(source.keys())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b'{"SecretList": [null], "Parameters": [null]}', id="nothing"),
        pytest.param(b'{"SecretList": [{"ARN": 5, "Name": 7}], "Parameters": [{"Name": 5}]}', id="numbers-for-names"),
        pytest.param(
            b'{"SecretList": [{"ARN": "arn:x", "Name": "lwa/a"}], "Parameters": [{"Name": null}]}', id="no-arn"
        ),
    ],
)
def test_one_entry_that_makes_no_sense_is_counted(url: str, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """So the reading is not complete, and no key is called gone."""
    monkeypatch.setattr(Portal, "said", answer)
    for source in sources(url):
        assert {Skipped} == {type(item) for item in source.keys()}  # noqa: SIM118 - not a mapping
