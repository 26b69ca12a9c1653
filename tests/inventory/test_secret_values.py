"""Which values of a stored secret are secrets: by shape and name, inside documents, and never shown."""

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.inventory.secret_values import MOST_VALUES, read_values, values_of
from keywatch.model.key import KeyKind
from keywatch.model.secret import Pepper
from keywatch.model.source import Json

PEPPER = Pepper(b"p" * 32)


def invented(name: str, size: int = 32) -> str:
    """A value that looks random, the same for the same name."""
    stream = "".join(hashlib.sha256(f"EXAMPLE {name} {n}".encode()).hexdigest() for n in range(size // 32 + 1))
    return base64.b64encode(bytes.fromhex(stream)).decode().replace("+", "x").replace("/", "y")[:size]


def pem(name: str) -> str:
    """A private key as far as anybody can see."""
    lines = "\n".join(invented(f"{name} {n}", 64) for n in range(6))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----"


def found(data: dict[str, Json]) -> dict[str, str]:
    """Each value that is looked for, by its field."""
    return {one.field: one.value.reveal().decode() for one in values_of(data) if one.anchored}


VALUE, OTHER = invented("value"), invented("other")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({"password": VALUE}, {"password": VALUE}, id="a-text"),
        pytest.param({"password": f"{VALUE}\n"}, {"password": VALUE}, id="with-its-line-end"),
        pytest.param({"db": {"prod": {"password": VALUE}}}, {"db.prod.password": VALUE}, id="nested"),
        pytest.param({"keys": [VALUE, OTHER]}, {"keys.1": VALUE, "keys.2": OTHER}, id="a-list"),
        pytest.param({"keys": [VALUE]}, {"keys": VALUE}, id="a-list-of-one"),
        pytest.param({"pin": 12345678901234567890, "on": True, "x": None, "y": 1.5}, {}, id="numbers-and-switches"),
        pytest.param({"token": "12345678901234567890", "on": "true", "at": "2026-11-27"}, {}, id="numbers-as-text"),
        pytest.param({"user": VALUE, "client_id": VALUE, "aws_region": VALUE}, {}, id="what-only-describes"),
        pytest.param({"auth": f"Bearer {VALUE}"}, {"auth": VALUE}, id="behind-a-scheme"),
        pytest.param(
            {"file": json.dumps({"type": "service_account", "private_key_id": VALUE, "token": OTHER})},
            {"file.token": OTHER},
            id="a-document-in-a-text",
        ),
        pytest.param(
            {"conf": base64.b64encode(json.dumps({"api_key": VALUE}).encode()).decode()},
            {
                "conf.api_key": VALUE,
                "conf": base64.b64encode(json.dumps({"api_key": VALUE}).encode()).decode(),
            },
            id="a-document-in-base64",
        ),
        pytest.param(
            {"keystore": base64.b64encode(bytes(range(250, 256)) * 9).decode()},
            {"keystore": base64.b64encode(bytes(range(250, 256)) * 9).decode()},
            id="base64-of-no-text",
        ),
        pytest.param(
            {"url": f"postgres://app:{VALUE}%2F%40@db.example:5432/orders"},
            {"url.password": f"{VALUE}/@"},
            id="an-address",
        ),
        pytest.param({"url": f"https://api.example/?sig={VALUE}&v=1"}, {"url.sig": VALUE}, id="an-address-with-a-key"),
        pytest.param({"url": "https://api.example/orders"}, {}, id="an-address-without"),
        pytest.param(
            {"dsn": f"Server=db.example;User Id=app;Password={VALUE};Encrypt=yes"},
            {"dsn.Password": VALUE},
            id="a-list-of-pairs",
        ),
        pytest.param(
            {"env": f"# comment\nDB_HOST=db.example\nexport DB_PASSWORD='{VALUE}'\nAPI_TOKEN={OTHER}\n"},
            {"env.DB_PASSWORD": VALUE, "env.API_TOKEN": OTHER},
            id="settings",
        ),
        pytest.param({"yaml": f"db:\n  port: 5432\n  password: {VALUE}\n"}, {"yaml.password": VALUE}, id="plain-yaml"),
        pytest.param({VALUE: "alice"}, {"name 1": VALUE, "field 1": "alice"}, id="a-secret-for-a-name"),
        pytest.param({"crt": pem("x").replace("PRIVATE KEY", "CERTIFICATE")}, {}, id="a-certificate"),
        pytest.param({"[": "{", "a": "{not json"}, {"field 1": "{", "a": "{not json"}, id="no-document"),
    ],
)
def test_what_is_a_secret_and_what_it_is_called(data: dict[str, Json], expected: dict[str, str]) -> None:
    """Each value by the field it is spoken of by."""
    assert found(data) == expected


