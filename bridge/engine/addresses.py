"""Which addresses the engine's requests may lead to: public ones, and those allowed.

Who may use the API names URLs; without this, they could let the engine ask what only
the engine's machine can reach: its own services, its neighbours, and the cloud's
metadata with its credentials.
"""

import dataclasses
import ipaddress
from typing import TypeAlias

from bridge.errors import ConfigError, PeerError
from bridge.hosts import is_loopback

__all__ = ["OutOfReachError", "Reach"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


LOOPBACK = _networks("127.0.0.0/8", "::1/128")
PRIVATE = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
NAMED = {"loopback": LOOPBACK, "private": PRIVATE}

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        *("169.254.169.254", "169.254.170.2", "169.254.170.23"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    )
)
"""Where clouds tell their machines secrets; a network around them does not do."""

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")

ALLOWED = "auto, none, or a list of loopback, private, addresses and networks"


class OutOfReachError(PeerError):
    """A URL leads to where the engine may not go; asking again will not help."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reach:
    """Where requests may lead, beside public addresses."""

    allowed: tuple[Network, ...] = LOOPBACK + PRIVATE

    @classmethod
    def parse(cls, text: str, host: str) -> "Reach":
        """Read the option.

        Args:
            text: `auto`, `none`, or a list as `loopback,10.0.0.0/8`.
            host: Where the engine listens. While that is loopback, it is a
                developer's machine, and `auto` allows loopback and private addresses.

        Raises:
            ConfigError: If it is none of these.
        """
        wanted = text.strip().lower()
        if wanted == "auto":
            return cls(LOOPBACK + PRIVATE if is_loopback(host) else ())
        if wanted == "none":
            return cls(())
        allowed: list[Network] = []
        for each in (part.strip() for part in wanted.split(",")):
            try:
                allowed += NAMED.get(each) or (ipaddress.ip_network(each),)
            except ValueError as error:
                raise ConfigError(
                    f"reachable: {each!r} is no network: {error}; allowed are {ALLOWED}"
                ) from None
        return cls(tuple(allowed))

    def check(self, address: str) -> None:
        """See whether an address may be asked.

        Args:
            address: Of IPv4 or IPv6, numeric, with or without a zone.

        Raises:
            OutOfReachError: If not; says what it is, and how it can be allowed.
        """
        for each in _meant(ipaddress.ip_address(address.partition("%")[0])):
            kind = _kind(each)
            if not kind or self._allows(each):
                continue
            raise OutOfReachError(
                f"{address} is {kind} address, which URLs may not lead to unless "
                f"the engine's option `reachable` lists it"
            )

    def _allows(self, address: Address) -> bool:
        if address in METADATA:
            return any(
                network.num_addresses == 1 and address in network
                for network in self.allowed
            )
        return any(address in network for network in self.allowed)


def _meant(address: Address) -> list[Address]:
    """An address, or those that are packed into it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    if address.teredo is not None:
        return [address, *address.teredo]
    if address in NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address]


def _kind(address: Address) -> str:
    """What makes an address more than a public one, with its article; else empty."""
    kinds = {
        "a metadata": address in METADATA,
        "an unspecified": address.is_unspecified,
        "a loopback": address.is_loopback,
        "a link-local": address.is_link_local,
        "a multicast": address.is_multicast,
        "a private": any(address in network for network in PRIVATE),
        "a reserved": not _is_public(address),
    }
    return next((kind for kind, holds in kinds.items() if holds), "")


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        return address.is_global and address in GLOBAL_UNICAST
    return address.is_global and not address.is_reserved
