"""The policies in `config/aws` allow what keywatch asks of AWS and nothing else: they are held against its code."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import botocore.session
import pytest

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "config" / "aws"
COLLECT = ROOT / "keywatch" / "collect"

_ACTION = re.compile(r"\b([a-z0-9-]{2,20}):([A-Z][A-Za-z0-9]+)")
UNLIKE_THE_OPERATION = {"s3:ListBucket"}
"""Actions that are not named as the operation that takes them (ListObjectsV2)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a statement of a policy is for."""

    policy: str
    sid: str
    modules: str
    """Below `keywatch/collect`: those that ask."""
    implied: frozenset[str] = frozenset()
    """What AWS asks for when these ask, and no request names."""


IAM = "iam.py credential_report.py inventory/aws_iam.py calls/iam_last_used.py"
WAY_IN = "aws.py aws_organisation.py"
TRAIL = "calls/cloudtrail*.py"
ATHENA = "calls/athena*.py"
NOTICES = "calls/application_notices.py calls/cloudtrail_queue.py"
RESULTS = frozenset({"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"})
GRANTS = (
    Grant("inventory-policy.json", "WhoWeAre", WAY_IN),
    Grant("inventory-policy.json", "AccessKeys", IAM),
    Grant("inventory-policy.json", "WhenTheyWereLastUsed", IAM),
    Grant("inventory-policy.json", "NamesOfSecrets", "inventory/aws_secrets.py"),
    Grant("inventory-policy.json", "AgeOfSecrets", "inventory/aws_secrets.py"),
    Grant("inventory-policy.json", "NamesOfParameters", "inventory/aws_parameters.py"),
    Grant("inventory-policy.json", "TagsOfParameters", "inventory/aws_parameters.py"),
    Grant("organisation-policy.json", "WhoWeAre", WAY_IN),
    Grant("organisation-policy.json", "AccountsOfTheOrganisation", WAY_IN),
    Grant("organisation-policy.json", "TheOneRoleInEachAccount", WAY_IN),
    Grant("member-role-trust.json", "KeywatchAlone", WAY_IN),
    Grant("trail-policy.json", "NamesOfFiles", TRAIL),
    Grant("trail-policy.json", "Files", TRAIL),
    Grant("trail-policy.json", "WhereTheTrailEncryptsWithAKeyOfYourOwn", TRAIL, frozenset({"kms:Decrypt"})),
    Grant("trail-policy.json", "WhatTheTrailRecords", "calls/cloudtrail_trail.py"),
    Grant("trail-policy.json", "HowTheTrailIs", "calls/cloudtrail_trail.py"),
    Grant("trail-policy.json", "ToVerifyDigests", "calls/cloudtrail_chain.py calls/cloudtrail_digest.py"),
    Grant("trail-policy.json", "NoticesOfNewFiles", "calls/cloudtrail_queue.py"),
    Grant("notices-policy.json", "NoticesOfClientSecrets", NOTICES),
    Grant(
        "notices-policy.json",
        "WhereTheQueueEncryptsWithAKeyOfYourOwn",
        "calls/application_notices.py",
        frozenset({"kms:Decrypt"}),
    ),
    Grant("lookup-events-policy.json", "WhoWeAre", "calls/lookup*.py"),
    Grant("lookup-events-policy.json", "KeysToAskAbout", "calls/lookup*.py"),
    Grant("lookup-events-policy.json", "EventsOfOneKey", "calls/lookup*.py"),
    Grant("athena-policy.json", "Queries", ATHENA),
    Grant(
        "athena-policy.json", "TheTable", ATHENA, frozenset({"glue:GetDatabase", "glue:GetTable", "glue:CreateTable"})
    ),
    Grant("athena-policy.json", "NamesOfFilesAndResults", ATHENA, frozenset({"s3:ListBucket", "s3:GetBucketLocation"})),
    Grant("athena-policy.json", "Files", ATHENA, frozenset({"s3:GetObject"})),
    Grant("athena-policy.json", "Results", ATHENA, RESULTS),
    Grant("athena-policy.json", "WhereTheTrailEncryptsWithAKeyOfYourOwn", ATHENA, frozenset({"kms:Decrypt"})),
    Grant("buckets-policy.json", "NamesBelowThePrefix", "content/s3*.py"),
    Grant("buckets-policy.json", "ContentBelowThePrefix", "content/s3*.py"),
    Grant("buckets-policy.json", "WhereABucketEncryptsWithAKeyOfYourOwn", "content/s3*.py"),
    Grant("log-groups-policy.json", "NamesOfGroupsForPatterns", "content/cloudwatch.py content/log_groups.py"),
    Grant("log-groups-policy.json", "EventsOfTheseGroups", "content/cloudwatch.py content/log_groups.py"),
    Grant("probe-policy.json", "ValuesOfDeclaredKeys", "stored_values.py"),
    Grant(
        "probe-policy.json",
        "WhereSecretsAreEncryptedWithAKeyOfYourOwn",
        "stored_values.py",
        frozenset({"kms:Decrypt"}),
    ),
)


@cache
def operations(service: str) -> frozenset[str]:
    """What AWS's own model of a service knows."""
    names = {"cloudwatch-logs": "logs"}
    return frozenset(botocore.session.get_session().get_service_model(names.get(service, service)).operation_names)


