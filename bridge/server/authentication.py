"""Whether an upgrade is Plivo's, or was invited: signatures, nonces, tokens."""

import collections
import dataclasses
import datetime
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from pydantic import SecretStr
from websockets.http11 import Request

from bridge.control import tokens
from bridge.control.tokens import Invitation, TokenError
from bridge.errors import ConfigError
from bridge.hosts import is_host
from bridge.multiparty import signatures
from bridge.server.guest import Refusal
from bridge.server.options import AccessOptions

__all__ = ["Authentication", "Grant"]

MOST_REMEMBERED = 100_000
"""Signatures, and tokens in use; only right ones: nobody can fill it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Grant:
    """What let an upgrade in."""

    signature: str = ""
    """The one that was right."""
    invitation: Invitation | None = None


NOTHING_ASKED = Grant()


class Authentication:
    """Checks upgrades.

    Args:
        access: What is asked for.
        auth_token: The account's, for signatures; None where it is not known.
        now_s: Seconds since the epoch; for tests.

    Raises:
        ConfigError: If something is asked for that there is no secret for.
    """

    def __init__(
        self,
        access: AccessOptions,
        auth_token: SecretStr | None,
        now_s: Callable[[], float] = lambda: datetime.datetime.now(
            datetime.UTC
        ).timestamp(),
    ) -> None:
        has_secret = bool(access.stream_secret.get_secret_value())
        self.mode = _mode(access.stream_auth, auth_token is not None, has_secret)
        self._token = auth_token or SecretStr("")
        self._secret = access.stream_secret
        self._public_url = access.public_url.rstrip("/")
        self._window_s = access.nonce_window_s
        self._now_s = now_s
        self._spent: collections.OrderedDict[str, float] = collections.OrderedDict()
        self.is_live: Callable[[str], bool] = lambda _token_id: False
        """Whether a call that began with a token goes on; the server's."""
        self.on_spent: Callable[[str, float], None] = lambda _signature, _at_s: None
        """Told of each signature that let somebody in, and when."""
        self.on_bound: Callable[[str, str], object] = lambda _token_id, _call: None
        """Told of each token and the call that it is of from now on."""
        self._calls: collections.OrderedDict[str, str] = collections.OrderedDict()

    def __repr__(self) -> str:
        return f"<Authentication {self.mode}>"

    @property
    def needed(self) -> str:
        """What is asked for, in words."""
        return WORDS.get(self.mode, "nothing")

    def check(self, request: Request, host: str) -> Grant:
        """Look at an upgrade.

        Args:
            request: Its URL and headers.
            host: What the far end dialled.

        Raises:
            Refusal: 401 if it brings nothing that is asked for, 403 if what it brings
                is wrong.
        """
        if self.mode == "none":
            return NOTHING_ASKED
        if not self._public_url and not is_host(host):
            raise Refusal(HTTPStatus.BAD_REQUEST, "Host is no host\n", why="url")
        url = (self._public_url or f"ws://{host}") + request.path
        signature = invitation = refusal = None
        if self.mode != "token":
            signature, refusal = self._signed(request, url)
        if self.mode != "signature":
            # Read even where the signature would do: it says whose call this is.
            try:
                invitation = self._invited(url)
            except TokenError as error:
                refusal = str(error)
        missing = {
            "signature": signature is None,
            "token": invitation is None,
            "either": signature is None and invitation is None,
            "both": signature is None or invitation is None,
        }[self.mode]
        if not missing:
            return Grant(signature or "", invitation)
        if refusal is not None:
            raise Refusal(HTTPStatus.FORBIDDEN, f"{refusal}\n", why="forbidden")
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            f"a stream needs {WORDS[self.mode]}\n",
            why="unauthorized",
        )

    def spend(self, grant: Grant) -> None:
        """A grant has let somebody in; its signature lets nobody in again."""
        if grant.signature:
            at_s = self._now_s()
            self.note_spent(grant.signature, at_s)
            self.on_spent(grant.signature, at_s)

    def note_spent(self, signature: str, at_s: float) -> None:
        """A signature has let somebody in, here or elsewhere, at a time."""
        self._spent[signature] = at_s
        if len(self._spent) > MOST_REMEMBERED:
            self._spent.popitem(last=False)

    def binds(self, grant: Grant, call: str) -> bool:
        """Bind a token to the call that begins with it; False if it is another's.

        A call whose socket broke comes back with the same token, even if that has
        expired meanwhile.
        """
        if grant.invitation is None:
            return True
        token_id = grant.invitation.token_id
        if token_id not in self._calls:
            self.on_bound(token_id, call)
        return self.bind(token_id, call) == call

    def bind(self, token_id: str, call: str) -> str:
        """Bind a token to a call, unless it is another's already; whose it is."""
        first = self._calls.setdefault(token_id, call)
        if len(self._calls) > MOST_REMEMBERED:
            self._calls.popitem(last=False)
        return first

    # ------------------------------------------------------------------ inside

    def _signed(self, request: Request, url: str) -> tuple[str | None, str | None]:
        """The right signature, and what is wrong where there is a wrong one."""
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        if signatures.V3_NONCE.lower() not in headers:
            return None, None
        token = self._token.get_secret_value()
        signature = signatures.upgrade_signature(headers, token, url)
        if signature is None:
            return (
                None,
                f"the signature is not the account's for {urlsplit(url).netloc}",
            )
        self._forget()
        if signature in self._spent:
            return None, "the signature was here before"
        return signature, None

    def _invited(self, url: str) -> Invitation | None:
        invitation = tokens.read(url, self._secret)
        if invitation is None:
            return None
        left_s = invitation.expires_s - self._now_s()
        if left_s < 0 and not self.is_live(invitation.token_id):
            raise TokenError("the token has expired")
        if left_s > tokens.MOST_LIFETIME_S:
            raise TokenError("the token is good for more than an hour")
        return invitation

    def _forget(self) -> None:
        oldest_s = self._now_s() - self._window_s
        while self._spent and next(iter(self._spent.values())) < oldest_s:
            self._spent.popitem(last=False)


WORDS = {
    "signature": "Plivo's signature",
    "token": "a token",
    "either": "Plivo's signature or a token",
    "both": "Plivo's signature and a token",
}


def _mode(asked: str, has_token: bool, has_secret: bool) -> str:  # noqa: FBT001
    """What is asked for, once it is known which secrets there are."""
    if asked == "auto":
        found = {
            (False, False): "none",
            (True, False): "signature",
            (False, True): "token",
            (True, True): "either",
        }
        return found[has_token, has_secret]
    needs_token = asked in ("signature", "either", "both")
    if needs_token and not has_token:
        raise ConfigError(
            f"stream_auth: {asked} needs the account's auth token: PLIVO_AUTH_TOKEN"
        )
    if asked in ("token", "either", "both") and not has_secret:
        raise ConfigError(
            f"stream_auth: {asked} needs a stream_secret: BRIDGE_STREAM_SECRET"
        )
    return asked
