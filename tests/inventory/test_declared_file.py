"""Files in which a company keeps its applications and sellers: whatever spreadsheets make of them; what is refused."""

import csv
import io
import os
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.inventory.declared_applications import DeclaredApplications
from keywatch.collect.inventory.declared_file import DeclaredFile, DeclaredFileForm
from keywatch.collect.inventory.declared_rows import Application, Developer, Row, Seller
from keywatch.collect.inventory.sheet import Broken, SheetForm, sheet_rows
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.key import Key, KeyKind, SourceId
from keywatch.model.source import Skipped

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CLIENT = "amzn1.application-oa2-client." + "0123456789abcdef" * 2
TOKEN = "Atzr" + "|" + "IwEBI" + "x" * 200
SEVERAL = "are in several regions: each has its own authorisation and token, and so an entry of its own"
SECRETS = {
    "refresh token": TOKEN,
    "refresh token in a URL": TOKEN.replace("|", "%7C"),
    "client secret": "amzn1.oa2-cs" + ".v1." + "".join(["0123456789abcdef"] * 4),
    "old client secret": "0123456789abcdef" * 4,
    "MWS token": "amzn" + ".mws." + "-".join(["01234567", *["0123"] * 3, "0123" * 3]),
    "AWS secret": "Ab1/" * 10,
    "private key": "-----BEGIN " + "PRIVATE KEY-----",
    "Vault token": "hvs" + "." + "A1b2" * 8,
}


def file_of(path: Path, **form: object) -> DeclaredFile:
    return DeclaredFile(path, now=lambda: NOW, form=DeclaredFileForm(**form))  # type: ignore[arg-type]


