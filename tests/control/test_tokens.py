"""Invitations in the URLs of AI agents."""

import contextlib

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bridge.control import tokens
from bridge.control.tokens import TokenError
from bridge.errors import ConfigError

SECRET = SecretStr("s" * 32)
URL = "wss://bridge.example.com/stream/sales?lang=en"


def test_what_is_invited_is_read() -> None:
    """The URL stays what it was, but for one parameter more."""
    url = tokens.invited(URL, SECRET, mpc="my call")
    invitation = tokens.read(url, SECRET)

    assert url.startswith(URL + "&token=")
    assert invitation is not None
    assert invitation.mpc == "my call"
    assert tokens.without_token(url) == URL


def test_two_invitations_are_two() -> None:
    """Each has an id of its own, so that each carries one call."""
    ids = set()
    for _ in range(10):
        invitation = tokens.read(tokens.invited(URL, SECRET, mpc="m"), SECRET)
        assert invitation is not None
        ids.add(invitation.token_id)
    assert len(ids) == 10


@pytest.mark.parametrize(
    "seen",
    [
        "ws://bridge.example.com/stream/sales",
        "http://bridge.example.com:80/stream/sales/",
        "https://BRIDGE.example.com:443/stream/sales?other=1",
    ],
)
def test_proxies_may_change_what_they_change(seen: str) -> None:
    """Scheme, default port, query: the token is for host and path."""
    token = tokens.invited(URL, SECRET, mpc="m").partition("&")[2]
    assert tokens.read(seen + ("&" if "?" in seen else "?") + token, SECRET)


@pytest.mark.parametrize(
    ("url", "secret", "what"),
    [
        ("wss://bridge.example.com/stream/other", SECRET, "for another URL"),
        ("wss://elsewhere.example.com/stream/sales", SECRET, "for another URL"),
        ("wss://bridge.example.com:8443/stream/sales", SECRET, "for another URL"),
        ("wss://bridge.example.com/stream/sales", SecretStr("t" * 32), "not one"),
    ],
)
def test_a_token_is_good_for_nothing_else(
    url: str, secret: SecretStr, what: str
) -> None:
    """Another address or another secret: refused."""
    token = tokens.invited(URL, SECRET, mpc="m").partition("&")[2]
    with pytest.raises(TokenError, match=what):
        tokens.read(f"{url}?{token}", secret)


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    """A token does not choose how it is checked."""
    claims = {"mpc": "m", "aud": tokens.place_of(URL), "exp": 2**32, "jti": "1"}
    key = "" if algorithm == "none" else "s" * 64
    token = jwt.encode(claims, key, algorithm)
    with pytest.raises(TokenError):
        tokens.read(f"{URL}&token={token}", SecretStr("s" * 64))


@pytest.mark.parametrize("missing", ["mpc", "aud", "exp", "jti"])
def test_nothing_may_be_missing(missing: str) -> None:
    """A token made elsewhere without one of the claims lets nobody in."""
    claims = {"mpc": "m", "aud": tokens.place_of(URL), "exp": 2**32, "jti": "1"}
    del claims[missing]
    token = jwt.encode(claims, "s" * 32, "HS256")
    with pytest.raises(TokenError):
        tokens.read(f"{URL}&token={token}", SECRET)


@given(st.text(max_size=200))
def test_whatever_stands_there_it_is_a_token_or_none(text: str) -> None:
    """Garbage is refused as such, never with another error."""
    with contextlib.suppress(TokenError):
        assert tokens.read(f"ws://h/stream?token={text}", SECRET) is None


def test_a_short_secret_is_none() -> None:
    """It could be guessed; the error says how to make a good one, and not this."""
    with pytest.raises(ConfigError, match="5 bytes, allowed are 32") as caught:
        tokens.check_secret(SecretStr("12345"))
    assert "12345" not in str(caught.value)
