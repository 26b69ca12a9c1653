"""Which log groups are meant: names and ARNs, in which `*` stands for anything."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keywatch.collect.aws import AwsClients, asking
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.source import Skipped

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import DescribeLogGroupsRequestTypeDef

_ARN = re.compile(r"(arn:[^:]*:logs:[^:]*:(\d{12}):log-group):([^:]+)(?::\*)?")
_PAGE = 50


@dataclass(frozen=True, slots=True)
class Group:
    """One log group."""

    name: str
    arn: str | None
    """If it was asked for by ARN: it may be another account's."""
    by_name: bool
    """Whether it was asked for by its whole name, so that it is missed if it is not there."""

    @property
    def label(self) -> str:
        """What it is called in a place and in a cursor."""
        account = _ARN.fullmatch(self.arn) if self.arn else None
        return f"{account[2]}:{self.name}" if account else self.name


def resolve(clients: AwsClients, patterns: tuple[str, ...]) -> Iterator[Group | Skipped]:
    """
    Yield the groups that `patterns` name, each once; and a `Skipped` for each pattern that leads nowhere.

    A whole name is not looked up: that needs no permission to list.

    Raises:
        SourceError: nobody can be asked.
    """
    told: set[str] = set()
    for pattern in patterns:
        found = False
        try:
            for group in _matching(clients, pattern):
                found = True
                if group.label not in told:
                    told.add(group.label)
                    yield group
        except SourceDenied as error:
            yield Skipped(f"log groups {pattern}", error.message, error.hint)
            continue
        if not found:
            yield Skipped(f"log groups {pattern}", "there is none of that name", "check the spelling, and the region")


def _matching(clients: AwsClients, pattern: str) -> Iterator[Group]:
    arn = _ARN.fullmatch(pattern)
    name = arn[3] if arn else pattern
    if "*" not in name:
        yield Group(name, f"{arn[1]}:{name}" if arn else None, by_name=True)
        return
    wanted = re.compile(".*".join(re.escape(part) for part in name.split("*")))
    ask: DescribeLogGroupsRequestTypeDef = {"limit": _PAGE}
    if prefix := name.partition("*")[0]:
        ask["logGroupNamePrefix"] = prefix
    if arn:
        ask["accountIdentifiers"], ask["includeLinkedAccounts"] = [arn[2]], True
    for found, its_arn in _described(clients, ask):
        if wanted.fullmatch(found) and (arn is None or its_arn.startswith(f"{arn[1]}:")):
            yield Group(found, its_arn if arn else None, by_name=False)


def _described(clients: AwsClients, ask: "DescribeLogGroupsRequestTypeDef") -> Iterator[tuple[str, str]]:
    logs, token = clients.logs(), ""
    while True:
        more: DescribeLogGroupsRequestTypeDef = {**ask, "nextToken": token} if token else ask
        with asking(clients.who, "logs:DescribeLogGroups"):
            answer = logs.describe_log_groups(**more)
        for group in answer.get("logGroups", []):
            yield group.get("logGroupName", ""), group.get("arn", "").removesuffix(":*")
        before, token = token, answer.get("nextToken") or ""
        if not token:
            return
        if token == before:
            raise SourceMalformed(f"{clients.who}: logs:DescribeLogGroups goes round in a circle")
