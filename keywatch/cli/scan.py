"""`keywatch scan`: look for secrets now."""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from keywatch.cli.parser import Parser, at_least_one, one_of, values
from keywatch.model.errors import UsageError
from keywatch.model.finding import Confidence
from keywatch.report.formats import Format
from keywatch.report.safe import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from keywatch.cli.scan_run import Installation
    from keywatch.collect.content import GitWishes
    from keywatch.detect.known import KnownKeys
    from keywatch.detect.ruleset import RuleSet
    from keywatch.model.finding import Finding
    from keywatch.model.secret import Secret
    from keywatch.model.source import ContentSource, Skipped
    from keywatch.report.json_lines import Lines
    from keywatch.scan.engine import Engine
    from keywatch.scan.own_rules import Own

FOUND = 1
INCOMPLETE = 2


class Where(StrEnum):
    """What looks through content."""

    LOCAL = "local"
    DASK = "dask"


def arguments(parser: Parser) -> None:
    """Declare what `scan` takes."""
    what = (
        "A git repository (its path, or https://, ssh://, git@host:, file://), github:ORGANISATION, gitlab:GROUP, "
        "a directory, a file, s3://bucket/prefix, or - for standard input. Default: this directory."
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=what)

    add = parser.add_argument_group("what is scanned").add_argument
    add("--no-git", action="store_true", help="Scan a repository's files alone, not its history.")
    ignoring = "Leave out what .gitignore files in a directory name, as is done in a repository."
    add("--gitignore", action="store_true", help=ignoring)
    add("--staged", action="store_true", help="Scan what is about to be committed, only.")
    add("--since", metavar="REV", help="Leave out what this revision reaches.")
    add("--branch", action="append", metavar="NAME", default=[], help="Only what this reaches. May be repeated.")
    add("--unreachable", action="store_true", help="Also what no branch or tag reaches, as long as git has it.")
    add("--pull-requests", action="store_true", help="Of a repository elsewhere: pull and merge requests too.")
    add("--token", metavar="REF", help="For repositories elsewhere: file:/path, env:NAME or cred:NAME holds the token.")

    add = parser.add_argument_group("what is looked for").add_argument
    mine = "Rules of your own (keywatch's, gitleaks', betterleaks' TOML), beside ours. May be given several times."
    add("--rules", action="append", metavar="FILE", type=Path, default=[], help=mine)
    told = "Do not tell what it accepts (keywatch's, gitleaks', detect-secrets'). May be given several times."
    add("--baseline", action="append", metavar="FILE", type=Path, default=[], help=told)
    accept = "Accept what is found: add it to that file, exit 0."
    add("--write-baseline", metavar="FILE", type=Path, help=accept)
    sure = f"Tell what is as sure as this: {values(Confidence)}. Default: low; slight is what tests invent."
    add("--reason", metavar="TEXT", default="", help="Why it is accepted.")
    add("--confidence", metavar="LEVEL", type=one_of(Confidence), default=Confidence.LOW, help=sure)
    theirs = "Do not follow a target's own .gitleaks.toml, .betterleaks.toml or ignore file."
    add("--no-repo-config", action="store_true", help=theirs)

    add = parser.add_argument_group("what is told, and where").add_argument
    form = f"How to write the report: {values(Format)}. Default: text. jsonl is written while the scan goes on."
    add("--format", "-f", dest="form", metavar="FORMAT", type=one_of(Format), default=Format.TEXT, help=form)
    add("--output", "-o", metavar="FILE", type=Path, help="Write the report there, not to stdout.")
    add("--exit-zero", action="store_true", help="Exit with 0 also when something is found.")
    add("--fresh", action="store_true", help="Read all of a repository, also what an earlier scan has read.")
    add("--no-progress", action="store_true", help="Show no progress on stderr.")

    add = parser.add_argument_group("how").add_argument
    add("--jobs", "-j", metavar="N", type=at_least_one, help="Threads. Default: one for each core.")
    where = f"Who looks through history: {values(Where)}. Default: local, the cores of this machine."
    add("--engine", metavar="ENGINE", type=one_of(Where), default=Where.LOCAL, help=where)
    add("--scheduler", metavar="ADDRESS", help="Of the Dask scheduler: tls://host:8786, or tcp:// on this machine.")
    trusted = "Send workers the key of our fingerprints also where the address does not encrypt."
    add("--insecure-scheduler", action="store_true", help=trusted)


