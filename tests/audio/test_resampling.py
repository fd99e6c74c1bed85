"""Constant delay, whatever the chunks, and a filter as good as it claims."""

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio import resampling
from bridge.audio.levels import rms_dbfs
from bridge.audio.pcm import Samples, silence
from bridge.audio.resampling import (
    Polyphase,
    resample,
    resampler,
    taps_by_lane,
)
from bridge.audio.tones import tone
from tests.uncompiled import uncompiled

RATIOS = [
    (8000, 16000),
    (16000, 8000),
    (8000, 24000),
    (24000, 8000),
    (16000, 24000),
    (24000, 16000),
    (8000, 48000),
    (48000, 8000),
]
rates = pytest.mark.parametrize(("from_hz", "to_hz"), RATIOS, ids=str)


@rates
def test_one_chunk_in_one_chunk_out(from_hz: int, to_hz: int) -> None:
    """Each 20 ms come out as 20 ms, at once."""
    stream = resampler(from_hz, to_hz)

    lengths = {len(stream.process(silence(from_hz // 50))) for _ in range(5)}

    assert lengths == {to_hz // 50}


@rates
def test_the_delay_is_small_and_as_declared(from_hz: int, to_hz: int) -> None:
    """A click comes out exactly `delay_samples` later, at most 3 ms."""
    stream = resampler(from_hz, to_hz)
    click = silence(from_hz // 10)
    place = 240
    click[place] = 20000

    heard = stream.process(click)

    peak = int(np.abs(heard.astype(np.int32)).argmax())
    assert peak == place * to_hz // from_hz + stream.delay_samples
    assert stream.delay_samples / to_hz <= 0.003


@rates
@given(cuts=st.lists(st.integers(0, 960), max_size=8), seed=st.integers(0, 99))
def test_chunks_do_not_matter(
    from_hz: int, to_hz: int, cuts: list[int], seed: int
) -> None:
    """However a signal is cut, the same samples come out."""
    noise = np.random.default_rng(seed).integers(-30000, 30000, 960).astype(np.int16)
    whole = resampler(from_hz, to_hz)
    pieces = resampler(from_hz, to_hz)
    bounds = [0, *sorted(cuts), len(noise)]

    parts = [pieces.process(noise[a:b]) for a, b in pairwise(bounds)]

    at_once = np.concatenate([whole.process(noise), whole.flush()])
    in_pieces = np.concatenate([*parts, pieces.flush()])
    # Another number of rows may be summed in another order: one step at most.
    assert len(in_pieces) == len(at_once)
    assert np.abs(in_pieces.astype(int) - at_once).max(initial=0) <= 1


@rates
@pytest.mark.parametrize("hz", [300, 1000, 2500, 3400])
def test_the_pass_band_is_flat(from_hz: int, to_hz: int, hz: int) -> None:
    """Within 1 dB from 300 to 3400 Hz."""
    before, after = through(from_hz, to_hz, hz)

    assert abs(rms_dbfs(after) - rms_dbfs(before)) < 1.0


@pytest.mark.parametrize(("to_hz", "hz"), [(8000, 4600), (8000, 5200), (8000, 7000)])
@pytest.mark.parametrize("from_hz", [16000, 24000])
def test_aliases_are_60_db_down(from_hz: int, to_hz: int, hz: int) -> None:
    """What cannot be said at the slower rate is not folded into it."""
    before, after = through(from_hz, to_hz, hz)

    assert rms_dbfs(after) < rms_dbfs(before) - 60


@pytest.mark.parametrize("to_hz", [16000, 24000])
@pytest.mark.parametrize("hz", [300, 1000, 3400])
def test_images_are_60_db_down(to_hz: int, hz: int) -> None:
    """Above half the old rate nothing is made up."""
    _, after = through(8000, to_hz, hz)

    windowed = after * np.blackman(len(after))
    power = np.abs(np.fft.rfft(windowed)) ** 2
    above = np.fft.rfftfreq(len(after), 1 / to_hz) > 4100
    assert 10 * np.log10(power[above].sum() / power.sum()) < -60


def through(from_hz: int, to_hz: int, hz: float) -> tuple[Samples, Samples]:
    """A loud tone, and the steady part of what comes out."""
    before = tone(hz, 0.5, from_hz, -6.0)
    after = resampler(from_hz, to_hz).process(before)
    return before, after[to_hz // 50 :]


def test_loud_audio_saturates() -> None:
    """Overshoot becomes full scale, not noise."""
    square = np.where(np.arange(800) // 8 % 2, 32767, -32768).astype(np.int16)

    heard = resampler(8000, 16000).process(square)

    assert heard.max() == 32767
    assert heard.min() == -32768


@rates
def test_a_flush_ends_the_stream(from_hz: int, to_hz: int) -> None:
    """The lagging rest comes out, and then nothing is remembered."""
    stream = resampler(from_hz, to_hz)
    stream.process(tone(1000, 0.1, from_hz))

    rest = stream.flush()

    assert len(rest) == pytest.approx(stream.delay_samples, abs=to_hz // from_hz + 1)
    assert not stream.process(silence(from_hz // 50)).any()


@rates
def test_a_reset_forgets(from_hz: int, to_hz: int) -> None:
    """Nothing of the old stream is heard in the new one."""
    stream = resampler(from_hz, to_hz)
    stream.process(tone(1000, 0.1, from_hz))

    stream.reset()

    assert not stream.process(silence(from_hz // 50)).any()


def test_equal_rates_change_nothing() -> None:
    """The very same samples."""
    stream = resampler(8000, 8000)
    sound = tone(440, 0.02, 8000)

    assert stream.process(sound) is sound
    stream.reset()
    assert len(stream.flush()) == 0
    assert stream.delay_samples == 0
    assert resample(sound, 8000, 8000) is sound


def test_other_ratios_keep_the_duration() -> None:
    """22.05 kHz voices fit into any stream, nothing is lost at the end."""
    stream = resampler(22050, 8000)
    sound = tone(440, 1.0, 22050)
    parts = [stream.process(sound[i : i + 441]) for i in range(0, 22050, 441)]

    heard = np.concatenate([*parts, stream.flush()])

    assert len(heard) == pytest.approx(8000, abs=1)
    assert rms_dbfs(heard) == pytest.approx(rms_dbfs(sound), abs=0.2)
    stream.process(sound)
    stream.reset()
    assert len(stream.flush()) == 0


def test_a_whole_recording_is_converted_in_place() -> None:
    """Same duration, same loudness, no delay."""
    sound = tone(440, 0.5, 44100)

    converted = resample(sound, 44100, 8000)

    assert len(converted) == 4000
    assert rms_dbfs(converted) == pytest.approx(rms_dbfs(sound), abs=0.2)


def test_a_rate_must_be_positive() -> None:
    """Zero is no rate."""
    with pytest.raises(ValueError, match="cannot resample from 0 Hz"):
        resampler(0, 8000)


def _compiled(*, is_compiled: bool, up: int, down: int) -> Polyphase:
    try:
        return Polyphase(up, down, is_compiled=is_compiled)
    except AttributeError:
        pytest.skip("the filter was not compiled: there was no compiler")


@pytest.mark.parametrize(("up", "down"), [(2, 1), (1, 2), (3, 1), (1, 3), (3, 2)])
@given(sizes=st.lists(st.integers(0, 700), max_size=6), seed=st.integers(0, 99))
def test_both_filters_say_the_same(
    up: int, down: int, sizes: list[int], seed: int
) -> None:
    """The compiled one and numpy's: but for the rounding of a sum in another order."""
    random = np.random.default_rng(seed)
    compiled = _compiled(is_compiled=True, up=up, down=down)
    plain = _compiled(is_compiled=False, up=up, down=down)
    for size in sizes:
        chunk = random.integers(-32768, 32768, size).astype(np.int16)

        ours, theirs = compiled.process(chunk), plain.process(chunk)

        assert len(ours) == len(theirs)
        assert np.abs(ours.astype(int) - theirs).max(initial=0) <= 1
    rest = compiled.flush().astype(int) - plain.flush()
    assert np.abs(rest).max(initial=0) <= 1


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere there may be no compiler")
def test_ci_compiles_the_filter() -> None:
    """Else nothing above has been tried."""
    assert Polyphase(2, 1, is_compiled=True).process(silence(160)).shape == (320,)


@pytest.mark.parametrize(
    "arguments",
    [
        (b"", 1, 1),
        (bytes(12), 2, 1),
        (bytes(8), 1, 3),
        (bytes(999 * 4), 1, 1),
        (bytes(4), 2**62, 4),
    ],
)
def test_taps_of_no_filter_are_refused(arguments: tuple[bytes, int, int]) -> None:
    """They must be whole blocks, and no more than it has room for."""
    fir = pytest.importorskip("bridge.audio._fir")
    with pytest.raises(ValueError, match="no taps"):
        fir.Filter(*arguments)


def test_half_a_block_is_refused_by_the_compiled_filter() -> None:
    """`Polyphase` keeps it back."""
    fir = pytest.importorskip("bridge.audio._fir")
    with pytest.raises(ValueError, match="whole number of blocks"):
        fir.Filter(taps_by_lane(1, 2), 1, 2).process(silence(3))


def test_a_filter_without_taps_filters_nothing() -> None:
    """However it came about."""
    fir = pytest.importorskip("bridge.audio._fir")
    with pytest.raises(RuntimeError, match="without taps"):
        fir.Filter.__new__(fir.Filter).process(silence(2))


@rates
def test_every_second_sample_of_an_array_will_do(from_hz: int, to_hz: int) -> None:
    """One channel of two, say."""
    stereo = np.random.default_rng(1).integers(-9000, 9000, (480, 2)).astype(np.int16)

    heard = resampler(from_hz, to_hz).process(stereo[:, 0])

    expected = resampler(from_hz, to_hz).process(stereo[:, 0].copy())
    assert np.array_equal(heard, expected)


def test_without_the_compiled_filter_numpys_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where there was no compiler."""
    plain = uncompiled(monkeypatch, resampling, "bridge.audio._fir")

    heard = plain.resampler(8000, 16000).process(silence(160))

    assert heard.shape == (320,)
    assert plain._fir is None
