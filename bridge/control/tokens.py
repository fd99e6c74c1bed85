"""Invitations: short-lived tokens in the URL that Plivo is given for an AI agent.

Plivo opens whatever URL it was told, so what a server should know of an upgrade
stands in it: for which Multiparty Call, at which address, until when. They are JSON
Web Tokens (RFC 7519, HS256), so that any language's library can make them:
`{"mpc": "my-call", "aud": "bridge.example.com/stream/sales", "exp": ..., "jti": ...}`.
"""

import dataclasses
import datetime
import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from bridge.errors import ConfigError, PeerError
from bridge.hosts import bracketed

__all__ = [
    "Invitation",
    "TokenError",
    "check_secret",
    "invited",
    "place_of",
    "read",
    "without_token",
]

PARAMETER = "token"
"""Of the URL's query."""

ALGORITHM = "HS256"

LEAST_SECRET_BYTES = 32
"""As many as the digest has: RFC 7518, 3.2."""

LIFETIME_S = 300.0
"""Longer than an AI agent's address may ring."""

MOST_LIFETIME_S = 3600.0
"""Of a token that is taken: which calls had one is remembered by one process alone."""

DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class TokenError(PeerError):
    """A token does not let its bearer in."""


@dataclasses.dataclass(frozen=True, slots=True)
class Invitation:
    """What a right token says."""

    token_id: str
    mpc: str
    """Name or uuid of the Multiparty Call."""
    expires_s: float
    """Seconds since the epoch."""


def check_secret(secret: SecretStr) -> None:
    """See that a secret is long enough to keep one.

    Raises:
        ConfigError: If it is not; an empty one is none, and is fine.
    """
    size = len(secret.get_secret_value().encode())
    if 0 < size < LEAST_SECRET_BYTES:
        raise ConfigError(
            f"stream_secret: {size} bytes, allowed are {LEAST_SECRET_BYTES} or more; "
            "`openssl rand -hex 32` makes one"
        )


def place_of(url: str) -> str:
    """What of a stream's URL a token is bound to: host and path.

    Scheme and query may change on the way through proxies, and default ports vanish.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = bracketed(host)
    try:
        port = parts.port
    except ValueError:
        port = None
    if port is not None and port not in DEFAULT_PORTS.values():
        host = f"{host}:{port}"
    return host + (parts.path.rstrip("/") or "/")


def invited(
    url: str, secret: SecretStr, *, mpc: str, lifetime_s: float = LIFETIME_S
) -> str:
    """Add a token to the URL of a stream.

    Args:
        url: As Plivo is to dial it, without a token.
        secret: Shared with the stream server.
        mpc: Name or uuid of the Multiparty Call.
        lifetime_s: How long the token lets a call in.
    """
    import jwt  # noqa: PLC0415 - it brings cryptography, and few need a token

    claims = {
        "mpc": mpc,
        "aud": place_of(url),
        "exp": datetime.datetime.now(datetime.UTC)
        + datetime.timedelta(seconds=lifetime_s),
        "jti": secrets.token_urlsafe(12),
    }
    token = jwt.encode(claims, secret.get_secret_value(), ALGORITHM)
    parts = urlsplit(url)
    query = parts.query + ("&" if parts.query else "") + urlencode({PARAMETER: token})
    return urlunsplit(parts._replace(query=query))


def read(url: str, secret: SecretStr) -> Invitation | None:
    """Read the token of a URL; None where there is none.

    Whether it has expired is for the reader to see: a call that it let in may come
    back later.

    Raises:
        TokenError: If it is not ours, or not for this URL.
    """
    given = dict(parse_qsl(urlsplit(url).query)).get(PARAMETER)
    if not given:
        return None
    import jwt  # noqa: PLC0415 - it brings cryptography, and few need a token

    try:
        claims = jwt.decode(
            given,
            secret.get_secret_value(),
            algorithms=[ALGORITHM],
            audience=place_of(url),
            options={"require": ["exp", "aud", "jti", "mpc"], "verify_exp": False},
        )
    except jwt.InvalidAudienceError as error:
        raise TokenError("the token is for another URL") from error
    except jwt.MissingRequiredClaimError as error:
        raise TokenError(f"the token lacks {error.claim!r}") from error
    except jwt.PyJWTError as error:
        raise TokenError("the token is not one of ours") from error
    try:
        return Invitation(str(claims["jti"]), str(claims["mpc"]), float(claims["exp"]))
    except (TypeError, ValueError) as error:
        raise TokenError("the token's exp is no number") from error


def without_token(url: str) -> str:
    """A URL or path fit for a log."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != PARAMETER]
    return urlunsplit(parts._replace(query=urlencode(query)))
