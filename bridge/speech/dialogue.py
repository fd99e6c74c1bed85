"""One conversation: listening, thinking and speaking at the same time.

The caller's speech silences ours at once. What it was is decided when it has been
understood: a cough or a `mm-hm`, and ours goes on with the word that was cut; words,
and ours is dropped, with exactly what was heard of it in the history.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

from bridge.audio.pcm import silence
from bridge.call.call import Call
from bridge.call.events import Audio, Coached, Dtmf, Held, Muted
from bridge.call.transcript import Turn
from bridge.errors import ServiceError
from bridge.speech import echo
from bridge.speech.abilities import Abilities
from bridge.speech.answering import Answering
from bridge.speech.brain import Brain
from bridge.speech.ear import Ear, HeardTurn
from bridge.speech.keys import KeyPad
from bridge.speech.manners import Manners, is_backchannel
from bridge.speech.recognition import StreamingRecognizer
from bridge.speech.stages import Stages
from bridge.speech.synthesis import Synthesizer
from bridge.speech.tools import Tool
from bridge.speech.turns import TurnDetector
from bridge.speech.voices import VoiceDetector
from bridge.tasks import Spawn

__all__ = ["Dialogue", "Parts"]

ECHO_S, ECHO_LINE_S, ECHO_AHEAD_S = 0.3, 1.0, 0.3
"""So much of what is heard, once there is so much of it, is looked for in so much of
what was said and is about to be."""


LONGEST_GOODBYE_S = 20.0


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """What a conversation is made of; shared by all calls of a bot."""

    detector: VoiceDetector
    turns: Callable[[int], TurnDetector]
    """Makes a speaker's turn detector, for a rate."""
    recognizer: StreamingRecognizer
    brain: Brain
    voice: Synthesizer

    async def load(self) -> None:
        """Get the parts ready that need it."""
        for part in (self.detector, self.recognizer, self.brain, self.voice):
            load = getattr(part, "load", None)
            if load is not None:
                await load()


