"""Variables that the deployment sets already, and the code is about to read."""

import pytest

from bridge import config

__all__ = ["EXPECTED", "READ", "when_read"]

READ = frozenset(
    option.variable
    for section in config.SECTIONS
    for option in config.options_of(section)
)
"""What the code reads."""

EXPECTED = frozenset(
    (
        "BRIDGE_ADMIN",
        "BRIDGE_ADMIN_HOST",
        "BRIDGE_ADMIN_TOKEN",
        "BRIDGE_INSTANCE",
        "BRIDGE_PUBLIC_URL",
        "BRIDGE_REDIS",
        "BRIDGE_STREAM_AUTH",
        "BRIDGE_STREAM_SECRET",
        "BRIDGE_TLS_CERTIFICATE",
        "BRIDGE_TRUSTED_PROXIES",
    )
)
"""What it will; to be emptied."""

when_read = pytest.mark.skipif(
    "BRIDGE_STREAM_SECRET" not in READ,
    reason="secrets are not read from files yet",
)
