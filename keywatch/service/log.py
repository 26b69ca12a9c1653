"""
The daemon's own log: structured, on stderr, and unable to carry a secret.

A field passes only if its name is on the list below, so that a new field is a decision somebody took; whatever looks
like a token is cut out of what passes. Tracebacks are reduced to where they happened: an exception's text and its local
variables are where other people's libraries put secrets.
"""

import logging
import re
import sys
import threading
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

FIELDS = frozenset(
    """
    event level timestamp logger source job step outcome seconds items skipped what why hint error error_type at keys
    findings alerts deliveries fired changed resolved regressed sent failed retried bytes chunks version pid state_dir
    listen signal config sources channel delivery count interval transition reconciled path message running reason
    attempts fallback
    """.split()  # noqa: SIM905 - a page of names reads better as words
)
"""The names of fields that may be logged."""

_TOKENS = re.compile(
    r"Atz[a-z](?:\||%7[Cc]|\\u007[Cc])[^\s\"']+|Atz\.sprdt[^\s\"']+|amzn1\.oa2-cs\.[^\s\"']+|amzn\.mws\.[0-9a-f-]+"
    r"|xox[a-z]-[^\s\"']+|xapp-[^\s\"']+|hooks\.slack\.com/[^\s\"']+|hv[sbr]\.[A-Za-z0-9_-]+|gh[a-z]_[A-Za-z0-9]+"
    r"|(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])|(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"
)
_CUT = "<cut>"
_QUIET = ("apscheduler", "alembic", "boto3", "botocore", "hvac", "s3transfer", "slack_sdk", "urllib3", "uvicorn")
"""Libraries that log requests, some with their headers and bodies, below WARNING."""
_OVERRUNS = "apscheduler.scheduler"
"""Warns of each run that it leaves out: `keywatch_job_overruns_total` counts them."""


def configure(level: str = "info") -> None:
    """Send this process's log to stderr: JSON lines, or coloured text when a person is watching."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        locate_exception,
        refuse_secrets,
    ]
    person = sys.stderr.isatty()
    renderer: Processor = structlog.dev.ConsoleRenderer() if person else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_foreign, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_OVERRUNS).setLevel(logging.ERROR)


def guard_streams() -> None:
    """
    Keep this process from writing past the log what failed.

    Python tells of a thread that died, and of a line that could not be logged, on stderr: with the exception's text and
    the line's values.
    """
    threading.excepthook = _thread_died
    logging.raiseExceptions = False


def _thread_died(died: threading.ExceptHookArgs) -> None:
    structlog.get_logger(__name__).error("thread_died", exc_info=died.exc_value)


def refuse_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep the fields whose names are listed, as plain values without anything that looks like a token."""
    kept: EventDict = {name: _plain(value) for name, value in event.items() if name in FIELDS or name.startswith("_")}
    unlisted = len(event) - len(kept)
    if unlisted:
        kept["count"] = f"{unlisted} unlisted field(s) dropped"
    return kept


def locate_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the exception's type and the places it went through, without text and locals."""
    error = _exception(event.pop("exc_info", None))
    if error is not None:
        event["error_type"] = type(error).__name__
        event["at"] = where(error.__traceback__)
    return event


def where(trace: TracebackType | None, most: int = 6) -> str:
    """The innermost `most` places of a traceback, outermost first: `cycle.py:41 > cloudtrail.py:90`."""
    places: list[str] = []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(places[-most:])


def _exception(info: object) -> BaseException | None:
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1] if isinstance(info[1], BaseException) else None
    return sys.exc_info()[1] if info else None


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever somebody logs
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    # structlog's own bookkeeping for foreign records must stay an object.
    return value if isinstance(value, logging.LogRecord) else _TOKENS.sub(_CUT, str(value))


def _foreign(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library's record: only the text its author wrote is kept, as what was put into it may come from anywhere."""
    record = event.get("_record")
    name, text = (record.name, str(record.msg)) if isinstance(record, logging.LogRecord) else ("?", "")
    return {**event, "event": "library_logged", "logger": name, "message": text}
