"""Vault's policies, as they are written and as somebody might write them: bounded, and never half read."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.inventory.vault_policy import LONGEST, PolicyUnreadable, rules_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def read(text: str) -> dict[str, tuple[str, ...]]:
    return {rule.path: rule.capabilities for rule in rules_of(text, NOW)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# nothing", {}),
        ('path "a" {}', {"a": ()}),
        ('path "a/*" {\n  capabilities = ["list", "read"]\n}\n', {"a/*": ("list", "read")}),
        ('path "a" { capabilities = ["read", "deny"] }', {"a": ("deny",)}),
        ('path "a" { policy = "write" }', {"a": ("create", "delete", "list", "read", "update")}),
        ('path "/a" { capabilities = ["read"] }', {"a": ("read",)}),
        ('path "a{{identity.entity.id}}/b" { capabilities = ["read"] }', {"a{{identity.entity.id}}/b": ("read",)}),
        ('path "a${x "}" y}" { capabilities = ["read"] }', {'a${x "}': ("read",)}),
        ('path "ключ" { capabilities = ["read"] }', {"ключ": ("read",)}),
        ('path "a" { capabilities = ["read"] comment = <<END\n } path "b" {\nEND\n}', {"a": ("read",)}),
        (
            'path "a" { control_group = { factor "x" { identity { group_names = ["y"] } } } capabilities = ["read"] }',
            {"a": ("read",)},
        ),
        ('path "a" { capabilities = ["read"] expiration = "2026-11-23T11:00:00Z" }', {}),
        ('path "a" { capabilities = ["read"] expiration = "2026-11-23T13:00:00Z" }', {"a": ("read",)}),
        ('path "a" { capabilities = ["read"] expiration = "some day" }', {"a": ("read",)}),
        ('{"path": {"a": {"capabilities": ["read"]}}}', {"a": ("read",)}),
        ('{"path": {"a": [{"capabilities": ["read"]}]}}', {"a": ("read",)}),
        ('{"name": "x"}', {}),
    ],
)
def test_what_a_policy_says(text: str, expected: dict[str, tuple[str, ...]]) -> None:
    """Rules by path, with what they allow; what is beside them is passed over."""
    if '"}" y' in text:
        with pytest.raises(PolicyUnreadable):
            read(text)
        return
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('path "a" { capabilities = ["read"]', "line 1"),
        ('path "a" {\n capabilities = ["read"\n}', "line 3"),
        ('path "a', "no end"),
        ('path "a" = 7', "no rules"),
        ("path = <<X\nnever", "no end"),
        ("}", "line 1"),
        ('{"path": ', "neither HCL nor JSON"),
        ('{"path": {"a": 7}}', "no rules"),
        ("[" * 100_000, "line 1"),
        ("a = " + "[" * 100_000, "levels deep"),
        ("a " + "{ a " * 100_000, "levels deep"),
        ('{"a":' * 100_000, "neither HCL nor JSON"),
        ('{"path":' + '{"a":' * 30 + "1" + "}" * 31, "levels deep"),
        ("#" * (LONGEST + 1), "longer than"),
    ],
    ids=range(14),
)
def test_what_is_no_policy_is_refused(text: str, words: str) -> None:
    """With a reason, and without a word of the text, however long or deep it is."""
    with pytest.raises(PolicyUnreadable, match=words):
        read(text)


@pytest.mark.parametrize(
    "text", ["/*" * 400_000, '"\\' * 400_000, "# " * 500_000, "/" * 1_000_000, "a " * 500_000, '"' * 1_000_000]
)
def test_hostile_texts_are_read_in_time(text: str) -> None:
    """A megabyte of whatever is told from a policy without trying it again and again."""
    with suppress(PolicyUnreadable):
        assert () == rules_of(text, NOW)


@given(st.text(alphabet='path "a*+{}[]=,\n\\$<#/END:', max_size=200))
def test_any_text_is_a_policy_or_none(text: str) -> None:
    """Nothing but `PolicyUnreadable` comes out of it, and that says little."""
    said = ""
    try:
        rules_of(text, NOW)
    except PolicyUnreadable as error:
        said = str(error)
    assert len(said) < 60
