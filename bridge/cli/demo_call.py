"""The call that `mpc-bridge demo` makes: engine, bridge, and a phone that speaks."""

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bridge.audio import files
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.call.session import Session
from bridge.call.transcript import Turn
from bridge.cli import show
from bridge.control.client import MpcClient
from bridge.control.options import PlivoOptions
from bridge.engine.ai_leg import AiLeg
from bridge.engine.app import Engine, running
from bridge.engine.far_buffer import FarBuffer
from bridge.engine.legs import RATE_HZ
from bridge.engine.lines import Line
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import KeyPress, Phonebook, PhoneScript, Reply
from bridge.errors import BridgeError
from bridge.metrics import Metrics
from bridge.multiparty.vocabulary import Role
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from bridge.speech.hibari import HibariVoice
from bridge.speech.synthesis import spoken
from bridge.tasks import background

__all__ = ["Caller", "Made", "make_call"]

NUMBER = "+15550100"
ROOM = "demo"

BEFORE_SPEAKING_S = 1.0
AFTER_SPEAKING_S = 1.0
JOIN_TIMEOUT_S = 5.0

LONGEST_TALK_S = 120.0
"""A caller who waits for a bot's words in vain hangs up after so long."""

PATIENCE_S = 5.0
"""Once they have said all, they hang up after so much silence."""

INTERRUPTS = "+"
"""A line that begins so is said into the bot's speech."""

INTO_SPEECH_S = 2.5

LOWER = 1.15
"""The caller's voice is the bot's, played so much lower and slower."""

NO_BEEPS: Mapping[str, Any] = {"enter_sound": "none", "exit_sound": "none"}
"""So that only the caller and the bot are on the recording."""


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """What the caller does."""

    speech: Path | None
    """What they say, whatever they hear."""
    lines: tuple[str, ...] = ()
    """Or what they say, one line after the other, in reaction to what they hear."""
    keys: tuple[KeyPress, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """What became of the call."""

    recording: Path
    far_buffer: FarBuffer
    turns: tuple[Turn, ...]
    metrics: Metrics


async def make_call(
    bot: InService,
    caller: Caller,
    out: Path,
    on_turn: Callable[[Turn], None],
    *,
    quiet: bool,
) -> Made:
    """Make one call, from the first ring to its end.

    Args:
        bot: Who answers.
        caller: Who calls.
        out: Folder for the recording and the transcript.
        on_turn: Told of each turn.
        quiet: Whether nothing is shown meanwhile.
    """
    turns: list[Turn] = []

    def noted(turn: Turn) -> None:
        turns.append(turn)
        on_turn(turn)

    def begun(session: Session) -> None:
        session.transcript.on_turn = noted

    with tempfile.TemporaryDirectory() as folder:
        script = await _script(caller, Path(folder))
        options = EngineOptions(
            port=0,
            recordings=Path(folder),
            database=":memory:",
            phonebook=Phonebook(numbers={NUMBER: script}),
        )
        async with running(options) as engine:
            account = PlivoOptions(options.auth_id, options.auth_token, engine.url)
            async with serving(
                {bot.name: bot},
                ServerOptions(port=0, drain_s=6.0),
                CallOptions(transcripts=str(out)),
                account,
            ) as server:
                server.on_call = begun
                shown = not (quiet or caller.lines)
                async with account.client() as client:
                    far_buffer = await _call(server, engine, client, shown=shown)
        (recording,) = engine.exchange.parts.recordings.finished.values()
        shutil.copy(recording, out / "call.wav")
    return Made(out / "call.wav", far_buffer, tuple(turns), server.metrics)


async def _script(caller: Caller, folder: Path) -> PhoneScript:
    """What the phone does; lines become sounds in a folder."""
    keys = list(caller.keys)
    if caller.speech is not None:
        speech_s = len(files.read(caller.speech, RATE_HZ)) / RATE_HZ
        return PhoneScript(
            says=caller.speech,
            says_after_s=BEFORE_SPEAKING_S,
            answers_after_s=0.2,
            hangs_up_after_s=BEFORE_SPEAKING_S + speech_s + AFTER_SPEAKING_S,
            keys=keys,
        )
    voice = HibariVoice()
    replies = []
    for place, line in enumerate(caller.lines):
        text = line.removeprefix(INTERRUPTS)
        path = folder / f"line{place}.wav"
        files.write(path, await spoken(voice, text, round(RATE_HZ * LOWER)), RATE_HZ)
        into_s = INTO_SPEECH_S if line.startswith(INTERRUPTS) else None
        replies.append(Reply(says=path, into_speech_s=into_s))
    return PhoneScript(
        replies=replies,
        answers_after_s=0.2,
        hangs_up_after_s=LONGEST_TALK_S,
        hangs_up_after_silence_s=PATIENCE_S,
        keys=keys,
    )


async def _call(
    server: BridgeServer, engine: Engine, client: MpcClient, *, shown: bool
) -> FarBuffer:
    """Make the call over REST, and wait for its end."""
    await client.add_participant(
        ROOM, role=Role.CUSTOMER, from_="+15550199", to=NUMBER, **NO_BEEPS
    )
    customer = await _joined(engine, Role.CUSTOMER)
    assert customer.member is not None
    assert customer.room is not None
    # What the customer says on one channel, what they hear on the other.
    await client.start_participant_recording(
        ROOM, customer.member.member_id, file_format="wav"
    )
    await client.add_participant(
        ROOM,
        role=Role.AI_AGENT,
        ai_agent_stream_service_url=server.url,
        ai_agent_stream_extra_headers="caller=demo",
        end_mpc_on_exit=True,
        **NO_BEEPS,
    )
    agent = await _joined(engine, Role.AI_AGENT)
    async with background() as spawn:
        if shown:
            spawn("display", show.watch(engine.exchange))
        await engine.exchange.ended(customer.room)
    assert isinstance(agent.leg, AiLeg)
    return agent.leg.far_buffer


async def _joined(engine: Engine, role: str) -> Line:
    try:
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            return await engine.exchange.joined(role)
    except TimeoutError:
        text = f"the {role} did not join in {JOIN_TIMEOUT_S:.0f} s"
        raise BridgeError(text) from None
