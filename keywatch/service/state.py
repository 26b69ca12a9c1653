"""What is on disk: the database, and the pepper that the fingerprints in it were made with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keywatch.collect.state_dir import load_pepper, state_dir
from keywatch.model.secret import Pepper
from keywatch.settings.schema import Settings
from keywatch.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is on disk: the database, and the pepper that its fingerprints were made with."""

    directory: Path
    store: Store
    pepper: Pepper


def directory_of(settings: Settings) -> Path:
    """
    Return the state directory.

    Raises:
        NoState: none is configured, and there is no home directory either.
    """
    return Path(settings.state_dir).expanduser() if settings.state_dir else state_dir()


@contextmanager
def open_state(settings: Settings) -> Iterator[State]:
    """
    Open the state directory, making it if need be.

    Raises:
        StoreError: it cannot be used, or its pepper is missing although there are fingerprints made with it.
    """
    directory = directory_of(settings)
    with Store.open(directory) as store:
        pepper = load_pepper(directory, create=store.pepper_id is None)
        store.check_pepper(pepper.id)
        yield State(directory=directory, store=store, pepper=pepper)
