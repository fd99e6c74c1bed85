"""What lets an upgrade in."""

import datetime
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.datastructures import Headers
from websockets.http11 import Request

from bridge.control import tokens
from bridge.errors import ConfigError
from bridge.multiparty import signatures
from bridge.server.authentication import Authentication, Grant
from bridge.server.guest import Refusal
from bridge.server.options import AccessOptions

TOKEN = SecretStr("the account's")
SECRET = SecretStr("s" * 32)
HOST = "bridge.example.com"
PATH = "/stream/sales"


class Clock:
    """The time of day, in the test's hands."""

    def __init__(self) -> None:
        self.now_s = datetime.datetime.now(datetime.UTC).timestamp()

    def __call__(self) -> float:
        return self.now_s


def made(mode: str, clock: Clock | None = None, **access: Any) -> Authentication:
    options = AccessOptions(stream_auth=mode, stream_secret=SECRET, **access)
    return Authentication(options, TOKEN, clock or Clock())


def signed(scheme: str = "http", nonce: str = "n1", path: str = PATH) -> Request:
    url = f"{scheme}://{HOST}{path}"
    every = signatures.headers(TOKEN.get_secret_value(), "GET", url, nonce)
    return Request(path, Headers(list(every.items())))


def invited(path: str = PATH, lifetime_s: float = 300.0) -> Request:
    url = tokens.invited(f"wss://{HOST}{path}", SECRET, mpc="m", lifetime_s=lifetime_s)
    return Request(url.partition(HOST)[2], Headers())


PLAIN = Request(PATH, Headers())


def refusal(authentication: Authentication, request: Request) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        authentication.check(request, HOST)
    return int(caught.value.status), caught.value.body.strip()


@pytest.mark.parametrize("scheme", ["http", "https", "wss", "ws"])
def test_plivos_signature_lets_in(scheme: str) -> None:
    """Under whichever scheme the URL was signed."""
    assert made("signature").check(signed(scheme), HOST) == Grant(
        signed(scheme).headers[signatures.V3]
    )


def test_a_main_accounts_signature_lets_in() -> None:
    """Calls of subaccounts carry it beside their own."""
    request = signed()
    value = request.headers.pop(signatures.V3)
    assert value
    assert made("signature").check(request, HOST).signature


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("none", None),
        ("signature", (401, "a stream needs Plivo's signature")),
        ("token", (401, "a stream needs a token")),
        ("either", (401, "a stream needs Plivo's signature or a token")),
        ("both", (401, "a stream needs Plivo's signature and a token")),
    ],
)
def test_nothing_is_401(mode: str, expected: tuple[int, str] | None) -> None:
    """And says what is asked for."""
    if expected is None:
        assert made(mode).check(PLAIN, HOST) == Grant()
    else:
        assert refusal(made(mode), PLAIN) == expected


def test_a_wrong_signature_is_403() -> None:
    """Of another token, another host, or another path."""
    authentication = made("signature")
    moved = Request("/stream/other", signed().headers)
    assert refusal(authentication, moved)[0] == 403
    with pytest.raises(Refusal, match="403"):
        authentication.check(signed(), "evil.example.com")


def test_a_nonce_is_good_once() -> None:
    """Within the window; what was not let in has not used it up."""
    clock = Clock()
    authentication = made("signature", clock, nonce_window_s=60.0)
    authentication.check(signed(), HOST)
    grant = authentication.check(signed(), HOST)
    authentication.spend(grant)
    assert refusal(authentication, signed()) == (
        403,
        "the signature was here before",
    )
    assert authentication.check(signed(nonce="n2"), HOST).signature
    clock.now_s += 61
    assert authentication.check(signed(), HOST).signature


def test_a_token_lets_in_until_it_expires() -> None:
    """And its call even later, if its socket broke."""
    clock = Clock()
    authentication = made("token", clock)
    request = invited()
    grant = authentication.check(request, HOST)
    assert grant.invitation is not None
    assert grant.invitation.mpc == "m"

    clock.now_s = grant.invitation.expires_s + 1
    assert refusal(authentication, request) == (403, "the token has expired")
    authentication.is_live = {grant.invitation.token_id}.__contains__
    assert authentication.check(request, HOST) == grant


def test_a_token_for_ever_is_none() -> None:
    """It would be good again after each restart."""
    assert refusal(made("token"), invited(lifetime_s=4000)) == (
        403,
        "the token is good for more than an hour",
    )


def test_a_token_carries_one_call() -> None:
    """Somebody else who has seen it gets nowhere."""
    authentication = made("token")
    grant = authentication.check(invited(), HOST)
    assert authentication.binds(grant, "call 1")
    assert authentication.binds(grant, "call 1")
    assert not authentication.binds(grant, "call 2")


