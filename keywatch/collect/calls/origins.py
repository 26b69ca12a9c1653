"""
Addresses and user agents reduced to what tells one user of a key from another. Pure.

A cloud's gateways, a mobile phone and a new version of a library change both from day to day without anybody new.
"""

import re
from ipaddress import IPv6Address, ip_address, ip_network

_PUBLIC_V4, _PRIVATE_V4, _V6 = 24, 16, 48
_PRIVATE = tuple(ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
"""RFC 1918 and RFC 6598: a VPC may have any of them."""
_LONGEST = 30
"""A longer name is none: it may be anything, a secret too."""
_OTHER = "other"
_PRODUCT = re.compile(r"[\[(\"' ]*([A-Za-z@][A-Za-z0-9_.+@-]*)")
_VERSION = re.compile(r"[-_]v?\d[\d.]*$|(?<=^aws-sdk-ruby)\d$")
_PARTNER = re.compile(r"APN/[\w.]+ [^/ ]+/[\w.]+ ([^/ ]+)")
_SYSTEMS = (
    ("windows", re.compile(r"windows|win32|win64", re.IGNORECASE)),
    ("ios", re.compile(r"\bios\b|iphone|ipad", re.IGNORECASE)),
    ("macos", re.compile(r"macos|darwin|mac os", re.IGNORECASE)),
    ("android", re.compile(r"android", re.IGNORECASE)),
    ("linux", re.compile(r"linux", re.IGNORECASE)),
)
_SURROUNDINGS = re.compile(r"exec-env/(?:AWS_)?([A-Za-z]+)", re.IGNORECASE)
_APPLICATION = re.compile(r"(?:^| )app/([\w.-]+)")


def network_of(address: str | None) -> str | None:
    """
    The network an address is taken for; None for what is no address, as the name of an AWS service.

    A public IPv4 address stands for its /24, an IPv6 one for its /48, which is what a site is given (RFC 6177). A
    private address stands for its /16: no VPC is larger.
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or IPv6Address(int(parsed))  # without the zone
    if isinstance(parsed, IPv6Address):
        length = _V6
    else:
        length = _PRIVATE_V4 if any(parsed in private for private in _PRIVATE) else _PUBLIC_V4
    return str(ip_network((parsed, length), strict=False))


def family_of(agent: str | None) -> str:
    """
    What kind of program a user agent is: `boto3 on linux`, `aws-cli on macos`, `terraform on linux`.

    Product, operating system, the surroundings that AWS names (`in lambda`), and the name an application gives itself
    (`app/orders`) are kept; versions, architectures, features and commands are not. A partner's tool counts as that
    tool, not as the SDK inside; browsers are one product.
    """
    text = (agent or "")[:1024]
    if not text.strip():
        return ""
    parts = [_product(text)]
    if (application := _APPLICATION.search(text)) and len(application[1]) <= _LONGEST:
        parts.append(f"({application[1].lower()})")
    parts += [f"on {name}" for name, pattern in _SYSTEMS if pattern.search(text)][:1]
    if (surroundings := _SURROUNDINGS.search(text)) and len(surroundings[1]) <= _LONGEST:
        parts.append(f"in {surroundings[1].lower()}")
    return " ".join(parts)


def _product(text: str) -> str:
    if "Mozilla/" in text:
        return "browser"
    named = _PARTNER.search(text) or _PRODUCT.match(text)
    if named is None or len(named[1]) > _LONGEST:
        return _OTHER
    # Some have the version in their name: `aws-sdk-go-v2`, `aws-sdk-ruby3`.
    return _VERSION.sub("", named[1].lower())
