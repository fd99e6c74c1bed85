"""Thinks of answers, says them, and knows what was heard of them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from bridge.call.call import Call
from bridge.call.transcript import Turn
from bridge.speech.brain import Brain, CallTool, Thought
from bridge.speech.diary import Diary, Failures
from bridge.speech.memory import Memory
from bridge.speech.mouth import Mouth, Spoken
from bridge.speech.stages import Stages
from bridge.speech.synthesis import Synthesizer, clauses
from bridge.speech.tools import Tool, run_tool
from bridge.tasks import Spawn

__all__ = ["Answering"]

_LOG = logging.getLogger(__name__)

Item = TypeVar("Item")

MOST_ROUNDS = 8
"""So often a brain may call tools before it must have answered."""


INTERRUPTED = "error: interrupted; it may have been done all the same"


class Answering:
    """One answer at a time, made and said; made for each call.

    Args:
        call: The call.
        brain: Thinks.
        voice: Speaks.
        apology: Said when no answer could be made.
        spawn: Runs the answers.
    """

    def __init__(
        self,
        call: Call,
        brain: Brain,
        voice: Synthesizer,
        apology: str,
        spawn: Spawn,
    ) -> None:
        self.memory = Memory()
        self.mouth = Mouth(call)
        self.diary = Diary(call)
        self.failures = Failures()
        self.will_hang_up = False
        """Whether the call ends when what is being said has been heard."""
        self.is_deaf = False
        """Whether what is heard is not meant for us: a person is being briefed."""
        self.is_silenced = False
        """Whether nobody would hear us now."""
        self.on_caller_held: Callable[[bool], None] = lambda _is_held: None
        """Told when the caller hears music instead of us, and when no more."""
        self.on_heard: Callable[[], None] = lambda: None
        """Told when an answer has been heard to its end."""
        self._call = call
        self._brain = brain
        self._voice = voice
        self._tools: dict[str, Tool] = {}
        self._apology = apology
        self._spawn = spawn
        self._reply: asyncio.Task[None] | None = None
        self._stages: Stages | None = None
        self._first_word = 0
        self._running: CallTool | None = None
        """A tool that has not returned."""
        self._now = asyncio.get_running_loop().time

    def offer(self, tools: Sequence[Tool]) -> None:
        """Let the brain use tools; of one name, the first."""
        self._tools = {tool.name: tool for tool in reversed(tools)}

    def think(self, stages: Stages | None) -> None:
        """Answer what the memory ends with, and measure how long its stages take."""
        self._begin(None, stages)

    def say(self, text: str, *, hang_up: bool = False) -> None:
        """Say a text instead of what is being said.

        Args:
            text: What.
            hang_up: Whether that is the end, once it has been heard.
        """
        self._begin(text, None)
        self.will_hang_up = hang_up

    def end(self) -> int | None:
        """Say and think no more of the running answer.

        Returns:
            How many samples of it were heard; None if there was none.
        """
        if self._reply is None:
            return None
        self._reply.cancel()
        self._reply = None
        self.will_hang_up = self.is_deaf = False
        if self._running is not None:
            self.memory.returned(self._running, INTERRUPTED)
            self._running = None
        self._remember_part()
        made = self.mouth.text(0, self.mouth.words)
        spoken = self.mouth.drop()
        self._was_said(made, spoken)
        return spoken.samples

    async def tell(self, text: str) -> None:
        """Say more in the running answer, and wait until it has been heard.

        It is not for the caller, and so is not in the history.
        """
        await self._speak(_constant(text))
        self._first_word = self.mouth.words
        await self.caught_up()

    def caller_held(self, *, is_held: bool) -> None:
        """The caller hears music instead of us, or no more."""
        self.on_caller_held(is_held)

    async def caught_up(self) -> None:
        """Wait until what has been said so far has been heard, if anybody can."""
        if not self.is_silenced:
            await self.mouth.caught_up()

    # ------------------------------------------------------------------- making

    def _begin(self, text: str | None, stages: Stages | None) -> None:
        self.end()
        self._stages = stages
        self.mouth.begin()
        self._reply = self._spawn("reply", self._answer(text))

    async def _answer(self, text: str | None) -> None:
        try:
            if text is None:
                await self._think()
                self.failures.reset()
            else:
                await self._say(_constant(text))
        # The edge of plug-ins: a brain, a voice.
        except Exception as error:  # noqa: BLE001
            await self._apologize(error)
        made = self.mouth.text(0, self.mouth.words)
        spoken = await self.mouth.done()
        self._reply = None
        self._was_said(made, spoken)
        if self.will_hang_up:
            self._call.hang_up()
        else:
            self.on_heard()

    async def _apologize(self, error: Exception) -> None:
        self.failures.add(error)
        self._remember_part()
        try:
            await self._say(_constant(self._apology))
        # It is the voice that does not work.
        except Exception as worse:  # noqa: BLE001
            self.failures.add(worse)

    async def _think(self) -> None:
        """Say what the brain thinks, and do what it wants, until it wants no more."""
        for _ in range(MOST_ROUNDS):
            thoughts = self._brain.respond(
                tuple(self.memory.messages), tuple(self._tools.values())
            )
            wishes = await self._say(thoughts)
            if not wishes:
                return
            for wish in wishes:
                # Who speaks now may not want it any more.
                if not self.is_silenced:
                    await self.mouth.unheld()
                await self._do(wish)
        _LOG.warning("the brain calls tools without end")

    async def _say(self, thoughts: AsyncIterator[Thought]) -> list[CallTool]:
        """Say text as it comes, and remember it; return what is to be done."""
        wishes = await self._speak(thoughts)
        self._remember_part()
        return wishes

    async def _speak(self, thoughts: AsyncIterator[Thought]) -> list[CallTool]:
        wishes: list[CallTool] = []

        async def text() -> AsyncIterator[str]:
            async for thought in thoughts:
                self._reached("token")
                if isinstance(thought, CallTool):
                    wishes.append(thought)
                else:
                    yield thought

        rate_hz = self._call.sample_rate_hz
        # Who is interrupted lets go of a server's stream at once.
        async with _closed_after(thoughts), _closed_after(clauses(text())) as parts:
            async for clause in parts:
                async with _closed_after(self._voice.speak(clause, rate_hz)) as pieces:
                    async for speech in pieces:
                        self._reached("audio")
                        await self.mouth.add(speech)
        return wishes

    async def _do(self, wish: CallTool) -> None:
        self.memory.called(wish)
        self._running = wish
        began_s = self._now()
        tool = self._tools.get(wish.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            result = f"error: no tool {wish.name}; there are {known}"
        else:
            result = await run_tool(tool, self._call, wish.arguments)
        self._running = None
        self.memory.returned(wish, result)
        text = f"{wish.name} {wish.arguments} -> {result}"
        self.diary.note(Turn("tool", text, began_s, self._now()))

    def _reached(self, stage: str) -> None:
        if self._stages is not None:
            self._stages.reach(stage, self._now())

    # ------------------------------------------------------------ what was heard

    def _remember_part(self) -> None:
        """Note what has been made since the last part, as one thing said."""
        first, last = self._first_word, self.mouth.words
        self.memory.saying(self.mouth.text(first, last), first, last)
        self._first_word = last

    def _was_said(self, text: str, spoken: Spoken) -> None:
        self.memory.said(spoken.words, is_complete=spoken.is_complete)
        text = " ".join(text.split()[: spoken.words])
        self._first_word = 0
        stages, self._stages = self._stages, None
        self.diary.said(
            text,
            self.mouth.audible_from_s,
            stages,
            is_cut=not spoken.is_complete,
            heard=spoken.certainty,
        )


@asynccontextmanager
async def _closed_after(
    stream: AsyncIterator[Item],
) -> AsyncIterator[AsyncIterator[Item]]:
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def _constant(text: str) -> AsyncIterator[Thought]:
    yield text
