"""A server that sends every byte back: the floor of any measurement here."""

import asyncio
import json
import os

import uvloop


class Back(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def main() -> None:
    """Listen, and say where."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Back, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
