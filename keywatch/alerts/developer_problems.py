"""Several developer accounts of one company in one region, which the policy forbids. Pure."""

from collections.abc import Iterable, Iterator

from keywatch.alerts.words import count, one_line
from keywatch.collect.inventory.declared_rows import Application, Developer
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import Key, KeyKind
from keywatch.model.selling_region import REGIONS, region_named

_WORDS = {"na": "North America", "eu": "Europe", "fe": "the Far East"}


def several_accounts(
    keys: Iterable[Key], declared: Iterable[Developer | Application], owner: str | None = None
) -> Iterator[Problem]:
    """
    Yield a problem for each region in which there is more than one developer account that nothing excuses.

    Args:
        keys: every key that is held: an application's names its account.
        declared: accounts and applications, as far as they can be read now.
        owner: who hears of it, where the accounts do not have one owner in common.
    """
    declared = tuple(declared)
    accounts = {row.name: row for row in declared if isinstance(row, Developer)}
    found: dict[str, dict[str, set[str]]] = {region: {} for region in REGIONS}
    for name, region, application in _told(keys, declared):
        account = accounts.get(name)
        if region in found and (account is None or account.excused is None):
            found[region].setdefault(name, set()).update({application} if application else ())
    for region, here in found.items():
        if len(here) > 1:
            owners = {accounts[name].owner if name in accounts else None for name in here}
            yield _problem(region, here, (owners.pop() if len(owners) == 1 else None) or owner)


def _told(
    keys: Iterable[Key], declared: Iterable[Developer | Application]
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield account, region and application, wherever one is named."""
    for row in declared:
        if isinstance(row, Developer):
            yield from ((row.name, region, None) for region in row.regions)
        elif row.developer:
            yield from ((row.developer, region, row.name) for region in row.regions)
    for key in keys:
        if key.kind is KeyKind.LWA_CLIENT_SECRET and key.account and key.region:
            yield from ((key.account, region_named(part), key.application) for part in key.region.split(","))


def _problem(region: str, here: dict[str, set[str]], owner: str | None) -> Problem:
    names = sorted(here)
    what = [f"{name} ({', '.join(sorted(here[name]))})" if here[name] else name for name in names]
    where = f"{_WORDS[region]} ({region})"
    return Problem(
        id=AlertId(f"{ProblemKind.SEVERAL_ACCOUNTS.value}:{region}"),
        kind=ProblemKind.SEVERAL_ACCOUNTS,
        severity=Severity.HIGH,
        title=one_line(f"{count(len(here), 'developer account')} in {where}: {', '.join(names)}", 200),
        facts=(
            ("What", one_line("; ".join(what), 600)),
            ("Where", where),
            ("So what", "Amazon allows one in a region, and may take the quotas or the access of all of them."),
            ("Evidence", "declared: [[developer]], [[application]] and the files that list these"),
        ),
        next_step=(
            "Bring the applications together in one account and give the others up; or say in `excused` of the "
            "[[developer]] what Amazon agreed to, and where that is written."
        ),
        owner=owner,
        stage=", ".join(names),
    )