def scan(
    targets: list[str],
    *,
    form: Format,
    output: Path | None,
    rules: list[Path],
    jobs: int | None,
    engine: Where,
    scheduler: str | None,
    insecure_scheduler: bool,
    no_git: bool,
    gitignore: bool,
    staged: bool,
    since: str | None,
    branch: list[str],
    unreachable: bool,
    pull_requests: bool,
    token: str | None,
    baseline: list[Path],
    write_baseline: Path | None,
    confidence: Confidence,
    no_repo_config: bool,
    reason: str,
    exit_zero: bool,
    no_progress: bool,
    fresh: bool,
) -> int:
    """
    Look for secrets. A secret is never shown: only where it is, whose it is, and what to do.

    A git repository is scanned through its whole history and its working tree.
    Exit status: 0 nothing found, 1 secrets found, 2 the scan could not be done or not finished, 130 interrupted.
    Ctrl-C reports what was found by then; a second one leaves at once.
    """
    wishes = _wishes(since, branch, token, unreachable=unreachable, requests=pull_requests)
    _check_wishes(wishes, staged=staged, git=not no_git)
    _check_engine(engine, scheduler, insecure=insecure_scheduler)
    from keywatch.cli.interrupts import EXIT, Interrupts
    from keywatch.cli.output import sent, written
    from keywatch.cli.progress import progress
    from keywatch.cli.scan_run import explain, installation, run
    from keywatch.report.formats import write

    chosen = _rules(rules)
    targets, skipped = _expanded(targets or ["."], wishes, whole=not staged and not no_git and not wishes.asked)
    how = {"staged": staged, "git": not no_git, "gitignore": gitignore}
    sources = [_source(text, chosen, wishes=wishes, **how) for text in targets]
    from keywatch.scan.baseline_file import Recorder, read_baseline, read_own

    today = datetime.now(UTC).date()
    accepted = [read_baseline(file, today=today, warn=_note) for file in baseline]
    recorder = Recorder(read_own(write_baseline), reason, confidence) if write_baseline else None
    own, unread = ({}, []) if no_repo_config else _own(targets, sources, chosen)
    skipped += unread
    here = installation()
    if scheduler and (recorder or own):
        _note("what --write-baseline or a target's own rules concern is scanned on this machine alone")
    keys = known_keys(here)
    note = None
    with Interrupts() as stop, written(output, machine=form is not Format.TEXT) as out:
        lines = _lines(form, out)
        with stop.raised():
            workers = _workers(scheduler, jobs=jobs, insecure=insecure_scheduler)

        def tell(findings: "Iterable[Finding]") -> None:
            if lines is not None:
                with sent(out, output):
                    lines.tell(findings)

        report = run(
            sources,
            chosen,
            here,
            keys,
            engine=workers,
            progress=progress(wanted=not no_progress, mixed=lines is not None and out.isatty()),
            stop=stop,
            tell=tell if lines else None,
            accepted=accepted,
            recorder=recorder,
            own=own,
            skipped=skipped,
            least=confidence,
            remembering=not fresh,
        )
        with stop.reporting(), suppress(BrokenPipeError), sent(out, output):
            if lines is not None:
                lines.finish(report)
            else:
                note = write(report, form, out)
    if write_baseline and recorder:
        with written(write_baseline) as file, sent(file, write_baseline):
            file.write(recorder.text())
    explain(report, note, summarised=form is Format.TEXT and output is None)
    if stop.signal is not None:
        return EXIT + stop.signal
    if not report.complete:
        return INCOMPLETE
    return FOUND if report.tally.findings and not (exit_zero or write_baseline) else 0


def _check_engine(engine: Where, scheduler: str | None, *, insecure: bool) -> None:
    if engine is Where.DASK and not scheduler:
        raise UsageError("--engine dask needs a scheduler", hint="name it: --scheduler tls://host:8786")
    if engine is not Where.DASK and (scheduler or insecure):
        raise UsageError("a scheduler is asked only with --engine dask", hint="say that as well, or leave it out")


def _workers(scheduler: str | None, *, jobs: int | None, insecure: bool) -> "Engine":
    if scheduler is None:
        from keywatch.scan.engine import Local

        return Local(jobs)
    from keywatch.scan.dask_engine import Dask

    return Dask(scheduler, jobs=jobs, insecure=insecure)


