"""An echo server on Plivo's own plivo-stream-sdk, as its README shows.

The SDK has handlers and no server of its own: this is its "WebSockets Library
Example". Importing it needs the package ``plivo``, which it does not declare. It knows
no sample rates: with ``--rate 16000`` payloads are decoded, resampled to what a bot
would hear, and back, by audioop and soxr, which pipecat uses.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable

import uvloop
from plivo_stream import MediaEvent, PlivoWebsocketStreamingHandler
from websockets.asyncio.server import ServerConnection, serve

logger = logging.getLogger(__name__)

WIRE_RATE = 8000


def through(rate: int) -> Callable[[bytes], bytes]:
    """What a payload becomes on its way through a bot of a sample rate."""
    if rate == WIRE_RATE:
        return bytes
    # Only where it is used: the other rate must not pay for it.
    import audioop  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415
    import soxr  # noqa: PLC0415

    up = soxr.ResampleStream(WIRE_RATE, rate, 1, dtype="int16")
    down = soxr.ResampleStream(rate, WIRE_RATE, 1, dtype="int16")

    def repeated(payload: bytes) -> bytes:
        wire = np.frombuffer(audioop.ulaw2lin(payload, 2), np.int16)
        spoken = down.resample_chunk(up.resample_chunk(wire))
        return audioop.lin2ulaw(spoken.tobytes(), 2)

    return repeated


async def echo(websocket: ServerConnection, rate: int) -> None:
    """Send every media payload of one call back."""
    handler = PlivoWebsocketStreamingHandler()
    repeated = through(rate)

    @handler.on_media  # type: ignore[untyped-decorator]
    async def on_media(event: MediaEvent) -> None:
        payload = repeated(event.get_raw_media())
        if payload:
            await handler.send_media(
                payload, content_type="audio/x-mulaw", sample_rate=WIRE_RATE
            )

    @handler.on_error  # type: ignore[untyped-decorator]
    async def on_error(error: Exception) -> None:
        logger.warning("The SDK reports: %r", error)

    await handler.handle(websocket)


async def main(port: int, rate: int) -> None:
    """Serve until SIGTERM."""

    async def call(websocket: ServerConnection) -> None:
        await echo(websocket, rate)

    async with serve(call, "127.0.0.1", port, compression=None) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        ready = {"port": server.sockets[0].getsockname()[1], "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--rate", type=int, choices=(8000, 16000), default=WIRE_RATE)
    options = parser.parse_args()
    uvloop.run(main(options.port, options.rate))
