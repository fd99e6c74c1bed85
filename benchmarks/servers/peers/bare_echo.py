"""The echo server that people write first: websockets, json, the payload untouched."""

import argparse
import asyncio
import json
import os
import signal

import uvloop
from websockets.asyncio.server import ServerConnection, serve


async def echo(ws: ServerConnection) -> None:
    """Send every media payload of one call back."""
    encoding = ""
    async for text in ws:
        message = json.loads(text)
        if message["event"] == "media":
            media = {"contentType": encoding, "sampleRate": 8000}
            media["payload"] = message["media"]["payload"]
            await ws.send(json.dumps({"event": "playAudio", "media": media}))
        elif message["event"] == "start":
            encoding = message["start"]["mediaFormat"]["encoding"]


async def main(port: int) -> None:
    """Serve until SIGTERM."""
    async with serve(echo, "127.0.0.1", port, compression=None) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        ready = {"port": server.sockets[0].getsockname()[1], "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    uvloop.run(main(parser.parse_args().port))