def written(tmp_path: Path, content: str | bytes, name: str = "sellers.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(tmp_path: Path, content: str | bytes, name: str = "sellers.csv", **form: object) -> list[Row | Skipped]:
    return list(file_of(written(tmp_path, content, name), **form).rows())


def sellers(rows: list[Row | Skipped]) -> list[str]:
    return [row.seller for row in rows if isinstance(row, Seller)]


def told(rows: list[Row | Skipped]) -> list[tuple[str, str]]:
    return [(row.what, row.why) for row in rows if isinstance(row, Skipped)]


def test_a_sheet_lists_accounts_applications_and_sellers(tmp_path: Path) -> None:
    """What a row is of, it says itself, or the smallest thing it names does; blank cells say nothing."""
    rows = read(
        tmp_path,
        "kind,developer,application,client_id,seller,region,marketplaces,issued,authorised,expires,vault,owner\n"
        "developer,acme-eu,,,,eu,,,,,,ops\n"
        f",acme-eu,orders,{CLIENT},,eu,A1PA6795UKMFR9 ATVPDKIKX0DER,2026-09-01,,,prod/kv/orders/lwa,-\n"
        ",,orders,,A2EXAMPLE,Europe,A1PA6795UKMFR9|APJ6JRA9NG5V4,,2026-01-02,2027-01-02,prod/kv/sellers/A2EXAMPLE,n/a\n"
        f",,,{CLIENT},A3EXAMPLE,,ATVPDKIKX0DER,,2026-01-02T03:04:05+01:00,,,@sales\n",
    )
    assert rows == [
        Developer(name="acme-eu", place="sellers.csv:2", regions=("eu",), owner="ops"),
        Application(
            name="orders",
            place="sellers.csv:3",
            client_id=CLIENT,
            developer="acme-eu",
            regions=("eu", "na"),
            issued=datetime(2026, 9, 1, tzinfo=UTC),
            vault=("prod/kv/orders/lwa",),
        ),
        Seller(
            seller="A2EXAMPLE",
            application="orders",
            place="sellers.csv:4",
            region="eu",
            marketplaces=("A1PA6795UKMFR9", "APJ6JRA9NG5V4"),
            authorised=datetime(2026, 1, 2, tzinfo=UTC),
            expires=datetime(2027, 1, 2, tzinfo=UTC),
            vault=("prod/kv/sellers/A2EXAMPLE",),
        ),
        Seller(
            seller="A3EXAMPLE",
            application="orders",
            place="sellers.csv:5",
            region="na",
            marketplaces=("ATVPDKIKX0DER",),
            authorised=datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC),
            owner="@sales",
        ),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whatever_a_spreadsheet_writes_is_read(tmp_path: Path, separator: str, encoding: str, end: str) -> None:
    """Each separator, with and without a byte order mark, and either line end."""
    lines = ["seller,application,owner", 'A2EXAMPLE,orders,"Größe, Maß & Co"'.replace(", M", " M"), ""]
    text = end.join(lines).replace(",", separator)
    (row,) = read(tmp_path, text.encode(encoding))
    assert isinstance(row, Seller)
    assert (row.seller, row.application, row.owner) == ("A2EXAMPLE", "orders", "Größe Maß & Co")


def test_excels_hint_of_its_separator_is_no_heading(tmp_path: Path) -> None:
    """`sep=;` comes before the names of the columns, and lines are still counted from the top."""
    assert told(read(tmp_path, "sep=;\nseller;application\nA2EXAMPLE;orders\nA3EXAMPLE;\n")) == [
        ("sellers.csv:4", "application: is missing")
    ]


def test_columns_may_be_called_anything(tmp_path: Path) -> None:
    """Names in the settings, however they are spaced; days in the company's own way; other columns are left alone."""
    (row,) = read(
        tmp_path,
        "Merchant  Token;App;Since;Turnover\nA2EXAMPLE;orders;02.01.2026;=SUM(A1:A9)\n",
        columns={"seller": "merchant token", "application": "App", "authorised": "Since"},
        dates="%d.%m.%Y",
    )
    assert isinstance(row, Seller)
    assert row.authorised == datetime(2026, 1, 2, tzinfo=UTC)


def test_one_bad_row_never_loses_the_good_ones(tmp_path: Path) -> None:
    """Each is told by file and line, by what is wrong and what would be right; nothing of it is repeated."""
    rows = read(
        tmp_path,
        "\n".join(
            [
                "seller,application,region,marketplaces,authorised,vault,aws,owner",
                "A2EXAMPLE,orders,eu,,2026-01-02,,,",
                "A3EXAMPLE,,eu,,,,,",
                "A4EXAMPLE,orders,mars,,,,,",
                "A5EXAMPLE,orders,eu na,,,,,",
                "A6EXAMPLE,orders,eu,ATVPDKIKX0DER,,,,",
                "A7EXAMPLE,orders,,,02/01/2026,,,",
                "A8EXAMPLE,orders,,,2027-01-02,,,",
                "A9EXAMPLE,orders,,,,orders,,",
                "B2EXAMPLE,orders,,,,,arn:aws:s3:::bucket,",
                "B3EXAMPLE,or/ders,,,,,,",
                "B4EXAMPLE,orders,,,,,,,,more",
                "B5EXAMPLE,orders,,,1970-01-01,,,",
                "A2EXAMPLE,orders,eu,,2026-05-05,,,",
                f"B6EXAMPLE,orders,,,,,,{'x' * 101}",
                "",
                "B9EXAMPLE,orders,,,,,,",
            ]
        ),
    )
    assert sellers(rows) == ["A2EXAMPLE", "B9EXAMPLE"]
    assert [(what.removeprefix("sellers.csv:"), why) for what, why in told(rows)] == [
        ("3", "application: is missing"),
        ("4", "region: should be na, eu or fe"),
        ("5", "region: should be one: each has its own authorisation and token, and so a row of its own"),
        ("6", f"marketplaces: {SEVERAL}"),
        ("7", "authorised: should be a date, as 2026-09-01"),
        ("8", "authorised: lies in the future"),
        ("9", "vault: should be the name of a [[vault]], the mount and the path, as `prod/kv/orders/lwa`"),
        ("10", "aws: should be the ARN of a secret or a parameter"),
        ("11", "application: should have no slash"),
        ("12", "has more cells than the first line"),
        ("13", "authorised: lies before there were such keys"),
        ("14", "is the same as line 2"),
        ("15", "owner: has more than 100 characters"),
    ]
    assert all(row.hint for row in rows if isinstance(row, Skipped))


def test_a_quotation_mark_that_is_never_closed_costs_its_row_alone(tmp_path: Path) -> None:
    """It would swallow all that follows; and a line end inside of quotation marks belongs to its cell."""
    good = [f"A{number}EXAMPLE,orders,,\n" for number in range(10, 200)]
    text = "seller,application,vault,owner\n" + 'A1EXAMPLE,orders,,"ops\n' + "".join(good)
    text += 'A8EXAMPLE,orders,"prod/kv/a\nprod/kv/b",ops\n' + 'A9EXAMPLE,orders,,"ops" team\nA7EXAMPLE,orders,,\n'
    rows = read(tmp_path, text)
    assert sellers(rows) == [f"A{number}EXAMPLE" for number in (*range(10, 200), 8, 7)]
    broken = "its quotation marks do not fit together, or it is too long"
    assert told(rows) == [("sellers.csv:2", broken), ("sellers.csv:195", broken)]
    assert [row.vault for row in rows if isinstance(row, Seller) and row.vault] == [("prod/kv/a", "prod/kv/b")]


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("column", ["seller", "application", "owner", "vault", "name", "notes"])
def test_a_value_is_refused_wherever_it_was_pasted(tmp_path: Path, kind: str, column: str) -> None:
    """In a column that is read or in another one; what is said tells what to do, and nothing of the value."""
    value = SECRETS[kind]
    cells = {"seller": "A2EXAMPLE", "application": "orders", "owner": "", "vault": "", "name": "", "notes": ""}
    out = io.StringIO()
    sheet = csv.DictWriter(out, list(cells), lineterminator="\n")
    sheet.writeheader()
    sheet.writerow(cells | {column: value})
    sheet.writerow(cells | {"seller": "A3EXAMPLE"})
    rows = read(tmp_path, out.getvalue())
    assert sellers(rows) == ["A3EXAMPLE"]
    (refused,) = [row for row in rows if isinstance(row, Skipped)]
    assert value[:12] not in repr(refused)
    if (kind, column) != ("AWS secret", "vault"):
        assert "never written here: keep it in Vault or Secrets Manager" in refused.why


def test_a_column_of_values_is_refused_whatever_is_in_it(tmp_path: Path) -> None:
    """Its name says what it holds; rows that have nothing in it are good."""
    rows = read(tmp_path, "seller,application,Refresh Token\nA2EXAMPLE,orders,short\nA3EXAMPLE,orders,\n")
    assert sellers(rows) == ["A3EXAMPLE"]
    assert told(rows)[0][1].startswith("refresh_token: a value is never written here")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_formula_is_taken_for_no_name(tmp_path: Path, start: str) -> None:
    """Somebody opens our reports in a spreadsheet, too."""
    rows = read(tmp_path, f"seller,application,name\nA2EXAMPLE,orders,{start}cmd|calc\nA3EXAMPLE,orders,x\n")
    assert (sellers(rows), told(rows)) == (["A3EXAMPLE"], [("sellers.csv:2", "name: begins like a formula")])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "its first line is empty"),
        (b"A2EXAMPLE,orders\nA3EXAMPLE,orders\n", "its first line names none of the columns that it needs"),
        (b"seller,application,Seller\nA2EXAMPLE,orders,A3EXAMPLE\n", "has two columns `seller`"),
        (b"\x00\x01\x02\xff", "its first line names none of the columns that it needs"),
    ],
)
def test_a_sheet_whose_columns_nobody_knows_is_not_guessed_at(tmp_path: Path, content: bytes, said: str) -> None:
    """Taken for an empty one, it would let every key of it vanish."""
    with pytest.raises(SourceMalformed, match=said):
        read(tmp_path, content)
    with pytest.raises(SourceMalformed, match="has no column `Merchant`"):
        read(tmp_path, b"seller,application\nA2EXAMPLE,orders\n", columns={"seller": "Merchant"})


