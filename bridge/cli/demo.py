"""`mpc-bridge demo`: one whole call on this machine."""

import asyncio
import contextlib
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click
import soundfile

from bridge.audio.alignment import Alignment, align
from bridge.audio.files import read
from bridge.audio.pcm import Samples
from bridge.call.bot import InService
from bridge.cli import named_bots, picture, setup, show
from bridge.control.client import MpcClient
from bridge.engine.ai_leg import AiLeg
from bridge.engine.app import Engine, running
from bridge.engine.far_buffer import FarBuffer
from bridge.engine.legs import RATE_HZ
from bridge.engine.lines import Line
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import KeyPress, Phonebook, PhoneScript
from bridge.errors import BridgeError, ConfigError
from bridge.multiparty.vocabulary import Role
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from bridge.tasks import background

__all__ = ["command"]

NUMBER = "+15550100"
ROOM = "demo"

BEFORE_SPEAKING_S = 1.0
AFTER_SPEAKING_S = 1.0
JOIN_TIMEOUT_S = 5.0

NO_BEEPS: Mapping[str, Any] = {"enter_sound": "none", "exit_sound": "none"}
"""So that only the caller and the bot are on the recording."""

LIKE = 0.5
"""From this correlation on, what the bot said is what the caller said, delayed."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the call was like."""

    bot: str
    seconds: float
    recording: str
    picture: str | None
    correlation: float
    round_trip_ms: float | None
    """From the caller's mouth to the same sound from the bot, on the recording; None
    where the bot said something else."""
    slipped_windows: str
    frames_to_bot: int
    frames_from_bot: int
    frames_lost: int
    underruns: int
    """Times the far end ran dry within speech."""
    longest_underrun_ms: float
    bot_errors: int


@click.command("demo")
@click.option(
    "--bot",
    "spec",
    default="echo",
    show_default=True,
    metavar="SPEC",
    help="Who answers: an installed bot, module:name, or file.py:name.",
)
@click.option(
    "--bot-option",
    "bot_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the bot.",
)
@click.option(
    "--caller",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What the caller says, a WAV or MP3. Default: a LibriVox reader.",
)
@click.option(
    "--press",
    multiple=True,
    metavar="KEYS@SECONDS",
    help="Keys the caller presses, so long after answering, as 1#@2.5.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-out"),
    show_default=True,
    help="Where the recording and the picture go.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@setup.logging_options(level="warning")
def command(
    spec: str,
    bot_options: tuple[str, ...],
    caller: Path | None,
    press: tuple[str, ...],
    out: Path,
    log_level: str,
    log_format: str,
    *,
    as_json: bool,
) -> None:
    """Let a recorded caller talk to a bot, on this machine alone.

    Starts a Multiparty Call engine and the bridge on free ports, with real HTTP and
    WebSocket between them; dials a customer whose phone plays human speech; adds the
    AI agent by REST; shows the call; leaves a stereo recording (caller left, bot
    right) and a picture of it; prints what was measured. No account, no network.

    \b
    mpc-bridge demo
    mpc-bridge demo --bot samples/announce.py:announce --press 1@2.5
    """
    setup.configure_logging(log_level, log_format)
    (bot,) = named_bots.load_bots((spec,), bot_options, {}).values()
    keys = [key_press(each) for each in press]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}") from error
    with contextlib.ExitStack() as stack:
        if caller is None:
            speech = files("bridge") / "data" / "speech" / "caller.wav"
            caller = stack.enter_context(as_file(speech))
        outcome = setup.run(_demo(bot, caller, keys, out, quiet=as_json))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(outcome), indent=2))
    else:
        for label, value in summary(outcome):
            click.echo(f"{label:24} {value}")
    if outcome.bot_errors:
        raise BridgeError(f"the bot {bot.name} failed; its traceback is above")


def key_press(text: str) -> KeyPress:
    """Read `1#@2.5`.

    Raises:
        ConfigError: If it is not of that form.
    """
    digits, _, seconds = text.partition("@")
    try:
        return KeyPress(digits=digits, after_s=float(seconds))
    except ValueError as error:
        text = f"--press {text}: expected KEYS@SECONDS, as 1#@2.5"
        raise ConfigError(text) from error


