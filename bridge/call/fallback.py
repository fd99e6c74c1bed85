"""What takes over a call that its bot has failed in: an apology, a bot, a person."""

import dataclasses
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from bridge.audio import files
from bridge.call.bot import Answer, InService
from bridge.call.call import Call
from bridge.call.options import CallOptions
from bridge.errors import BridgeError, ConfigError
from bridge.tasks import background

__all__ = ["fallback", "with_fallback"]

_LOG = logging.getLogger(__name__)

BOT = "bot:"
TRANSFER = "transfer:"

DIALLED = re.compile(r"\+?[0-9]{3,20}|sips?:\S+")


def with_fallback(
    bots: Mapping[str, InService], options: CallOptions, *, has_account: bool
) -> dict[str, InService]:
    """Let each bot have what takes over its calls, if anything is to.

    Args:
        bots: By name.
        options: Have the steps.
        has_account: Whether calls can be transferred.

    Raises:
        ConfigError: If a step cannot be gone through.
    """
    if not options.fallback:
        return dict(bots)
    if TRANSFER in options.fallback and not has_account:
        raise ConfigError(
            "fallback: transfer: needs PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN"
        )
    return {
        name: dataclasses.replace(
            bot,
            fallback=fallback(
                options.fallback, bots, bot.sample_rate_hz, options.fallback_from
            ),
        )
        for name, bot in bots.items()
    }


def fallback(
    steps: str, bots: Mapping[str, InService], sample_rate_hz: int, sender: str = ""
) -> Answer:
    """Make what takes over, of steps that are gone through one after the other.

    A step that fails is logged, and the next one comes.

    Args:
        steps: By commas: the path of a WAV or MP3 file, which is played to its end;
            `bot:NAME`, which answers until it is done; `transfer:NUMBER`, which hands
            over to a person, after which the AI agent is gone.
        bots: Those that can be named.
        sample_rate_hz: Of the bots that it stands in for; audio keeps that rate.
        sender: The number that a person sees.

    Raises:
        ConfigError: If a step cannot be gone through.
    """
    made = {
        step: _step(step, bots, sample_rate_hz, sender)
        for step in map(str.strip, steps.split(","))
        if step
    }
    if not made:
        raise ConfigError("fallback: no step, allowed are file.wav, bot:, transfer:")

    async def take_over(call: Call) -> None:
        for name, step in made.items():
            if not call.is_open:
                return
            _LOG.warning("fallback: %s", name)
            try:
                await step(call)
            # The last resort must be reached whatever fails before it.
            except Exception:  # noqa: BLE001
                _LOG.exception("fallback: %s failed", name)
                call.interrupt()

    return take_over


def _step(
    step: str, bots: Mapping[str, InService], sample_rate_hz: int, sender: str
) -> Answer:
    if step.startswith(BOT):
        return _bot(step.removeprefix(BOT), bots, sample_rate_hz)
    if step.startswith(TRANSFER):
        if not sender:
            raise ConfigError(f"fallback: {step} needs fallback_from, a number to show")
        number = step.removeprefix(TRANSFER)
        if not DIALLED.fullmatch(number):
            raise ConfigError(f"fallback: {step}: allowed are +15550100 and sip:...")
        return _transferring(number, sender)
    return _playing(Path(step), sample_rate_hz)


def _bot(name: str, bots: Mapping[str, InService], sample_rate_hz: int) -> Answer:
    if name not in bots:
        raise ConfigError(f"fallback: no bot {name!r}; there are {', '.join(bots)}")
    if bots[name].sample_rate_hz != sample_rate_hz:
        raise ConfigError(
            f"fallback: bot {name} hears at {bots[name].sample_rate_hz} Hz, allowed is "
            f"{sample_rate_hz} Hz, that of the bot it stands in for"
        )
    return bots[name].answer


def _playing(path: Path, sample_rate_hz: int) -> Answer:
    # Read now: what is played when all else fails must not fail for a missing file.
    try:
        samples = files.read(path, sample_rate_hz)
    except (BridgeError, OSError) as error:
        raise ConfigError(f"fallback: {error}") from error

    async def play(call: Call) -> None:
        await call.play(samples, name="fallback").done()

    return play


def _transferring(number: str, sender: str) -> Answer:
    async def transfer(call: Call) -> None:
        if call.mpc is None:
            _LOG.error("no transfer to %s: no credentials of the account", number)
            return
        try:
            # Listening meanwhile, as nobody would count as hanging.
            async with background(hearing=_pass_over(call)):
                has_come = await call.mpc.transfer(to=number, sender=sender)
        except BridgeError as error:
            _LOG.error("no transfer to %s: %s", number, error)
            return
        if has_come:
            call.hang_up()
        else:
            _LOG.error("no transfer to %s: nobody answered", number)

    return transfer


async def _pass_over(call: Call) -> None:
    async for _event in call.events():
        pass
