"""Whom an answer concerns: an application, one of its sellers, an access key; under one name for all sources. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from keywatch.alerts.key_problems import describe
from keywatch.alerts.words import one_line
from keywatch.model.key import Handle, HandleSpace, Key, KeyKind

_REGION = re.compile("/(?:na|eu|fe)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An application, or what one seller has granted it; or an access key."""

    handle: Handle
    application: str
    """Its name; its client id where nobody names it. Empty for an access key."""
    seller: str | None = None
    key: Key | None = None
    """None: no inventory has it."""
    owner: str | None = None
    """Who must act: of the seller's token, else of the application."""

    @property
    def is_access_key(self) -> bool:
        """Whether it is AWS that answers."""
        return self.handle.space is HandleSpace.AWS_ACCESS_KEY_ID

    @property
    def title(self) -> str:
        if self.is_access_key:
            return describe(self.key) if self.key is not None else f"access key …{one_line(self.handle.value[-4:])}"
        if self.seller is not None:
            return f"seller {one_line(self.seller, 60)} of application {one_line(self.application, 80)}"
        return f"application {one_line(self.application, 80)}"


class Subjects:
    """Finds the subject of a handle."""

    def __init__(self, keys: Iterable[Key]) -> None:
        kinds = (KeyKind.LWA_CLIENT_SECRET, KeyKind.LWA_REFRESH_TOKEN, KeyKind.AWS_ACCESS_KEY)
        found = [(handle, key) for key in keys if key.kind in kinds for handle in key.handles]
        # A seller in several regions has a token for each; answers are the seller's, whichever region it is.
        whole = {Handle(handle.space, _REGION.sub("", handle.value)): key for handle, key in found if _regional(handle)}
        self._keys: Mapping[Handle, Key] = whole | dict(found)

    def of(self, handle: Handle) -> Subject:
        """Return whom a handle of an application, a client id, an authorisation or an access key speaks of."""
        key = self._keys.get(handle)
        if handle.space is HandleSpace.AUTHORISATION:
            application, _, seller = handle.value.rpartition("/")
            whole = self.of(Handle(HandleSpace.APPLICATION, application))
            owner = key.owner if key is not None and key.owner else whole.owner
            return Subject(handle=handle, application=application, seller=seller, key=key, owner=owner)
        if handle.space is HandleSpace.AWS_ACCESS_KEY_ID:
            return Subject(handle=handle, application="", key=key, owner=key.owner if key else None)
        name = key.application if key is not None and key.application else handle.value
        if key is not None and key.application:
            handle = Handle(HandleSpace.APPLICATION, name)
        return Subject(handle=handle, application=name, key=key, owner=key.owner if key else None)


def _regional(handle: Handle) -> bool:
    return handle.space is HandleSpace.AUTHORISATION and _REGION.search(handle.value) is not None
