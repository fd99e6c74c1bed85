"""The offline voice."""

import sys

import numpy as np
import pytest

from bridge.audio.levels import peak_dbfs, rms_dbfs
from bridge.errors import ConfigError
from bridge.speech import hibari
from bridge.speech.hibari import HibariVoice, offline_voice
from bridge.speech.synthesis import Speech, spoken
from tests.speech.needs_local import needs_local


async def said(text: str) -> list[Speech]:
    voice = HibariVoice()
    await voice.load()
    return [piece async for piece in voice.speak(text, 8000)]


@needs_local
@pytest.mark.slow
async def test_a_text_is_spoken() -> None:
    """At the rate that is wanted, loud enough, and the same each time."""
    voice = offline_voice()
    assert voice is not None

    samples = await spoken(voice, "Hello, how are you? I am fine.", 8000)

    assert samples.dtype == np.int16
    assert 1.0 < len(samples) / 8000 < 6.0
    assert peak_dbfs(samples) > -10.0
    assert rms_dbfs(samples) > -30.0
    again = await spoken(voice, "Hello, how are you? I am fine.", 8000)
    assert np.array_equal(samples, again)


@needs_local
@pytest.mark.slow
async def test_it_begins_at_once_and_tells_when_each_word_is_said() -> None:
    """Silence before and after is left out; words are where they sound."""
    (first, second) = await said("Hello there. It costs $12.50 today.")

    loud = np.flatnonzero(np.abs(first.samples.astype(np.int32)) > 300)
    assert loud[0] < 0.05 * 8000
    assert len(first.samples) - loud[-1] < 0.25 * 8000
    assert [word.text for word in first.words] == ["Hello", "there."]
    assert [word.text for word in second.words] == ["It", "costs", "$12.50", "today."]
    for piece in (first, second):
        ends = [word.end_samples for word in piece.words]
        assert ends == sorted(ends)
        assert ends[0] > 0
        assert ends[-1] <= len(piece.samples)
    price = second.words[2].end_samples - second.words[1].end_samples
    # `twelve dollars and fifty cents` takes longer than `costs`.
    assert price > 2 * (second.words[1].end_samples - second.words[0].end_samples)


@needs_local
@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "🎉"])
async def test_what_cannot_be_said_is_nothing(text: str) -> None:
    """Of no length."""
    assert await said(text) == []


def test_without_a_voice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And `offline_voice` says that there is none."""
    monkeypatch.setitem(sys.modules, "hibari", None)
    with pytest.raises(ConfigError, match=r"mpc-bridge\[local\]"):
        HibariVoice()
    assert offline_voice() is None


@needs_local
@pytest.mark.slow
async def test_what_was_said_before_is_not_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By whichever call; at another rate it is."""
    made: list[int] = []
    synthesized = hibari._Model._synthesized

    def counted(model: hibari._Model, phonemes: str, rate_hz: int) -> object:
        made.append(rate_hz)
        return synthesized(model, phonemes, rate_hz)

    monkeypatch.setattr(hibari._Model, "_synthesized", counted)
    voice = HibariVoice()
    await voice.load()
    made.clear()
    for rate_hz in (8000, 8000, 16000):
        assert len(await spoken(voice, "Are you still there?", rate_hz)) > rate_hz / 2
    assert made == [8000, 16000]


@needs_local
@pytest.mark.slow
def test_kept_noise_is_the_generator_s_own() -> None:
    """Of any length, before and after longer ones; who gets it may change it."""
    noise = hibari._Noise()
    for size in [(601, 8), (601, 40), (601, 8), (3, 5)]:
        drawn = noise.standard_normal(size, np.float32)
        generator = np.random.default_rng(hibari.SEED)
        assert np.array_equal(drawn, generator.standard_normal(size, np.float32))
        drawn[:] = 0
    # More than is kept, and another type, are as good.
    longest = noise.standard_normal((hibari.KEPT_NOISE + 1,), np.float32)
    assert np.array_equal(longest[:5], noise.standard_normal((5,), np.float32))
    assert noise.standard_normal((5,), np.float64).dtype == np.float64


@needs_local
@pytest.mark.slow
def test_a_phoneme_the_model_does_not_know_claims_no_word_early() -> None:
    """The places are not known then, and all words end with the whole."""
    model = hibari._Model()
    ids = model._voice.ids
    model._voice.ids = lambda phonemes: [*ids(phonemes)[:-2], 0]
    speech = model.say("Hello there, dear friend.", 8000)
    assert speech is not None
    assert {word.end_samples for word in speech.words} == {len(speech.samples)}
