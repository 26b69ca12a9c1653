"""
`python -m benchmarks.scan [REPOSITORY]`: one table of how fast scans are, keywatch beside its peers and the floor.

A real repository gives the figures that count. Without one a history is made, of modules of Python's library that
change two hundred times each: good to compare two commits of keywatch on any machine.
"""

import os
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.scan import history, targets
from benchmarks.scan import log as logs
from benchmarks.scan.results import page, table
from benchmarks.scan.rows import ROWS, Bench, Row
from benchmarks.scan.tools import tools

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
_MEGABYTE = 1_000_000


def main(arguments: list[str] | None = None) -> None:
    """Print the table, and write the page where everything was measured."""
    asked = _asked(arguments)
    rows = [row for row in ROWS if row.name in asked.only]
    found = tools(alone=asked.alone)
    with tempfile.TemporaryDirectory(prefix="keywatch-scan-") as name:
        place = Path(name)
        paths, facts = _targets(asked, rows, place)
        bench = Bench(place, found, paths, dict(os.environ))
        measured = []
        for one in bench.measure(rows, asked.runs):
            measured.append(one)
            print(f"measured: {one.row.name}", file=sys.stderr, flush=True)
    text = page(measured, found, facts, runs=asked.runs, now=datetime.now(UTC))
    print("\n".join(table(measured)))
    if asked.output or len(rows) == len(ROWS):
        (asked.output or RESULTS).write_text(text, "utf-8")
    if any(took is None for one in measured for took in one.took.values()):
        sys.exit("a scanner failed: see above")


def _asked(arguments: list[str] | None) -> Namespace:
    names = [row.name for row in ROWS]
    parser = ArgumentParser(prog="make bench ARGS=…", description="How fast scans are, beside peers and the floor.")
    parser.add_argument("repository", nargs="?", type=Path, help="A git repository. Default: one is made.")
    parser.add_argument("--name", help="What the results call it. Default: its directory's name.")
    parser.add_argument("--runs", type=int, default=3, help="Of each command; medians are told. Default: 3.")
    only = f"Some of: {', '.join(names)}. Then no results are written."
    parser.add_argument("--only", type=lambda text: text.split(","), default=names, metavar="NAME,…", help=only)
    parser.add_argument("--size", type=int, default=400, metavar="MB", help="Of a history that is made. Default: 400.")
    parser.add_argument("--log", type=int, default=256, metavar="MB", help="Of the log. Default: 256.")
    parser.add_argument("--alone", action="store_true", help="Measure keywatch only.")
    parser.add_argument("--output", type=Path, metavar="FILE", help="Where the results go. Default: RESULTS.md.")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.only) - set(names):
        parser.error(f"nothing is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if asked.runs < 1:
        parser.error("--runs must be 1 or more")
    return asked


def _targets(asked: Namespace, rows: list[Row], place: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Make what the rows scan; return where it is by kind, and what it is."""
    paths, facts = {}, {}
    kinds = {row.kind for row in rows}
    if kinds & {"git", "tree", "staged"}:
        paths["git"], name = _repository(asked, place)
        facts["repository"] = f"{name}: {targets.size_of_history(paths['git'])}"
    if kinds & {"tree", "staged"}:
        clone = paths["tree"] = paths["staged"] = place / "clone"
        targets.checkout(paths["git"], clone)
        facts["working tree"] = targets.size_of_tree(clone)
        facts["staged"] = targets.stage(clone)
    if kinds & {"stdin", "file"}:
        log = paths["stdin"] = paths["file"] = place / "application.log"
        logs.write(log, asked.log * _MEGABYTE)
        facts["log"] = (
            f"{asked.log:,} MB: a web server's lines, an application's, JSON, and what speaks of keys, in one file"
        )
    return paths, facts


def _repository(asked: Namespace, place: Path) -> tuple[Path, str]:
    if asked.repository:
        return targets.bare(asked.repository, place / "bare"), asked.name or asked.repository.resolve().name
    history.make(place / "made", asked.size * _MEGABYTE)
    return place / "made", f"made for this (synthetic: modules of Python's library, {history.VERSIONS} versions each)"


if __name__ == "__main__":
    main()
