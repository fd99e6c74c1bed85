"""An echo server on Plivo's own plivo-stream-sdk, as its README shows.

The SDK has handlers and no server of its own: this is its "WebSockets Library
Example". Importing it needs the package ``plivo``, which it does not declare.
"""

import argparse
import asyncio
import json
import logging
import os
import signal

import uvloop
from plivo_stream import MediaEvent, PlivoWebsocketStreamingHandler
from websockets.asyncio.server import ServerConnection, serve

logger = logging.getLogger(__name__)


async def echo(websocket: ServerConnection) -> None:
    """Send every media payload of one call back."""
    handler = PlivoWebsocketStreamingHandler()

    @handler.on_media  # type: ignore[untyped-decorator]
    async def on_media(event: MediaEvent) -> None:
        await handler.send_media(
            event.get_raw_media(), content_type="audio/x-mulaw", sample_rate=8000
        )

    @handler.on_error  # type: ignore[untyped-decorator]
    async def on_error(error: Exception) -> None:
        logger.warning("The SDK reports: %r", error)

    await handler.handle(websocket)


async def main(port: int) -> None:
    """Serve until SIGTERM."""
    async with serve(echo, "127.0.0.1", port, compression=None) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        ready = {"port": server.sockets[0].getsockname()[1], "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    uvloop.run(main(parser.parse_args().port))
