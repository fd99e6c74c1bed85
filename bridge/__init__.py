"""mpc-bridge: puts an AI agent into a Plivo Multiparty Call.

A bot is an async function that takes a `Call`:

    from bridge import Call

    async def parrot(call: Call) -> None:
        async for frame in call.listen():
            await call.speak(frame)

The house, top to bottom; nothing below imports anything above:

    cli        commands: demo, serve, engine, calls, mpc, load, conform, replay, ...
    config     the packages' options, from file, environment and flags
    replay     captured calls played again, and compared
    server     listens for Plivo: who gets in, calls, callbacks, fleets, metrics, drain
    load       many callers at a stream server, and a report
    conformance  whether a stream server keeps to Plivo's protocol
    bots       what answers: conversation, realtime, remote, ...; the registry of others
    engine     a Multiparty Call service on this machine
    speech     what a conversation is made of: ears, turns, brains, voices, tools
    call       one AI agent's call: the bot interface, playback, what was heard
    control    client of the Multiparty Call REST API
    stream     Plivo's stream protocol, both sides, without I/O
    audio      samples: codecs, resampling, mixing, tones, files
    multiparty the REST API's words: requests, objects, rules
    capture    calls written down as they went over the wire
    metrics, documents, listening, hosts, private_files, tasks, errors, virtual_time
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.call.bot import Bot
    from bridge.call.call import Call
    from bridge.call.events import (
        Audio,
        Coached,
        CoachMode,
        Dtmf,
        Ended,
        Event,
        Gap,
        Heard,
        Held,
        Joined,
        Left,
        Member,
        Muted,
        Played,
    )
    from bridge.call.heard import Certainty
    from bridge.call.playback import Playback
    from bridge.errors import BridgeError, ConfigError, MisuseError, StreamError

__all__ = [
    "Audio",
    "Bot",
    "BridgeError",
    "Call",
    "Certainty",
    "CoachMode",
    "Coached",
    "ConfigError",
    "Dtmf",
    "Ended",
    "Event",
    "Gap",
    "Heard",
    "Held",
    "Joined",
    "Left",
    "Member",
    "MisuseError",
    "Muted",
    "Playback",
    "Played",
    "StreamError",
]

# A command's help needs none of them, and they need numpy: each is imported when it is
# first asked for, and found here from then on.
_HOMES = {
    "bridge.call.bot": ("Bot",),
    "bridge.call.call": ("Call",),
    "bridge.call.events": (
        "Audio",
        "Coached",
        "CoachMode",
        "Dtmf",
        "Ended",
        "Event",
        "Gap",
        "Heard",
        "Held",
        "Joined",
        "Left",
        "Member",
        "Muted",
        "Played",
    ),
    "bridge.call.heard": ("Certainty",),
    "bridge.call.playback": ("Playback",),
    "bridge.errors": (
        "BridgeError",
        "ConfigError",
        "MisuseError",
        "StreamError",
    ),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(importlib.import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
