"""Plivo's end of a WebSocket, over whatever transport it is given."""

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import CLOSED, OPEN
from websockets.uri import parse_uri

from bridge.errors import UnavailableError

__all__ = ["FarSocket"]

CLOSE_S = 3.0
"""How long the other end may take to say goodbye."""

NO_CLOSE_FRAME = 1006
"""What RFC 6455 calls a socket that just broke."""


class FarSocket(asyncio.Protocol):
    """A WebSocket that dials.

    Args:
        url: Where to, for the request.
        headers: More of the request.
        on_text: Takes each message.
        on_lost: Told which socket it was, the code and the reason of its end, once.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        on_text: Callable[[bytes], None],
        on_lost: Callable[["FarSocket", int, str], None],
    ) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_leaving = False
        """Whether it was us who said goodbye."""
        self._gone = asyncio.Event()
        self._url = url
        self._headers = headers
        self._on_text = on_text
        self._on_lost = on_lost
        self._websocket = ClientProtocol(parse_uri(url), max_size=None)
        self._fragments: list[bytes] = []
        self._transport: asyncio.Transport

    def send(self, text: bytes) -> None:
        """Send a message; on a closed socket, do nothing."""
        if self._websocket.state is OPEN:
            # A text frame, whatever its bytes: what came once goes out again.
            self._websocket.send_text(text)
            self._flush()

    def close(self, code: int) -> None:
        """Say goodbye."""
        if self._websocket.state is OPEN:
            self.is_leaving = True
            # 1005 and 1006 say that there was none, and go into no frame.
            self._websocket.send_close(code if code not in (1005, 1006) else None)
            self._flush()

    async def gone(self) -> None:
        """Wait until the other end has closed it, too; not for ever."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()
            await self._gone.wait()

    def abort(self) -> None:
        """Break the socket."""
        self.is_leaving = True
        self._transport.abort()

    def pause(self) -> None:
        """Read no more."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._transport.resume_reading()

    # -------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        request = self._websocket.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._websocket.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Hand messages on."""
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Response):
                self._answered(event)
        self._flush()

    def eof_received(self) -> None:
        """Nothing more comes."""
        self._websocket.receive_eof()
        self._flush()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell how it ended."""
        self._gone.set()
        if self._websocket.state is not CLOSED:
            self._websocket.receive_eof()
        if not self.opened.done():
            error = UnavailableError("replay", None, f"{self._url} hung up")
            self.opened.set_exception(error)
            return
        code = self._websocket.close_code or NO_CLOSE_FRAME
        self._on_lost(self, code, self._websocket.close_reason or "")

    # ------------------------------------------------------------------ inside

    def _answered(self, response: Response) -> None:
        problem = self._websocket.handshake_exc
        if self.opened.done():
            return
        if isinstance(problem, InvalidHandshake):
            words = (response.body or b"").decode(errors="replace").strip() or problem
            error = UnavailableError("replay", response.status_code, str(words))
            self.opened.set_exception(error)
        else:
            self.opened.set_result(None)

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                text = b"".join(self._fragments)
                self._fragments = []
                self._on_text(text)

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