def test_text_that_is_not_utf8_costs_its_row(tmp_path: Path) -> None:
    """As old spreadsheets write it; the rows beside it are good."""
    rows = read(tmp_path, b"seller,application,owner\nA2EXAMPLE,orders,M\xfcller\nA3EXAMPLE,orders,Meyer\n")
    assert sellers(rows) == ["A3EXAMPLE"]
    assert told(rows) == [("sellers.csv:2", "is not UTF-8: save the sheet as CSV UTF-8")]


def test_toml_has_the_tables_of_the_configuration(tmp_path: Path) -> None:
    """With dates and lists; what is wrong is told by the line of its table."""
    rows = read(
        tmp_path,
        f"""
        [[developer]]
        name = "acme"
        id = "123456789012"
        regions = ["eu"]
        [[application]]
        name = "orders"
        client_id = "{CLIENT}"
        issued = 2026-09-01
        aws = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-AbCdEf#client_secret"]
        probe = false
        [[seller]]
        seller = "A2EXAMPLE"
        application = "orders"
        marketplaces = ["A1VC38T7YXB528"]
        authorised = 2026-01-02T03:04:05Z
        [[seller]]
        seller = "A3EXAMPLE"
        application = "orders"
        refresh_token = "{TOKEN}"
        [[seller]]
        seller = "A4EXAMPLE"
        application = 4
        [[seller]]
        seller = "A5EXAMPLE"
        application = "orders"
        colour = "red"
        """.replace("        ", ""),
        "sellers.toml",
    )
    assert [type(row) for row in rows] == [Developer, Application, Seller, Skipped, Skipped, Skipped]
    assert [row.region for row in rows if isinstance(row, Seller)] == ["fe"]
    assert [row.probe for row in rows if isinstance(row, Application)] == [False]
    assert [(what, why[:35]) for what, why in told(rows)] == [
        ("sellers.toml:17", "refresh_token: a value is never writ"[:35]),
        ("sellers.toml:21", "application: should be text"),
        ("sellers.toml:24", "has a field that means nothing here"),
    ]


