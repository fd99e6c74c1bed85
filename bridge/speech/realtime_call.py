"""One call that a speech-to-speech service talks in: what it says, and what of that
was heard."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bridge.call.call import Call
from bridge.call.playback import Playback
from bridge.call.transcript import Turn
from bridge.errors import ServiceError
from bridge.speech import realtime
from bridge.speech.abilities import Abilities
from bridge.speech.brain import CallTool, Said
from bridge.speech.diary import Diary, Failures
from bridge.speech.feed import Feed
from bridge.speech.realtime import RATE_HZ
from bridge.speech.stages import Stages
from bridge.speech.synthesis import SLOW_LETTERS_PER_S
from bridge.speech.tools import Tool, run_tool
from bridge.tasks import Change, Spawn

__all__ = ["RealtimeCall"]

_LOG = logging.getLogger(__name__)

MOST_AHEAD_S = 300.0
"""Services make speech faster than it is said; so much of it is kept."""

ALREADY_ANSWERING = "conversation_already_has_active_response"


@dataclasses.dataclass(slots=True)
class _Item:
    """One thing the service says."""

    item_id: str
    content_index: int
    feed: Feed
    playback: Playback
    text: str = ""
    is_made: bool = False

    def heard_text(self) -> str:
        """The words of it that were heard, as far as can be told without times."""
        heard = self.playback.so_far()
        if heard.complete and self.is_made:
            return self.text
        share = heard.samples / max(1, self.feed.samples)
        letters = share * len(self.text)
        if not self.is_made:
            letters = heard.duration_s * SLOW_LETTERS_PER_S
        words = self.text[: int(letters)].split(" ")
        # The last of them is not over, or not for sure.
        return " ".join(words[:-1])


class RealtimeCall:
    """What is said in one call, whichever socket it comes by.

    Args:
        call: The call.
        send: Takes an event to the service; what cannot be sent is lost.
        tools: What the service may do, besides what all can.
        spawn: Runs them.
    """

    def __init__(
        self,
        call: Call,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        tools: Sequence[Tool],
        spawn: Spawn,
    ) -> None:
        self.will_hang_up = False
        self.is_deaf = False
        self.failures = Failures()
        self.gave_up: ServiceError | None = None
        """What has failed too often."""
        self.has_worked = False
        """Whether there was an answer since that was last reset."""
        self.messages: list[Said] = []
        """What was said so far, for a session that begins anew."""
        abilities = Abilities(call, self).tools()
        self.tools = {tool.name: tool for tool in [*abilities, *tools]}
        self._call = call
        self._send = send
        self._spawn = spawn
        self._diary = Diary(call)
        self._items: dict[str, _Item] = {}
        self._cut: set[str] = set()
        self._early_texts: dict[str, str] = {}
        self._is_answering = False
        self._is_asked = False
        """An answer was asked for, and has not begun."""
        self._is_unwanted = False
        self._wants: str | None = None
        """The instructions of an answer to ask for when the running one is done."""
        self._stages: Stages | None = None
        self._heard_samples = 0
        self._turn_s = (0.0, 0.0)
        self._change = Change()
        self._now = asyncio.get_running_loop().time

    # ------------------------------------------------------------- the caller

    def heard(self, count: int) -> None:
        """So much of the caller was sent to the service."""
        self._heard_samples += count

    def turn_ended(self, ended_at_s: float) -> None:
        """The caller has finished."""
        self._stages = Stages(ended_at_s)
        self._stages.reach("turn", self._now())
        self._turn_s = (self._turn_s[0], ended_at_s)

    async def interrupt(self, *, cancels: bool) -> None:
        """The caller speaks: be silent, and tell the service what was heard.

        Args:
            cancels: Whether the service does not stop by itself.
        """
        self._turn_s = (self._now(), self._now())
        if self.is_deaf:
            return
        self.will_hang_up = False
        self._wants = None
        items = list(self._items.values())
        if items:
            self._call.interrupt()
        for item in items:
            self._cut.add(item.item_id)
            item.feed.close()
            self._was_said(item)
        if cancels and self._is_answering:
            await self._send(realtime.cancel())
        elif cancels and self._is_asked:
            # It has not begun, and is cancelled when it does.
            self._is_unwanted = True
        for item in items:
            heard_ms = int(item.playback.so_far().duration_s * 1000)
            cut = realtime.truncate(item.item_id, item.content_index, heard_ms)
            await self._send(cut)

    async def pressed(self, keys: str) -> None:
        """The caller entered keys."""
        if self.is_deaf:
            return
        await self.interrupt(cancels=True)
        said = Said("caller", keys, are_keys=True)
        self.messages.append(said)
        now_s = self._now()
        self._diary.note(Turn("caller", keys, now_s, now_s, are_keys=True))
        await self._send(realtime.item(said))
        await self.respond()

    async def respond(self, instructions: str = "") -> None:
        """Let the service answer; after the answer that it makes, if it makes one."""
        if self._is_answering or self._is_asked:
            self._wants = instructions
            return
        self._wants = None
        self._is_asked = True
        await self._send(realtime.create_response(instructions))

    # ------------------------------------------------------------ the service

    def session_began(self) -> None:
        """A session begins, or begins anew: what was on its way is lost."""
        self._heard_samples = 0
        self._is_answering = self._is_asked = self._is_unwanted = False
        self._wants = None
        for item in self._items.values():
            item.feed.close()
        self._change.announce()

    @property
    def is_owed_an_answer(self) -> bool:
        """Whether the caller said something last."""
        return bool(self.messages) and self.messages[-1].who == "caller"

    @property
    def has_spoken(self) -> bool:
        """Whether anything of the service has been heard."""
        return any(message.who == "bot" for message in self.messages)

    async def take(self, event: realtime.Event) -> None:
        """Take an event of the service."""
        match event:
            case realtime.SpeechStarted():
                await self.interrupt(cancels=False)
            case realtime.SpeechStopped():
                since_s = self._heard_samples / RATE_HZ - event.end_ms / 1000
                self.turn_ended(self._now() - max(0.0, since_s))
            case realtime.CallerSaid():
                self._caller_said(event.text)
            case realtime.ResponseBegan():
                await self._began()
            case realtime.AudioPart():
                self._hear(event)
            case realtime.AudioDone() | realtime.TextPart():
                self._add(event)
            case realtime.ResponseDone():
                await self._done(event)
            case realtime.Failed():
                self._complain(event)
        self._change.announce()

    def _add(self, event: realtime.AudioDone | realtime.TextPart) -> None:
        item = self._items.get(event.item_id)
        if isinstance(event, realtime.TextPart):
            # Words may be faster than their sound.
            text = item.text if item else self._early_texts.get(event.item_id, "")
            if item is not None:
                item.text = text + event.text
            elif event.item_id not in self._cut:
                self._early_texts[event.item_id] = text + event.text
        elif item is not None:
            item.is_made = True
            item.feed.close()

    def _caller_said(self, text: str) -> None:
        if self._stages is not None:
            self._stages.reach("text", self._now())
        if text:
            self.messages.append(Said("caller", text))
            self._diary.note(Turn("caller", text, *self._turn_s))

    def _hear(self, part: realtime.AudioPart) -> None:
        if part.item_id in self._cut:
            return
        if part.item_id not in self._items:
            if self._stages is not None:
                self._stages.reach("token", self._now())
                self._stages.reach("audio", self._now())
            feed = Feed(round(MOST_AHEAD_S * RATE_HZ))
            playback = self._call.play(feed.pieces())
            text = self._early_texts.pop(part.item_id, "")
            item = _Item(part.item_id, part.content_index, feed, playback, text)
            self._items[part.item_id] = item
            playback.on_settled(lambda: self._was_said(item))
        self._items[part.item_id].feed.add(part.samples)

    async def _began(self) -> None:
        self._is_asked, self._is_answering = False, True
        if self._is_unwanted:
            self._is_unwanted = False
            await self._send(realtime.cancel())

    async def _done(self, event: realtime.ResponseDone) -> None:
        self._is_answering = False
        if event.failure:
            self._fail(ServiceError("realtime", event.failure))
            await self.respond()
            return
        self.has_worked = True
        self.failures.reset()
        if event.wishes:
            self._spawn("tools", self._do(event.wishes))
        elif self._wants is not None:
            await self.respond(self._wants)

    def _fail(self, error: ServiceError) -> None:
        try:
            self.failures.add(error)
        except ServiceError as last:
            self.gave_up = last
            raise

    def _complain(self, event: realtime.Failed) -> None:
        _LOG.warning("realtime: %s: %s", event.code, event.text)
        if self._is_asked:
            # That was not taken; what it is waiting for will end some time.
            self._is_asked = False
            if event.code == ALREADY_ANSWERING:
                self._is_answering, self._wants = True, ""

    async def _do(self, wishes: Sequence[CallTool]) -> None:
        for wish in wishes:
            began_s = self._now()
            if wish.name in self.tools:
                tool = self.tools[wish.name]
                result = await run_tool(tool, self._call, wish.arguments)
            else:
                result = f"error: no tool {wish.name}"
            text = f"{wish.name} {wish.arguments} -> {result}"
            self._diary.note(Turn("tool", text, began_s, self._now()))
            await self._send(realtime.tool_result(wish.call_id, result))
        if not self.will_hang_up:
            await self.respond()
        elif not self._items:
            self._call.hang_up()

    def _was_said(self, item: _Item) -> None:
        """What became of an item is known."""
        if self._items.pop(item.item_id, None) is None:
            return
        self._change.announce()
        heard = item.playback.so_far()
        text = item.heard_text().strip()
        stages, self._stages = self._stages, None
        is_cut = not heard.complete
        if text:
            self.messages.append(Said("bot", text, is_cut=is_cut))
        self._diary.said(
            text,
            item.playback.audible_from_s,
            stages,
            is_cut=is_cut,
            heard=heard.certainty.value,
        )
        if self.will_hang_up and not self._items and not self._is_answering:
            self._call.hang_up()

    # ------------------------------------------------------------ for the tools

    async def caught_up(self) -> None:
        """Wait until what has been said so far has been heard."""
        while self._items and self._call.is_open:
            await self._change.wait()

    async def tell(self, text: str) -> None:
        """Let the service say something, and wait until it has been heard."""
        if not text:
            return
        await self._idle()
        await self.respond(f"Say exactly this, and nothing else: {text}")
        await self._idle()
        await self.caught_up()

    async def _idle(self) -> None:
        """Wait until the service makes no answer."""
        while (self._is_answering or self._is_asked) and self._call.is_open:
            await self._change.wait()

    def caller_held(self, *, is_held: bool) -> None:
        """The service is not told: it has no idea of time."""
