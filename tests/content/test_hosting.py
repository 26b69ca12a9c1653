"""Organisations are listed whole, with patience, and the token is shown to nobody else."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from keywatch.collect.content.hosting.github import GitHub, api_of
from keywatch.collect.content.hosting.listing import Hosted, Hosting, Selection, wanted
from keywatch.collect.content.remote_url import parse_remote
from keywatch.model.errors import SourceDenied, SourceError, SourceMalformed, SourceUnreachable
from keywatch.model.secret import Secret
from keywatch.model.source import Skipped
from tests.content.hosting_service import NOW, TOKEN, Service, running


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    with running(made) as server:
        made.url = server.url
        yield made


def names(hosting: Hosting, selection: Selection | None = None) -> list[str]:
    found = wanted(hosting.repositories(), selection or Selection())
    return [item[0] for item in found if not isinstance(item, Skipped)]


def test_github_is_listed_to_its_last_page(service: Service) -> None:
    """Every page is read, a repository that moved between two pages once; addresses are made from names alone."""
    service.repositories = [{"full_name": f"acme/r{n}", "clone_url": "https://evil.example/x.git"} for n in range(7)]
    service.repositories.insert(3, {"full_name": "acme/r2"})
    found = list(wanted(service.github().repositories(), Selection()))
    assert [item[0] for item in found if not isinstance(item, Skipped)] == [f"acme/r{n}" for n in range(7)]
    assert found[0] == ("acme/r0", parse_remote(f"{service.url}/acme/r0.git"), False)


def test_a_user_is_listed_as_well(service: Service) -> None:
    """A name that is no organisation's may be a user's; one that is neither is an error, not an empty list."""
    service.repositories = [{"full_name": "ann/dotfiles"}]
    assert names(service.github("ann")) == ["ann/dotfiles"]
    with pytest.raises(SourceDenied, match="no such organisation or user"):
        names(service.github("nobody"))
    with pytest.raises(SourceDenied, match="no such group or user"):
        names(service.gitlab("nobody"))


def test_gitlab_is_listed_with_its_subgroups(service: Service) -> None:
    """Projects of subgroups are listed, empty ones and those without a repository left out."""
    service.repositories = [
        {"path_with_namespace": "acme/back/one", "wiki_access_level": "disabled"},
        {"path_with_namespace": "acme/back/sub/two", "wiki_enabled": True},
        {"path_with_namespace": "acme/back/empty", "empty_repo": True},
        {"path_with_namespace": "acme/back/issues-only", "repository_access_level": "disabled"},
    ]
    assert names(service.gitlab(), Selection(wikis=True)) == [
        "acme/back/one", "acme/back/sub/two", "acme/back/sub/two.wiki",
    ]  # fmt: skip
    asked = parse_qs(urlsplit(service.seen[0][0]).query)
    assert (asked["include_subgroups"], asked["with_shared"]) == (["true"], ["false"])


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        pytest.param(Selection(), ["orders", "old", "docs"], id="no-forks"),
        pytest.param(Selection(forks=True), ["orders", "old", "linux", "docs"], id="forks"),
        pytest.param(Selection(archived=False), ["orders", "docs"], id="no-archived"),
        pytest.param(Selection(include=("o*",)), ["orders", "old"], id="include"),
        pytest.param(Selection(include=("ACME/*",), exclude=("acme/o*", "docs")), [], id="exclude-wins"),
        pytest.param(Selection(include=("other/*",)), [], id="another-owner"),
    ],
)
def test_selection(service: Service, selection: Selection, expected: list[str]) -> None:
    """Archived repositories are read and forks are not, unless asked otherwise; patterns choose among them."""
    service.repositories = [
        {"full_name": "acme/orders"},
        {"full_name": "acme/old", "archived": True},
        {"full_name": "acme/linux", "fork": True},
        {"full_name": "acme/docs", "archived": False, "fork": False},
    ]
    assert names(service.github(), selection) == [f"acme/{name}" for name in expected]


def test_wikis() -> None:
    """A wiki is a repository beside its own, that may not be there though the service says so."""
    hosted = Hosted(name="acme/a", url=parse_remote("https://git.example/acme/a.git"), wiki=True)
    wiki = list(wanted([hosted], Selection(wikis=True)))[1]
    assert wiki == ("acme/a.wiki", parse_remote("https://git.example/acme/a.wiki.git"), True)


@pytest.mark.parametrize(
    ("answer", "waited"),
    [
        pytest.param((429, {"Retry-After": "7"}, {}), [7], id="retry-after"),
        pytest.param(
            (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 40)}, {}), [41], id="primary"
        ),
        pytest.param((403, {}, {"message": "You have exceeded a secondary rate limit"}), [60], id="secondary"),
        pytest.param(
            (429, {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(NOW) + 9)}, b"Retry later"), [10], id="gitlab"
        ),
        pytest.param((429, {}, b""), [60], id="unsaid"),
        pytest.param((502, {}, b"<html>"), [1], id="down"),
        pytest.param(
            (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) - 5)}, {}), [1], id="reset-is-past"
        ),
    ],
)
def test_limits_are_waited_for(service: Service, answer: tuple[int, dict[str, str], object], waited: list[int]) -> None:
    """A service that asks for patience says for how long, each in its way, and is asked again after that."""
    service.repositories = [{"full_name": "acme/a"}]
    service.answers = [answer]
    assert names(service.github()) == ["acme/a"]
    assert service.slept == waited


def test_patience_has_an_end(service: Service) -> None:
    """A wait beyond what there is time for ends the run at once; so does a service that never lets one in."""
    service.answers = [(429, {"Retry-After": "5000"}, {})]
    with pytest.raises(SourceUnreachable, match="limits the rate"):
        names(service.github())
    assert service.slept == []
    service.answers = [(429, {"Retry-After": "2"}, {})] * 10
    with pytest.raises(SourceUnreachable, match="did not answer after"):
        names(service.github())


def test_a_refusal_is_no_limit(service: Service) -> None:
    """A token that may not is told at once, with what it lacks; its own text is nowhere."""
    for answer, why in (
        ((403, {"x-ratelimit-remaining": "4999"}, {"message": "Resource not accessible"}), "may not list"),
        ((403, {"X-GitHub-SSO": "required; url=https://x"}, {}), "single sign-on"),
        ((401, {}, {"message": f"Bad credentials {TOKEN}"}), "not accepted"),
    ):
        service.answers = [answer]
        with pytest.raises(SourceDenied, match=why) as refused:
            names(service.github())
        assert TOKEN not in f"{refused.value.message} {refused.value.hint}"
    assert service.slept == []


def test_the_token_goes_nowhere_else(service: Service) -> None:
    """Neither a redirect nor a next page leads the token to another host, port or scheme."""
    service.repositories = [{"full_name": "acme/a"}]
    thief = Service(token="")
    with running(thief) as elsewhere:
        for place in (elsewhere.url, "https://127.0.0.1/x", "//evil.example/x"):
            service.answers = [(301, {"Location": f"{place}/api/v3/orgs/acme/repos"}, {})]
            with pytest.raises(SourceMalformed, match="another host"):
                names(service.github())
            service.link_to = f"{place}/api/v3/orgs/acme/repos?page=2"
            with pytest.raises(SourceMalformed, match="another host"):
                names(service.github())
            service.link_to = ""
    assert thief.seen == []


def test_a_renamed_organisation_is_followed(service: Service) -> None:
    """A redirect on the same host is followed, not for ever."""
    service.repositories = [{"full_name": "acme/a"}]
    moved: tuple[int, dict[str, str], object] = (301, {"Location": "/api/v3/orgs/acme/repos"}, {})
    service.answers = [moved]
    assert names(service.github("old-name")) == ["acme/a"]
    service.answers = [moved] * 20
    with pytest.raises(SourceMalformed, match="in a circle"):
        names(service.github())


@pytest.mark.parametrize(
    "entry",
    [
        {"full_name": "acme/../../etc"}, {"full_name": "acme/a b"}, {"full_name": "acme/a\n"}, {"full_name": "-acme/x"},
        {"full_name": None}, {}, {"full_name": "acme/a?x=y"}, {"full_name": "acme@evil.example/x"},
    ],
    ids=repr,
)  # fmt: skip
def test_hostile_names(service: Service, entry: dict[str, object]) -> None:
    """A name that would lead elsewhere is refused, and the listing with it."""
    service.repositories = [entry]
    with pytest.raises(SourceMalformed, match="name cannot be one"):
        names(service.github())


@pytest.mark.parametrize(
    "body",
    [b"<html>", {"a": 1}, ["a"], b"", b"[" * 100_000, b"\xff"],
    ids=["html", "object", "strings", "nothing", "deep", "binary"],
)
def test_answers_that_are_no_listing(service: Service, body: object) -> None:
    """A login page is not taken for an empty organisation."""
    service.answers = [(200, {}, body)]
    with pytest.raises(SourceMalformed, match="no list"):
        names(service.github())


def test_pages_without_an_end(service: Service) -> None:
    """A next page that is the same page again is not read for ever."""
    service.repositories = [{"full_name": "acme/a"}]
    service.link_to = f"{service.url}/api/v3/orgs/acme/repos?page=1"
    with pytest.raises(SourceMalformed, match="have no end"):
        names(service.github())


def test_no_answer() -> None:
    """A service that is not there is unreachable, which is no empty list."""
    with pytest.raises(SourceUnreachable, match="cannot be reached"):
        names(GitHub("acme", None, base_url="http://127.0.0.1:9"))


def test_what_github_does_not_show_is_told(service: Service) -> None:
    """A list that single sign-on cut short, and a disabled repository, are named."""
    service.repositories = [{"full_name": "acme/a"}, {"full_name": "acme/b", "disabled": True}]
    service.headers = {"X-GitHub-SSO": "partial-results; organizations=21955855"}
    skipped = [item for item in service.github().repositories() if isinstance(item, Skipped)]
    assert ["a part only" in item.why or "disabled" in item.why for item in skipped] == [True, True]


def test_check_names_what_is_missing(service: Service) -> None:
    """`keywatch check` says which scope a token lacks, and when it expires."""
    service.repositories = [{"full_name": "acme/a"}]
    service.headers = {"X-OAuth-Scopes": "repo, read:org", "GitHub-Authentication-Token-Expiration": "2027-01-31 UTC"}
    assert list(service.github().check()) == [
        f"list {service.url}/acme: 1 repositories; the token expires 2027-01-31 UTC"
    ]
    service.headers = {"X-OAuth-Scopes": "read:org"}
    assert [item.why for item in service.github().check() if isinstance(item, Skipped)] == [
        "the token lacks the scope `repo`: only public repositories are seen"
    ]
    service.repositories = [{"path_with_namespace": "acme/back/a"}]
    service.scopes = ("read_api",)
    told = list(service.gitlab().check())
    assert told[0] == f"list {service.url}/acme/back: 1 projects; the token expires 2027-01-31"
    assert [item.why for item in told if isinstance(item, Skipped)] == ["the token lacks the scope `read_repository`"]
    service.token = ""
    assert [item.why for item in service.gitlab(token="").check() if isinstance(item, Skipped)] == [
        "without a token only public projects are seen"
    ]
    service.token = "another"
    for hosting in (service.github(), service.gitlab()):
        (refused,) = hosting.check()
        assert isinstance(refused, Skipped)
        assert "not accepted" in refused.why


def test_where_the_api_is() -> None:
    """GitHub's own API, that of data residency, and that of a server."""
    assert api_of("https://github.com") == "https://api.github.com"
    assert api_of("https://acme.ghe.com") == "https://api.acme.ghe.com"
    assert api_of("https://git.acme.example") == "https://git.acme.example/api/v3"


def test_a_token_that_is_no_text(service: Service) -> None:
    """A token file with bytes that are no text is an error that does not quote them."""
    hosting = GitHub("acme", lambda: Secret(b"\xff\xfe"), base_url=service.url)
    with pytest.raises(SourceError, match="not text"):
        names(hosting)
