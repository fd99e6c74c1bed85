"""The bot `realtime`, against a service that speaks the published events."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.bots import realtime as module
from bridge.bots.realtime import Realtime
from bridge.speech.voices import LevelDetector
from tests.fakes.caller import Caller, calling
from tests.fakes.realtime_service import RealtimeService, serving_realtime
from tests.patience import PATIENCE_S, in_real_time, until


@asynccontextmanager
async def talking(
    *answers: Mapping[str, object], **options: object
) -> AsyncIterator[tuple[RealtimeService, Caller]]:
    """A service that will answer so, a bot, and a caller."""

    async def add(first: int, second: int) -> int:
        """Add two numbers."""
        await asyncio.sleep(0.2)
        return first + second

    async with serving_realtime() as service:
        service.answers = [dict(each) for each in answers]
        given = {
            "url": service.url,
            "key": SecretStr("secret"),
            "greeting": "",
            **options,
        }
        bot = Realtime(
            Realtime.Options.model_validate(given),
            tools=[add],
            detector=_detector(given),
        )
        await bot.setup()
        async with calling(bot) as caller:
            yield service, caller


def _detector(given: dict[str, object]) -> LevelDetector | None:
    return LevelDetector() if given.get("turns") == "local" else None


async def test_a_session_is_set_up_and_greets() -> None:
    """Audio both ways at 24 kHz, tools, instructions; the greeting is an answer."""
    async with talking(
        {"text": "Hello there.", "seconds": 0.5},
        greeting="Greet them.",
        instructions="Be brief.",
    ) as (service, caller):
        caller.say(tone(300, 0.5, 8000))
        await caller.until(PATIENCE_S, 24)
        await until(lambda: caller.turns)

        assert service.authorization == "Bearer secret"
        assert service.path.endswith("/realtime?model=gpt-realtime")
        session = service.of("session.update")[0]["session"]
        assert session["type"] == "realtime"
        assert session["instructions"] == "Be brief."
        assert session["audio"]["input"]["format"] == {
            "type": "audio/pcm",
            "rate": 24000,
        }
        assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert {tool["name"] for tool in session["tools"]} == {
            "add", "hang_up", "send_digits"
        }  # fmt: skip
        (wish,) = service.of("response.create")
        assert wish["response"]["instructions"] == "Be brief.\n\nGreet them."
        assert service.loudness() > 3000
        assert caller.lines() == ["bot: Hello there."]


async def test_what_the_caller_says_is_written_down_and_answered() -> None:
    """Latency is counted from the end of their speech, as the service knows it."""
    async with talking({"text": "It is five.", "seconds": 0.6}) as (service, caller):
        await until(lambda: len(service.heard) > 24000)
        await service.caller_spoke("What time is it?", end_ms=900)
        await until(lambda: len(caller.turns) == 2)

        assert caller.lines() == ["caller: What time is it?", "bot: It is five."]
        stages = caller.turns[-1].latencies_ms
        assert list(stages) == ["turn", "text", "token", "audio", "played"]
        assert caller.turns[-1].heard == "confirmed"


@in_real_time
async def test_an_interruption_truncates_at_what_was_heard() -> None:
    """And the transcript has no word that was not."""
    text = " ".join(f"word{number:02}" for number in range(20))
    async with talking({"text": text, "seconds": 6.0}) as (service, caller):
        await until(lambda: len(service.heard) > 4800)
        await service.caller_spoke("Go on.")
        await caller.until(PATIENCE_S, 100)
        await service.caller_began()
        await until(lambda: service.of("conversation.item.truncate"))
        await until(lambda: len(caller.turns) == 2)
        sounds = caller.sounds()
        await asyncio.sleep(0.5)
        assert caller.sounds() <= sounds + 4

        (cut,) = service.of("conversation.item.truncate")
        assert cut["item_id"] == "item1"
        assert cut["audio_end_ms"] == pytest.approx(caller.sounds() * 20, abs=120)
        assert "response.cancel" not in service.kinds()
        bot = caller.turns[-1]
        assert bot.is_cut
        assert text.startswith(bot.text)
        assert 3 <= len(bot.text.split()) <= caller.sounds() * 20 / 300


async def test_tools_are_run_and_their_results_answered() -> None:
    """Also when the service is busy meanwhile."""
    async with talking(
        {"text": "Let me see.", "calls": [("add", '{"first": 2, "second": 3}')]},
        {"text": "Five.", "seconds": 0.4},
    ) as (service, caller):
        await until(lambda: len(service.heard) > 4800)
        await service.caller_spoke("Two and three?")
        await until(lambda: "bot: Five." in caller.lines())

        output = service.of("conversation.item.create")[0]["item"]
        assert output == {
            "type": "function_call_output",
            "call_id": "c0",
            "output": "5",
        }
        assert any(turn.who == "tool" for turn in caller.turns)


async def test_a_refused_answer_is_asked_for_again() -> None:
    """The service was just making another."""
    async with talking(
        {"calls": [("add", '{"first": 2, "second": 3}')]},
        {"text": "A long answer.", "seconds": 1.0, "pause_s": 0.1},
        {"text": "Five.", "seconds": 0.4},
    ) as (service, caller):
        await until(lambda: len(service.heard) > 4800)
        await service.caller_spoke("Two and three?")
        await asyncio.sleep(0.1)
        await service.caller_spoke("And hurry.")
        await until(lambda: "bot: Five." in caller.lines())


async def test_hanging_up_waits_for_the_last_word() -> None:
    """It is heard to its end."""
    async with talking(
        {"text": "Goodbye my friend.", "seconds": 1.0, "calls": [("hang_up", "{}")]}
    ) as (service, caller):
        await until(lambda: len(service.heard) > 4800)
        await service.caller_spoke("Bye.")
        await until(caller.is_over.is_set)
        assert caller.sounds() == pytest.approx(50, abs=3)


@in_real_time
async def test_keys_are_told_and_answered() -> None:
    """They stop what is being said."""
    async with talking(
        {"text": "Press one or two or three.", "seconds": 5.0},
        {"text": "Two.", "seconds": 0.4},
    ) as (service, caller):
        await until(lambda: len(service.heard) > 4800)
        await service.caller_spoke("Menu.")
        await caller.until(PATIENCE_S, 20)
        for key in "42#":
            await caller.press(key)
        await until(lambda: "bot: Two." in caller.lines())
        told = service.of("conversation.item.create")[0]["item"]
        assert told["content"][0]["text"] == "(pressed the keys 42)"
        assert caller.sounds() < 80


async def test_local_turns_commit_and_cancel() -> None:
    """Decided here, for services that do not."""
    async with talking(
        {"text": "A very long story begins here.", "seconds": 5.0, "pause_s": 0.05},
        {"text": "Yes?", "seconds": 0.4},
        turns="local",
    ) as (service, caller):
        caller.say(tone(300, 0.6, 8000, -20.0))
        await caller.until(PATIENCE_S, 20)
        session = service.of("session.update")[0]["session"]
        assert session["audio"]["input"]["turn_detection"] is None
        caller.say(tone(300, 0.6, 8000, -20.0))
        caller.say(silence(8000))
        await until(lambda: "bot: Yes?" in caller.lines())
        kinds = service.kinds()
        assert kinds.count("input_audio_buffer.commit") == 2
        assert kinds.count("response.create") == 2
        assert kinds.index("response.cancel") < kinds.index(
            "conversation.item.truncate"
        )


async def test_a_session_that_breaks_goes_on_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Told what was said so far; a question that was open is answered."""
    monkeypatch.setattr(module, "RETRY_S", (0.05, 0.05, 0.05))
    async with talking(
        {"text": "One.", "seconds": 0.4},
        {"text": "Two.", "seconds": 30.0, "pause_s": 1.0},
        {"text": "Three.", "seconds": 0.4},
    ) as (service, caller):
        await until(lambda: len(service.heard) > 4800)
        await service.caller_spoke("Count.")
        await until(lambda: "bot: One." in caller.lines())
        await service.caller_spoke("Go on.")
        await service.drop()
        await until(lambda: "bot: Three." in caller.lines())

        assert service.sessions == 2
        told = [event["item"] for event in service.of("conversation.item.create")]
        texts = [(item["role"], item["content"][0]["text"]) for item in told[:3]]
        assert texts == [("user", "Count."), ("assistant", "One."), ("user", "Go on.")]


async def test_a_service_that_keeps_refusing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it takes no connection, or fails each answer."""
    monkeypatch.setattr(module, "RETRY_S", (0.05, 0.05, 0.05))
    async with talking(*({"fails": "quota"},) * 9) as (service, caller):
        await until(lambda: len(service.heard) > 4800)
        await service.caller_spoke("Hello?")
        await until(caller.is_over.is_set)
        assert caller.server.metrics.bot_errors == {"bot": 1}
    async with serving_realtime() as gone:
        url = gone.url
    bot = Realtime(Realtime.Options(url=url))
    async with calling(bot) as caller:
        await until(caller.is_over.is_set)
        assert caller.server.metrics.bot_errors == {"bot": 1}
