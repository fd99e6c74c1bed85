"""`mpc-bridge demo`: one whole call on this machine."""

import contextlib
import dataclasses
import json
import statistics
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click
import msgspec
import soundfile

from bridge.audio.alignment import Alignment, align
from bridge.audio.pcm import Samples
from bridge.call.bot import InService
from bridge.call.transcript import Turn
from bridge.cli import logs, named_bots, picture, setup
from bridge.cli.demo_call import Caller, Made, make_call
from bridge.engine.legs import RATE_HZ
from bridge.engine.phonebook import KeyPress
from bridge.errors import BridgeError, ConfigError

__all__ = ["command"]

LIKE = 0.5
"""From this correlation on, what the bot said is what the caller said, delayed."""

TALK = "conversation"

TALKING = (
    "Hello, when are you open?",
    "+Wait, can I book a table for four?",
    "Next Friday, please.",
    "At half past seven.",
    "My name is Sam.",
    "Yes, that's right.",
    "No, thank you. Goodbye.",
)
"""What the caller says to the bot `conversation`."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the call was like."""

    bot: str
    seconds: float
    recording: str
    picture: str | None
    transcript: list[dict[str, Any]]
    answers: int
    """Of the bot to what the caller said."""
    answered_after_ms: float | None
    """Median, from the caller's last sample to the first of the answer, as modelled."""
    interrupted: int
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
    default=TALK,
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
    "--line",
    "lines",
    multiple=True,
    metavar="TEXT",
    help="What the caller says, in a voice of this machine, once the bot is silent; "
    "+TEXT into what the bot says. Several make a conversation.",
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
@logs.logging_options(level="warning")
def command(
    spec: str,
    bot_options: tuple[str, ...],
    caller: Path | None,
    lines: tuple[str, ...],
    press: tuple[str, ...],
    out: Path,
    log_level: str,
    log_format: str,
    *,
    as_json: bool,
) -> None:
    """Let a caller talk to a bot, on this machine alone.

    Starts a Multiparty Call engine and the bridge on free ports, with real HTTP and
    WebSocket between them; dials a customer whose phone speaks; adds the AI agent by
    REST; shows what is said; leaves a stereo recording (caller left, bot right), a
    transcript and a picture; prints what was measured. No account, no network.

    \b
    mpc-bridge demo
    mpc-bridge demo --bot echo
    mpc-bridge demo --line "Hi, what can you do?" --line "Goodbye."
    mpc-bridge demo --bot samples/announce.py:announce --press 1@2.5
    """
    logs.configure_logging(log_level, log_format)
    (bot,) = named_bots.load_bots((spec,), bot_options, {}).values()
    keys = tuple(key_press(each) for each in press)
    if not all(line.removeprefix("+").strip() for line in lines):
        raise ConfigError("--line: nothing to say")
    if lines and caller is not None:
        raise ConfigError("--caller and --line: give one of them")
    if spec == TALK and caller is None:
        lines = lines or TALKING
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: {error.strerror}") from error
    with contextlib.ExitStack() as stack:
        if caller is None and not lines:
            speech = files("bridge") / "data" / "speech" / "caller.wav"
            caller = stack.enter_context(as_file(speech))
        who = Caller(caller, lines, keys)
        tell = _nothing if as_json else _print
        made = setup.run(make_call(bot, who, out, tell, quiet=as_json))
    outcome = _outcome(bot, out, made)
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
    if outcome.answered_after_ms is not None:
        text = f"{outcome.answered_after_ms:.0f} ms after the caller's last sound"
        rows.append(("answered", f"{outcome.answers} times, median {text}"))
        rows.append(("interrupted", f"{outcome.interrupted} times"))
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


def _nothing(_turn: Turn) -> None:
    pass


def _print(turn: Turn) -> None:
    """Show a turn as it is told: who, when, and what was heard of it."""
    colour = {"caller": "cyan", "bot": "green"}.get(turn.who, "yellow")
    cut = click.style(" — (interrupted)", dim=True) if turn.is_cut else ""
    after = ""
    if "played" in turn.latencies_ms:
        after = click.style(f"  [{turn.latencies_ms['played']:.0f} ms]", dim=True)
    at = click.style(f"{turn.from_s:6.1f}", dim=True)
    who = click.style(f"{turn.who:10}", fg=colour)
    click.echo(f"{at}  {who} {turn.text}{cut}{after}")


def _outcome(bot: InService, out: Path, made: Made) -> Outcome:
    tracks, rate_hz = soundfile.read(made.recording, dtype="int16", always_2d=True)
    caller, answer = tracks[:, 0], tracks[:, -1]
    alignment = align(caller, answer, rate_hz)
    holes = [s.samples for s in made.far_buffer.dry_spells if not s.was_announced]
    metrics = made.metrics
    answered = [
        turn.latencies_ms["played"]
        for turn in made.turns
        if "played" in turn.latencies_ms
    ]
    return Outcome(
        bot=bot.name,
        seconds=round(len(caller) / rate_hz, 2),
        recording=str(made.recording),
        picture=_picture(out / "call.png", tracks, rate_hz, bot.name, alignment),
        transcript=[msgspec.to_builtins(turn) for turn in made.turns],
        answers=len(answered),
        answered_after_ms=statistics.median(answered) if answered else None,
        interrupted=sum(turn.is_cut for turn in made.turns),
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