@pytest.mark.parametrize("text", [f'[[seller]]\nseller = "{TOKEN}\n', '[[key]]\nname = "x"\n', "seller = 3\n"])
def test_toml_that_cannot_be_read_quotes_nothing(tmp_path: Path, text: str) -> None:
    """The parser's own words may hold what stands there."""
    try:
        said = str(told(read(tmp_path, text, "sellers.toml")))
    except SourceMalformed as error:
        said = error.message
    assert TOKEN[:12] not in said
    assert "sellers.toml" in said


def test_a_file_that_is_not_there_or_changes_is_told(tmp_path: Path) -> None:
    """And one that is a pipe is not waited for; a link is followed, as files are mounted so."""
    with pytest.raises(SourceDenied, match="No such file"):
        list(file_of(tmp_path / "nowhere.csv").rows())
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SourceDenied, match="a pipe"):
        list(file_of(tmp_path / "pipe.csv").rows())
    path = written(tmp_path, "seller,application\nA2EXAMPLE,orders\nA3EXAMPLE,orders\n")
    (tmp_path / "link.csv").symlink_to(path)
    assert sellers(list(file_of(tmp_path / "link.csv").rows())) == ["A2EXAMPLE", "A3EXAMPLE"]
    rows = file_of(path).rows()
    next(rows)
    with path.open("a") as file:
        file.write("A4EXAMPLE,orders\n")
    with pytest.raises(SourceUnreachable, match="changed while it was read"):
        list(rows)


def big_sheet(rows: int) -> Iterator[str]:
    yield "seller;application;region;authorised;vault;owner;notes\n"
    for number in range(rows):
        yield f"A{number:012};orders;eu;2026-01-02;prod/kv/sellers/A{number:012};team {number % 40};some words\n"


def test_a_large_sheet_takes_bounded_memory(tmp_path: Path) -> None:
    """A few bytes of each row are kept, to tell what stands there twice, and nothing else."""
    path = tmp_path / "sellers.csv"
    with path.open("w") as file:
        file.writelines(big_sheet(3_000))
    source = DeclaredApplications(SourceId("declared-file:sellers"), file_of(path), where="sellers.csv")
    tracemalloc.start()
    try:
        assert sum(isinstance(key, Key) for key in source.keys()) == 3_000  # noqa: SIM118 - not a mapping
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A hundred for the row's mark and the place of it in the table; the file itself has a hundred for each.
    assert peak < 3_000 * 300 + (1 << 19)


