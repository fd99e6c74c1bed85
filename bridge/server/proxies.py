"""Who is behind a connection, and what they dialled, where proxies stand between."""

import dataclasses
import ipaddress
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from bridge.errors import ConfigError

__all__ = ["Headers", "Origin", "Proxies"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Headers(Protocol):
    """Of an HTTP request."""

    def get_all(self, key: str) -> list[str]:
        """All values of a name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    address: str
    """Of the client, as the nearest proxy that is trusted saw it."""
    host: str
    """What it dialled, with the port where it said one; may be empty."""


class Proxies:
    """Proxies whose headers are believed; those of anybody else are not.

    Args:
        trusted: Addresses and networks, by commas or spaces.

    Raises:
        ConfigError: If one is neither.
    """

    def __init__(self, trusted: str = "") -> None:
        self._trusted: list[Network] = []
        for each in trusted.replace(",", " ").split():
            try:
                self._trusted.append(ipaddress.ip_network(each, strict=False))
            except ValueError as error:
                raise ConfigError(
                    f"trusted_proxies: {each!r}, allowed are addresses and networks, "
                    "as 10.0.0.7 or 10.0.0.0/8"
                ) from error

    def origin(self, peer: str, headers: Headers) -> Origin:
        """Tell where a request comes from.

        Args:
            peer: The address at the other end of the socket.
            headers: `X-Forwarded-For` and `X-Forwarded-Host` are believed of trusted
                proxies, from the right: what stands left of the first address that is
                not trusted, anybody may have written.
        """
        if not self._trusts(peer):
            return Origin(peer, _last(headers.get_all("Host")))
        address = peer
        for hop in reversed(_listed(headers.get_all("X-Forwarded-For"))):
            if _address(hop) is None:
                break
            address = hop
            if not self._trusts(hop):
                break
        forwarded = _listed(headers.get_all("X-Forwarded-Host"))
        return Origin(address, _last(forwarded) or _last(headers.get_all("Host")))

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in each for each in self._trusted)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    # An IPv4 client of an IPv6 socket is still that client.
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _listed(values: Sequence[str]) -> list[str]:
    return [
        each.strip() for value in values for each in value.split(",") if each.strip()
    ]


def _last(values: Sequence[str]) -> str:
    return values[-1].strip() if values else ""
