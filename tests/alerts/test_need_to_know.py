"""Who may read keys without having to: too many, by a wildcard over a mount, or by what allows everything."""

from dataclasses import replace

import pytest

from keywatch.alerts.held import Held
from keywatch.alerts.need_to_know import NeedLimits, WatchedVault, need_to_know, readers_of
from keywatch.alerts.readers import ReadersOf
from keywatch.model.access import Access, AccessPolicy, Holder, KeyReaders, PathRule, SecretMount
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.finding import Severity
from keywatch.model.key import Handle, HandleSpace, KeyKind, KeyStatus
from keywatch.model.source import Skipped
from keywatch.model.standing import Basis, Level
from tests.alerts.builders import key, standing

MOUNTS = (
    SecretMount(path="old", reads=(("old/", "old/"),)),
    SecretMount(path="aws", reads=(("aws/static-roles/", "aws/static-creds/"), ("aws/roles/", "aws/creds/"))),
    SecretMount(path="kv", reads=(("kv/", "kv/data/"),)),
)


def access(policies: dict[str, list[str]], holders: dict[str, str], **more: object) -> Access:
    """A Vault whose policies let read at the given patterns (`!` denies, `^` has sudo), and who has which."""
    words = {"!": ("deny",), "^": ("read", "sudo")}
    return Access(
        vault="prod",
        mounts=MOUNTS,
        policies=tuple(
            AccessPolicy(
                name=name,
                rules=tuple(
                    PathRule(path=path.lstrip("!^"), capabilities=words.get(path[0], ("read",))) for path in paths
                ),
            )
            for name, paths in policies.items()
        ),
        holders=tuple(Holder(name=name, ways=(tuple(given.split()),)) for name, given in holders.items()),
        **more,  # type: ignore[arg-type]
    )


def key_at(place: str, kind: KeyKind = KeyKind.LWA_CLIENT_SECRET, owner: str | None = "orders-team") -> Held:
    of = replace(key(place, kind, owner=owner), handles=(Handle(HandleSpace.VAULT, f"prod/{place}"),), name=place)
    return Held(standing=standing(Level.GOOD, Basis.PROVEN, of=of))


def told(vault: Access, *keys: Held, stale: bool = False, **limits: object) -> list[Problem]:
    watched = WatchedVault(readers=ReadersOf(vault), stale=stale)
    return need_to_know(keys, [watched], NeedLimits(**limits))[0]  # type: ignore[arg-type]


FOUR = {f"approle {name}": "some" for name in ("ads", "billing", "crm", "orders")}


def test_more_readers_than_should_be() -> None:
    """Keys of a folder that too many may read are told once, with who reads, by which policy, and what to do."""
    vault = access({"some": ["kv/data/orders/*"]}, FOUR)
    keys = [key_at("kv/orders/lwa"), key_at("kv/orders/ads"), key_at("kv/other/lwa")]
    assert [] == told(vault, *keys, most_readers=4)
    [problem] = told(vault, *keys, most_readers=3)
    facts = dict(problem.facts)
    assert (ProblemKind.MANY_READERS, "many-readers:prod/kv/orders/") == (problem.kind, problem.id)
    assert problem.title == "4 readers of 2 keys in Vault prod, kv/orders/"
    assert facts["Evidence"].startswith(
        "more than 3 may read: approle ads (policy some); approle billing (policy some)"
    )
    assert "need" in facts["So what"]
    assert problem.owner == "orders-team"
    assert "[need_to_know]" in problem.next_step


def test_a_deny_takes_a_reader_away() -> None:
    """What is denied on the very pattern that decides does not count, whatever another policy allows."""
    vault = access({"some": ["kv/data/orders/*"], "not": ["!kv/data/orders/*"]}, {**FOUR, "approle ads": "some not"})
    assert [] == told(vault, key_at("kv/orders/lwa"), most_readers=3)
    assert [ProblemKind.MANY_READERS] == [found.kind for found in told(vault, key_at("kv/orders/x"), most_readers=2)]


