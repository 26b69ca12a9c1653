"""Where an application says what it called: its own log, or reports."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from keywatch.collect.calls.line_pattern import LAYOUTS, LinePattern
from keywatch.settings.interval import Interval
from keywatch.settings.reference import SecretReference
from keywatch.settings.table import FilePath, JournalEntries, Label, Name, Table, zone


class RequestLogFields(Table):
    """Which fields of a JSON line hold what; dots go down into objects."""

    time: str = "time"
    status: str = "status"
    application: str = "application"
    seller: str = "seller"
    client_id: str = "client_id"
    host: str = "host"
    method: str = "method"
    path: str = "path"
    error: str = "error"
    """Of an answer that is an error: its code, its message or its whole body."""


class RequestLog(Table):
    """
    An application's own log of its SP-API requests, as JSON lines: the proof that a selling-partner key works.

    Exactly one of path and journal.
    """

    name: Name
    path: FilePath | None = None
    """A file or a glob; rotation is followed."""
    journal: JournalEntries | None = None
    """What of the journal it is, as in `[[scan]]`."""
    journal_directory: FilePath | None = None
    scan: bool = False
    """Whether what is read is looked through for leaked secrets as well."""
    owner: str | None = None
    """Who hears of what is found in it, when nothing else says whose it is."""
    application: str | None = None
    """The application all lines are of, where the lines do not say."""
    applications: tuple[str, ...] = ()
    """The applications that write to this log; empty: `application` if that is set, else all there are."""
    assume_sp_api: bool = False
    """Whether lines without a host are calls of production SP-API. If not, such lines prove nothing."""
    fields: RequestLogFields | None = None
    """Of JSON lines; not given: the usual names."""
    format: Literal["json", "nginx", "envoy", "alb", "urllib3", "httpx", "okhttp", "guzzle", "axios", "dotnet"] = "json"
    """What its lines look like: JSON, a proxy's access log, or what an HTTP client logs."""
    pattern: Annotated[str, Field(min_length=1)] | None = None
    """A pattern of its own instead, in RE2's syntax, with the groups time and status, and others named as `fields`."""
    timezone: str = "UTC"
    """Of times that say none, as `Europe/Berlin`."""
    every: Interval = timedelta(minutes=1)

    @model_validator(mode="after")
    def _one_layout(self) -> Self:
        if self.pattern is not None and self.format != "json":
            raise ValueError("has format and pattern: give one of them")
        if self.fields is not None and self.line_pattern is not None:
            raise ValueError("has fields, which are for JSON lines; a pattern names its groups itself")
        return self

    @field_validator("pattern")
    @classmethod
    def _usable(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            LinePattern(pattern).check()
        return pattern

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        zone(name)
        return name

    @property
    def line_pattern(self) -> LinePattern | None:
        """How lines that are no JSON are read."""
        return LinePattern(self.pattern) if self.pattern is not None else LAYOUTS.get(self.format)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.journal is None):
            raise ValueError("needs either path or journal")
        if self.journal_directory is not None and self.journal is None:
            raise ValueError("journal_directory needs journal as well")
        if self.owner is not None and not self.scan:
            raise ValueError("owner needs scan = true: it is told of what is found")
        return self


class Reporter(Table):
    """A program that reports its own calls, by `POST /v1/calls`."""

    name: Name
    token: SecretReference
    """The bearer token it shows; at least 16 characters."""
    application: str | None = None
    """The application of calls that name none."""
    applications: tuple[str, ...] = ()
    """The only ones it may speak for; empty: `application` if that is set, else all there are."""
    keys: tuple[Label, ...] = ()
    """Names of declared keys, or access key ids, that it speaks for instead of selling-partner keys."""
    silent_after: Interval = timedelta(hours=26)
    """How long it may send nothing, not even that there is nothing."""

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if self.keys and (self.application or self.applications):
            raise ValueError("has keys and applications: make it two reporters, each with its own token")
        return self
