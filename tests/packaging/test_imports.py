"""What the code imports is what pyproject.toml asks for: nothing is there by luck, and nothing is asked for in vain."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "keywatch" / "demo"

STANDARD = sys.stdlib_module_names | {"compression"}
"""With what later versions have: 3.14 brings what `backports.zstd` is until then."""
# A library whose errors or types are part of another's interface: asking for the one is asking for the other.
COMES_WITH = {"botocore": "boto3", "pydantic-core": "pydantic", "dask": "distributed"}


@cache
def homes() -> dict[str, set[str]]:
    """Return, for each importable name, the distributions it comes from."""
    return {name: {str(canonicalize_name(home)) for home in found} for name, found in packages_distributions().items()}


def third_party(path: Path) -> Iterator[str]:
    """Yield the distributions that a module imports from, or looks for, wherever in it that stands."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.util.find_spec":
            names = [ast.literal_eval(node.args[0])]  # for a file of it: see collect/content/archive/pdf.py
        for top in {name.partition(".")[0] for name in names} - STANDARD - {"keywatch"}:
            for home in homes().get(top, {top}):
                yield COMES_WITH.get(home, home)


def is_types_alone(distribution: str) -> bool:
    """Tell whether a distribution is imported under TYPE_CHECKING, where only mypy looks."""
    return distribution.startswith(("types-", "mypy-boto3"))


def modules() -> list[Path]:
    """Every module of keywatch."""
    return sorted((ROOT / "keywatch").rglob("*.py"))


def extras(module: Path) -> list[str]:
    """Return the extras that whoever uses a module has asked for."""
    if DEMO in module.parents:
        return ["demo"]
    if module.name in {"cloudtrail_chain.py", "cloudtrail_digest.py"}:
        return ["digests"]
    if module.name == "reporter.py":
        return ["test"]  # the client it is hooked to is its user's own
    return ["dask"] if module.name.startswith("dask_") else []


def asked(*extras: str) -> set[str]:
    """Return the names of the distributions that pyproject.toml asks for, itself left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {str(canonicalize_name(Requirement(line).name)) for line in lines} - {"keywatch"}


def test_what_is_imported_is_asked_for() -> None:
    """A module imports only distributions that keywatch names itself, or that the extra it belongs to names."""
    undeclared = {
        f"{module.relative_to(ROOT)}: {name}"
        for module in modules()
        for name in third_party(module)
        if name not in asked(*extras(module)) and not is_types_alone(name)
    }
    assert undeclared == set()


def test_what_is_asked_for_is_imported() -> None:
    """No dependency is carried along that no module uses."""
    used = {name for module in modules() for name in third_party(module)}
    assert asked() - used == set()