def summary(outcome: Outcome) -> list[tuple[str, str]]:
    """The outcome in a person's words."""
    rows = [
        ("bot", outcome.bot),
        ("call", f"{outcome.seconds:.1f} s"),
        ("recording", f"{outcome.recording} (caller left, bot right)"),
    ]
    if outcome.picture:
        rows.append(("picture", outcome.picture))
    if outcome.round_trip_ms is not None:
        rows += [
            ("round trip", f"{outcome.round_trip_ms:.1f} ms, caller's mouth to echo"),
            ("likeness of the echo", f"{outcome.correlation:.4f} (1 is the same)"),
            ("slipped windows", f"{outcome.slipped_windows} of a quarter second"),
        ]
    holes = str(outcome.underruns)
    if outcome.underruns:
        holes += f", the longest {outcome.longest_underrun_ms:.0f} ms"
    frames = f"{outcome.frames_to_bot} / {outcome.frames_from_bot}"
    rows += [
        ("frames to / from the bot", frames),
        ("frames lost", str(outcome.frames_lost)),
        ("underruns at the caller", holes),
    ]
    return rows


async def _demo(
    bot: InService, caller: Path, keys: list[KeyPress], out: Path, *, quiet: bool
) -> Outcome:
    speech_s = len(read(caller, RATE_HZ)) / RATE_HZ
    script = PhoneScript(
        says=caller,
        says_after_s=BEFORE_SPEAKING_S,
        answers_after_s=0.2,
        hangs_up_after_s=BEFORE_SPEAKING_S + speech_s + AFTER_SPEAKING_S,
        keys=keys,
    )
    with tempfile.TemporaryDirectory() as folder:
        options = EngineOptions(
            port=0,
            recordings=Path(folder),
            database=":memory:",
            phonebook=Phonebook(numbers={NUMBER: script}),
        )
        async with (
            serving({bot.name: bot}, ServerOptions(port=0, drain_s=6.0)) as server,
            running(options) as engine,
        ):
            far_buffer = await _call(server, engine, options, quiet=quiet)
        (recording,) = engine.exchange.parts.recordings.finished.values()
        shutil.copy(recording, out / "call.wav")
    return _outcome(bot, out, server, far_buffer)


async def _call(
    server: BridgeServer, engine: Engine, options: EngineOptions, *, quiet: bool
) -> FarBuffer:
    """Make the call over REST, and wait for its end."""
    async with MpcClient(options.auth_id, options.auth_token, url=engine.url) as client:
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
            **NO_BEEPS,
        )
        agent = await _joined(engine, Role.AI_AGENT)
        async with background() as spawn:
            if not quiet:
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


def _outcome(
    bot: InService, out: Path, server: BridgeServer, far_buffer: FarBuffer
) -> Outcome:
    recording = out / "call.wav"
    tracks, rate_hz = soundfile.read(recording, dtype="int16", always_2d=True)
    caller, answer = tracks[:, 0], tracks[:, -1]
    alignment = align(caller, answer, rate_hz)
    holes = [spell.samples for spell in far_buffer.dry_spells]
    metrics = server.metrics
    return Outcome(
        bot=bot.name,
        seconds=round(len(caller) / rate_hz, 2),
        recording=str(recording),
        picture=_picture(out / "call.png", tracks, rate_hz, bot.name, alignment),
        correlation=round(alignment.correlation, 4),
        round_trip_ms=round(alignment.delay_s * 1000, 1)
        if alignment.correlation >= LIKE
        else None,
        slipped_windows=f"{alignment.slipped} of {alignment.windows}",
        frames_to_bot=metrics.frames_received,
        frames_from_bot=metrics.frames_sent,
        frames_lost=metrics.frames_dropped + sum(metrics.gaps.values()),
        underruns=len(holes),
        longest_underrun_ms=max(holes, default=0) * 1000 / RATE_HZ,
        bot_errors=sum(metrics.bot_errors.values()),
    )


def _picture(
    path: Path, tracks: Samples, rate_hz: int, bot: str, alignment: Alignment
) -> str | None:
    caption = f"A call to the bot {bot}"
    if alignment.correlation >= LIKE:
        caption += f": heard again after {alignment.delay_s * 1000:.0f} ms"
    named = {"caller": tracks[:, 0], "bot": tracks[:, -1]}
    try:
        picture.draw_timeline(path, named, rate_hz, caption)
    except ConfigError as error:
        click.echo(str(error), err=True)
        return None
    return str(path)
