"""Lots that go wrong where they are read. In a file of their own, for Dask workers must be able to import them."""

import os
import signal
from collections.abc import Generator
from dataclasses import dataclass

from keywatch.model.content import Chunk
from keywatch.model.source import Sighted, Skipped


@dataclass(frozen=True)
class Deadly:
    """A lot that ends whoever reads it."""

    size: int = 1

    def __str__(self) -> str:
        return "deadly"

    def read(self) -> Generator[Chunk | Skipped, Sighted, None]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield Skipped("", "")


@dataclass(frozen=True)
class Broken:
    """A lot that cannot be read because of a defect, whose message holds what was read."""

    size: int = 1

    def __str__(self) -> str:
        return "broken"

    def read(self) -> Generator[Chunk | Skipped, Sighted, None]:
        yield Skipped("first", "told")
        raise ValueError("what was" + " read")
