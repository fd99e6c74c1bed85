"""A simulated phone: speaks a file, presses keys, hangs up, as its script says.

Its keys travel beside the audio, as a telephone network carries them, not as tones.
"""

import asyncio
from collections.abc import Callable

from bridge.audio import files
from bridge.audio.activity import Activity
from bridge.audio.pcm import FRAME_MS, Samples, silence
from bridge.engine.legs import RATE_HZ, TICK_SAMPLES
from bridge.engine.phonebook import PhoneScript, Reply
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
        self._replies: list[tuple[Reply, Samples]] = []
        self._activity = Activity(ends_ms=FRAME_MS)
        self._heard_s = 0.0
        """For how long the other side has spoken since we did."""
        self._silent_s = 0.0
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
        for reply in script.replies:
            speech = await asyncio.to_thread(files.read, reply.says, RATE_HZ)
            self._replies.append((reply, speech))
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
        """Speak on, on the sample clock; what is returned is not to be written to."""
        end = self._place + TICK_SAMPLES
        if self._place >= 0 and end < len(self._speech):
            # In the middle of the speech.
            said = self._speech[self._place : end]
            self._place = end
            return said
        said = silence(TICK_SAMPLES)
        if self._script.repeats and self._place >= len(self._speech) > 0:
            self._place = 0
        begin = max(0, self._place)
        end = max(0, self._place + TICK_SAMPLES)
        part = self._speech[begin:end]
        said[TICK_SAMPLES - (end - begin) :][: len(part)] = part
        self._place += TICK_SAMPLES
        is_done = self._place >= len(self._speech)
        if self._script.hangs_up_when_said and is_done and not self._replies:
            self.hang_up()
        return said

    def hear(self, samples: Samples) -> None:
        """Listen, and begin the next reply when it is time for it."""
        if not self._script.replies or not self._is_up:
            return
        self._activity.push(samples)
        if self._place < len(self._speech):
            # Who speaks does not listen.
            self._heard_s = self._silent_s = 0.0
        elif self._activity.is_speaking:
            self._heard_s += FRAME_MS / 1000
            self._silent_s = 0.0
        else:
            self._silent_s += FRAME_MS / 1000
        if not self._replies:
            patience_s = self._script.hangs_up_after_silence_s
            if patience_s is not None and self._silent_s >= patience_s:
                self.hang_up()
            return
        reply, speech = self._replies[0]
        if reply.into_speech_s is not None:
            is_time = self._heard_s >= reply.into_speech_s
        else:
            is_time = self._heard_s > 0 and self._silent_s >= reply.after_silence_s
        if is_time:
            self._replies.pop(0)
            self._speech, self._place = speech, 0

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
