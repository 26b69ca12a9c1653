"""Several developer accounts in one region: which are counted, and who hears of it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from keywatch.alerts.developer_problems import several_accounts
from keywatch.collect.inventory.declared_rows import Application, Developer
from keywatch.model.alert import Problem
from keywatch.model.finding import Severity
from keywatch.model.key import Key, KeyKind
from tests.alerts.builders import key


def account(name: str, *regions: str, owner: str | None = None, excused: str | None = None) -> Developer:
    return Developer(name=name, place="x", regions=regions, owner=owner, excused=excused)


def secret(name: str, developer: str | None, region: str | None) -> Key:
    return replace(
        key(name, kind=KeyKind.LWA_CLIENT_SECRET), application=name, account=developer, region=region, owner=None
    )


def titles(found: list[Problem]) -> list[str]:
    return [problem.title for problem in found]


def test_one_account_in_each_region_is_as_it_should_be() -> None:
    """However many regions it has, and however many applications; what is in no region is not counted."""
    declared = [
        account("acme", "eu", "na"),
        account("far", "fe"),
        account("nowhere"),
        account("gone", "eu", excused="x"),
    ]
    keys = [secret("orders", "acme", "eu, na"), secret("prices", "acme", "eu"), secret("x", "y", None)]
    assert list(several_accounts(keys, declared)) == []


def test_two_in_one_region_are_told_with_their_applications() -> None:
    """Wherever that is known from: a table, an application's row, or the inventory alone."""
    declared: list[Developer | Application] = [
        account("acme", "eu", "na"),
        Application(name="orders", place="x", developer="acme", regions=("eu",)),
        Application(name="prices", place="x", developer="bought", regions=("eu",)),
    ]
    (problem,) = several_accounts([secret("labels", "bought", "Europe, fe")], declared, "compliance")
    assert problem.title == "2 developer accounts in Europe (eu): acme, bought"
    assert dict(problem.facts)["What"] == "acme (orders); bought (labels, prices)"
    assert (problem.id, problem.owner, problem.severity) == ("several-accounts:eu", "compliance", Severity.HIGH)
    assert problem.stage == "acme, bought"


def test_whoever_owns_them_all_hears_of_it() -> None:
    """And else whoever sees to the policies."""
    both = [account("a", "eu", owner="ops"), account("b", "eu", owner="ops")]
    assert [problem.owner for problem in several_accounts([], both, "compliance")] == ["ops"]
    both[1] = account("b", "eu", owner="sales")
    assert [problem.owner for problem in several_accounts([], both, "compliance")] == ["compliance"]


def test_an_account_of_aws_is_none_of_amazons_developers() -> None:
    """Other kinds of key have accounts and regions of their own."""
    access = [replace(key(name), account=name, region="eu") for name in ("111122223333", "444455556666")]
    assert list(several_accounts(access, [])) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["na", "eu", "fe"])), max_size=8))
def test_a_region_is_told_when_it_has_more_than_one(pairs: list[tuple[str, str]]) -> None:
    """Compared with counting by hand."""
    regions = {region: {name for name, where in pairs if where == region} for _, region in pairs}
    expected = {f"several-accounts:{region}" for region, names in regions.items() if len(names) > 1}
    assert {problem.id for problem in several_accounts([], [account(*pair) for pair in pairs])} == expected
