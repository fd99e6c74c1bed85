"""Runs `floor.c`: connections are accepted and upgraded here, and served there.

python -m benchmarks.servers.floor          # decodes, filters twice, encodes
python -m benchmarks.servers.floor --bare   # sends every byte back
"""

import argparse
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sysconfig
import tempfile
import threading
from pathlib import Path

from websockets.http11 import Request
from websockets.server import ServerProtocol

from bridge.audio.resampling import taps_by_lane

SOURCE = Path(__file__).with_suffix(".c")


def compiled(folder: str) -> ctypes.CDLL:
    """The library.

    Raises:
        CalledProcessError: If it does not compile.
    """
    library = Path(folder, "floor.so")
    include = sysconfig.get_path("include")
    flags = ["-O3", "-shared", "-fPIC", f"-I{include}", "-o", str(library)]
    subprocess.run(["cc", *flags, str(SOURCE)], check=True)
    return ctypes.CDLL(str(library))


def upgraded(connected: socket.socket) -> None:
    """Answer the request of an upgrade."""
    websocket = ServerProtocol()
    while data := connected.recv(4096):
        websocket.receive_data(data)
        for event in websocket.events_received():
            if isinstance(event, Request):
                websocket.send_response(websocket.accept(event))
                connected.sendall(b"".join(websocket.data_to_send()))
                return


def accept(
    library: ctypes.CDLL, listener: socket.socket, poll: int, *, bare: bool
) -> None:
    """Hand connections on, for ever."""
    taps = [taps_by_lane(2, 1), taps_by_lane(1, 2)]
    filters = []
    for matrix in taps:
        filters += [matrix.ctypes.data_as(ctypes.c_void_p), matrix.shape[-1] - 1]
    while True:
        connected, _address = listener.accept()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not bare:
            upgraded(connected)
        library.add(poll, connected.detach(), not bare, *filters)


def main() -> None:
    """Listen, say where, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bare", action="store_true", help="send every byte back")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(folder)
    poll = select.epoll()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    threading.Thread(
        target=accept,
        args=(library, listener, poll.fileno()),
        kwargs={"bare": options.bare},
        daemon=True,
    ).start()
    ready = {"port": listener.getsockname()[1], "pid": os.getpid()}
    print(json.dumps(ready), flush=True)
    library.serve(poll.fileno())


if __name__ == "__main__":
    main()
