"""A stage for the engine's chaos: real processes, real disks, and tones for voices.

Each phone hums a tone of its own, so that a recording tells who was heard, and when
not. Every engine has a token that must be in no log; the stage looks for it.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import soundfile

from bridge.audio import files
from bridge.audio.pcm import Samples
from bridge.audio.tones import tone
from tests import unmeasured
from tests.engine.setting import level
from tests.patience import PATIENCE_S
from tests.ports import free_port

AUTH_ID = "MALOCALENGINE0000000"
SECRET = "hush-hush"
"""In every password and token; nobody may say it."""

TOKEN = f"{SECRET}-token"
WINDOW_SAMPLES = 400
"""50 ms: what is looked at at a time for gaps."""

LOUD_DBFS = -35.0
"""The phones hum at -20; two clipped or resampled ones are never so quiet."""

HUMS_HZ = (440, 700, 1000, 1300, 1700)

Form = dict[str, str]


async def eventually(
    holds: Callable[[], object], seconds: float = PATIENCE_S, what: str = ""
) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: If it does not in time.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    while not holds():
        assert loop.time() < end_s, f"not within {seconds} s: {what or holds}"
        await asyncio.sleep(0.05)


def gaps(audio: Samples, hz: float) -> list[float]:
    """When a hum is not heard, in seconds, from its first sound to its last."""
    blocks = [
        audio[start : start + WINDOW_SAMPLES]
        for start in range(0, len(audio) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES)
    ]
    heard = [level(block, hz) > LOUD_DBFS for block in blocks]
    assert any(heard), f"{hz} Hz is not heard at all"
    first, last = heard.index(True), len(heard) - 1 - heard[::-1].index(True)
    return [
        place * WINDOW_SAMPLES / 8000
        for place in range(first, last)
        if not heard[place]
    ]


def heard_s(audio: Samples, hz: float) -> float:
    """For how long a hum is heard."""
    count = sum(
        level(audio[start : start + WINDOW_SAMPLES], hz) > LOUD_DBFS
        for start in range(0, len(audio) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES)
    )
    return count * WINDOW_SAMPLES / 8000


def sound(content: bytes) -> Samples:
    """The samples of a file, as its bytes."""
    samples: Samples
    samples, rate_hz = soundfile.read(io.BytesIO(content), dtype="int16")
    assert rate_hz == 8000
    return samples


def phonebook(folder: Path) -> Path:
    """Numbers +0 to +4 hum, each a tone of its own, from a tenth of a second on."""
    lines = []
    for number, hz in enumerate(HUMS_HZ):
        files.write(folder / f"{hz}.wav", tone(hz, 1.0, 8000, -20.0), 8000)
        lines.append(
            f'[numbers."+{number}"]\nsays = "{hz}.wav"\nrepeats = true\n'
            "answers_after_s = 0.1\n"
        )
    book = folder / "book.toml"
    book.write_text("\n".join(lines))
    return book


class Process:
    """A command of ours, its facts, and its log."""

    def __init__(
        self, process: asyncio.subprocess.Process, facts: Any, log: Path
    ) -> None:
        self.process = process
        self.facts = facts
        self._log = log

    @property
    def log(self) -> str:
        """All it has said."""
        return self._log.read_text()

    def says(self, text: str, times: int = 1) -> Callable[[], bool]:
        """To ask whether it has said something, and so often."""
        return lambda: self.log.count(text) >= times

    @property
    def longest_standstill_s(self) -> float:
        """By its own log; the machine may have been the reason."""
        stops = re.findall(r"stood still for ([\d.]+) s", self.log)
        return max(map(float, stops), default=0.0)

    async def ends(self, number: int, seconds: float = 2 * PATIENCE_S) -> int:
        """Signal it, and wait for its end; what it ends with."""
        self.process.send_signal(number)
        async with asyncio.timeout(seconds):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def command(
    folder: Path, *words: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run one of our commands; its log goes to a file."""
    number = len(list(folder.glob("log-*.txt")))
    log = folder / f"log-{number}.txt"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=unmeasured.environment(environment),
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(2 * PATIENCE_S):
            line = await process.stdout.readline()
        assert line, log.read_text()
        yield Process(process, json.loads(line), log)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
        await process.communicate()
        assert SECRET not in log.read_text()


