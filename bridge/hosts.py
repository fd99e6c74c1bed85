"""Hosts and addresses as they stand in URLs, headers and options."""

import ipaddress
import re

__all__ = ["bracketed", "is_host", "is_loopback"]

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


def is_host(text: str) -> bool:
    """Whether a `Host` header is one: it is part of what is signed, and of logs."""
    return HOST.fullmatch(text) is not None


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
