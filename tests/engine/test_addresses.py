"""Which addresses may be asked."""

import pytest

from bridge.engine.addresses import METADATA, OutOfReachError, Reach
from bridge.errors import ConfigError

HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
@pytest.mark.parametrize("text", ["auto", "none", "10.0.0.0/8"])
def test_public_addresses_always_may(address: str, text: str) -> None:
    """Whatever else is allowed."""
    Reach.parse(text, EVERYWHERE).check(address)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "a loopback"),
        ("127.255.1.2", "a loopback"),
        ("::1", "a loopback"),
        ("::ffff:127.0.0.1", "a loopback"),
        ("10.0.0.1", "a private"),
        ("172.31.255.255", "a private"),
        ("192.168.0.1", "a private"),
        ("fd12::1", "a private"),
        ("::ffff:10.0.0.1", "a private"),
        ("2002:7f00:1::", "a loopback"),
        ("64:ff9b::a00:1", "a private"),
        ("64:ff9b:1::808:808", "a reserved"),
        ("0.0.0.0", "an unspecified"),
        ("::", "an unspecified"),
        ("169.254.1.1", "a link-local"),
        ("fe80::1", "a link-local"),
        ("fe80::1%eth0", "a link-local"),
        ("224.0.0.1", "a multicast"),
        ("ff02::1", "a multicast"),
        ("100.64.0.1", "a reserved"),
        ("198.18.0.1", "a reserved"),
        ("203.0.113.9", "a reserved"),
        ("240.0.0.1", "a reserved"),
        ("255.255.255.255", "a reserved"),
        ("fec0::1", "a reserved"),
        ("::127.0.0.1", "a reserved"),
        ("169.254.169.254", "a metadata"),
        ("::ffff:169.254.169.254", "a metadata"),
        ("fd00:ec2::254", "a metadata"),
        ("100.100.100.200", "a metadata"),
    ],
)
def test_others_may_not_on_an_engine_that_others_reach(address: str, kind: str) -> None:
    """The error says what it is, and which option allows it."""
    with pytest.raises(OutOfReachError, match="`reachable` lists it") as caught:
        Reach.parse("auto", EVERYWHERE).check(address)
    # What is packed into another address may be told as either.
    packed = address.startswith(("2002:", "64:"))
    assert packed or f"{address} is {kind} address" in str(caught.value)


@pytest.mark.parametrize("host", [HERE, "::1", "localhost", "127.0.0.2"])
def test_a_developers_machine_reaches_itself_and_its_neighbours(host: str) -> None:
    """And nothing stranger: no metadata, no link-local addresses."""
    reach = Reach.parse("auto", host)
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "fd12::1"):
        reach.check(address)
    strange = [*map(str, METADATA), "0.0.0.0", "169.254.1.1", "224.0.0.1", "100.64.0.1"]
    for address in strange:
        with pytest.raises(OutOfReachError):
            reach.check(address)


def test_a_list_allows_what_it_names() -> None:
    """Words, networks and single addresses."""
    reach = Reach.parse("loopback, 10.1.0.0/16,100.64.0.7", EVERYWHERE)
    for address in ("127.0.0.1", "10.1.255.1", "100.64.0.7"):
        reach.check(address)
    for address in ("10.2.0.1", "192.168.0.1", "100.64.0.8"):
        with pytest.raises(OutOfReachError):
            reach.check(address)


def test_metadata_is_listed_itself_or_out_of_reach() -> None:
    """A network around it does not do, not even all there is."""
    for text in ("169.254.0.0/16", "0.0.0.0/0", "private,loopback,::/0"):
        reach = Reach.parse(text, HERE)
        for address in ("169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"):
            with pytest.raises(OutOfReachError, match="a metadata address"):
                reach.check(address)
    Reach.parse("169.254.169.254", EVERYWHERE).check("169.254.169.254")


@pytest.mark.parametrize("text", ["", "yes", "10.0.0.1/8", "private,", "a.example"])
def test_what_is_no_network_is_said(text: str) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigError, match="reachable: .* allowed are auto, none, or"):
        Reach.parse(text, HERE)
