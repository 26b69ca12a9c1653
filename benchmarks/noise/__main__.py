"""
`python -m benchmarks.noise [DIRECTORY...]`: what scanners say of large source trees, by the megabyte.

Such trees hold next to no secret that anybody should hear of; tests do hold some that were made for them. So the less
is said the better, and each remaining finding must be explainable: `--rules` counts keywatch's by rule, `--list` lists
their places.
"""

import sys
from collections import Counter

from benchmarks.noise.tools import Heard, tools
from benchmarks.noise.trees import Tree, trees


def row(tree: Tree, tool: str, heard: Heard) -> str:
    """Return one line of the table: distinct values, distinct lines, and lines by the megabyte."""
    size = tree.megabytes
    return (
        f"{tree.name:<28}{size:>9.1f}  {tool:<12}{heard.seconds:>9.1f}{heard.secrets:>9}{heard.lines:>8}"
        f"{heard.lines / size if size else 0:>10.3f}"
    )


def details(heard: Heard, *, places: bool) -> list[str]:
    """Return the findings by rule, most first; with the places of each where they are asked for."""
    rows = []
    for rule, count in Counter(one.rule for one in set(heard.told)).most_common():
        rows.append(f"    {count:>6}  {rule}")
        if places:
            rows += sorted(f"            {one.path}:{one.line}" for one in set(heard.told) if one.rule == rule)
    return rows


def main() -> None:
    """Print the table."""
    directories = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    print(f"{'tree':<28}{'MB':>9}  {'tool':<12}{'seconds':>9}{'secrets':>9}{'lines':>8}{'lines/MB':>10}")
    for tree in trees(directories):
        if tree.path is None:
            print(f"{tree.name:<28}  left out: {tree.missing}")
            continue
        for tool, listen in tools().items():
            heard = listen(tree.path)
            print(row(tree, tool, heard), flush=True)
            if tool == "keywatch" and {"--rules", "--list"}.intersection(sys.argv):
                print("\n".join(details(heard, places="--list" in sys.argv)), flush=True)


if __name__ == "__main__":
    main()
