"""What a Dask worker does for a scan. Nothing it is given, and nothing it answers, holds content or a secret."""

import hashlib
import pickle
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import keywatch
from keywatch.collect.state_dir import NoState, state_dir
from keywatch.model.errors import KeywatchError
from keywatch.model.source import Lot, Skipped
from keywatch.native.memory import let_go
from keywatch.scan.examination import Examined
from keywatch.scan.recipe import Examiner, Recipe

_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Order:
    """
    What comes with each lot.

    Dask keeps arguments of tasks in memory, while results of tasks may be spilled to a worker's disk: so the pepper is
    here and not in the parcel. Dask logs how a task looks that failed: so the pepper is not shown.
    """

    version: str
    """Of the keywatch that sends it."""
    pepper: bytes = field(repr=False)


class Parcel:
    """
    A recipe without its pepper, sent to each worker once, with the examiner that the worker has made of it.

    It is the result of a task, so Dask makes it again where a worker that had it died, and lets it go, examiner and
    pepper with it, when the scan has ended in whatever way. The examiner stays where it was made.
    """

    def __init__(self, contents: bytes) -> None:
        """Hold a pickled recipe. It is opened by a worker of the same version only."""
        self._contents = contents
        self._lock = threading.Lock()
        self._examiner: Examiner | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> "Parcel":
        """Pack a recipe."""
        return cls(pickle.dumps(replace(recipe, pepper=b"", cache=None)))

    def __reduce__(self) -> "tuple[type[Parcel], tuple[bytes]]":
        return Parcel, (self._contents,)

    def examiner(self, pepper: bytes) -> Examiner:
        """Return what examines by this recipe, made by the thread that asks first."""
        with self._lock:
            if self._examiner is None:
                recipe: Recipe = pickle.loads(self._contents)  # noqa: S301 - whoever sends tasks runs code here anyway
                self._examiner = replace(recipe, pepper=pepper, cache=_cache()).examiner()
            return self._examiner


def handed(parcel: Parcel) -> Parcel:
    """Return the parcel: as the result of a task it goes from worker to worker."""
    return parcel


def examine(lot: Lot, parcel: Parcel, order: Order) -> Examined:
    """
    Examine a lot, and say where and why if that cannot be done. Never raises.

    Dask would log an exception, and send it on: it may quote what was being read.
    """
    try:
        if version() == order.version:
            try:
                return parcel.examiner(order.pepper).lot(lot)
            finally:
                let_go()
        why = f"has keywatch {version()}, and {order.version} is what scans"
        hint = "install the same keywatch on every worker"
    except KeywatchError as error:
        why = f"cannot read it: {error.message}"
        hint = "let each worker see it at this path (a shared file system), or scan it without --engine dask"
    except Exception as error:  # noqa: BLE001 - see above
        last = traceback.extract_tb(error.__traceback__)[-1]
        why = f"ended with {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
        hint = "has it too little memory? else this is a defect in keywatch, please report it"
    return Examined(skipped=(Skipped(str(lot), f"the worker {_address()} {why}", hint),))


@cache
def version() -> str:
    """Return the version of keywatch with a digest of its code: what works together must be the same."""
    top = Path(keywatch.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(top.rglob("*.py")):
        digest.update(f"{file.relative_to(top).as_posix()}\0".encode() + file.read_bytes())
    return f"{keywatch.__version__} ({digest.hexdigest()[:_DIGITS]})"


def probe() -> Callable[[], str]:
    """Return what tells the version of the process that calls it, also where keywatch is old or missing."""

    def told() -> str:  # sent as code, for it is not a module's
        try:
            from keywatch.scan.dask_worker import version
        except ImportError:
            return "none, or an older one"
        return version()

    return told


def _cache() -> Path | None:
    with suppress(NoState):
        return state_dir() / "cache"
    return None


def _address() -> str:
    from distributed import get_worker

    return str(get_worker().address)
