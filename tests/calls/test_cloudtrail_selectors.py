"""What a trail's event selectors leave out."""

from typing import Any

import pytest

from keywatch.collect.calls.cloudtrail_selectors import unseen

READS = "the trail records writes only: reads would not be seen"
WRITES = "the trail records reads only: writes would not be seen"
NONE = "the trail records no management events: what is no call for data would not be seen"
SOME = "the trail records only some management events (see its event selectors): others would not be seen"
KMS = "the trail leaves out kms.amazonaws.com: calls there would not be seen"
BOTH = "the trail leaves out kms.amazonaws.com, rdsdata.amazonaws.com: calls there would not be seen"


def classic(kind: str = "All", *without: str, management: bool = True) -> dict[str, Any]:
    return {
        "ReadWriteType": kind,
        "IncludeManagementEvents": management,
        "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}],
        "ExcludeManagementEventSources": list(without),
    }


def advanced(category: str = "Management", **fields: dict[str, list[str]]) -> dict[str, Any]:
    selectors: list[dict[str, object]] = [{"Field": "eventCategory", "Equals": [category]}]
    return {"FieldSelectors": [*selectors, *({"Field": name} | field for name, field in fields.items())]}


ONLY_READS, ONLY_WRITES = {"Equals": ["true"]}, {"Equals": ["false"]}
NOT_KMS = {"NotEquals": ["kms.amazonaws.com"]}


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        pytest.param([], (), id="none-is-the-default"),
        pytest.param([classic()], (), id="all"),
        pytest.param([classic("WriteOnly")], (READS,), id="writes-only"),
        pytest.param([classic("ReadOnly")], (WRITES,), id="reads-only"),
        pytest.param([classic("WriteOnly"), classic("ReadOnly")], (), id="two-that-add-up"),
        pytest.param([classic(management=False)], (NONE,), id="data-only"),
        pytest.param([classic(management=False), classic()], (), id="data-apart"),
        pytest.param([classic("All", "kms.amazonaws.com", "rdsdata.amazonaws.com")], (BOTH,), id="two-left-out"),
        pytest.param([classic("All", "kms.amazonaws.com"), classic("All", "rdsdata.amazonaws.com")], (), id="by-turns"),
        pytest.param([classic("WriteOnly", "kms.amazonaws.com"), classic("ReadOnly")], (KMS,), id="writes-of-kms"),
        pytest.param([classic("WriteOnly", "kms.amazonaws.com")], (READS, KMS), id="reads-and-kms"),
        pytest.param([{}], (), id="an-empty-one-has-the-defaults"),
    ],
)
def test_classic(selectors: list[Any], expected: tuple[str, ...]) -> None:
    """A call is recorded if any selector matches it; what none matches is named."""
    assert expected == unseen(selectors, [])


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        pytest.param([advanced()], (), id="all"),
        pytest.param([advanced("Data")], (NONE,), id="data-only"),
        pytest.param([advanced("NetworkActivity"), advanced()], (), id="beside-others"),
        pytest.param([advanced(readOnly=ONLY_WRITES)], (READS,), id="writes-only"),
        pytest.param([advanced(readOnly=ONLY_READS), advanced(readOnly=ONLY_WRITES)], (), id="two-that-add-up"),
        pytest.param([advanced(eventSource=NOT_KMS)], (KMS,), id="kms-left-out"),
        pytest.param([advanced(eventSource={"Equals": ["kms.amazonaws.com"]})], (SOME,), id="kms-alone"),
        pytest.param([advanced(eventSource={"NotStartsWith": ["k"]})], (SOME,), id="an-operator-not-followed"),
        pytest.param([advanced(eventName={"NotEquals": ["Decrypt"]})], (SOME,), id="a-field-not-followed"),
        pytest.param([advanced(tomorrows={"Equals": ["x"]})], (SOME,), id="an-unknown-field"),
        pytest.param([advanced(tomorrows={"Equals": ["x"]}), advanced()], (), id="beside-one-of-all"),
        pytest.param([{"FieldSelectors": []}], (NONE,), id="empty"),
    ],
)
def test_advanced(selectors: list[Any], expected: tuple[str, ...]) -> None:
    """What is narrowed in a way that is not followed counts as narrowed, never as everything."""
    assert expected == unseen([], selectors)


def test_names_in_sentences_are_names() -> None:
    """What is left out is told to people; a source that is no service's name is not quoted."""
    [clause] = unseen([classic("All", "<!channel> pwned")], [])  # type: ignore[list-item]
    assert clause == "the trail leaves out a source with an odd name: calls there would not be seen"
