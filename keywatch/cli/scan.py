"""`keywatch scan`: look for secrets now."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keywatch.model.errors import UsageError
from keywatch.report.formats import Format
from keywatch.report.safe import visible

if TYPE_CHECKING:
    from keywatch.cli.scan_run import Installation
    from keywatch.detect.known import KnownKeys
    from keywatch.detect.ruleset import RuleSet
    from keywatch.model.source import ContentSource
    from keywatch.scan.baseline_file import GitleaksIgnore

FOUND = 1
INCOMPLETE = 2
INTERRUPTED = 130


def scan(  # noqa: PLR0917 - options, which typer passes by name
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="A git repository, a directory, a file, or - for standard input. Default: the working directory.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="How to write the report.")] = Format.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report there, not to stdout.")
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", metavar="FILE", help="Rules of your own (keywatch's or gitleaks' TOML), beside ours."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Threads. Default: one for each core.")
    ] = None,
    no_git: Annotated[bool, typer.Option("--no-git", help="Scan a repository's files alone, not its history.")] = False,
    staged: Annotated[bool, typer.Option("--staged", help="Scan what is about to be committed, only.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="REV", help="Leave out what this revision reaches.")
    ] = None,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(
            "--baseline", metavar="FILE", help="Do not tell what it accepts (keywatch's, gitleaks', detect-secrets')."
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Accept what is found: add it to that file, exit 0."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is accepted.")] = "",
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 also when something is found.")] = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Show no progress on stderr.")] = False,
) -> int:
    """
    Look for secrets. A secret is never shown: only where it is, whose it is, and what to do.

    A git repository is scanned through its whole history and its working tree.
    Exit status: 0 nothing found, 1 secrets found, 2 the scan could not be done or not finished, 130 interrupted.
    """
    if staged and (no_git or since):
        raise UsageError("--staged excludes --no-git and --since", hint="say which of them you mean")
    if no_git and since:
        raise UsageError("--since needs the history that --no-git leaves out", hint="leave one of them out")
    from keywatch.cli.scan_run import explain, installation, progress, run, written
    from keywatch.report.formats import write

    chosen = _rules(rules or [])
    sources = [_source(text, chosen, staged=staged, git=not no_git, since=since) for text in targets or ["."]]
    from keywatch.scan.baseline_file import Recorder, read_baseline, read_own

    today = datetime.now(UTC).date()
    accepted = [read_baseline(file, today=today, warn=_note) for file in baseline or []]
    recorder = Recorder(read_own(write_baseline), reason) if write_baseline else None
    here = installation()
    with written(output) as out:
        report = run(
            sources,
            chosen,
            here,
            known_keys(here),
            jobs=jobs,
            show=progress(wanted=not no_progress),
            accepted=accepted,
            recorder=recorder,
            ignored=_ignored(targets or ["."]),
        )
        write(report, form, out)
    if write_baseline and recorder:
        with written(write_baseline) as file:
            file.write(recorder.text())
    explain(report, summarised=form is Format.TEXT and output is None)
    if report.interrupted:
        return INTERRUPTED
    if not report.complete:
        return INCOMPLETE
    return FOUND if report.findings and not (exit_zero or write_baseline) else 0


def known_keys(here: "Installation") -> "KnownKeys":
    """Return the keys whose leak is told as ours: those the daemon of this installation left; else none."""
    from keywatch.detect.known import KnownKeys
    from keywatch.scan.known_file import read_known

    return KnownKeys(()) if here.directory is None else read_known(here.directory, here.pepper.id, _note)


def _rules(files: list[Path]) -> "RuleSet":
    from keywatch.detect.rules import load, packaged

    chosen = packaged()
    for file in files:
        chosen = chosen.extended(load(file))
    for warning in chosen.warnings:
        _note(warning)
    return chosen


def _ignored(targets: list[str]) -> "GitleaksIgnore":
    """Return what the targets' own `.gitleaksignore` files excuse."""
    from keywatch.scan.baseline_file import GitleaksIgnore, read_ignore

    files = [Path(target) / ".gitleaksignore" for target in targets]
    found = [read_ignore(file, _note) for file in files if file.is_file()]
    return GitleaksIgnore(frozenset(place for ignore in found for place in ignore.places))


def _note(text: str) -> None:
    typer.echo(f"keywatch: note: {visible(text)}", err=True)


def _source(text: str, rules: "RuleSet", *, staged: bool, git: bool, since: str | None) -> "ContentSource":
    from keywatch.collect.content import is_repository, open_target

    if not staged:
        return open_target(text, git=git, since=since, ruleset=rules.hash)
    if not is_repository(Path(text)):
        raise UsageError(f"{text}: --staged needs a git repository", hint="name the repository's top directory")
    from keywatch.collect.content.git_staged import StagedFiles

    # `git commit -a` and `git commit FILE` prepare an index of their own, and tell their hooks which.
    index = os.environ.get("GIT_INDEX_FILE")
    return StagedFiles(Path(text), index=Path(index) if index else None)
