"""The `extra_headers` of a stream: a few words its creator sends along.

Plivo passes a string on as it was configured, and its own pages write it in two
ways, its users in three: `k=v;k2=v2`, `k=v,k2=v2`, and a JSON object.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

import msgspec

from bridge.errors import ConfigError

__all__ = ["MAX_EXTRA_HEADERS_BYTES", "format_extra_headers", "parse_extra_headers"]

MAX_EXTRA_HEADERS_BYTES = 512
"""Plivo's documented limit."""


def parse_extra_headers(value: object) -> dict[str, str]:
    """Read the headers in any of the three spellings; never fails.

    Args:
        value: The string, or an object some senders put there; None is nothing.

    Returns:
        Names to percent-decoded values. A piece without `=` has an empty value.
    """
    if isinstance(value, Mapping):
        return {str(name): _word(word) for name, word in value.items()}
    if not isinstance(value, str):
        return {}
    text = value.strip()
    if text.startswith("{"):
        try:
            return parse_extra_headers(msgspec.json.decode(text))
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            pass
    headers = {}
    for piece in _pieces(text):
        name, _, word = piece.partition("=")
        if name.strip():
            headers[name.strip()] = unquote(word.strip())
    return headers


def format_extra_headers(headers: Mapping[str, str]) -> str:
    """Write headers as `k=v,k2=v2`, values percent-encoded.

    Raises:
        ConfigError: If a name holds a separator, or all are longer than 512 bytes.
    """
    for name in headers:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ConfigError(
                f"extra header name {name!r}: allowed are letters, digits, - _ ."
            )
    text = ",".join(f"{name}={quote(word, safe='')}" for name, word in headers.items())
    if len(text) > MAX_EXTRA_HEADERS_BYTES:
        raise ConfigError(
            f"extra headers are {len(text)} bytes, allowed are "
            f"{MAX_EXTRA_HEADERS_BYTES}"
        )
    return text


def _pieces(text: str) -> list[str]:
    """Split at both separators, unless a comma then belongs to a value."""
    pieces = re.split("[;,]", text)
    if ";" in text and not all("=" in piece for piece in pieces if piece.strip()):
        return text.split(";")
    return pieces


def _word(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
