"""Sounds made of what the API names."""

from pathlib import Path

import pytest

from bridge.engine.targets import Target
from bridge.errors import ConfigError, PeerError
from bridge.multiparty import xml
from tests.engine.setting import WEB, engine, hears, wav


async def test_xml_becomes_sound(tmp_path: Path) -> None:
    """Files, texts and pauses; what cannot sound is passed over."""
    async with engine(tmp_path, {"/a": wav(900, 1.0), "/none": 404}) as house:
        announcer = house.exchange.parts.announcer
        sound = await announcer.render(
            [
                xml.Play(f"{WEB}/a", 2),
                xml.Play(f"{WEB}/none"),
                xml.Wait(0.5),
                xml.Speak("hello"),
                xml.Hangup(),
            ]
        )

    assert len(sound) == 8000 * 3
    assert hears(sound[:16000], 900)
    assert not sound[16000:20000].any()
    assert hears(sound[20000:], 1500)


async def test_sounds_have_a_length(tmp_path: Path) -> None:
    """Whatever the XML says."""
    async with engine(tmp_path) as house:
        sound = await house.exchange.parts.announcer.render([xml.Wait(9e5)] * 2)
        assert len(sound) == 600 * 8000


async def test_names_of_sounds(tmp_path: Path) -> None:
    """None, beeps, URLs."""
    async with engine(tmp_path, {"/a": wav(900, 1.0)}) as house:
        announcer = house.exchange.parts.announcer
        assert len(await announcer.named("none", "GET")) == 0
        assert len(await announcer.named("beep:1", "GET")) == 1600
        assert len(await announcer.named("beep:2", "GET")) == 4000
        assert len(await announcer.named(f"{WEB}/a", "GET")) == 8000
        assert len(await announcer.sound(Target(f"{WEB}/gone", "GET"))) == 0


async def test_without_a_voice_there_is_no_speech(tmp_path: Path) -> None:
    """It is said which extra brings one; in XML it is silence."""
    async with engine(tmp_path, options={"voice": None}) as house:
        announcer = house.exchange.parts.announcer
        assert not announcer.can_speak
        with pytest.raises(ConfigError, match=r"mpc-bridge\[local\]"):
            await announcer.text("hello")
        assert len(await announcer.render([xml.Speak("hello")])) == 0


async def test_what_is_no_audio_is_said(tmp_path: Path) -> None:
    """And what is no XML."""
    async with engine(tmp_path, {"/a": b"words"}) as house:
        announcer = house.exchange.parts.announcer
        with pytest.raises(PeerError, match="no WAV or MP3"):
            await announcer.file(f"{WEB}/a")
        with pytest.raises(PeerError, match="no XML"):
            await announcer.instructions(Target(f"{WEB}/a", "GET"))
