"""A simulated phone: speaks a file, presses keys, hangs up, as its script says.

Its keys travel beside the audio, as a telephone network carries them, not as tones.
"""

import asyncio
from collections.abc import Callable

from bridge.audio import files
from bridge.audio.pcm import Samples, silence
from bridge.engine.legs import RATE_HZ, TICK_SAMPLES
from bridge.engine.phonebook import PhoneScript
from bridge.tasks import background

__all__ = ["BusyError", "Phone"]


class BusyError(Exception):
    """The phone is engaged."""


class Phone:
    """A leg to a phone that follows a script."""

    def __init__(self, number: str, script: PhoneScript) -> None:
        self.on_keys: Callable[[str], None] = lambda _digits: None
        self.number = number
        self.pressed = ""
        """Keys sent to it."""
        self._script = script
        self._speech = silence(0)
        self._place = 0
        self._is_up = False
        self._down = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Phone {self.number} {'up' if self._is_up else 'down'}>"

    async def run(self, answered: Callable[[], None]) -> None:
        """Ring, answer, live, hang up.

        Raises:
            BusyError: If its script says so.
        """
        script = self._script
        if script.outcome == "busy":
            raise BusyError(f"{self.number} is busy")
        if script.says is not None:
            speech = await asyncio.to_thread(files.read, script.says, RATE_HZ)
            self._speech = speech
        rings_s = None if script.outcome == "no-answer" else script.answers_after_s
        if await self._hung_up_within(rings_s):
            return
        self._place = -round(script.says_after_s * RATE_HZ)
        self._is_up = True
        answered()
        async with background(keys=self._press_keys()):
            await self._hung_up_within(script.hangs_up_after_s)
        self._is_up = False

    def say(self) -> Samples:
        """Speak on, on the sample clock."""
        said = silence(TICK_SAMPLES)
        if self._script.repeats and self._place >= len(self._speech) > 0:
            self._place = 0
        begin = max(0, self._place)
        end = max(0, self._place + TICK_SAMPLES)
        part = self._speech[begin:end]
        said[TICK_SAMPLES - (end - begin) :][: len(part)] = part
        self._place += TICK_SAMPLES
        if self._script.hangs_up_when_said and self._place >= len(self._speech):
            self.hang_up()
        return said

    def hear(self, samples: Samples) -> None:
        """Listen; nobody is there to mind."""

    def press(self, digit: str) -> None:
        """Take a key from the line; a test may look which."""
        self.pressed += digit

    def hang_up(self) -> None:
        """Put down."""
        self._down.set()

    async def _hung_up_within(self, seconds: float | None) -> bool:
        """Wait for the other side to hang up; None waits for ever."""
        try:
            async with asyncio.timeout(seconds):
                await self._down.wait()
        except TimeoutError:
            return False
        return True

    async def _press_keys(self) -> None:
        pressed_s = 0.0
        for press in sorted(self._script.keys, key=lambda press: press.after_s):
            await asyncio.sleep(press.after_s - pressed_s)
            pressed_s = press.after_s
            self.on_keys(press.digits)
