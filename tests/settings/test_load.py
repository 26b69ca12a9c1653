"""A wrong setting is named by file, line and key, with what would be right; a secret is never in the file."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.model.errors import ConfigError
from keywatch.settings.interval import interval_words, parse_interval
from keywatch.settings.load import find, load
from keywatch.settings.reference import Reference

GOOD = """
[slack]
token = "env:SLACK_TOKEN"
channel = "#keys"

[[vault]]
name = "prod"
address = "https://vault.example:8200"
token = "file:/etc/keywatch/vault-token"

[[vault]]
name = "test"
address = "https://vault-test.example:8200"
token = "cred:vault-token"
every = "5m"
"""


def read(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "keywatch.toml"
    path.write_text(text, "utf-8")
    return path


def refusal(tmp_path: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        load(read(tmp_path, text))
    return refused.value


def test_a_good_file_loads_with_the_defaults_of_the_policy(tmp_path: Path) -> None:
    """What is not said is Amazon's 90 days and the four warning steps."""
    settings = load(read(tmp_path, GOOD))
    assert (settings.baseline.window_days, settings.baseline.warn_at_days) == (90, (60, 75, 83, 88))
    assert [vault.every for vault in settings.vault] == [timedelta(hours=1), timedelta(minutes=5)]
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 9470)


def test_an_empty_file_is_a_configuration(tmp_path: Path) -> None:
    """Nothing is required until a source is."""
    assert load(read(tmp_path, "")).vault == ()


