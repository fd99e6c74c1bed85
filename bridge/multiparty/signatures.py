"""Plivo's signatures of callbacks and of WebSocket upgrades, made and checked.

The algorithms are those of Plivo's SDKs, which differ from its prose: version 2 signs
the URL without its query, version 3 the URL with sorted parameters. An upgrade is
signed as a GET of its URL with the scheme `http`, whatever was dialled.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

__all__ = [
    "V3_NONCE",
    "headers",
    "is_signed",
    "sign_v2",
    "sign_v3",
    "upgrade_signature",
]

V2 = "X-Plivo-Signature-V2"
MA_V2 = "X-Plivo-Signature-Ma-V2"
V2_NONCE = "X-Plivo-Signature-V2-Nonce"
V3 = "X-Plivo-Signature-V3"
MA_V3 = "X-Plivo-Signature-Ma-V3"
V3_NONCE = "X-Plivo-Signature-V3-Nonce"

MOST_FIELDS = 200
"""Of a query that is signed: nobody's has more, and sorting them takes time."""

UPGRADE_SCHEMES = ("http", "https", "wss", "ws")
"""In the order of what was seen: on live calls the first."""

Params = Mapping[str, str | Sequence[str]]


def sign_v2(token: str, url: str, nonce: str) -> str:
    """Sign a request by its URL alone, as base64; its query does not count."""
    parts = urlsplit(url)
    return _hmac(token, f"{parts.scheme}://{parts.netloc}{parts.path}{nonce}")


def sign_v3(
    token: str, method: str, url: str, nonce: str, params: Params | None = None
) -> str:
    """Sign a request by method, URL and parameters, as base64.

    Args:
        token: The account's auth token.
        method: `GET` or `POST`, in any case.
        url: As it is requested, query and port included.
        nonce: Sent beside the signature.
        params: Of the query or the form, decoded; a name may have several values.

    Raises:
        ValueError: If that is no URL, or its query has hundreds of fields.
    """
    parts = urlsplit(url)
    signed = f"{parts.scheme}://{parts.netloc}{parts.path}"
    given = {name: _values(value) for name, value in (params or {}).items()}
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(
        parts.query, keep_blank_values=True, max_num_fields=MOST_FIELDS
    ):
        query.setdefault(name, []).append(value)
    if method.upper() == "GET":
        joined = "&".join(_pairs({**given, **query}, "="))
        signed += f"?{joined}" if joined else ""
    else:
        joined = "&".join(_pairs(query, "="))
        signed += f"?{joined}" if query or given else ""
        signed += "." if query and given else ""
        signed += "".join(_pairs(given, ""))
    return _hmac(token, f"{signed}.{nonce}")


def headers(
    token: str, method: str, url: str, nonce: str, params: Params | None = None
) -> dict[str, str]:
    """The headers that Plivo signs a callback with, both versions."""
    second = sign_v2(token, url, nonce)
    third = sign_v3(token, method, url, nonce, params)
    return {
        V2: second,
        MA_V2: second,
        V2_NONCE: nonce,
        V3: third,
        MA_V3: third,
        V3_NONCE: nonce,
    }


def is_signed(  # noqa: PLR0913 - a request has so many parts
    given: Mapping[str, str],
    token: str,
    method: str,
    url: str,
    params: Params | None = None,
    *,
    takes_v2: bool = False,
) -> bool:
    """Tell whether a callback carries a right signature.

    Version 2 says nothing of the parameters: whoever has seen one can send others
    under it. Plivo sends both, so version 3 is asked for.

    Args:
        given: The request's headers, by any case.
        token: The account's auth token, or its main account's.
        method: `GET` or `POST`.
        url: As the far side requested it: behind a proxy, its public form.
        params: Of the form; those of the query are read from `url`.
        takes_v2: Whether version 2 will do where there is none of version 3.
    """
    known = {name.lower(): value for name, value in given.items()}
    nonce = known.get(V3_NONCE.lower())
    if nonce is not None:
        right = sign_v3(token, method, url, nonce, params)
        return _any_same(known, (V3, MA_V3), right)
    nonce = known.get(V2_NONCE.lower())
    if nonce is not None and takes_v2:
        return _any_same(known, (V2, MA_V2), sign_v2(token, url, nonce))
    return False


def upgrade_signature(given: Mapping[str, str], token: str, url: str) -> str | None:
    """Tell which signature of a WebSocket upgrade is right; None if none is.

    It names what was signed: URL and nonce are joined by a dot, so that both may be
    cut elsewhere and still match it.

    Args:
        given: The request's headers, by any case.
        token: The account's auth token, or its main account's.
        url: As it was dialled: `ws://` or `wss://`, port and query included.
    """
    known = {name.lower(): value for name, value in given.items()}
    nonce = known.get(V3_NONCE.lower())
    if nonce is None:
        return None
    rest = url.partition("://")[2]
    matched = None
    # All are tried, so that the time taken says nothing.
    for scheme in reversed(UPGRADE_SCHEMES):
        try:
            right = sign_v3(token, "GET", f"{scheme}://{rest}", nonce)
        except ValueError:
            return None
        if _any_same(known, (V3, MA_V3), right):
            matched = right
    return matched


def _any_same(known: Mapping[str, str], names: Iterable[str], right: str) -> bool:
    """Compare in constant time; a header may hold several, by commas."""
    found = False
    for name in names:
        for each in known.get(name.lower(), "").split(","):
            found |= hmac.compare_digest(each.strip().encode(), right.encode())
    return found


def _values(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _pairs(params: Mapping[str, Sequence[str]], between: str) -> list[str]:
    return [
        f"{name}{between}{value}"
        for name in sorted(params)
        for value in sorted(params[name])
    ]


def _hmac(token: str, text: str) -> str:
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