def test_too_many_rows_and_too_many_that_are_wrong_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a file is told in one line."""
    monkeypatch.setattr("keywatch.collect.inventory.declared_file._MOST_ROWS", 300)
    rows = read(
        tmp_path, "seller,application\n" + "A2EXAMPLE,\n" * 250 + "".join(f"A{n:09},orders\n" for n in range(99))
    )
    assert len(sellers(rows)) == 50
    assert told(rows)[-2:] == [
        ("sellers.csv:302 and what follows", "more than 300 rows"),
        ("sellers.csv", "150 more rows cannot be used"),
    ]


def test_what_is_declared_becomes_keys(tmp_path: Path) -> None:
    """A client secret and a refresh token, by the names that their calls have; no place moves when a line is added."""
    path = written(
        tmp_path,
        "developer,application,client_id,seller,region,issued,authorised,expires,vault\n"
        f"acme,orders,{CLIENT},,eu,2026-09-01,,,prod/kv/orders/lwa\n"
        ",orders,,A2EXAMPLE,eu,,2026-01-02,2026-12-24,prod/kv/sellers#A2EXAMPLE\n",
    )
    source = DeclaredApplications(SourceId("declared-file:sellers"), file_of(path), where="sellers.csv")
    secret, token = [key for key in source.keys() if isinstance(key, Key)]  # noqa: SIM118 - not a mapping
    assert (secret.kind, secret.account, secret.region) == (KeyKind.LWA_CLIENT_SECRET, "acme", "eu")
    assert [str(handle) for handle in secret.handles] == [
        f"lwa-client-id:{CLIENT}", "application:orders", "vault:prod/kv/orders/lwa",
    ]  # fmt: skip
    assert [str(handle) for handle in token.handles] == [
        "authorisation:orders/A2EXAMPLE", "vault:prod/kv/sellers#A2EXAMPLE",
    ]  # fmt: skip
    assert token.expires_at is not None
    assert (token.created_at, token.expires_at - NOW) == (datetime(2026, 1, 2, tzinfo=UTC), timedelta(days=26.5))
    assert token.locations[0].place == "sellers.csv seller orders/A2EXAMPLE/eu"
    assert list(source.check()) == [
        "read sellers.csv: developer accounts 0, applications 1, authorisations 1",
    ]


@given(st.binary(max_size=400))
def test_no_file_breaks_the_reader(content: bytes) -> None:
    """Any bytes are rows, broken rows, or no sheet."""
    form = SheetForm(fields=("seller", "application"), columns={})
    for head in (b"", b"seller,application\n"):
        try:
            for row in sheet_rows(io.BytesIO(head + content), form):
                assert isinstance(row, Broken) or row.cells.keys() <= {"seller", "application"}
        except SourceError:
            assert not head or content[:3]


def test_no_value_of_a_field_breaks_the_reader(tmp_path: Path) -> None:
    """Whatever TOML can hold: a table, a number, a time without a day."""
    for value in ("{}", "3", "[1]", "[[]]", "07:32:00", "1.5", "true", "0001-01-01", "9999-12-31T23:59:59-12:00", '""'):
        text = (
            f'[[seller]]\nseller = "A2EXAMPLE"\napplication = "orders"\nauthorised = {value}\nmarketplaces = {value}\n'
        )
        for row in read(tmp_path, text, "sellers.toml"):
            assert isinstance(row, (Seller, Skipped))


def test_the_sample_is_read_as_it_stands() -> None:
    """What the documentation shows can be filled in."""
    rows = list(file_of(Path(__file__).parents[2] / "config" / "sellers.csv").rows())
    assert [type(row) for row in rows] == [Developer, Application, Seller, Seller]
    assert {row.region for row in rows if isinstance(row, Seller)} == {"eu", "na"}


def test_two_keys_in_one_place_are_told_apart_by_a_field(tmp_path: Path) -> None:
    """Or they would be taken for one key; a client secret and a token may share a secret."""
    rows = read(
        tmp_path,
        "seller,application,vault\n"
        ",orders,prod/kv/all\n"
        "A2EXAMPLE,orders,prod/kv/all\n"
        "A3EXAMPLE,orders,prod/kv/all\n"
        "A4EXAMPLE,orders,prod/kv/all#A4EXAMPLE\n",
    )
    assert sellers(rows) == ["A2EXAMPLE", "A4EXAMPLE"]
    assert told(rows) == [
        ("sellers.csv:4", "is kept where that of line 3 is: add #field where a secret holds several"),
    ]
