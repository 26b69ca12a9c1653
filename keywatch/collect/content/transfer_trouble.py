"""Why a transfer failed, in our words: git's own may quote what the other side sent, a token of ours included."""

import re

from keywatch.collect.content.remote_url import RemoteUrl
from keywatch.model.errors import ScanError

_LINE = 200
"""Characters of git's own words that are told at most."""


class TransferFailed(ScanError):
    """The remote repository could not be fetched; what was fetched earlier is untouched."""


class RepositoryMissing(TransferFailed):
    """The remote says that there is no such repository, or none that we may see."""


class OtherObjectNames(TransferFailed):
    """The remote names its objects by SHA-256, and the clone by SHA-1, or the other way round."""


class HeadMissing(TransferFailed):
    """The remote has no HEAD, or one that points nowhere: an empty repository, or a deleted default branch."""


_TOKEN_HINT = "give a token that may read it: `token` in keywatch.toml, --token for a scan"  # noqa: S105 - advice
_HEADLESS = "has no HEAD"
_OTHER_NAMES = "names its objects by another algorithm"
_MISSING = "is not there, or not for us: renamed, deleted, or made private"
_KINDS = {_HEADLESS: HeadMissing, _OTHER_NAMES: OtherObjectNames, _MISSING: RepositoryMissing}
_TROUBLES = (
    (r"couldn't find remote ref HEAD", _HEADLESS, None),
    (r"mismatched algorithms", _OTHER_NAMES, "remove its clone from the state directory: it is made anew"),
    (r"No space left on device|[Dd]isk quota", "does not fit on the disk", "make room in the state directory"),
    (
        r"returned error: 30[12378]|[Uu]nable to update url base",
        "is redirected",
        "give the address that it has now, with .git at the end",
    ),
    (r"Authentication failed|could not read Username|returned error: 401", "asks for a login", _TOKEN_HINT),
    (r"returned error: 403|Write access .* not granted", "refused the login", _TOKEN_HINT),
    (r"Permission denied \(|no mutual signature", "refused the ssh key", "add the key there, or name it: `ssh_key`"),
    (
        r"Host key verification failed",
        "has a host key that is not the known one",
        "compare it with what the host publishes, and add it to known_hosts",
    ),
    (
        r"[Rr]epository .*not found|returned error: 404|does not appear to be a git|not found:|Repository not found",
        _MISSING,
        "correct the address, or give a token that may read it; what was fetched earlier is kept",
    ),
    (r"Could not resolve host|Name or service not known|resolve hostname", "has a host that is unknown", None),
    (r"certificate|SSL|TLS", "has a certificate that is not trusted", "name the CA that signed it: `ca_file`"),
    (r"Operation too slow|timed out|[Tt]imeout", "did not answer in time", "it is tried again"),
    (r"Failed to connect|Connection refused|unreachable|Could not connect", "cannot be reached", "it is tried again"),
    (r"transport '.*' not allowed", "leads to a protocol that is not allowed", None),
    (
        r"early EOF|hung up|unexpected disconnect|reset by peer|RPC failed|unable to access",
        "broke the connection off",
        "it is tried again",
    ),
    (r"dubious ownership", "belongs to somebody else", "scan it by its path, without file://"),
)


def explained(url: RemoteUrl, said: str) -> TransferFailed:
    """Say in our words why git gave up. What the other side wrote, git tells behind `remote:`, is not repeated."""
    ours = [line for line in said.splitlines() if not line.startswith("remote:")]
    for pattern, why, hint in _TROUBLES:
        if any(re.search(pattern, line) for line in ours):
            return _KINDS.get(why, TransferFailed)(f"{url.text}: {why}", hint=hint)
    # Only the beginning of git's own words: the rest may quote what the other side sent, a token of ours included.
    last = next((line for line in reversed(ours) if line.startswith(("fatal:", "error:"))), "no reason given")
    words = re.sub(r"'[^']*'|\"[^\"]*\"", "…", "".join(c if c.isprintable() else "?" for c in last))
    told = "git failed" if "remote error" in words else f"git: {words[:_LINE]}"
    return TransferFailed(f"{url.text}: {told}", hint="it is tried again")
