"""Addresses and user agents: what changes by itself every day is no new user."""

import pytest

from keywatch.collect.calls.origins import family_of, network_of

BOTO = "Boto3/1.{} md/Botocore#1.{} ua/2.1 os/linux#{} md/arch#x86_64 lang/python#3.{} m/E,Z cfg/retry-mode#{} {}"
TERRAFORM = (
    "APN/1.0 HashiCorp/1.0 Terraform/{} (+https://www.terraform.io) terraform-provider-aws/{} aws-sdk-go-v2/1 {}"
)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("10.1.200.3", "10.1.0.0/16"),
        ("100.64.3.4", "100.64.0.0/16"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("AWS Internal", None),
        ("cloudformation.amazonaws.com", None),
        ("203.0.113.0/24", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_stands_for_its_network(address: str | None, network: str | None) -> None:
    """Neighbours are one; private ones as far as a VPC reaches; the name of a service is no address."""
    assert network == network_of(address)


@pytest.mark.parametrize(
    ("agents", "family"),
    [
        (
            [BOTO.format(44, 44, "6.18", 11, "standard", "Botocore/1.44"), BOTO.format(9, 9, "5", 9, "legacy", "")],
            "boto3 on linux",
        ),
        (["Boto3/1.9.241 Python/2.7.16 Darwin/18.6.0 Botocore/1.12.241"], "boto3 on macos"),
        (["Boto3/1.14 Python/3.7.6 Linux/4.14 exec-env/AWS_ECS_FARGATE Botocore/1.17"], "boto3 on linux in ecs"),
        ([BOTO.format(44, 44, "6", 11, "legacy", "app/orders-sync")], "boto3 (orders-sync) on linux"),
        (
            [
                f"aws-sdk-js/3.{n} ua/2.0 os/linux#5.10 lang/js api/sts#3 exec-env/AWS_Lambda_nodejs{n}.x"
                for n in (18, 20)
            ],
            "aws-sdk-js on linux in lambda",
        ),
        (["aws-sdk-go/1.37.19 (go1.16; linux; amd64)", "aws-sdk-go-v2/1.36 ua/2.1 os/linux"], "aws-sdk-go on linux"),
        (["aws-sdk-ruby2/2.0.0.rc4 ruby/1.9.3 x86_64-linux", "aws-sdk-ruby3/3.1 os/linux"], "aws-sdk-ruby on linux"),
        (["aws-cli/2.32.0 md/awscrt#0.28 os/windows#10", "[aws-cli/1.16 Python/3.6 Windows/10]"], "aws-cli on windows"),
        ([TERRAFORM.format("1.1", "3.76", "os/macos"), TERRAFORM.format("1.9", "5.1", "darwin")], "terraform on macos"),
        (["Mozilla/5.0 (Windows NT 10.0; Win64) Chrome", "Mozilla/5.0 (Windows NT 11) Firefox"], "browser on windows"),
        (["console.amazonaws.com"], "console.amazonaws.com"),
        (["curl/8.0.1", "curl/7"], "curl"),
        (["\u202e\0", "7", "k" * 40, "k" * 100_000], "other"),
        (["", None, "   "], ""),
    ],
)
def test_an_agent_stands_for_its_family(agents: list[str | None], family: str) -> None:
    """Versions, features and commands come and go; product, system and surroundings stay."""
    assert {family} == {family_of(agent) for agent in agents}


def test_no_agent_carries_a_long_word_into_the_database() -> None:
    """What somebody wrote into a user agent by mistake is cut off if it is longer than names are."""
    word = "q7" * 20
    assert "boto3 on linux" == family_of(f"Boto3/1 os/linux app/{word} exec-env/{'q' * 40}")
    assert "other" == family_of(word)
