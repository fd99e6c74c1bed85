"""What takes over a call that its bot has failed in: an apology, a bot, a person."""

import logging
from collections.abc import Mapping
from pathlib import Path

from bridge.audio import files
from bridge.call.bot import Answer, InService
from bridge.call.call import Call
from bridge.errors import BridgeError, ConfigError

__all__ = ["fallback"]

_LOG = logging.getLogger(__name__)

BOT = "bot:"
TRANSFER = "transfer:"


def fallback(
    steps: str, bots: Mapping[str, InService], sample_rate_hz: int, sender: str = ""
) -> Answer:
    """Make what takes over, of steps that are gone through one after the other.

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
    made = [
        _step(step.strip(), bots, sample_rate_hz, sender)
        for step in steps.split(",")
        if step.strip()
    ]
    if not made:
        raise ConfigError("fallback: no step, allowed are file.wav, bot:, transfer:")

    async def take_over(call: Call) -> None:
        for step in made:
            if call.is_open:
                await step(call)

    return take_over


def _step(
    step: str, bots: Mapping[str, InService], sample_rate_hz: int, sender: str
) -> Answer:
    if step.startswith(BOT):
        return _bot(step.removeprefix(BOT), bots, sample_rate_hz)
    if step.startswith(TRANSFER):
        if not sender:
            raise ConfigError(f"fallback: {step} needs fallback_from, a number to show")
        return _transferring(step.removeprefix(TRANSFER), sender)
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
            if not await call.mpc.transfer(to=number, sender=sender):
                _LOG.error("no transfer to %s: nobody answered", number)
        except BridgeError as error:
            _LOG.error("no transfer to %s: %s", number, error)

    return transfer