LOGIN = '[[vault]]\nname = "a"\naddress = "https://v.example"\n[vault.login]\n'


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        pytest.param("[slak]\n", ":1: slak: no such setting", "did you mean `slack`?", id="unknown-table"),
        pytest.param(
            GOOD.replace("every", "evry"),
            ":15: vault[2].evry: no such setting",
            "did you mean `every`?",
            id="unknown-key",
        ),
        pytest.param(
            '[[vault]]\nname = "a"\naddress = "https://v.example"\n',
            ":1: vault[1]: needs either token or login",
            None,
            id="no-way-in",
        ),
        pytest.param(
            '[[vault]]\nname = "a"\ntoken = "env:T"\n',
            ":1: vault[1].address: is missing",
            "add `address = …`",
            id="missing",
        ),
        pytest.param(
            LOGIN + 'method = "kubernetes"\nrole = "keywatch"\nsecret_id = "env:S"\n',
            ":4: vault[1].login: has secret_id, which the method kubernetes has no use for",
            None,
            id="of-another-method",
        ),
        pytest.param(
            LOGIN + 'method = "approle"\nsecret_id = "env:S"\n',
            ":4: vault[1].login: the method approle needs role_id",
            None,
            id="half-a-login",
        ),
        pytest.param(
            LOGIN + 'method = "approle"\nrole_id = "env:R"\nwrapped = true\n',
            "wrapped needs secret_id: where the wrapping token is",
            None,
            id="nothing-wrapped",
        ),
        pytest.param(
            LOGIN + 'method = "approle"\nrole_id = "env:R"\nmont = "x"\n',
            ":7: vault[1].login.mont: no such setting",
            "did you mean `mount`?",
            id="unknown-key-of-a-login",
        ),
        pytest.param(
            LOGIN + 'method = "aws"\nrole = "arn:aws:iam::111122223333:role/x"\n',
            ":6: vault[1].login.role: should be the name of Vault's role, as `keywatch`",
            None,
            id="another-systems-role",
        ),
        pytest.param(
            '[[scan]]\nname = "a"\n',
            ":1: scan[1]: needs exactly one of git, github, gitlab, directory, log and journal",
            None,
            id="no-target",
        ),
        pytest.param(GOOD.replace('"5m"', '"soon"'), 'such as "30s"', None, id="no-length-of-time"),
        pytest.param(GOOD.replace('"test"', '"prod"'), 'two entries named "prod"', None, id="same-name-twice"),
        pytest.param("[baseline]\nwarn_at_days = [60, 50, 83, 88]\n", "should rise", None, id="steps-out-of-order"),
        pytest.param(
            "[baseline]\nwindow_days = 'x'\n",
            ":2: baseline.window_days: input should be a valid integer",
            None,
            id="type",
        ),
        pytest.param("[slack\n", "not valid TOML", "toml.io", id="not-toml"),
        pytest.param("[slack]\n", "either token (with channel) or webhook", None, id="slack-without-a-way"),
        pytest.param('[slack]\ntoken = "env:T"\n', "token needs channel", None, id="slack-without-channel"),
        pytest.param('[http]\nlisten = "127.0.0.1:70000"\n', ":2: http.listen: has a port above", None, id="no-port"),
        pytest.param(
            '[[aws]]\nname = "a"\norganisation = true\n',
            ":1: aws[1]: organisation needs member_role",
            None,
            id="organisation-without-role",
        ),
        pytest.param(
            '[[aws]]\nname = "a"\nexclude = ["111122223333"]\n',
            ":1: aws[1]: member_role, accounts and exclude need organisation = true",
            None,
            id="exclude-without-organisation",
        ),
        pytest.param(
            '[[aws]]\nname = "a"\norganisation = true\nmember_role = "arn:aws:iam::1:role/x"\n',
            ":4: aws[1].member_role: ",
            None,
            id="member-role-is-a-name",
        ),
        pytest.param('[[aws]]\nname = "a"\nexternal_id = "ours"\n', "external_id needs role", None, id="id-for-nobody"),
        pytest.param(
            '[[aws]]\nname = "a"\nnames = [{ pattern = "prod/{team}" }]\n',
            ":3: aws[1].names[1].pattern: may have one each of {application}",
            None,
            id="pattern-of-names",
        ),
        pytest.param('[[aws]]\nname = "a"\nregions = ["eu"]\n', ":3: aws[1].regions[1]: ", None, id="no-region"),
        pytest.param(
            "[hygiene]\nrotate_after_days = { aws-key = 90 }\n", ":2: hygiene.rotate_after_days", None, id="kind"
        ),
        pytest.param(
            '[[key]]\nname = "a"\nkind = "other"\naws = ["orders/lwa"]\n', ":4: key[1].aws[1]: ", None, id="no-arn"
        ),
        pytest.param('[[bucket]]\nname = "a"\nurl = "https://b"\n', ":3: bucket[1].url: ", None, id="no-bucket"),
        pytest.param('[[cloudwatch]]\nname = "a"\ngroups = []\n', ":3: cloudwatch[1].groups: ", None, id="no-group"),
        pytest.param(
            '[[cloudwatch]]\nname = "a"\ngroups = ["arn:aws:logs:eu-west-1:111122223333:log-group:/a"]\n',
            ':1: cloudwatch[1]: has a log group of another region than "us-east-1"',
            None,
            id="region",
        ),
        pytest.param('[[scan]]\nname = "a"\ngit = ""\n', ":3: scan[1].git: ", None, id="empty-path"),
        pytest.param('state_dir = "a\\u0000b"\n', ":1: state_dir: ", None, id="nul-in-a-path"),
        pytest.param('[channels]\nteam = "#team"\n', "needs [slack] with a token", None, id="channels-nobody-serves"),
        pytest.param(
            '[[key]]\nname = "a"\nkind = "mws-key"\nvault = ["prd/kv/a"]\n',
            "no [[vault]] has that name",
            None,
            id="no-such-vault",
        ),
        pytest.param(
            '[[vault_values]]\nname = "a"\nvault = "b"\ntoken = "env:A"\npaths = ["kv/*"]\n',
            'vault_values "a" is of "b", but no [[vault]] has that name',
            None,
            id="values-of-no-vault",
        ),
        pytest.param(
            '[[vault]]\nname = "v"\naddress = "https://v"\ntoken = "env:A"\n'
            '[[vault_values]]\nname = "a"\nvault = "v"\ntoken = "env:A"\npaths = ["kv/*"]\n',
            'vault_values "a" needs a token of its own: that of [[vault]] is for names',
            None,
            id="values-by-the-token-for-names",
        ),
        pytest.param(
            '[[vault_values]]\nname = "a"\nvault = "v"\ntoken = "env:A"\npaths = ["kv"]\n',
            ":5: vault_values[1].paths[1]: ",
            None,
            id="values-of-no-mount",
        ),
        pytest.param(
            '[[vault_values]]\nname = "a"\nvault = "v"\ntoken = "env:A"\npaths = ["kv/../b"]\n',
            "with dots: they are not asked for",
            None,
            id="values-elsewhere",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(tmp_path: Path, text: str, says: str, hint: str | None) -> None:
    """The message has file, line, key and what was wrong; the hint says what would be right."""
    error = refusal(tmp_path, text)
    assert says in error.message
    assert str(tmp_path / "keywatch.toml") in error.message
    assert hint is None or (error.hint is not None and hint in error.hint)


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    """Nobody mends a file one error at a time."""
    error = refusal(tmp_path, GOOD.replace("address", "adress"))
    assert error.message.count("no such setting") == 2


def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """The message explains references, and does not show what stood there."""
    plain = "xoxb-" + "0123456789-plain"
    error = refusal(tmp_path, GOOD.replace("env:SLACK_TOKEN", plain))
    assert "only a reference to it" in error.message
    assert plain not in error.message + str(error.hint) + repr(error.__cause__) + repr(error.__context__)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    """Both are said in a sentence."""
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 0"):
        load(tmp_path / "binary.toml")


def test_the_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named on the command line, then by the environment, then here, then the user's; else it says where it looked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("KEYWATCH_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="looked for"):
        find()
    users = tmp_path / "xdg" / "keywatch" / "keywatch.toml"
    users.parent.mkdir(parents=True)
    users.touch()
    assert find() == users
    read(tmp_path, "")
    assert find() == Path("keywatch.toml")
    monkeypatch.setenv("KEYWATCH_CONFIG", "elsewhere.toml")
    assert find() == Path("elsewhere.toml")
    assert find(Path("named.toml")) == Path("named.toml")


def test_references_are_resolved_when_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file, the environment, or systemd's credentials; a trailing line end is not part of the secret."""
    (tmp_path / "token").write_text("value\n", "ascii")
    monkeypatch.setenv("KEYWATCH_TEST_TOKEN", "value")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for text in (f"file:{tmp_path}/token", "env:KEYWATCH_TEST_TOKEN", "cred:token"):
        assert Reference.parse(text).resolve().reveal() == b"value"


def test_a_reference_that_leads_nowhere_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, variable, credential or an empty one each have their hint."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("KEYWATCH_TEST_TOKEN", raising=False)
    (tmp_path / "empty").touch()
    for text in (f"file:{tmp_path}/none", "env:KEYWATCH_TEST_TOKEN", "cred:token", f"file:{tmp_path}/empty"):
        with pytest.raises(ConfigError) as refused:
            Reference.parse(text).resolve()
        assert refused.value.hint


@pytest.mark.parametrize("text", ["cred:../token", "file:", "vault:x", 3, None])
def test_what_is_no_reference_is_refused(text: object) -> None:
    """Only the three known forms pass, and a credential's name cannot leave its directory."""
    with pytest.raises(ValueError, match=r"reference|credential"):
        Reference.parse(text)


@pytest.mark.parametrize("text", ["90s", "1m", "90m", "1h", "36h", "2d"])
def test_an_interval_is_written_as_it_is_configured(text: str) -> None:
    """What `keywatch check` shows can be put into the file."""
    assert interval_words(parse_interval(text)) == text


@given(st.text(max_size=8))
def test_any_text_is_an_interval_or_a_clear_refusal(text: str) -> None:
    """No text makes the parser fail in another way, and what it accepts is longer than nothing."""
    try:
        assert parse_interval(text) > timedelta()
    except ValueError as error:
        assert "such as" in str(error)  # noqa: PT017
    except OverflowError:
        pytest.fail("an absurd number must be refused, not overflow")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('pattern = "(?P<time>x"', "missing )"),
        ('pattern = "(?P<time>x)"', "names no group status"),
        ('pattern = "(?P<time>x)(?P<status>y)"\nformat = "nginx"', "format and pattern"),
        ('format = "nginx"\nfields = { time = "ts" }', "for JSON lines"),
        ('timezone = "Mars/Olympus"', "no time zone that this machine knows"),
    ],
)
def test_a_request_logs_layout_is_checked_before_it_is_read(tmp_path: Path, setting: str, said: str) -> None:
    """A pattern that never matches would look like silence."""
    path = tmp_path / "keywatch.toml"
    path.write_text(f'[[request_log]]\nname = "x"\npath = "/x"\n{setting}\n', "utf-8")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert said in refused.value.message
