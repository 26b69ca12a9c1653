"""Which public names a sighting of a key gives it, by its kind."""

from keywatch.model.key import Handle, HandleSpace, KeyKind


def handles_of(
    kind: KeyKind,
    *,
    access_key_id: str | None = None,
    client_id: str | None = None,
    application: str | None = None,
    seller: str | None = None,
) -> tuple[Handle, ...]:
    """
    Name a key by what is known of it.

    Two sightings that share a handle are one Key, so a kind takes only the names that are its own: an application's
    client id names its client secret, and none of the refresh tokens that sellers gave to the same application.
    """
    found: list[Handle] = []
    if access_key_id and kind in (KeyKind.AWS_ACCESS_KEY, KeyKind.MWS_KEY):
        found.append(Handle(HandleSpace.AWS_ACCESS_KEY_ID, access_key_id))
    if kind is KeyKind.LWA_CLIENT_SECRET:
        if client_id:
            found.append(Handle(HandleSpace.LWA_CLIENT_ID, client_id))
        if application:
            found.append(Handle(HandleSpace.APPLICATION, application))
    if kind is KeyKind.LWA_REFRESH_TOKEN and application and seller:
        found.append(Handle(HandleSpace.AUTHORISATION, f"{application}/{seller}"))
    return tuple(found)


def kind_of(text: str | None, *, access_key_id: str | None, client_id: str | None, seller: str | None) -> KeyKind:
    """Read a kind as a person wrote it; where nobody did, conclude it from the names beside it."""
    if text:
        try:
            return KeyKind(text.strip().casefold().replace("_", "-"))
        except ValueError:
            return KeyKind.OTHER
    if access_key_id:
        return KeyKind.AWS_ACCESS_KEY
    if client_id:
        return KeyKind.LWA_REFRESH_TOKEN if seller else KeyKind.LWA_CLIENT_SECRET
    return KeyKind.OTHER
