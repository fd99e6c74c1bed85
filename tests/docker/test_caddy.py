"""What Plivo reaches through Caddy, and what nobody does; with a real Caddy."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.docker.files import DOCKER
from tests.docker.serving import Serving, serving
from tests.needs import needs
from tests.ports import free_port
from tests.stream.samples import MEDIA, START

CADDYFILE = DOCKER / "caddy" / "Caddyfile"
CADDY = shutil.which("caddy") or ""

pytestmark = [needs(CADDY, "Caddy: apt-get install caddy"), pytest.mark.slow]


@pytest.fixture(scope="module")
def bridge() -> Iterator[Serving]:
    with serving() as one:
        yield one


@pytest.fixture(scope="module")
def front(
    bridge: Serving, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Caddy before a bridge: its port, and who trusts its own authority."""
    home = tmp_path_factory.mktemp("caddy")
    ports = {name: free_port() for name in ("HTTP_PORT", "HTTPS_PORT", "HEALTH_PORT")}
    environment = {
        **{name: str(port) for name, port in ports.items()},
        "DOMAIN": "localhost",
        "STREAMS": f"127.0.0.1:{bridge.port}",
        "CALLBACKS": f"127.0.0.1:{bridge.callbacks_port}",
        "HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
    }
    log = (home / "log").open("w")
    caddy = subprocess.Popen(
        [CADDY, "run", "--adapter", "caddyfile", "--config", CADDYFILE],
        env={**os.environ, **environment},
        stdout=log,
        stderr=log,
    )
    try:
        root = home / "caddy/pki/authorities/local/root.crt"
        health = f"http://127.0.0.1:{ports['HEALTH_PORT']}/healthz"
        await_until(lambda: root.exists() and httpx.get(health).text == "ok", log.name)
        yield ports["HTTPS_PORT"], ssl.create_default_context(cafile=root)
    finally:
        caddy.terminate()
        caddy.wait(60)
        log.close()


def await_until(holds: Callable[[], bool], log: str) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            if holds():
                return
        time.sleep(0.1)
    pytest.fail(f"Caddy did not start:\n{Path(log).read_text()}")


def test_it_is_valid_and_formatted() -> None:
    """For Caddy, whose own checks these are."""
    checked = subprocess.run(
        [CADDY, "validate", "--adapter", "caddyfile", "--config", CADDYFILE],
        capture_output=True,
        text=True,
    )
    formatted = subprocess.check_output([CADDY, "fmt", CADDYFILE], text=True)

    assert checked.returncode == 0, checked.stderr
    assert formatted == CADDYFILE.read_text()


@pytest.mark.parametrize("path", ["/stream", "/stream/echo"])
def test_a_stream_passes_with_tls(front: tuple[int, ssl.SSLContext], path: str) -> None:
    """wss:// to every bot, and audio comes back."""
    port, trusting = front
    with connect(f"wss://localhost:{port}{path}", ssl=trusting) as line:
        line.send(json.dumps(START))
        for _ in range(10):
            line.send(json.dumps(MEDIA))

        assert "playAudio" in str(line.recv(timeout=30))


def test_callbacks_pass_with_tls(front: tuple[int, ssl.SSLContext]) -> None:
    """https:// to where they are taken."""
    port, trusting = front
    answer = httpx.post(
        f"https://localhost:{port}/callbacks",
        data={"EventName": "ParticipantJoin"},
        verify=trusting,
    )

    assert answer.status_code != 404
    assert answer.status_code < 500


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metrics",
        "/healthz",
        "/readyz",
        "/calls",
        "/log-level",
        "/streams",
        "/callbacks/more",
        "/stream/../metrics",
        "/callbacks/../metrics",
        "/stream/..%2fmetrics",
    ],
)
def test_nothing_else_does(front: tuple[int, ssl.SSLContext], path: str) -> None:
    """Metrics, probes and the admin address are not the world's."""
    port, trusting = front
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        with trusting.wrap_socket(raw, server_hostname="localhost") as line:
            # As it stands: a client would tidy the path up before it asks.
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            line.sendall(f"{request}\r\n".encode())
            answer = b"".join(iter(lambda: line.recv(65536), b""))

    status, _, body = answer.partition(b"\r\n\r\n")
    assert b" 404 " in status.split(b"\r\n")[0] + b" "
    assert b"bridge_" not in body