@pytest.mark.parametrize("pattern", ["kv/data/*", "kv/*", "+/data/*", "kv/+/*", "k*", "kv/data*"])
def test_a_wildcard_over_a_whole_mount(pattern: str) -> None:
    """A policy that reads whatever there is in a mount is told, with what of it are keys and who has it."""
    [problem] = told(access({"wide": [pattern]}, {"approle backup": "wide"}), key_at("kv/orders/lwa"))
    assert ("wildcard-reader:prod/policy/wide", Severity.MEDIUM) == (problem.id, problem.severity)
    assert f"reads all of `{pattern}`, 1 key in it" in problem.title
    assert "approle backup" in dict(problem.facts)["Evidence"]


@pytest.mark.parametrize("pattern", ["kv/data/orders/*", "kv/data/+/lwa", "kv/data/orders/lwa", "kv/data/+/*"])
def test_a_wildcard_below_it_is_none_of_these(pattern: str) -> None:
    """What somebody decided on, a folder or a name in every folder, is no wildcard reader."""
    assert [] == told(access({"narrow": [pattern]}, {"approle orders": "narrow"}), key_at("kv/orders/lwa"))


@pytest.mark.parametrize("pattern", ["*", "+/*", "^kv/data/orders/*", "^kv/data/orders/lwa"])
def test_a_policy_like_roots(pattern: str) -> None:
    """Everything, or sudo on a key's path, is worse than a wildcard over a mount."""
    [problem] = told(access({"admin": [pattern]}, {"userpass eve": "admin"}), key_at("kv/orders/lwa"))
    assert ("root-like-policy:prod/policy/admin", Severity.HIGH) == (problem.id, problem.severity)
    assert "userpass eve" in dict(problem.facts)["Evidence"]


def test_a_door_through_which_anybody_comes() -> None:
    """A role that does not say who may log in by it is told, though it is one reader."""
    vault = access({"some": ["kv/data/orders/*"]}, {})
    door = Holder(name="kubernetes orders", ways=(("some",),), countless="any service account of orders")
    [problem] = told(replace(vault, holders=(door,)), key_at("kv/orders/lwa"))
    assert "wildcard-reader:prod/kubernetes orders" == problem.id
    assert problem.title == "Any service account of orders may read 1 key in Vault prod"


def test_keys_of_other_kinds_are_nobodys_business() -> None:
    """Amazon speaks of its own keys: a database's password is not told of, unless a person wants it."""
    vault = access({"some": ["kv/data/*"]}, FOUR)
    other = key_at("kv/db", KeyKind.OTHER)
    assert [] == told(vault, other, most_readers=3)
    assert 2 == len(told(vault, other, most_readers=3, kinds=frozenset({KeyKind.OTHER})))


def test_where_the_value_is_read_counts() -> None:
    """KV v1 is read where it is listed; the AWS engine's keys where no inventory looks."""
    vault = access({"old": ["old/*"], "mint": ["aws/creds/*"], "static": ["aws/static-creds/orders"]}, {
        "a": "old", "b": "mint", "c": "static", "d": "static",
    })  # fmt: skip
    keys = [key_at("old/mws", KeyKind.MWS_KEY), key_at("aws/roles/deploy", KeyKind.OTHER)]
    keys += [key_at("aws/static-roles/orders", KeyKind.OTHER)]
    assert [
        "many-readers:prod/aws/static-roles/",
        "wildcard-reader:prod/policy/mint",
        "wildcard-reader:prod/policy/old",
    ] == sorted(found.id for found in told(vault, *keys, most_readers=1))


def test_the_excused_do_not_count() -> None:
    """By the reader's name or by the policy's."""
    vault = access({"some": ["kv/data/orders/*"], "admin": ["*"]}, {**FOUR, "userpass eve": "admin"})
    excused = ("approle a*", "policy admin")
    assert [] == told(vault, key_at("kv/orders/lwa"), most_readers=3, excused=excused)


