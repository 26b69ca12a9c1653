"""A walk through the names below Vault's mounts: bounded, and never taking a refusal for emptiness."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from keywatch.collect.inventory.vault_mounts import require
from keywatch.collect.vault import Fields, Vault
from keywatch.model.errors import SourceDenied, SourceMalformed
from keywatch.model.source import Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far one run goes."""

    depth: int = 20
    """Folders below each other before a subtree is skipped."""
    secrets: int = 100_000
    """Of one run, before the rest is skipped."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The name of one secret."""

    mount: str
    path: str
    metadata: Fields | None = field(default=None, repr=False)
    """Of KV v2, where the list had it; None: it is to be asked for."""

    @property
    def place(self) -> str:
        return f"{self.mount}/{self.path}"


@dataclass(slots=True)
class Walk:
    """
    One run through a Vault's trees, and how far it has come.

    A refused folder is a `Skipped`, and the rest goes on. If the token died on the way, the run fails at its end
    instead: else everything it could no longer see would seem to have vanished.
    """

    who: str
    vault: Vault
    bounds: Bounds
    _lived: bool | None = None
    _details: bool = True
    """Whether the server may tell the metadata of a whole folder at once."""
    _opened: int = 0
    _secrets: int = 0
    _refused: list[SourceDenied | SourceMalformed] = field(default_factory=list)

    def begin(self) -> None:
        """
        Ask whether Vault and the token are well.

        Raises:
            SourceError: they are not.
        """
        self.vault.require_health()
        self._lived = self.vault.token_lives()

    def end(self) -> None:
        """
        See whether what was refused says anything.

        Raises:
            SourceError: nothing could be opened, or the token died on the way.
        """
        if self._refused and not self._opened:
            raise self._refused[0]
        if self._refused and self._lived and not self.vault.token_lives():
            hint = "give it a new token"
            raise SourceDenied(f"{self.who}: the token was revoked or ran out during the walk", hint=hint)

    def opened(self) -> None:
        """Note that something was shown."""
        self._opened += 1

    def refused(self, what: str, error: SourceDenied | SourceMalformed) -> Skipped:
        """Note a refusal, to be looked at in the end."""
        self._refused.append(error)
        return Skipped(what, error.message, error.hint)

    def leaves(self, mount: str, above: str, *, detailed: bool = False) -> Iterator[Leaf | Skipped]:
        """
        Yield the names of all secrets below a mount.

        Args:
            mount: without slashes at its ends.
            above: the path whose list is that of the mount; with a slash at its end.
            detailed: whether it is KV v2 whose metadata is wanted: OpenBao tells that of a folder in one request.
        """
        # Our own stack, not recursion: depth is the tree owner's choice, up to our bound.
        folders: list[tuple[str, int]] = [("", 0)]
        while folders:
            folder, depth = folders.pop()
            try:
                if not folder:
                    require(self.vault, self.who, mount)
                names = self._names(mount, above, folder, detailed=detailed and self._details)
            except (SourceDenied, SourceMalformed) as error:
                yield self.refused(f"{mount}/{folder}", error)
                continue
            self.opened()
            for name, metadata in names:
                path = folder + name
                if name.strip("/") in ("", ".", ".."):
                    yield Skipped(f"{mount}/{path}", "a name that cannot be asked for safely")
                elif name.endswith("/"):
                    if depth < self.bounds.depth:
                        folders.append((path, depth + 1))
                    else:
                        yield Skipped(f"{mount}/{path}", f"more than {self.bounds.depth} folders deep")
                elif self._secrets < self.bounds.secrets:
                    self._secrets += 1
                    yield Leaf(mount, path, metadata)
                else:
                    yield Skipped(f"{mount}/{path} and what follows", f"more than {self.bounds.secrets} secrets")
                    return

    def _names(self, mount: str, above: str, folder: str, *, detailed: bool) -> "Iterable[tuple[str, Fields | None]]":
        shown = self.vault.detailed(mount, folder) if detailed else None
        if shown is None:
            self._details = False
            return [(name, None) for name in self.vault.list(above + folder)]
        # All of it, and not as it is walked: what goes wrong on the way is this folder's trouble.
        most = self.bounds.secrets - self._secrets + 1
        return [(name, metadata or None) for name, metadata in islice(shown, most)]
