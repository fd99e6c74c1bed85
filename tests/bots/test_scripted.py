"""A script: files, silences, keys."""

import asyncio
from pathlib import Path

import pytest

from bridge.audio import files
from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.bots.scripted import Script, Scripted
from bridge.errors import ConfigError
from bridge.stream import messages
from tests.fakes.far_end import FarEnd, calling


def scripted(folder: Path, *steps: str) -> Scripted:
    files.write(folder / "a.wav", tone(440, 1.0, 8000), 8000)
    path = folder / "script.toml"
    path.write_text("\n".join(f"[[steps]]\n{step}" for step in steps))
    return Scripted(Scripted.Options(script=path))


def press(far_end: FarEnd, digits: str) -> None:
    for digit in digits:
        far_end.tell(messages.Dtmf(dtmf=messages.DtmfBody(digit=digit)))


async def test_it_says_waits_and_hangs_up(tmp_path: Path) -> None:
    """In this order."""
    bot = scripted(tmp_path, 'say = "a.wav"', "wait_s = 2.0", "hang_up = true")
    async with calling(bot) as far_end:
        await asyncio.sleep(2.9)
        assert far_end.closed is None
        await asyncio.sleep(0.5)

        assert far_end.buffer.played_samples == pytest.approx(8000, abs=30)
        assert far_end.closed == (1000, "hung up by the bot")


async def test_it_waits_until_the_caller_has_spoken(tmp_path: Path) -> None:
    """Silence before speech is not the silence after it."""
    bot = scripted(tmp_path, "wait_for_silence_s = 0.5", 'say = "a.wav"')
    async with calling(bot) as far_end:
        await far_end.talk(silence(8000))
        assert far_end.sent_kinds().count("PlayAudio") == 0
        await far_end.talk(tone(440, 1.0, 8000))
        await far_end.talk(silence(3200))
        assert far_end.sent_kinds().count("PlayAudio") == 0
        await far_end.talk(silence(2400))

        assert far_end.sent_kinds().count("PlayAudio") > 0


async def test_speech_while_it_speaks_is_not_waited_for(tmp_path: Path) -> None:
    """What was said over the greeting is past."""
    bot = scripted(
        tmp_path, 'say = "a.wav"', "wait_for_silence_s = 0.5", "hang_up = true"
    )
    async with calling(bot) as far_end:
        await far_end.talk(tone(440, 0.8, 8000))
        await far_end.talk(silence(16000))

        assert far_end.closed is None


async def test_keys_end_a_wait(tmp_path: Path) -> None:
    """So many, or the terminator; those pressed before count."""
    bot = scripted(
        tmp_path,
        'say = "a.wav"',
        "wait_for_digits = 4",
        "wait_for_digits = 4",
        "hang_up = true",
    )
    async with calling(bot) as far_end:
        await asyncio.sleep(0.5)
        press(far_end, "1234")
        await asyncio.sleep(1.0)
        assert far_end.closed is None
        press(far_end, "5#")
        await asyncio.sleep(0.1)

        assert far_end.closed is not None


async def test_a_key_interrupts_what_may_be(tmp_path: Path) -> None:
    """And only that."""
    bot = scripted(
        tmp_path,
        'say = "a.wav"\ninterruptible = true',
        'send_digits = "1#"',
        "wait_s = 9",
    )
    async with calling(bot) as far_end:
        await asyncio.sleep(0.5)
        press(far_end, "1")
        await asyncio.sleep(0.1)

        assert "ClearAudio" in far_end.sent_kinds()
        assert "SendDtmf" in far_end.sent_kinds()


async def test_no_wait_is_for_ever(tmp_path: Path) -> None:
    """`at_most_s`; afterwards the script goes on, and still hears keys."""
    bot = scripted(
        tmp_path,
        "wait_for_silence_s = 1\nat_most_s = 2",
        "wait_for_digits = 1",
        "hang_up = true",
    )
    async with calling(bot) as far_end:
        await asyncio.sleep(2.1)
        press(far_end, "7")
        await asyncio.sleep(0.1)

        assert far_end.closed is not None


async def test_the_end_of_the_call_ends_the_script(tmp_path: Path) -> None:
    """In the middle of any step."""
    bot = scripted(tmp_path, 'say = "a.wav"', "wait_for_digits = 4", 'say = "a.wav"')
    async with calling(bot) as far_end:
        await asyncio.sleep(2)

    assert far_end.metrics.bot_errors == {}
    assert far_end.buffer.played_samples == pytest.approx(8000, abs=30)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "steps: Field required"),
        ("steps = []", "at least 1 item"),
        ('[[steps]]\nsay = "none.wav"', r"no file .*none\.wav"),
        ("[[steps]]\nwait_s = 1\nhang_up = true", "found wait_s, hang_up"),
        ("[[steps]]\nat_most_s = 1", "is needed, found none"),
        ("[[steps]]\nsing = true", "sing: there is nothing of that name"),
        ('[[steps]]\nsend_digits = "x"', "send_digits"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_is_said_before_any_call(
    tmp_path: Path, text: str, what: str
) -> None:
    """When the bot is made."""
    (tmp_path / "script.toml").write_text(text)

    with pytest.raises(ConfigError, match=what):
        Script.read(tmp_path / "script.toml")