def is_action(text: str) -> bool:
    service, _, name = text.partition(":")
    known = botocore.session.get_session().get_available_services()
    return text in UNLIKE_THE_OPERATION or (service in known and name in operations(service))


@cache
def asked(module: Path) -> frozenset[str]:
    """The actions that a module names where it asks, or tells a person what to allow; not in its docstrings."""
    tree = ast.parse(module.read_text("utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    )
    found = {":".join(action) for text in texts for action in _ACTION.findall(text)}
    return frozenset(filter(is_action, found))


def modules() -> dict[str, Path]:
    return {str(path.relative_to(COLLECT)): path for path in sorted(COLLECT.rglob("*.py"))}


def granted_to(module: str) -> Iterator[Grant]:
    return (grant for grant in GRANTS if any(fnmatch(module, pattern) for pattern in grant.modules.split()))


def statement(grant: Grant) -> dict[str, str | list[str]]:
    (found,) = (item for item in statements(grant.policy) if item["Sid"] == grant.sid)
    return found


@cache
def statements(policy: str) -> list[dict[str, str | list[str]]]:
    found: list[dict[str, str | list[str]]] = json.loads((POLICIES / policy).read_text("utf-8"))["Statement"]
    return found


def actions(item: dict[str, str | list[str]]) -> frozenset[str]:
    action = item["Action"]
    return frozenset([action] if isinstance(action, str) else action)


@pytest.mark.parametrize("module", [name for name, path in modules().items() if asked(path)])
def test_what_the_code_asks_for_is_allowed(module: str) -> None:
    """Each module's actions are in the policies that are meant for it."""
    allowed = {action for grant in granted_to(module) for action in actions(statement(grant))}
    assert frozenset() == asked(modules()[module]) - allowed


@pytest.mark.parametrize("grant", GRANTS, ids=lambda grant: f"{grant.policy}-{grant.sid}")
def test_nothing_is_allowed_that_the_code_does_not_ask_for(grant: Grant) -> None:
    """A statement allows what its modules ask for, or what AWS asks for behind that, on no more than it must."""
    item = statement(grant)
    theirs = [path for name, path in modules().items() if grant in granted_to(name)]
    assert "Allow" == item["Effect"]
    wanted = frozenset().union(*map(asked, theirs)) | grant.implied
    assert not theirs or frozenset() == actions(item) - wanted
    assert not any("*" in action for action in actions(item))


def test_every_statement_is_accounted_for() -> None:
    """No policy holds a statement that nobody said the purpose of."""
    shipped = {(path.name, item["Sid"]) for path in POLICIES.glob("*.json") for item in statements(path.name)}
    purposes = {(grant.policy, grant.sid) for grant in GRANTS}
    denials = {(name, "NeverAValueNeverAChange") for name in ("inventory-policy.json", "organisation-policy.json")}
    assert purposes | denials == shipped


@pytest.mark.parametrize("policy", ["inventory-policy.json", "organisation-policy.json"])
def test_values_and_changes_of_keys_are_denied_whatever_else_is_granted(policy: str) -> None:
    """Every operation of AWS's models that shows a value, and those that make or change keys, are denied by name."""
    (denial,) = (item for item in statements(policy) if item["Effect"] == "Deny")
    values = {f"secretsmanager:{name}" for name in operations("secretsmanager") if name.endswith("GetSecretValue")}
    values |= {f"ssm:{name}" for name in operations("ssm") if re.match(r"GetParameter(s|sByPath|History)?$", name)}
    changes = {f"iam:{name}" for name in operations("iam") if re.match(r"(Create|Update|Delete)AccessKey$", name)}
    assert 6 + 3 == len(values | changes | {"secretsmanager:BatchGetSecretValue"})
    assert values | changes | {"ssm:PutParameter", "secretsmanager:PutSecretValue"} <= actions(denial)
    assert "*" == denial["Resource"]
    assert all(map(is_action, actions(denial)))


def test_only_results_of_queries_are_ever_written() -> None:
    """Whatever else is allowed reads, takes on the one role, or takes a notice from the queue or puts it back."""
    allowed = {
        action
        for path in POLICIES.glob("*.json")
        for item in statements(path.name)
        if item["Effect"] == "Allow"
        for action in actions(item)
    }
    reading = re.compile(r"\w+:(List|Get|Describe|Lookup|Filter|Receive|Decrypt)")
    assert {action for action in allowed if not reading.match(action)} == {
        "iam:GenerateCredentialReport",
        "sts:AssumeRole",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "athena:StartQueryExecution",
        "athena:StopQueryExecution",
        "glue:CreateTable",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
    }


def test_the_role_in_each_account_trusts_keywatch_alone() -> None:
    """The trust policy names one principal and asks for the external id and session name that keywatch sends."""
    from keywatch.collect.aws import MARK

    (trust,) = json.loads((POLICIES / "member-role-trust.json").read_text("utf-8"))["Statement"]
    assert trust["Principal"]["AWS"].startswith("arn:aws:iam::111122223333:role/")
    conditions = trust["Condition"]["StringEquals"]
    assert {"sts:ExternalId", "sts:RoleSessionName"} == set(conditions)
    assert MARK == conditions["sts:RoleSessionName"]
