"""Hosts and addresses."""

import pytest

from bridge.hosts import is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("", False),
        ("10.0.0.1", False),
        ("bridge.example.com", False),
    ],
)
def test_loopback_is_this_machine(host: str, expected: bool) -> None:
    """Everything else may be reached from elsewhere."""
    assert is_loopback(host) is expected
