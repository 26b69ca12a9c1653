"""Keys that one place has and another should have: told only where the other was read whole."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from keywatch.alerts.held import Held
from keywatch.alerts.strays import MustHold, Whole, account_of, strays
from keywatch.model.alert import ProblemKind
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind, Location, SourceId
from keywatch.model.standing import Basis, Level
from tests.alerts.builders import DAY, IAM, NOW, key, standing

ACCOUNT = "111122223333"
VAULT = SourceId("vault-kv2:prod")


def id_in(account: str) -> str:
    """An invented access key id that names this account."""
    number = (int(account) << 7 | 0x800000000000).to_bytes(6, "big") + b"\x01\x02\x03\x04"
    return "AKIA" + base64.b32encode(number).decode()


def of_aws(name: str, *sources: SourceId) -> Key:
    return replace(
        key("orders", KeyKind.AWS_ACCESS_KEY),
        handles=(Handle(HandleSpace.AWS_ACCESS_KEY_ID, name),),
        locations=tuple(Location(source, "kv/orders/aws") for source in sources),
    )


def held(of: Key, **more: object) -> Held:
    seen: dict[str, object] = {"first_seen": NOW - 10 * DAY, **more}
    return Held(standing=standing(Level.GOOD, Basis.PROVEN, of=of), **seen)  # type: ignore[arg-type]


def told(*keys: Held, whole: Whole, must: MustHold | None = None) -> tuple[list[str], set[str]]:
    problems, undecided = strays(keys, whole, must or MustHold())
    return [problem.id for problem in problems], set(undecided)


WHOLE = Whole(accounts={ACCOUNT: NOW - DAY}, vaults=NOW - DAY)


def test_an_id_names_its_account() -> None:
    """The account is in the id, but not in ids of the old form."""
    assert [ACCOUNT, "000000000001", None, None, None] == [
        account_of(name)
        for name in (id_in(ACCOUNT), id_in("000000000001"), "AKIAI" + "A" * 15, "AKIA" + "1" * 16, "kms-key")
    ]


def test_a_key_that_vault_names_and_aws_has_not() -> None:
    """Told where its account was read whole since: who reads it there reads something that does not work."""
    one = held(of_aws(id_in(ACCOUNT), VAULT))
    [problem], undecided = strays([one], WHOLE, MustHold())
    assert (ProblemKind.NOT_AT_ISSUER, frozenset()) == (problem.kind, undecided)
    assert "AWS has no such key" in problem.title
    assert f"account {ACCOUNT} was read whole" in dict(problem.facts)["Evidence"]


@pytest.mark.parametrize(
    ("one", "whole"),
    [
        pytest.param(held(of_aws(id_in("444455556666"), VAULT)), WHOLE, id="another-account"),
        pytest.param(held(of_aws(id_in(ACCOUNT), VAULT)), Whole(), id="not-read-whole"),
        pytest.param(held(of_aws("AKIAI" + "A" * 15, VAULT)), WHOLE, id="an-old-id"),
        pytest.param(held(of_aws(id_in(ACCOUNT), VAULT), first_seen=NOW), WHOLE, id="new-since"),
        pytest.param(held(of_aws(id_in(ACCOUNT), VAULT), hidden=frozenset({VAULT})), WHOLE, id="vault-is-blind"),
    ],
)
def test_what_is_not_known_is_not_claimed(one: Held, whole: Whole) -> None:
    """Where the other side was not seen whole since, nothing is said and nothing taken back."""
    assert ([], {f"not-at-issuer:{one.key.id}"}) == told(one, whole=whole)


def test_a_roots_key_cannot_be_listed() -> None:
    """Where the root user has a key, any id may be that one's."""
    root = replace(
        key("root", KeyKind.AWS_ACCESS_KEY), handles=(Handle(HandleSpace.AWS_ROOT, ACCOUNT),), account=ACCOUNT
    )
    one = held(of_aws(id_in(ACCOUNT), VAULT))
    assert ([], {f"not-at-issuer:{one.key.id}"}) == told(one, held(root), whole=WHOLE)


def test_a_key_in_both_places_is_no_stray() -> None:
    """Neither is one that only AWS has, where nobody asked for it to be in Vault."""
    assert ([], set()) == told(held(of_aws(id_in(ACCOUNT), VAULT, IAM)), held(of_aws(id_in(ACCOUNT), IAM)), whole=WHOLE)


def secret(name: str, application: str | None, *sources: str) -> Held:
    places = tuple(Location(SourceId(source), name) for source in sources)
    return held(replace(key(name, KeyKind.LWA_CLIENT_SECRET), application=application, locations=places))


@pytest.mark.parametrize(
    ("must", "asked"),
    [
        (MustHold(), set()),
        (MustHold(kinds=frozenset({KeyKind.LWA_CLIENT_SECRET})), {"a", "b", "c"}),
        (MustHold(kinds=frozenset({KeyKind.MWS_KEY})), set()),
        (MustHold(applications=("ord*",)), {"a"}),
        (MustHold(kinds=frozenset({KeyKind.LWA_CLIENT_SECRET}), excepted=("b*",)), {"a", "c"}),
    ],
)
def test_what_vault_should_hold(must: MustHold, asked: set[str]) -> None:
    """By kind, application or both, but for what is excepted; what Vault has is not missing there."""
    keys = [secret("a", "orders", "declared:config"), secret("b", "ads", "aws-secrets:prod"), secret("c", None, "x:y")]
    keys.append(secret("d", "orders", "vault-kv1:prod", "declared:config"))
    problems, undecided = strays(keys, WHOLE, must)
    assert asked == {one.key.name for one in keys for found in problems if found.id.endswith(one.key.id)}
    assert frozenset() == undecided
    _, undecided = strays(keys, Whole(), must)
    assert len(asked) == len(undecided)


def test_what_vault_may_have_got_meanwhile_is_not_claimed() -> None:
    """A key that is new since Vault was read may have been written there since."""
    must = MustHold(kinds=frozenset({KeyKind.LWA_CLIENT_SECRET}))
    one = secret("a", "orders", "declared:config")
    later = Whole(vaults=NOW - 10 * DAY - timedelta(seconds=1))
    assert ([], {f"outside-vault:{one.key.id}"}) == told(one, whole=later, must=must)
