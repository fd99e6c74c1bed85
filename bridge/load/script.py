"""What a caller does, 20 ms at a time."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

from bridge.audio.pcm import FRAME_MS
from bridge.load.audible import Audible
from bridge.load.caller_plan import (
    SILENCE,
    CallerPlan,
    Drop,
    HangUp,
    Interrupt,
    Listen,
    Press,
    Reconnect,
    Say,
    Step,
    Wait,
)
from bridge.load.outgoing import outgoing
from bridge.load.record import Record
from bridge.load.sounds import Frame, Sound

__all__ = ["Leave", "Script"]

FRAME_S = FRAME_MS / 1000
BETWEEN_KEYS_S = 0.2


@dataclasses.dataclass(frozen=True, slots=True)
class Leave:
    """Leave the call, this way."""

    how: HangUp | Drop | Reconnect


Act = Frame | Leave


class Script:
    """A caller's acts, to be taken one by one at each tick.

    Args:
        plan: Of the caller.
        sounds: By name.
        record: Of the stream.
        offset: The frame of an endless sound to begin with.
    """

    def __init__(
        self,
        plan: CallerPlan,
        sounds: Mapping[str, Sound],
        record: Record,
        offset: int,
    ) -> None:
        self.audible: Audible
        self.press: Callable[[str], None] = lambda _digit: None
        self.begin_to_speak: Callable[[], None] = lambda: None
        """Told when a bot's silence is no hole: the caller's turn."""
        self.now_s = 0.0
        """The tick's time; set before each act is taken."""
        self.line = outgoing()
        """Where an endless sound goes on; set before acts are taken."""
        self._plan = plan
        self._sounds = sounds
        self._record = record
        self._offset = offset
        (self._silence,) = sounds[SILENCE].unmarked
        self._ended_s: float | None = None
        """When the caller's last audible sample was said, until it is answered."""

    def acts(self) -> Iterator[Act]:
        """Everything they do; after the last they hang up."""
        if not self._plan.script:
            return self._endless(self._sounds[self._plan.audio])
        return self._scripted()

    def _scripted(self) -> Iterator[Act]:
        done = 0
        while not self._plan.rounds or done < self._plan.rounds:
            for step in self._plan.script:
                yield from self._do(step)
            done += 1

    def _endless(self, sound: Sound) -> Iterator[Act]:
        line, frames, unmarked_from = self.line, sound.frames, sound.unmarked_from
        line.at = self._offset % len(sound)
        while True:
            # Others go on from there, and this from where they came to.
            frame = frames[line.at]
            line.at = (line.at + 1) % len(sound)
            line.alone = unmarked_from[line.at]
            yield frame

    def _do(self, step: Step) -> Iterator[Act]:
        match step:
            case Say(audio=audio):
                yield from self._say(self._sounds[audio])
            case Wait(s=seconds):
                yield from self._wait(seconds)
            case Press(keys=keys):
                for digit in keys:
                    self.press(digit)
                    yield from self._wait(BETWEEN_KEYS_S)
            case Listen():
                yield from self._listen(step)
            case Interrupt():
                yield from self._interrupt(step)
            case HangUp() | Drop() | Reconnect():
                yield Leave(step)

    def _say(self, sound: Sound) -> Iterator[Act]:
        self.begin_to_speak()
        self._record.count("turns")
        began_s = self.now_s
        yield from sound.unmarked
        # A frame that leaves now was said in the 20 ms before.
        self._ended_s = began_s - FRAME_S + sound.last_audible_s

    def _wait(self, seconds: float) -> Iterator[Act]:
        for _ in range(round(seconds / FRAME_S)):
            yield self._silence

    def _listen(self, step: Listen) -> Iterator[Act]:
        asked_s = self._ended_s if self._ended_s is not None else self.now_s
        until_s = self.now_s + step.timeout_s
        answered_s: float | None = None
        if self.audible.is_at(asked_s):
            # What is heard then is no answer to what was said.
            self._record.count("spoken_over")
            self._ended_s = None
        while answered_s is None:
            yield self._silence
            answered_s = self.audible.first_after(asked_s, self.now_s)
            if answered_s is None and self.now_s >= until_s:
                self._unanswered(asked_s)
                return
        if self._ended_s is not None:
            self._record.time("response_ms", answered_s - asked_s)
            self._ended_s = None
        until_s = self.now_s + step.longest_s
        while self.now_s < until_s:
            quiet_s = self.audible.quiet_since(self.now_s)
            if quiet_s is not None and self.now_s - quiet_s >= step.quiet_s:
                return
            yield self._silence
        self._record.count("never_quiet")

    def _unanswered(self, asked_s: float) -> None:
        """Count it, and with the time waited: left out, it would flatter the rest."""
        self._record.count("unanswered")
        if self._ended_s is not None:
            self._record.time("response_ms", self.now_s - asked_s)
            self._ended_s = None

    def _interrupt(self, step: Interrupt) -> Iterator[Act]:
        until_s = self.now_s + step.timeout_s
        while not self._speaks_for(step.after_s):
            yield self._silence
            if self.now_s >= until_s:
                self._record.count("nothing_to_interrupt")
                return
        sound = self._sounds[step.audio]
        self.begin_to_speak()
        self._record.count("turns")
        began_s = self.now_s - FRAME_S + sound.first_audible_s
        self._ended_s = self.now_s - FRAME_S + sound.last_audible_s
        frames = iter(sound.unmarked)
        fell_silent_s: float | None = None
        until_s = began_s + max(step.timeout_s, sound.lasts_s)
        while fell_silent_s is None and self.now_s < until_s:
            yield next(frames, self._silence)
            if fell_silent_s is None:
                fell_silent_s = self.audible.silent_from(
                    began_s, step.quiet_s, self.now_s
                )
        if fell_silent_s is None:
            self._record.count("not_interrupted")
            fell_silent_s = self.now_s
        self._record.time("barge_in_ms", fell_silent_s - began_s)
        yield from frames

    def _speaks_for(self, seconds: float) -> bool:
        since_s = self.audible.speaking_since(self.now_s)
        return since_s is not None and self.now_s - since_s >= seconds