def test_what_lets_in_elsewhere_is_told_and_taken() -> None:
    """Of several processes that are one server, each refuses what another has seen."""
    one, other = made("either"), made("either")
    one.on_spent = other.note_spent
    one.on_bound = other.bind
    grant = one.check(signed(), HOST)
    one.spend(grant)
    assert refusal(other, signed()) == refusal(one, signed())

    invitation = one.check(invited(), HOST)
    assert one.binds(invitation, "call 1")
    assert other.binds(invitation, "call 1")
    assert not other.binds(invitation, "call 2")


def test_either_is_enough_where_either_is_asked_for() -> None:
    """A wrong one does no harm beside a right one."""
    authentication = made("either")
    assert authentication.check(signed(), HOST).signature
    assert authentication.check(invited(), HOST).invitation
    both = Request(invited().path, Headers([(signatures.V3_NONCE, "n")]))
    assert authentication.check(both, HOST).invitation


def test_both_are_needed_where_both_are_asked_for() -> None:
    """One alone is 401."""
    authentication = made("both")
    assert refusal(authentication, signed())[0] == 401
    assert refusal(authentication, invited())[0] == 401
    path = invited().path
    grant = authentication.check(signed(path=path), HOST)
    assert grant.signature
    assert grant.invitation


def test_the_public_url_is_what_was_signed() -> None:
    """Where a proxy changes host and path."""
    authentication = made("signature", public_url=f"wss://{HOST}/voice")
    url = f"http://{HOST}/voice{PATH}"
    every = signatures.headers(TOKEN.get_secret_value(), "GET", url, "n")
    request = Request(PATH, Headers(list(every.items())))
    assert authentication.check(request, "10.0.0.1:8765").signature


@pytest.mark.parametrize(
    ("token", "secret", "mode"),
    [
        (None, "", "none"),
        (TOKEN, "", "signature"),
        (None, "s" * 32, "token"),
        (TOKEN, "s" * 32, "either"),
    ],
)
def test_by_itself_it_asks_for_what_there_is(
    token: SecretStr | None, secret: str, mode: str
) -> None:
    """Who has set a secret wants it asked for."""
    access = AccessOptions(stream_secret=SecretStr(secret))
    assert Authentication(access, token).mode == mode


@pytest.mark.parametrize(
    ("mode", "token", "secret", "what"),
    [
        ("signature", None, "s" * 32, "PLIVO_AUTH_TOKEN"),
        ("token", TOKEN, "", "BRIDGE_STREAM_SECRET"),
        ("both", TOKEN, "", "BRIDGE_STREAM_SECRET"),
        ("either", None, "s" * 32, "PLIVO_AUTH_TOKEN"),
    ],
)
def test_what_is_asked_for_must_be_there(
    mode: str, token: SecretStr | None, secret: str, what: str
) -> None:
    """Else nobody would ever get in."""
    access = AccessOptions(stream_auth=mode, stream_secret=SecretStr(secret))
    with pytest.raises(ConfigError, match=what):
        Authentication(access, token)


def test_a_secret_is_in_no_repr() -> None:
    """Nor the account's token."""
    text = repr(made("both")) + repr(vars(made("both")))
    assert "sss" not in text
    assert "the account's" not in text


def test_what_was_signed_cannot_be_cut_elsewhere() -> None:
    """URL and nonce are joined by a dot: another cut is no other signature."""
    authentication = made("signature", public_url=f"wss://{HOST}")
    url = f"http://{HOST}{PATH}?v=1.0"
    every = signatures.headers(TOKEN.get_secret_value(), "GET", url, "12345")
    grant = authentication.check(
        Request(f"{PATH}?v=1.0", Headers(list(every.items()))), HOST
    )
    authentication.spend(grant)
    recut = {**every, signatures.V3_NONCE: "0.12345"}
    again = Request(f"{PATH}?v=1", Headers(list(recut.items())))
    assert refusal(authentication, again) == (403, "the signature was here before")


@pytest.mark.parametrize("host", ["bridge#", f"{HOST}{PATH}?", "[", "a b", "", "h:x"])
def test_what_is_no_host_is_400(host: str) -> None:
    """It is a part of what is signed, and of what a token is for."""
    with pytest.raises(Refusal) as caught:
        made("either").check(invited(), host)
    assert caught.value.status == 400


def test_beside_a_signature_a_token_is_read() -> None:
    """It says which call this is."""
    path = invited().path
    grant = made("either").check(signed(path=path), HOST)
    assert grant.signature
    assert grant.invitation is not None
    assert grant.invitation.mpc == "m"
