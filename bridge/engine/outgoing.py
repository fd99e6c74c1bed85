"""Requests to the world outside: with their parameters, and signed."""

import uuid
from collections.abc import Mapping

import httpx
from pydantic import SecretStr

from bridge.engine.targets import Target
from bridge.multiparty import signatures

__all__ = ["request_to"]

SCHEMES = ("http", "https")


def request_to(
    http: httpx.AsyncClient,
    auth_token: SecretStr,
    target: Target,
    params: Mapping[str, str],
    timeout_s: float,
) -> httpx.Request:
    """Make a request as Plivo makes it.

    Args:
        http: Of whom.
        auth_token: Signs it.
        target: Where to; a query of its own stays.
        params: Go into the query of a GET, or the form of a POST.
        timeout_s: For each step of it.

    Raises:
        httpx.InvalidURL: If the URL is none.
        httpx.UnsupportedProtocol: If it is of another scheme than http and https.
    """
    url = httpx.URL(target.url)
    if url.scheme not in SCHEMES:
        raise httpx.UnsupportedProtocol(
            f"scheme {url.scheme!r}, allowed are {' and '.join(SCHEMES)}"
        )
    is_get = target.method == "GET"
    if is_get and params:
        url = url.copy_merge_params(dict(params))
    signed = signatures.headers(
        auth_token.get_secret_value(),
        target.method,
        str(url),
        uuid.uuid4().hex,
        None if is_get else params,
    )
    data = None if is_get else dict(params)
    return http.build_request(
        target.method, url, data=data, headers=signed, timeout=timeout_s
    )
