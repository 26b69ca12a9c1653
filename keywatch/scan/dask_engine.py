"""
Lots examined by Dask workers, on this machine or others.

Lots travel, content does not: what was read here (a working tree, standard input, objects of a bucket) is examined
here, and what comes in lots (the history of a repository) is read by the worker that examines it. So no plaintext
passes through a scheduler, whose memory and logs are not ours, and the scheduler is no bottleneck.
"""

import ipaddress
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from keywatch.collect.content.file_lot import FileLot
from keywatch.model.errors import ScanError, UsageError
from keywatch.model.source import ContentBatch, Lot, Skipped
from keywatch.scan.dask_worker import Order, Parcel, examine, handed, probe, version
from keywatch.scan.engine import Engine, Local, Waits
from keywatch.scan.examination import Examination, Examined
from keywatch.scan.recipe import Recipe

try:
    import dask.config
    from distributed import Client, KilledWorker, wait
except ImportError:
    raise UsageError(
        "--engine dask needs Dask, which is not installed here", hint="pip install 'keywatch[dask]'"
    ) from None

if TYPE_CHECKING:
    from distributed import Future

_CONNECTING = 10.0
"""Seconds in which a scheduler must answer."""
_PATIENCE = 30.0
"""Seconds in which a worker must be there, at the start and whenever the last one has gone."""
_LOOK = 2.0
"""Seconds after which, while a lot is waited for, it is looked whether anybody still works on it."""
_FETCHING = 120.0
"""Seconds in which what a worker found must have come."""
_LEAVING = 2.0
"""Seconds for each thing that is still asked for when the scan ends."""
_EACH = 2
"""Lots on their way for each thread of a worker."""
_ENCRYPTED = frozenset({"tls", "wss"})
_T = TypeVar("_T")
_HERE = ["127.0.0.1", "::1"]


