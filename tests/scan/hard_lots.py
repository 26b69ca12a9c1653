"""Lots that go wrong where they are read. In a file of their own, for Dask workers must be able to import them."""

import os
import signal
from dataclasses import dataclass

from keywatch.model.source import Reading, Skipped
from keywatch.native.sieve import Harmless


@dataclass(frozen=True)
class Deadly:
    """A lot that ends whoever reads it."""

    size: int = 1

    def __str__(self) -> str:
        return "deadly"

    def read(self, harmless: Harmless | None = None) -> Reading:  # noqa: ARG002 - nothing of it is read
        os.kill(os.getpid(), signal.SIGKILL)
        yield Skipped("", "")


@dataclass(frozen=True)
class Broken:
    """A lot that cannot be read because of a defect, whose message holds what was read."""

    size: int = 1

    def __str__(self) -> str:
        return "broken"

    def read(self, harmless: Harmless | None = None) -> Reading:  # noqa: ARG002 - nothing of it is read
        yield Skipped("first", "told")
        raise ValueError("what was" + " read")
