"""What other processes of the same server carry, for the limits of all together."""

__all__ = ["CALLS", "STREAMS", "Elsewhere", "account_key", "address_key"]

STREAMS = "streams"
CALLS = "calls"


def account_key(account_id: str) -> str:
    """What the streams of an account are counted under."""
    return f"account {account_id}"


def address_key(address: str) -> str:
    """What the streams from an address are counted under."""
    return f"address {address}"


class Elsewhere:
    """Where there are no other processes; `bridge.server.workers` has the other."""

    def count(self, key: str) -> int:  # noqa: ARG002
        """How many there are in all other processes together."""
        return 0

    def tell(self, key: str, number: int) -> None:
        """So many are here now."""