class Dask:
    """The workers of a Dask scheduler. Asked from one thread."""

    def __init__(
        self, scheduler: str, *, jobs: int | None = None, insecure: bool = False, patience: float = _PATIENCE
    ) -> None:
        """
        Connect to a scheduler, and wait for a worker.

        Args:
            scheduler: its address. Certificates are taken from Dask's own configuration.
            jobs: threads for what is examined here.
            insecure: the pepper may leave this machine unencrypted.
            patience: seconds in which a worker must be there.

        Raises:
            UsageError: that cannot be, and the hint says what to do.
        """
        self._scheduler = scheduler
        self._insecure = insecure or _scheme(scheduler) in _ENCRYPTED
        if not self._insecure and not _is_here(scheduler):
            raise UsageError(
                f"{scheduler}: the key of our fingerprints would travel unencrypted",
                hint="use tls:// (the settings distributed.comm.tls of Dask name the certificates), "
                "or say --insecure-scheduler in a network that you trust",
            )
        self._patience = patience
        self._local = Local(jobs)
        self._recipe: Recipe | None = None
        self._parcel: Future[Parcel] | None = None
        self._session = uuid.uuid4().hex
        self._begun = self._unread = 0
        self._stopped = threading.Event()
        self._lost = False
        self._running: set[Future[Examined]] = set()
        self._threads = self._looked = 0.0
        self._client: Any = _connected(scheduler)  # hardly any of it is typed
        try:
            self._wait_for_worker()
            self._compare()
        except BaseException:
            self.close()
            raise

    @property
    def ahead(self) -> int:
        """
        See `Engine.ahead`. As many lots as keep the workers busy, which may come while we scan.

        Not as many batches of content, which are held in memory.
        """
        if self._unread > self._local.ahead:
            return self._local.ahead
        if time.monotonic() - self._looked > self._patience / 3:
            self._look()
        return max(self._local.ahead, int(_EACH * self._threads))

    def prepare(self, examine: Examination, foreseen: Callable[[int], int]) -> None:
        """See `Engine.prepare`. The workers are there."""

    def start(self, examine: Examination, batch: ContentBatch) -> Waits:
        """See `Engine.start`."""
        waits: list[Waits] = []
        recipe = examine.recipe
        near = tuple(lot for lot in batch.lots if recipe is None or _is_near(lot))
        if batch.chunks or near:
            waits.append(self._local.start(examine, replace(batch, lots=near)))
        if recipe is not None:
            waits += [self._sent(recipe, lot) for lot in batch.lots if not _is_near(lot)]
        holds = bool(batch.chunks)
        self._unread += holds

        def wait() -> Examined:
            self._unread -= holds
            return reduce(Examined.joined, [wait() for wait in waits], Examined())

        return wait

    def stop(self) -> None:
        """See `Engine.stop`. A worker ends the lot it is at; nobody waits for it."""
        self._stopped.set()
        self._local.stop()
        for future in [future for future in self._running if not future.done()]:
            self._drop(future)

    def close(self) -> None:
        """See `Engine.close`."""
        self._local.close()
        self._running.clear()
        self._parcel = None
        with suppress(Exception):  # whatever a scheduler that is gone makes of it
            self._client.close(timeout=_LEAVING)

    def _sent(self, recipe: Recipe, lot: Lot) -> Waits:
        if self._stopped.is_set():
            return Examined
        if self._lost:
            self._lose()
        try:
            if self._recipe is not recipe or self._parcel is None:
                self._recipe = recipe
                self._parcel = self._submit(handed, Parcel.of(recipe))
            future = self._submit(examine, lot, self._parcel, Order(version(), recipe.pepper))
        except Exception as error:  # noqa: BLE001 - a client whose scheduler is gone raises this and that
            self._lose(error)
        self._running.add(future)

        def wait() -> Examined:
            try:
                return self._waited(future, lot)
            finally:
                self._drop(future)

        return wait

    def _submit(self, task: Callable[..., _T], *given: object) -> "Future[_T]":
        self._begun += 1
        future: Future[_T] = self._client.submit(
            task,
            *given,
            key=f"keywatch-{self._session}-{self._begun}",
            pure=False,
            # Where nothing is encrypted, only workers on this machine get it, also of those that come later.
            workers=None if self._insecure else _HERE,
        )
        return future

    def _waited(self, future: "Future[Examined]", lot: Lot) -> Examined:
        alone: float | None = None
        while not self._stopped.is_set():
            try:
                with self._client.as_current():
                    wait(future, timeout=_LOOK)
                found: Examined = future.result(timeout=_FETCHING)
            except TimeoutError:
                alone = self._still_worked_on(alone)
            except KilledWorker as error:
                why = f"{error.allowed_failures + 1} workers were ended while they looked through it"
                hint = "have they too little memory? the logs of the workers may say; try without --engine dask"
                return Examined(skipped=(Skipped(str(lot), why, hint),))
            except (CancelledError, OSError) as error:
                if self._stopped.is_set():
                    break
                self._lose(error)
            except Exception as error:  # noqa: BLE001 - told by its type: a message may quote what was read
                why = f"no worker could begin with it ({type(error).__name__})"
                hint = "install the same keywatch on the scheduler and every worker"
                return Examined(skipped=(Skipped(str(lot), why, hint),))
            else:
                return found
        if future in self._running and future.status == "finished":
            with suppress(Exception):
                done: Examined = future.result(timeout=_LEAVING)
                return done
        return Examined()

    def _still_worked_on(self, alone: float | None) -> float | None:
        """
        Look whether there is a worker, and return since when there is none.

        Raises:
            ScanError: there has been none for long, or no scheduler.
        """
        if self._client.status != "running" or self._parcel is None or self._parcel.cancelled():
            self._lose()
        if self._look():
            return None
        now = time.monotonic()
        if alone is not None and now - alone > self._patience:
            raise ScanError(f"{self._scheduler}: no worker is left", hint="start `dask worker` and scan again")
        return now if alone is None else alone

    def _look(self) -> bool:
        """
        Note how many threads the workers have, and return whether there are any.

        Raises:
            ScanError: one of them would be told the pepper unencrypted.
        """
        self._looked = time.monotonic()
        try:
            threads: dict[str, int] = self._client.sync(self._client.scheduler.ncores, callback_timeout=_CONNECTING)
        except (OSError, CancelledError):
            return bool(self._threads)  # whoever waits for a lot is told why
        if not self._insecure:
            threads = {address: count for address, count in threads.items() if _is_here(address)}
        self._threads = sum(threads.values())
        return bool(threads)

    def _wait_for_worker(self) -> None:
        until = time.monotonic() + self._patience
        while not self._look():
            if time.monotonic() > until:
                there = " on this machine, and nothing encrypts what others would get" if not self._insecure else ""
                raise UsageError(
                    f"{self._scheduler}: no worker came within {self._patience:.0f} seconds{there}",
                    hint=f"start some: dask worker {self._scheduler}",
                )
            time.sleep(0.2)

    def _compare(self) -> None:
        """Raise UsageError if somebody has another keywatch; a worker that comes later refuses what it is sent."""
        try:
            told = {
                f"the worker {address}": answer
                for address, answer in self._client.run(probe(), on_error="return").items()
            }
            told["the scheduler"] = self._client.run_on_scheduler(probe())
        except Exception as error:  # noqa: BLE001 - of any kind, from a machine that may have anything installed
            raise UsageError(
                f"{self._scheduler}: scheduler and workers do not tell their version ({type(error).__name__})",
                hint="install the same keywatch, Dask and Python on all of them",
            ) from None
        for who, answer in told.items():
            if answer != version():
                has = answer if isinstance(answer, str) else f"unknown ({type(answer).__name__})"
                raise UsageError(
                    f"{who} has keywatch {has}; here it is {version()}",
                    hint="install the same keywatch on the scheduler and every worker",
                )

    def _lose(self, error: BaseException | None = None) -> NoReturn:
        self._lost = True
        why = f" ({type(error).__name__})" if error is not None else ""
        raise ScanError(
            f"{self._scheduler}: the scheduler does not answer any more{why}",
            hint="look why it ended, and scan again: what its workers had not told is not scanned",
        )

    def _drop(self, future: "Future[Examined]") -> None:
        """Let a future go: Dask begins nothing that nobody wants, and forgets it."""
        self._running.discard(future)
        with suppress(Exception):
            future.release()