def test_the_root_policy_reads_everything() -> None:
    """Whoever has it needs no rule."""
    [problem] = told(access({}, {"token role ops": "root"}), key_at("kv/orders/lwa"))
    assert problem.id == "root-like-policy:prod/policy/root"


def test_what_could_not_be_read_is_said_and_takes_nothing_back() -> None:
    """With a part refused there may be more readers: what is seen is told, and what was told before stays."""
    unread = (Skipped("auth/approle/", "refused"), Skipped("policy secret", "refused"))
    vault = access({"some": ["kv/data/orders/*"]}, FOUR, unread=unread)
    watched = [WatchedVault(readers=ReadersOf(vault))]
    one = key_at("kv/orders/lwa")
    [problem], _ = need_to_know([one], watched, NeedLimits(most_readers=3))
    assert "there may be more: auth/approle/; policy secret could not be read" in dict(problem.facts)["Evidence"]
    problems, undecided = need_to_know([one], watched, NeedLimits(most_readers=9))
    assert [] == problems
    assert {"many-readers:prod/kv/orders/", "wildcard-reader:prod/policy/secret"} <= undecided


def test_what_is_old_neither_tells_nor_takes_back() -> None:
    """While Vault cannot be read, what was told of it stays as it is."""
    watched = [WatchedVault(readers=ReadersOf(access({"some": ["kv/data/orders/*"]}, FOUR)), stale=True)]
    problems, undecided = need_to_know([key_at("kv/orders/lwa")], watched, NeedLimits(most_readers=3))
    assert [] == problems
    assert {"many-readers:prod/kv/orders/"} == set(undecided)


def test_who_may_read_one_key() -> None:
    """Everybody, the excused too; whether that is all; and nothing of a key that no Vault is known to hold."""
    vault = access({"some": ["kv/data/orders/*"]}, FOUR)
    one = key_at("kv/orders/lwa").key
    assert KeyReaders(names=tuple(sorted(FOUR)), whole=True) == readers_of(
        one, [WatchedVault(readers=ReadersOf(vault))]
    )
    for watched in (
        WatchedVault(readers=ReadersOf(vault), stale=True),
        WatchedVault(readers=ReadersOf(replace(vault, unread=(Skipped("x", "y"),)))),
    ):
        found = readers_of(one, [watched])
        assert found is not None
        assert not found.whole
    assert readers_of(key_at("nothing/x").key, [WatchedVault(readers=ReadersOf(vault))]) is None
    assert readers_of(one, [WatchedVault(readers=ReadersOf(replace(vault, vault="other")))]) is None


def test_what_is_of_no_use_any_more_has_no_readers() -> None:
    """A secret that was deleted cannot be read."""
    vault = access({"some": ["kv/data/orders/*"]}, FOUR)
    one = key_at("kv/orders/lwa")
    gone = replace(one.key, status=KeyStatus.INACTIVE)
    assert [] == told(vault, Held(standing=standing(Level.LEFTOVER, Basis.PROVEN, of=gone)), most_readers=3)


def test_many_keys_and_many_readers() -> None:
    """What was worked out for one key of a folder serves all of them."""
    names = [f"team{number}" for number in range(100)]
    policies = {name: [f"kv/data/{name}/*", f"kv/data/+/{name}", f"kv/data/{name}/+/x"] for name in names}
    holders = {f"approle {number}": names[number % 100] for number in range(1000)}
    keys = [key_at(f"kv/{names[number % 100]}/secret{number}") for number in range(1000)]
    readers = ReadersOf(access(policies, holders))
    found, _ = need_to_know(keys, [WatchedVault(readers=readers)], NeedLimits(most_readers=9))
    assert 100 == len(found)
    assert 100 == len(readers._worked_out)
