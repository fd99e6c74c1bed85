"""One replay: the bridge's real server, and the far end of a captured call."""

import asyncio
import dataclasses
import platform
import ssl
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from bridge.call.bot import InService
from bridge.call.options import CallOptions, PlaybackOptions
from bridge.capture.format import Capture, Header
from bridge.errors import UnavailableError
from bridge.replay.far_end import Dial, FarEnd, Manners
from bridge.replay.memory import join
from bridge.replay.socket import FarSocket
from bridge.replay.story import Story
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from bridge.virtual_time import VirtualLoop

__all__ = ["Replay", "replay_at", "replay_here"]

OPEN_S = 10.0
"""How long a server may take to answer the upgrade."""

DRAIN_S = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Replay:
    """What is to be replayed, and how."""

    story: Story
    """The captured call."""
    manners: Manners = Manners.RECORDED
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Those of playback and call that shall differ from the captured ones."""

    def header(self, bot: str, bot_rate_hz: int) -> Header:
        """The header of what comes out; no clock is in it, so that it can be equal."""
        then = self.story.capture.header
        return Header(
            mpc_bridge=version("mpc-bridge"),
            python=platform.python_version(),
            bot=bot,
            bot_rate_hz=bot_rate_hz,
            content_type=str(self.story.content_type),
            began=then.began,
            path=then.path,
            options={**then.options, **self.options},
        )

    def call_options(self) -> CallOptions:
        """The captured options, but for those that shall differ."""
        given = {**self.story.capture.header.options, **self.options}
        return CallOptions(
            playback=PlaybackOptions(**_known(PlaybackOptions, given)),
            **_known(CallOptions, given),
        )


def replay_here(
    replay: Replay, name: str, make_bot: Callable[[], InService], *, is_virtual: bool
) -> Capture:
    """Replay against a server in this process.

    Args:
        replay: What.
        name: Of the bot.
        make_bot: Makes it.
        is_virtual: Without a network, and as fast as it goes: the same every time. A
            bot that waits for a network or for threads of its own needs real time.

    Raises:
        ConfigError: If the bot can't be set up, or an option is wrong.
    """
    factory = VirtualLoop if is_virtual else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_here(replay, name, make_bot(), is_virtual=is_virtual))


async def _here(
    replay: Replay, name: str, bot: InService, *, is_virtual: bool
) -> Capture:
    # picows wants a socket of the kernel.
    options = ServerOptions(port=0, drain_s=DRAIN_S, transport="websockets")
    async with serving({name: bot}, options, replay.call_options()) as server:
        dial = _dialling(server.url, {}, server if is_virtual else None)
        far_end = FarEnd(replay.story, dial, replay.manners)
        return await far_end.live(replay.header(bot.name, bot.sample_rate_hz))


async def replay_at(replay: Replay, url: str, headers: Mapping[str, str]) -> Capture:
    """Replay against a server somewhere, in real time.

    Args:
        replay: What; its options are the server's own matter.
        url: Of the server.
        headers: More of the upgrade.

    Raises:
        UnavailableError: If it can't be reached, or does not let us in.
    """
    far_end = FarEnd(replay.story, _dialling(url, headers, None), replay.manners)
    return await far_end.live(replay.header("", 0))


def _dialling(
    url: str, headers: Mapping[str, str], server: BridgeServer | None
) -> Dial:
    async def dial(
        on_text: Callable[[bytes], None],
        on_lost: Callable[[FarSocket, int, str], None],
    ) -> FarSocket:
        far = FarSocket(url, headers, on_text, on_lost)
        try:
            async with asyncio.timeout(OPEN_S):
                if server is not None:
                    join(far, server.connection())
                else:
                    await _connect(far, url)
                await far.opened
        except TimeoutError as error:
            text = f"{url} did not answer within {OPEN_S:g} s"
            raise UnavailableError("replay", None, text) from error
        except OSError as error:
            raise UnavailableError("replay", None, f"{url}: {error}") from error
        return far

    return dial


async def _connect(far: FarSocket, url: str) -> None:
    parts = urlsplit(url)
    is_secure = parts.scheme == "wss"
    port = parts.port or (443 if is_secure else 80)
    context = ssl.create_default_context() if is_secure else None
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: far, parts.hostname or "", port, ssl=context)


def _known(owner: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some options that a class has; a later version may have more."""
    names = {field.name for field in dataclasses.fields(owner)}
    return {name: value for name, value in given.items() if name in names}
