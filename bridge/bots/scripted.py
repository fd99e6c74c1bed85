"""Follows a script: say a file, wait for silence or for keys, hang up.

[[steps]]
say = "greeting.wav"            # beside the script

[[steps]]
wait_for_silence_s = 0.8        # after the caller has spoken
at_most_s = 10.0

[[steps]]
wait_for_digits = 4             # or until "#", or until `at_most_s`
at_most_s = 8.0

[[steps]]
wait_s = 1.0

[[steps]]
send_digits = "1#"

[[steps]]
hang_up = true
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bridge.audio.levels import rms_dbfs
from bridge.call.bot import DEFAULT_SAMPLE_RATE_HZ
from bridge.call.call import Call
from bridge.call.events import Audio, Dtmf, Event
from bridge.documents import read_document
from bridge.errors import ConfigError

__all__ = ["Script", "Scripted", "Step"]

_LOG = logging.getLogger(__name__)

TERMINATOR = "#"


class Step(BaseModel):
    """One thing to do; exactly one of the actions is given."""

    model_config = ConfigDict(extra="forbid")

    say: Path | None = None
    """A WAV or MP3; relative to the script."""
    interruptible: bool = False
    """Whether a key stops what is said."""
    wait_s: float | None = Field(default=None, ge=0)
    wait_for_silence_s: float | None = Field(default=None, gt=0)
    """So much silence after the caller has spoken."""
    wait_for_digits: int | None = Field(default=None, gt=0)
    """So many keys; `#` ends them early."""
    send_digits: str | None = Field(default=None, pattern=r"^[0-9*#A-D]+$")
    hang_up: bool = False
    at_most_s: float = Field(default=30.0, gt=0)
    """How long a wait may last."""

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        given = [name for name in ACTIONS if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"one of {', '.join(ACTIONS)} is needed, found {found}")
        return self


ACTIONS = (
    "say",
    "wait_s",
    "wait_for_silence_s",
    "wait_for_digits",
    "send_digits",
    "hang_up",
)


class Script(BaseModel):
    """What the bot does, step by step."""

    model_config = ConfigDict(extra="forbid")

    steps: list[Step] = Field(min_length=1)
    speech_dbfs: float = Field(default=-40.0, le=0)
    """Louder than this, over 20 ms, is speech."""

    @classmethod
    def read(cls, path: Path) -> "Script":
        """Read a script file.

        Raises:
            ConfigError: If it cannot be read, says something unknown, or names a
                file that is not there.
        """
        script = read_document(path, cls)
        for step in script.steps:
            if step.say is not None:
                step.say = path.parent / step.say
                if not step.say.is_file():
                    raise ConfigError(f"{path}: no file {step.say}")
        return script


class Scripted:
    """Follows a script of files, silences and keys, the same for every call."""

    sample_rate_hz = DEFAULT_SAMPLE_RATE_HZ

    class Options(BaseModel):
        """What can be set."""

        script: Path = Field(
            description="TOML file of steps; the README links its format"
        )

    def __init__(self, options: Options) -> None:
        self._script = Script.read(options.script)

    async def __call__(self, call: Call) -> None:
        """Do the steps; the end of the script ends the call."""
        await _Performance(self._script, call).perform()


class _Performance:
    """One run of a script, in one call."""

    def __init__(self, script: Script, call: Call) -> None:
        self._script = script
        self._call = call
        self._events = call.events()
        self._pressed = ""

    async def perform(self) -> None:
        for step in self._script.steps:
            if not self._call.is_open:
                return
            await self._do(step)

    async def _do(self, step: Step) -> None:
        if step.say is not None:
            await self._say(step, step.say)
        elif step.wait_s is not None:
            await self._wait(step.wait_s, lambda _event: False)
        elif step.wait_for_silence_s is not None:
            await self._wait_for_silence(step.wait_for_silence_s, step.at_most_s)
        elif step.wait_for_digits is not None:
            await self._wait_for_digits(step.wait_for_digits, step.at_most_s)
        elif step.send_digits is not None:
            self._call.send_dtmf(step.send_digits)
        else:
            self._call.hang_up()

    async def _say(self, step: Step, path: Path) -> None:
        playback = self._call.play(path)

        def is_over(event: Event) -> bool:
            if isinstance(event, Dtmf) and step.interruptible:
                self._call.interrupt()
            return playback.is_settled

        await self._wait(None, is_over)
        heard = await playback.done()
        _LOG.info(
            "said %s, heard %.2f s (%s)",
            path.name,
            heard.duration_s,
            heard.certainty.value,
        )

    async def _wait_for_silence(self, wanted_s: float, at_most_s: float) -> None:
        """Wait until the caller has spoken, and then been silent."""
        has_spoken = False
        silent_samples = 0

        def is_silent(event: Event) -> bool:
            nonlocal has_spoken, silent_samples
            if isinstance(event, Audio):
                if rms_dbfs(event.samples) > self._script.speech_dbfs:
                    has_spoken = True
                    silent_samples = 0
                else:
                    silent_samples += len(event.samples)
            wanted_samples = wanted_s * self._call.sample_rate_hz
            return has_spoken and silent_samples >= wanted_samples

        await self._wait(at_most_s, is_silent)

    async def _wait_for_digits(self, count: int, at_most_s: float) -> None:
        """Wait for keys; those pressed before, while something was said, count."""

        def is_entered(_event: Event | None = None) -> bool:
            return len(self._pressed) >= count or TERMINATOR in self._pressed

        if not is_entered():
            await self._wait(at_most_s, is_entered)
        _LOG.info("keys pressed: %d", len(self._pressed))
        self._pressed = ""

    async def _wait(
        self, at_most_s: float | None, is_over: Callable[[Event], bool]
    ) -> None:
        """Take events until one of them, the time, or the call ends it."""
        try:
            async with asyncio.timeout(at_most_s):
                async for event in self._events:
                    if isinstance(event, Dtmf):
                        self._pressed += event.digit
                    if is_over(event):
                        return
        except TimeoutError:
            # A cancelled generator is finished; the call's queue is not.
            self._events = self._call.events()