class Dialogue:
    """Holds one conversation; made for each call.

    Args:
        call: The call.
        parts: Ears, brain and voice.
        manners: How to behave.
        tools: What the brain may do, besides what all can.
        spawn: Runs what goes on at the same time.
    """

    def __init__(
        self,
        call: Call,
        parts: Parts,
        manners: Manners,
        tools: Sequence[Tool],
        spawn: Spawn,
    ) -> None:
        self.answering = Answering(
            call, parts.brain, parts.voice, manners.apology, spawn
        )
        abilities = Abilities(call, self.answering).tools()
        self.answering.offer([*tools, *abilities])
        self.answering.on_heard = self._wait_for_caller
        self.answering.on_caller_held = lambda is_held: self._silence(
            "caller held", is_so=is_held
        )
        self._call = call
        self._parts = parts
        self._manners = manners
        self._spawn = spawn
        self._mouth = self.answering.mouth
        self._memory = self.answering.memory
        self._ear = self._new_ear()
        self._ear.on_began = self._caller_began
        self._ear.on_turn = self._caller_said
        self._coach = self._new_ear()
        self._coach.on_turn = self._coach_said
        self._keys = KeyPad(
            manners.keys_end, manners.keys_most, manners.keys_timeout_s, self._entered
        )
        self._idle: asyncio.TimerHandle | None = None
        self._last: asyncio.TimerHandle | None = None
        self._asked = 0
        self._silences: set[str] = set()
        """Why nobody hears us."""
        self._is_over = False

    @property
    def _is_deaf(self) -> bool:
        """Whether what is heard changes nothing."""
        return self._is_over or self.answering.is_deaf

    def _new_ear(self) -> Ear:
        rate_hz = self._call.sample_rate_hz
        parts = self._parts
        turns = parts.turns(rate_hz)
        return Ear(parts.detector, turns, parts.recognizer, rate_hz, self._spawn)

    async def hold(self) -> None:
        """Converse until the call ends."""
        loop = asyncio.get_running_loop()
        over = loop.call_later(self._manners.longest_s, self._end)
        try:
            if self._manners.greeting:
                self.answering.say(self._manners.greeting)
            else:
                self._wait_for_caller()
            await self._listen()
        finally:
            over.cancel()
            if self._last is not None:
                self._last.cancel()
            self._keys.close()
            self._stop_waiting()
            self.answering.end()

    async def _listen(self) -> None:
        async for event in self._call.events():
            match event:
                case Audio():
                    await self._ear.push(event.samples)
                    if self._ear.is_echo:
                        self._doubt_echo()
                    if self._coach.is_speaking:
                        # The coach is silent, as far as we can hear.
                        await self._coach.push(silence(len(event.samples)))
                case Coached():
                    await self._coach.push(event.samples)
                    await self._ear.push(silence(len(event.samples)))
                case Dtmf():
                    self._pressed(event.digit)
                case Held():
                    self._silence("held", is_so=event.is_held)
                case Muted():
                    self._silence("muted", is_so=event.is_muted)

    # -------------------------------------------------------------- the caller

    def _caller_began(self) -> None:
        self._stop_waiting()
        if self._is_deaf or not self._manners.barge_in:
            return
        likeness = self._likeness_to_us()
        self._ear.is_echo = likeness is not None and likeness > echo.ALIKE
        if not self._ear.is_echo:
            # Also what is still being made must not begin while they speak.
            self._mouth.hold()

    def _likeness_to_us(self) -> float | None:
        """How much what is spoken now is like what we say, as far as can be told."""
        said = self._mouth.recent(ECHO_LINE_S, ECHO_AHEAD_S)
        return echo.likeness(self._ear.spoken(ECHO_S), said)

    def _doubt_echo(self) -> None:
        """Somebody may speak over our echo."""
        if not self._ear.is_speaking:
            return
        likeness = self._likeness_to_us()
        if likeness is not None and likeness <= echo.ALIKE:
            self._ear.is_echo = False
            self._mouth.hold()

    def _caller_said(self, turn: HeardTurn) -> None:
        if self._is_deaf or turn.is_echo or self._is_nothing(turn):
            self._go_on()
        elif turn.has_failed:
            self.answering.failures.add(ServiceError("recognizer", "failed"))
            self._begin(lambda: self.answering.say(self._manners.apology))
        else:
            self._answer(turn)

    def _go_on(self) -> None:
        """Say on, if nothing is against it; or wait."""
        if not self._mouth.is_busy:
            self._wait_for_caller()
        elif not self._ear.is_speaking and not self._silences:
            self._mouth.resume()

    def _answer(self, turn: HeardTurn) -> None:
        text = turn.text
        if self.answering.end() == 0:
            # Nothing of an answer was heard: they were not done, and are now.
            text = f"{self._memory.take_back()} {text}".strip()
        self._asked = 0
        self._memory.heard(text)
        self._note("caller", turn)
        stages = Stages(turn.ended_at_s)
        stages.reach("turn", turn.decided_at_s)
        stages.reach("text", turn.text_at_s)
        self._begin(lambda: self.answering.think(stages))

    def _is_nothing(self, turn: HeardTurn) -> bool:
        """Whether there is nothing to answer: no words, or while we speak, no
        interruption."""
        if turn.has_failed or not self._mouth.is_busy:
            return not (turn.text or turn.has_failed)
        if not self._manners.barge_in:
            return True
        heard = self._mouth.words_heard
        # Before our first word was heard, `yes` belongs to what was said before.
        was_asked = not heard or self._mouth.text(0, heard).endswith("?")
        return is_backchannel(turn.text, turn.voiced_s, was_asked=was_asked)

    def _coach_said(self, turn: HeardTurn) -> None:
        if turn.text:
            self._memory.coached(turn.text)
            self._note("supervisor", turn)

    def _note(self, who: str, turn: HeardTurn) -> None:
        self.answering.diary.note(
            Turn(who, turn.text, turn.began_at_s, turn.ended_at_s)
        )

    def _pressed(self, key: str) -> None:
        if self._is_deaf:
            return
        self._stop_waiting()
        if self._manners.barge_in:
            self.answering.end()
        self._keys.press(key)

    def _entered(self, keys: str) -> None:
        if self._is_deaf:
            return
        self.answering.end()
        self._asked = 0
        self._memory.heard(keys, are_keys=True)
        now_s = asyncio.get_running_loop().time()
        self.answering.diary.note(Turn("caller", keys, now_s, now_s, are_keys=True))
        self._begin(lambda: self.answering.think(None))

    def _silence(self, reason: str, *, is_so: bool) -> None:
        """Nobody hears us, for a reason; or that is over."""
        if is_so:
            self._silences.add(reason)
            self._stop_waiting()
            self._mouth.hold()
        else:
            self._silences.discard(reason)
        self.answering.is_silenced = bool(self._silences)
        self._go_on()

    # ------------------------------------------------------------------- silence

    def _begin(self, speak: Callable[[], None]) -> None:
        """Begin to speak; not aloud, as long as something is against it."""
        self._stop_waiting()
        speak()
        if self._silences or (self._ear.is_speaking and self._manners.barge_in):
            self._mouth.hold()

    def _wait_for_caller(self) -> None:
        """Ask whether somebody is there, if they stay silent from now on."""
        self._stop_waiting()
        is_waiting = not (self._ear.is_speaking or self._keys.is_open)
        if is_waiting and not self._silences and self._call.is_open:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._manners.idle_s, self._ask)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _ask(self) -> None:
        if self._asked >= self._manners.idle_times:
            self._say_goodbye()
        else:
            self._asked += 1
            self._begin(lambda: self.answering.say(self._manners.still_there))

    def _say_goodbye(self) -> None:
        farewell = self._manners.farewell
        self._begin(lambda: self.answering.say(farewell, hang_up=True))

    def _end(self) -> None:
        """It has lasted long enough, whatever they say."""
        self._is_over = True
        self._keys.close()
        self._silences.clear()
        self.answering.is_silenced = False
        self._say_goodbye()
        self._mouth.resume()
        # Should not even the farewell come to its end.
        loop = asyncio.get_running_loop()
        self._last = loop.call_later(LONGEST_GOODBYE_S, self._call.hang_up)
