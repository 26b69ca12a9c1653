"""`python -m benchmarks.detection`: one table of recall on what should be told, and of noise on what should not."""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.detection.negatives import negatives
from benchmarks.detection.positives import Case, positives
from benchmarks.detection.tools import tools
from benchmarks.detection.values import Values

SEED = 20261123
ROUNDS = 5
"""Values of each combination: a tool may be lucky once."""


def write(cases: Iterable[Case], directory: Path) -> dict[str, list[str]]:
    """Write each case into a file of its own; returns the files of each family."""
    families: dict[str, list[str]] = defaultdict(list)
    for number, (family, name, content) in enumerate(cases):
        path = Path(f"{number:05d}", name)
        (directory / path).parent.mkdir()
        (directory / path).write_text(content, "utf-8")
        families[family].append(path.as_posix())
    return families


def table(title: str, families: dict[str, list[str]], hits: dict[str, set[str]]) -> list[str]:
    """Return the share of each family's files in which each tool reports something."""
    rows = [f"{title:<28}{'cases':>7}" + "".join(f"{tool:>16}" for tool in hits)]
    everything = [file for files in families.values() for file in files]
    for family, files in [*families.items(), ("all", everything)]:
        shares = "".join(f"{100 * len(found.intersection(files)) / len(files):>15.1f}%" for found in hits.values())
        rows.append(f"{family:<28}{len(files):>7}{shares}")
    return rows


def misses(families: dict[str, list[str]], found: set[str], directory: Path, *, wanted: bool) -> Iterator[str]:
    """Yield the cases that a tool got wrong: not found where `wanted`, else flagged."""
    for family, files in families.items():
        for file in files:
            if (file in found) is not wanted:
                yield f"{family}: {file}: {(directory / file).read_text('utf-8')[:300]!r}"


def main() -> None:
    """Print the tables. `--misses` lists what keywatch gets wrong."""
    for title, cases, wanted in (
        ("found (more is better)", positives(Values(SEED), ROUNDS), True),
        ("flagged (less is better)", negatives(Values(SEED + 1), ROUNDS), False),
    ):
        with tempfile.TemporaryDirectory(prefix="keywatch-corpus-") as name:
            families = write(cases, Path(name))
            hits = {tool: run(Path(name)) for tool, run in tools().items()}
            print("\n".join(table(title, families, hits)), end="\n\n")
            if "--misses" in sys.argv:
                print("\n".join(misses(families, hits["keywatch"], Path(name), wanted=wanted)), end="\n\n")


if __name__ == "__main__":
    main()