def _connected(scheduler: str) -> Client:
    # A lot of many small blobs is named in some MB, of which Dask would warn.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GiB"})
    _quiet(name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed")
    try:
        return Client(scheduler, timeout=_CONNECTING, set_as_default=False)
    except OSError as error:
        why = "no answer" if isinstance(error, TimeoutError) else "it cannot be reached"
        hint = "is `dask scheduler` running there, and is the address (tcp:// or tls://) the one that it tells?"
        raise UsageError(f"{scheduler}: {why}", hint=hint) from None
    except (ValueError, TypeError, RuntimeError) as error:
        what = "certificates are missing or wrong" if _scheme(scheduler) in _ENCRYPTED else "not an address"
        hint = (
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY name them"
            if _scheme(scheduler) in _ENCRYPTED
            else "write it as `dask scheduler` tells it, like tcp://127.0.0.1:8786"
        )
        raise UsageError(f"{scheduler}: {what} ({type(error).__name__})", hint=hint) from None


def _is_near(lot: Lot) -> bool:
    return isinstance(lot, FileLot) and lot.near


def _quiet(names: Iterable[str]) -> None:
    """Dask logs on stderr, which is the user's: what goes wrong is told once, by us."""
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _scheme(address: str) -> str:
    return address.partition("://")[0].lower() if "://" in address else "tcp"


def _is_here(address: str) -> bool:
    """Tell whether an address is this machine's own, which nobody else can listen to."""
    try:
        host = urlsplit(address if "://" in address else f"tcp://{address}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_: type[Engine] = Dask
