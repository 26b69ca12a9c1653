"""
The two statements that Athena is sent: the table over a trail's bucket, and the question who called.

SQL is text, so nothing enters it that is not of a shape in which it can mean nothing else. The templates lie beside
this module, and may be read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from string import Template

from keywatch.collect.aws import MARK
from keywatch.collect.calls.cloudtrail_record import UNSIGNED
from keywatch.model.errors import SourceMalformed
from keywatch.model.time import to_rfc3339

ACCOUNT = r"[0-9]{12}"
REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]"
IDENTIFIER = r"[a-z_][a-z0-9_]{0,127}"
"""Of a database or table: what Glue's catalogue and Athena both take."""
ORGANISATION = r"o-[a-z0-9]{10,32}"
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
PREFIX = r"[A-Za-z0-9!_.*()/-]{0,200}"
"""Of keys in a trail's bucket: the characters that CloudTrail and Athena both take, but for the quote."""
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z$"


class _Sql(Template):
    """Athena has its own `$`: in JSON paths, in regular expressions and in a table's storage template."""

    delimiter = "@"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailTable:
    """The table over one trail's bucket, in names that were looked at: see the constants of this module."""

    database: str
    table: str
    bucket: str
    prefix: str = ""
    """What the trail puts before `AWSLogs/`."""
    organisation: str | None = None
    """`o-...`, for the trail of an organisation."""

    def __post_init__(self) -> None:
        _checked("database", self.database, IDENTIFIER)
        _checked("table", self.table, IDENTIFIER)
        _checked("bucket", self.bucket, BUCKET)
        _checked("prefix", self.prefix, PREFIX)
        if self.organisation is not None:
            _checked("organisation", self.organisation, ORGANISATION)

    @property
    def name(self) -> str:
        return f"{self.database}.{self.table}"

    @property
    def root(self) -> str:
        """The folder with one folder an account."""
        parts = [self.bucket, *filter(None, self.prefix.split("/")), "AWSLogs", *filter(None, [self.organisation])]
        return f"s3://{'/'.join(parts)}/"

    def statement(self) -> str:
        """The statement that makes the table, unless it is there."""
        return _template("athena_table.sql").substitute(database=self.database, table=self.table, root=self.root)

    def calls(
        self, accounts: Iterable[str], regions: Iterable[str], first: date, last: date, *, latest: datetime
    ) -> str:
        """
        The question what the files delivered from `first` to `last` prove; `athena_rows` reads the answer.

        Args:
            accounts: whose folders are read.
            regions: which of them.
            first: the first day.
            last: the last day; included.
            latest: a call after this has not been made yet.

        Raises:
            SourceMalformed: one of them is none.
        """
        return _template("athena_calls.sql").substitute(
            database=self.database,
            table=self.table,
            accounts=_list("account", accounts, ACCOUNT),
            regions=_list("region", regions, REGION),
            first=f"{first:%Y/%m/%d}",
            last=f"{last:%Y/%m/%d}",
            latest=to_rfc3339(latest.replace(microsecond=0)),
            mark=MARK,
            instant=_INSTANT,
            unsigned=", ".join(f"'{code}'" for code in sorted(UNSIGNED)),
        )


def _template(name: str) -> _Sql:
    text = files("keywatch.collect.calls").joinpath(name).read_text("utf-8")
    # Comments are for those who read the file: Athena's statements about tables take none.
    return _Sql("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")))


def _list(what: str, values: Iterable[str], pattern: str) -> str:
    found = sorted({_checked(what, value, pattern) for value in values})
    if not found:
        raise SourceMalformed(f"no {what} to ask Athena about", hint=f"name at least one {what} in the settings")
    return ", ".join(f"'{value}'" for value in found)


def _checked(what: str, value: str, pattern: str) -> str:
    # fullmatch, and no `$`, which would let a line end through.
    if not re.fullmatch(pattern, value, re.ASCII):
        raise SourceMalformed(f"what should be the {what} of a query is none", hint="check the names in the settings")
    return value
