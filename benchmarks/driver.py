"""Drives many streams at a server and times what comes back.

A process of its own, so that the server's CPU is the server's alone. It is as cheap
as Python allows: frames are written once and sent again and again (an all-zero mask
leaves them readable), and answers are only counted and timed.
"""

import argparse
import asyncio
import base64
import functools
import json
import os
import struct
import sys
import time

import numpy as np
import uvloop

FRAME_S = 0.02


def client_frame(text: bytes) -> bytes:
    """A masked text frame whose mask changes nothing."""
    size = len(text)
    head = (
        struct.pack("!BBH", 0x81, 0x80 | 126, size)
        if size > 125
        else bytes((0x81, 0x80 | size))
    )
    return head + bytes(4) + text


class Stream(asyncio.Protocol):
    """One caller: sends frames, and notes when each answer arrives."""

    def __init__(self, path: str, number: int, *, bare: bool) -> None:
        self.sent_s: list[float] = []
        self.received_s: list[float] = []
        self.ready = asyncio.get_running_loop().create_future()
        self._path = path
        self._number = number
        self._bare = bare
        self._buffer = bytearray()
        voice = np.random.default_rng(number).normal(0, 3000, 160).astype("<i2")
        stream_id = f"00000000-0000-4000-8000-{number:012d}"
        self.stream_id = stream_id
        self._frame = client_frame(
            json.dumps(
                {
                    "event": "media",
                    "streamId": stream_id,
                    "media": {
                        "track": "inbound",
                        "payload": base64.b64encode(voice.tobytes()).decode(),
                    },
                    "extra_headers": "",
                }
            ).encode()
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        if self._bare:
            self.ready.set_result(None)
            return
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.ready.done():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if b" 101 " not in self._buffer[:end]:
                raise SystemExit(f"no upgrade: {bytes(self._buffer[:end])!r}")
            del self._buffer[: end + 4]
            self._begin()
        now_s = time.perf_counter()
        if self._bare:
            while len(self._buffer) >= len(self._frame):
                del self._buffer[: len(self._frame)]
                self.received_s.append(now_s)
            return
        while (text := self._next()) is not None:
            if text.startswith(b'{"event":"playAudio"'):
                self.received_s.append(now_s)
            elif text.startswith(b'{"event":"checkpoint"'):
                name = json.loads(text)["name"]
                ack = {
                    "event": "playedStream",
                    "streamId": self.stream_id,
                    "name": name,
                }
                self._transport.write(client_frame(json.dumps(ack).encode()))

    def _begin(self) -> None:
        start = {
            "event": "start",
            "sequenceNumber": 1,
            "start": {
                "callId": self.stream_id,
                "streamId": self.stream_id,
                "accountId": "MABENCHMARK000000000",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000},
            },
            "extra_headers": "",
        }
        self._transport.write(client_frame(json.dumps(start).encode()))
        self.ready.set_result(None)

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, head = buffer[1] & 0x7F, 2
        if size == 126:
            if len(buffer) < 4:
                return None
            size, head = struct.unpack_from("!H", buffer, 2)[0], 4
        if len(buffer) < head + size:
            return None
        text = bytes(buffer[head : head + size])
        del buffer[: head + size]
        return text

    def send_frame(self) -> None:
        self.sent_s.append(time.perf_counter())
        self._transport.write(self._frame)


async def drive(
    host: str,
    port: int,
    path: str,
    streams: int,
    seconds: float,
    pid: int,
    *,
    bare: bool,
) -> dict[str, float]:
    """Run the streams; return CPU and delay figures."""
    loop = asyncio.get_running_loop()
    callers = []
    for number in range(streams):
        make = functools.partial(Stream, path, number, bare=bare)
        _, caller = await loop.create_connection(make, host, port)
        await caller.ready
        callers.append(caller)
    await asyncio.sleep(0.3)
    frames = round(seconds / FRAME_S)
    origin_s = time.perf_counter() + 0.05
    late_s = []

    async def talk(caller: Stream, phase_s: float) -> None:
        for number in range(frames):
            due_s = origin_s + phase_s + number * FRAME_S
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            late_s.append(time.perf_counter() - due_s)
            caller.send_frame()

    before_s = cpu_s(pid)
    began_s = time.perf_counter()
    await asyncio.gather(
        *(talk(caller, FRAME_S * n / streams) for n, caller in enumerate(callers))
    )
    spent_s = cpu_s(pid) - before_s
    lasted_s = time.perf_counter() - began_s
    await asyncio.sleep(0.3)
    delays_s = []
    lost = 0
    for caller in callers:
        # Besides the echoes there is what was sent ahead of them, the cushion.
        extra = 0 if bare else 1
        answers = caller.received_s[extra:]
        lost += len(caller.sent_s) - len(answers)
        delays_s += [b - a for a, b in zip(caller.sent_s, answers, strict=False)]
    delays_ms = np.array(delays_s) * 1000
    return {
        "streams": streams,
        "cpu_ms_per_stream_s": spent_s * 1000 / streams / lasted_s,
        "delay_p50_ms": float(np.percentile(delays_ms, 50)),
        "delay_p99_ms": float(np.percentile(delays_ms, 99)),
        "unanswered_frames": lost,
        "driver_late_p99_ms": float(np.percentile(late_s, 99) * 1000),
    }


def cpu_s(pid: int) -> float:
    """User and system time a process has used."""
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - no file of ours
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--pid", type=int, required=True, help="of the server")
    parser.add_argument("--path", default="/stream")
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--bare", action="store_true", help="no WebSocket: bytes back")
    options = parser.parse_args()
    figures = uvloop.run(
        drive(
            "127.0.0.1",
            options.port,
            options.path,
            options.streams,
            options.seconds,
            options.pid,
            bare=options.bare,
        )
    )
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