def _wishes(
    since: str | None, branch: list[str], token: str | None, *, unreachable: bool, requests: bool
) -> "GitWishes":
    from keywatch.collect.content import GitWishes

    return GitWishes(
        since=since,
        branches=tuple(branch),
        unreachable=unreachable,
        requests=requests,
        token=_token(token) if token else None,
    )


def _check_wishes(wishes: "GitWishes", *, staged: bool, git: bool) -> None:
    if staged and (not git or wishes.asked):
        hint = "say which of them you mean"
        raise UsageError("--staged excludes --no-git, --since, --branch and --unreachable", hint=hint)
    if not git and wishes.asked:
        what = f"{wishes.asked} needs the history that --no-git leaves out"
        raise UsageError(what, hint="leave one of them out")
    if wishes.branches and wishes.unreachable:
        raise UsageError("--unreachable asks for more than --branch allows", hint="leave one of them out")


def _lines(form: Format, out: TextIO) -> "Lines | None":
    """Return what tells findings as they come; None: the format is written at the end."""
    if form is not Format.JSONL:
        return None
    from keywatch.report.json_lines import Lines

    return Lines(out)


def known_keys(here: "Installation") -> "KnownKeys":
    """Return the keys whose leak is told as ours: those the daemon of this installation left; else none."""
    from keywatch.detect.known import KnownKeys
    from keywatch.scan.known_file import read_known

    return KnownKeys(()) if here.directory is None else read_known(here.directory, here.pepper.id, _note)


def _rules(files: list[Path]) -> "RuleSet":
    from keywatch.cli.scan_run import cache_dir
    from keywatch.detect.rules import packaged

    chosen = packaged(cache_dir())
    for file in files:
        from keywatch.detect.rules import added

        chosen = added(file, chosen)
    for warning in chosen.warnings:
        _note(warning)
    return chosen


def _own(
    targets: list[str], sources: "list[ContentSource]", rules: "RuleSet"
) -> "tuple[dict[str, Own], list[Skipped]]":
    """Return what the targets say themselves about scanning them, and which of their files cannot be followed."""
    from keywatch.scan.own_files import has_own

    found: dict[str, Own] = {}
    skipped: list[Skipped] = []
    for text, source in zip(targets, sources, strict=True):
        if has_own(Path(text)):
            from keywatch.scan.own_rules import read_own

            found[source.target], unread = read_own(Path(text), rules, _note)
            skipped += unread
    return found, skipped


def _note(text: str) -> None:
    sys.stderr.write(f"keywatch: note: {visible(text)}\n")


def _token(reference: str) -> "Callable[[], Secret]":
    from keywatch.settings.reference import Reference

    try:
        return Reference.parse(reference).resolve
    except ValueError as error:
        raise UsageError(
            f"--token: {error}", hint="the token itself would be seen by everybody on this machine"
        ) from None


def _expanded(targets: list[str], wishes: "GitWishes", *, whole: bool) -> "tuple[list[str], list[Skipped]]":
    """Put an organisation's repositories in its place, and a repository's submodules behind it if it is read whole."""
    found: list[str] = []
    skipped: list[Skipped] = []
    for text in targets:
        if text.startswith(("github:", "gitlab:")) and not os.path.lexists(text):
            from keywatch.collect.content.hosting.target import listed

            repositories, missed = listed(text, wishes.token)
            found += repositories
            skipped += missed
        else:
            found.append(text)
            if whole and os.path.lexists(os.path.join(text, ".gitmodules")):  # noqa: PTH118 - what was typed
                from keywatch.collect.content.submodules import submodules

                for item in submodules(Path(text)):
                    if isinstance(item, Path):
                        found.append(str(item))
                    else:
                        _note(f"{item.what}: {item.why}: not scanned" + (f"; {item.hint}" if item.hint else ""))
    return found, skipped


def _source(
    text: str, rules: "RuleSet", *, staged: bool, git: bool, gitignore: bool, wishes: "GitWishes"
) -> "ContentSource":
    from keywatch.collect.content import is_repository, open_target

    if not staged:
        return open_target(text, git=git, wishes=wishes, ruleset=rules.hash, gitignore=gitignore)
    if not is_repository(Path(text)):
        raise UsageError(f"{text}: --staged needs a git repository", hint="name the repository's top directory")
    from keywatch.collect.content.git_staged import StagedFiles

    # `git commit -a` and `git commit FILE` prepare an index of their own, and tell their hooks which.
    index = os.environ.get("GIT_INDEX_FILE")
    return StagedFiles(Path(text), index=Path(index) if index else None)