@pytest.mark.parametrize("written", [pem("k"), pem("k").replace("\n", "\\n"), pem("k").replace("\n", "\r\n") + "\r\n"])
def test_of_a_private_key_a_line_is_looked_for(written: str) -> None:
    """One that stands in one piece however its lines are broken; and the whole is known where a rule finds it."""
    for name, text in (("tls", written), ("doc", json.dumps({"tls": written}))):
        whole, line = list(values_of({name: text}))
        assert whole.value.reveal().decode() == pem("k")
        assert (whole.anchored, line.anchored) == (False, True)
        assert line.value.reveal().decode() in pem("k").split("\n")[2:-1]


def test_a_key_and_settings_in_one_text_are_both_found() -> None:
    """A file of settings that holds a key is a file of settings still."""
    values = found({"env": f'A_TOKEN={VALUE}\nB_TOKEN={OTHER}\nKEY="{pem("k")}"\n'})
    assert {"env.A_TOKEN": VALUE, "env.B_TOKEN": OTHER}.items() <= values.items()
    assert values["env"] in pem("k")


def test_what_is_refused_is_told_why_and_names_alone_are_not() -> None:
    """A password that is too short or a word is told of; the name of a stage is no secret that anybody misses."""
    read = read_values(
        {"password": "hunter2", "db_password": "correcthorse", "stage": "production", "ok": VALUE}, PEPPER
    )
    told = {value.field: (bool(value.fingerprint), value.refused) for value in read}
    short = "is too short or too plain: what is kept of it would help to guess it"
    assert told == {"password": (False, short), "db_password": (True, short), "ok": (True, "")}


def test_kinds_are_told_by_shape_and_name() -> None:
    """Of one secret, each value is the kind of key that it looks like."""
    data: dict[str, Json] = {
        "a": "Atzr|Iw" + invented("t", 200),
        "b": "amzn1.oa2-cs.v1." + "0123456789abcdef" * 4,
        "aws_secret_access_key": invented("a", 40),
        "other": VALUE,
    }
    kinds = [value.kind for value in read_values(data, PEPPER)]
    kind = KeyKind
    assert kinds == [kind.LWA_REFRESH_TOKEN, kind.LWA_CLIENT_SECRET, kind.AWS_ACCESS_KEY, kind.OTHER]


def test_too_many_values_are_cut_off_and_told() -> None:
    """A secret of a million fields takes no longer than one of two thousand."""
    read = read_values({f"k{n}_token": invented(str(n % 7)) for n in range(MOST_VALUES + 10)}, PEPPER)
    assert read[-1].refused == f"is beyond the first {MOST_VALUES} of its secret"


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_whatever_is_stored_is_read_without_being_shown(data: dict[str, Json]) -> None:
    """Nothing makes the reading fail, and no repr of what comes of it holds a value."""
    wrapped: dict[str, Json] = {**data, "document": json.dumps(data), "token": VALUE}
    read = read_values(wrapped, PEPPER)
    assert VALUE[4:12] not in repr(read) + repr(list(values_of(wrapped)))
    assert [value for value in read if value.field == "token"]


def test_documents_in_documents_end() -> None:
    """A text that is a document that is a text, and so on, is followed so far and no further."""
    text = VALUE
    for _ in range(14):
        text = json.dumps([text])
    assert len(list(values_of({"a": text}))) == 1
    assert list(values_of({"a": "[" * 100_000})) != []
