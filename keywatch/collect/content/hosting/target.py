"""An organisation as somebody types it for one scan: `github:acme`, `gitlab:https://git.example/acme/backend`."""

from collections.abc import Callable

from keywatch.collect.content.hosting.github import WEB as GITHUB
from keywatch.collect.content.hosting.github import GitHub
from keywatch.collect.content.hosting.gitlab import WEB as GITLAB
from keywatch.collect.content.hosting.gitlab import GitLab
from keywatch.collect.content.hosting.listing import Hosting, Selection, wanted
from keywatch.collect.content.remote_url import parse_remote
from keywatch.model.errors import SourceError, UsageError
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped


def listed(text: str, token: Callable[[], Secret] | None) -> tuple[list[str], list[Skipped]]:
    """
    Return the addresses of an organisation's repositories, without forks, and what of it cannot be read.

    Raises:
        UsageError: this names no organisation.
        SourceError: it cannot be listed.
    """
    kind, _, rest = text.partition(":")
    web, owner = GITHUB if kind == "github" else GITLAB, rest.strip("/")
    if "://" in rest:
        url = parse_remote(rest)
        web, owner = url.origin, url.path.strip("/")
    if not owner or (kind == "github" and "/" in owner):
        hint = "give github:ORGANISATION, gitlab:GROUP/SUBGROUP, or github:https://git.example/ORGANISATION"
        raise UsageError(f"{text}: names no organisation", hint=hint)
    hosting: Hosting = (GitHub if kind == "github" else GitLab)(owner, token, base_url=web)
    found = list(wanted(hosting.repositories(), Selection()))
    addresses = [item[1].text for item in found if not isinstance(item, Skipped)]
    if not addresses:
        hint = "without a token, or with one that may not read them, private repositories are not listed"
        raise SourceError(f"{text}: has no repositories that are seen from here", hint=hint)
    return addresses, [item for item in found if isinstance(item, Skipped)]