class Engine(Process):
    """An engine's process, asked over its API."""

    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        """Where it serves."""
        return str(self.facts["url"])

    @property
    def port(self) -> str:
        """Where it serves, as a flag's value."""
        return self.url.rpartition(":")[2]

    async def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Ask for something of a Multiparty Call."""
        address = f"/v1/Account/{AUTH_ID}/MultiPartyCall/{path}"
        return await self.http.request(method, address, json=body or None)

    async def add(self, mpc: str, to: str, role: str = "customer", **more: Any) -> None:
        """Dial somebody into a call, without beeps and music."""
        quiet = {"enter_sound": "none", "exit_sound": "none", "dial_music": "none"}
        answer = await self.ask(
            *("POST", f"name_{mpc}/Participant/"),
            **{"role": role, "from": "+1", "to": to, **quiet, **more},
        )
        assert answer.is_success, answer.text

    async def add_agent(self, mpc: str, stream: str, **more: Any) -> None:
        """Put an AI agent into a call."""
        await self.add(
            mpc,
            "agent",
            "ai-agent",
            ai_agent_stream_service_url=stream,
            **more,
        )

    async def record(self, mpc: str, **more: Any) -> dict[str, str]:
        """Record a call; its id and URL."""
        wanted = {"file_format": "wav", **more}
        answer = await self.ask("POST", f"name_{mpc}/Record/", **wanted)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def stop_recording(self, mpc: str) -> None:
        """End the recording of a call."""
        answer = await self.ask("DELETE", f"name_{mpc}/Record/")
        assert answer.is_success, answer.text

    async def shown(self, mpc: str) -> dict[str, Any]:
        """A call, by its name or as `uuid_...`."""
        path = mpc if mpc.startswith("uuid_") else f"name_{mpc}"
        answer = await self.ask("GET", f"{path}/")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def members(self, mpc: str) -> list[dict[str, Any]]:
        """Who is in a call; of one that has ended, who was."""
        path = mpc if mpc.startswith("uuid_") else f"name_{mpc}"
        answer = await self.ask("GET", f"{path}/Participant/")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["objects"])

    async def joined(self, mpc: str, count: int = 1) -> None:
        """Wait until so many phones have joined a call."""
        await eventually(self.says(f"{mpc}: customer joins", count))

    async def file(self, url: str, seconds: float = PATIENCE_S) -> bytes:
        """A recording, once it is finished."""
        end_s = asyncio.get_running_loop().time() + seconds
        while True:
            answer = await self.http.get(url)
            if answer.status_code == 200:
                return answer.content
            assert asyncio.get_running_loop().time() < end_s, answer.text
            await asyncio.sleep(0.1)

    async def callbacks(self) -> list[dict[str, Any]]:
        """What became of the callbacks, the oldest first."""
        answer = await self.http.get("/engine/callbacks")
        return list(reversed(answer.json()["objects"]))


@contextlib.asynccontextmanager
async def engine(
    folder: Path,
    *words: str,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Engine]:
    """An engine's process; recordings and history are in the folder, or as said."""
    given = [
        *("engine", "--json", "--auth-token", TOKEN, "--rate-limit", "100000"),
        *("--phonebook", str(phonebook(folder))),
    ]
    for flag, value in (
        # Another takes its place in some tests.
        ("--port", str(free_port())),
        ("--recordings", str(folder / "recordings")),
        ("--database", str(folder / "history.sqlite3")),
    ):
        if flag not in words:
            given += [flag, value]
    async with command(folder, *given, *words, environment=environment) as process:
        made = Engine(process.process, process.facts, process._log)
        async with httpx.AsyncClient(
            base_url=made.url, auth=(AUTH_ID, TOKEN), timeout=2 * PATIENCE_S
        ) as made.http:
            yield made


@contextlib.asynccontextmanager
async def bridge(folder: Path) -> AsyncIterator[Process]:
    """A bridge's process, with the echo bot; its facts have the URL."""
    async with command(
        folder, "serve", "--json", "--port", "0", "--bot", "echo"
    ) as process:
        yield process


class Receiver:
    """Takes callbacks, or hangs, or is not there at all."""

    def __init__(self) -> None:
        self.told: list[tuple[float, str, Form]] = []
        """When, on which path, and what."""
        self.hangs = False
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._takers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"http://127.0.0.1:{self._port}"

    async def up(self) -> None:
        """Take callbacks from now on."""
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", self._port)

    def down(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def gone(self) -> None:
        """Be down, and let go of whoever still waits."""
        self.hangs = False
        self.down()
        for taker in self._takers:
            taker.cancel()
        await asyncio.gather(*self._takers, return_exceptions=True)

    def forms(self, path: str = "/cb") -> list[Form]:
        """What was told to a path."""
        return [form for _, where, form in self.told if where == path]

    def names(self, path: str = "/cb") -> list[str]:
        """The names of the events told to a path."""
        return [form.get("EventName", "") for form in self.forms(path)]

    def has(self, name: str, path: str = "/cb") -> Callable[[], bool]:
        """To ask whether an event was told to a path."""
        return lambda: name in self.names(path)

    def _taken(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        taker = asyncio.ensure_future(self._take(reader, writer))
        self._takers.add(taker)
        taker.add_done_callback(self._takers.discard)

    async def _take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lengths = [
                int(line.partition(":")[2])
                for line in head.split("\r\n")
                if line.lower().startswith("content-length:")
            ]
            body = (await reader.readexactly(sum(lengths))).decode()
            path, _, query = head.split()[1].partition("?")
            form = dict(parse_qsl(body or query, keep_blank_values=True))
            now_s = asyncio.get_running_loop().time()
            self.told.append((now_s, path, form))
            while self.hangs:
                await asyncio.sleep(0.1)
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
            writer.write(answer + b"Connection: close\r\n\r\n")
            await writer.drain()


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver of callbacks, up."""
    made = Receiver()
    await made.up()
    try:
        yield made
    finally:
        await made.gone()


def can_mount() -> bool:
    """Whether small disks can be made here: root may, but not in every container."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", place]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", place], check=True)
    return True


needs_small_disks = pytest.mark.skipif(
    not can_mount(), reason="needs root, to mount small disks"
)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of a few kilobytes; needs root."""
    place = folder / f"disk-{kilobytes}"
    place.mkdir(mode=0o700)
    options = f"size={kilobytes}k,mode=700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    subprocess.run(mount, check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leaves_bytes: int = 0) -> Path:
    """Fill a disk with a file that can be removed again."""
    ballast = place / "ballast"
    free = os.statvfs(place)
    wanted = free.f_bavail * free.f_frsize - leaves_bytes
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for _ in range(wanted // 4096):
            file.write(bytes(4096))
    return ballast


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Somebody else's lock on a SQLite file."""
    other = sqlite3.connect(database, isolation_level=None, timeout=5)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def missing(audio: Samples, *hums_hz: float) -> dict[float, list[float]]:
    """The gaps of several hums, without those that have none."""
    found = {hz: gaps(audio, hz) for hz in hums_hz}
    return {hz: places for hz, places in found.items() if places}
