"""Who is behind a connection."""

import pytest
from websockets.datastructures import Headers

from bridge.errors import ConfigError
from bridge.server.proxies import Origin, Proxies


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers([("Host", "inside:8765"), *pairs])


def test_nobody_is_believed_who_is_not_trusted() -> None:
    """Anybody can write headers."""
    given = headers(("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Host", "evil"))
    assert Proxies("").origin("9.9.9.9", given) == Origin("9.9.9.9", "inside:8765")
    trusting = Proxies("10.0.0.0/8")
    assert trusting.origin("9.9.9.9", given) == Origin("9.9.9.9", "inside:8765")


def test_a_trusted_proxy_says_who_it_was() -> None:
    """The client's address and what it dialled."""
    given = headers(
        ("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Host", "bridge.example.com")
    )
    origin = Proxies("10.0.0.0/8").origin("10.1.2.3", given)
    assert origin == Origin("1.1.1.1", "bridge.example.com")


def test_what_stands_left_of_the_first_stranger_is_nobodys_word() -> None:
    """A client may have written a forwarded address itself."""
    given = headers(
        ("X-Forwarded-For", "127.0.0.1, 6.6.6.6"), ("X-Forwarded-For", "10.0.0.9")
    )
    assert Proxies("10.0.0.0/8").origin("10.1.2.3", given).address == "6.6.6.6"


def test_an_ipv4_proxy_on_an_ipv6_socket_is_the_same() -> None:
    """As dual-stack sockets show it."""
    given = headers(("X-Forwarded-For", "1.1.1.1"))
    proxies = Proxies("10.0.0.0/8, ::1")
    assert proxies.origin("::ffff:10.0.0.1", given).address == "1.1.1.1"
    assert proxies.origin("::1", given).address == "1.1.1.1"


def test_a_wrong_network_is_told() -> None:
    """Before anything is served."""
    with pytest.raises(ConfigError, match="'proxy', allowed are addresses"):
        Proxies("10.0.0.1 proxy")
