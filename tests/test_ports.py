"""Ports that nobody else gets."""

import socket
from contextlib import closing

from tests.ports import free_port


def test_each_asked_for_is_another() -> None:
    """Those that are taken are passed over; none is one that a kernel chooses."""
    first = free_port()
    with socket.create_server(("127.0.0.1", first + 1)):
        ports = [free_port() for _ in range(20)]
    assert len({first, *ports}) == 21
    assert first + 1 not in ports
    with closing(socket.socket()) as chosen:
        chosen.bind(("127.0.0.1", 0))
        assert max(ports) < chosen.getsockname()[1]
