"""An echo server on pipecat-ai: one pipeline per call, behind uvicorn.

Pipecat's PlivoFrameSerializer speaks 8 kHz mu-law only, whatever ``mediaFormat``
says: send it mu-law (160 bytes per 20 ms). It answers in mu-law, in chunks of 40 ms
(its default), no faster than they play.
"""

import argparse
import json
import os
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.plivo import PlivoFrameSerializer
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.workers.runner import WorkerRunner


class Echo(FrameProcessor):
    """Turns the caller's audio into the bot's."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on, incoming audio as outgoing audio."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(
                audio=frame.audio,
                sample_rate=frame.sample_rate,
                num_channels=frame.num_channels,
            )
        await self.push_frame(frame, direction)


async def run_call(websocket: WebSocket, rate: int) -> None:
    """Run one call's pipeline until the caller hangs up."""
    await websocket.accept()
    # As pipecat's Plivo examples do. It reads two messages: ``start``, and the first
    # ``media``, which is lost.
    _, call = await parse_telephony_websocket(websocket)
    serializer = PlivoFrameSerializer(
        stream_id=call["stream_id"],
        call_id=call["call_id"],
        params=PlivoFrameSerializer.InputParams(auto_hang_up=False),
    )
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True, audio_out_enabled=True, serializer=serializer
        ),
    )
    rates = {"audio_in_sample_rate": rate, "audio_out_sample_rate": rate}
    worker = PipelineWorker(
        Pipeline([transport.input(), Echo(), transport.output()]),
        params=PipelineParams(**(rates if rate else {})),
        idle_timeout_secs=None,  # an echo is no speech: 300 s would end the call
    )

    async def hang_up(*_: object) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_disconnected", hang_up)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


class Server(uvicorn.Server):
    """Says on stdout when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the port and the process id."""
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)


def main(port: int, rate: int) -> None:
    """Serve until SIGTERM."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    app = FastAPI()

    async def call(websocket: WebSocket) -> None:
        await run_call(websocket, rate)

    app.add_api_websocket_route("/{path:path}", call)
    # uvicorn raises SIGTERM again once it has shut down; that one is to do nothing.
    signal.signal(signal.SIGTERM, lambda *_: None)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
    )
    Server(config).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--rate",
        type=int,
        choices=(0, 8000, 16000),
        default=8000,
        help="0: its defaults",
    )
    options = parser.parse_args()
    main(options.port, options.rate)
