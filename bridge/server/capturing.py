"""Captures of a server's calls: one recorder, a tape for each call."""

import asyncio
import dataclasses
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.call.session import Session
from bridge.capture import Header, Recorder, Tape

__all__ = ["recording", "tape_of"]


@asynccontextmanager
async def recording(folder: str) -> AsyncIterator[Recorder | None]:
    """Have a recorder while the block runs, if there is a folder for it.

    Raises:
        ConfigError: If no files can be made there.
    """
    if not folder:
        yield None
        return
    recorder = Recorder(Path(folder))
    try:
        yield recorder
    finally:
        await asyncio.to_thread(recorder.close)


def tape_of(
    recorder: Recorder,
    session: Session,
    bot: InService,
    path: str,
    options: CallOptions,
) -> Tape:
    """Begin the capture of a call."""
    header = Header(
        mpc_bridge=version("mpc-bridge"),
        python=platform.python_version(),
        bot=bot.name,
        bot_rate_hz=bot.sample_rate_hz,
        content_type=str(session.facts.content_type),
        path=path,
        options={
            **dataclasses.asdict(options.playback),
            "listen_s": options.listen_s,
            "farewell_s": options.farewell_s,
            "bot_timeout_s": options.bot_timeout_s,
            "fallback": options.fallback,
            "fallback_from": options.fallback_from,
        },
    )
    return recorder.begin(session.facts.stream_id, header)
