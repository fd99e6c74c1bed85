"""Sums of voices."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from bridge.audio.mixing import mix, mix_matrix
from bridge.audio.pcm import Samples

voices = st.lists(arrays.arrays(np.int16, 8), min_size=1, max_size=6)


@given(voices=voices)
def test_the_order_does_not_matter(voices: list[Samples]) -> None:
    """Saturation happens once, at the end."""
    assert mix(voices).tolist() == mix(list(reversed(voices))).tolist()


@given(voices=voices)
def test_a_mix_is_the_saturated_sum(voices: list[Samples]) -> None:
    """Nothing wraps around."""
    expected = np.sum([voice.astype(int) for voice in voices], axis=0)

    assert mix(voices).tolist() == expected.clip(-32768, 32767).tolist()


def test_a_short_voice_only_ends_earlier() -> None:
    """Lengths may differ; nobody at all is silence."""
    assert mix([np.array([1, 2], np.int16), np.array([10], np.int16)]).tolist() == [
        11,
        2,
    ]
    assert len(mix([])) == 0


@given(
    said=arrays.arrays(np.int16, (3, 4, 5)),
    hears=arrays.arrays(np.bool_, (3, 4, 4)),
)
def test_a_matrix_mixes_as_one_by_one(said: Samples, hears: NDArray[np.bool_]) -> None:
    """All rooms in one product give what each listener alone would get."""
    mixed = mix_matrix(hears, said)

    for room in range(3):
        for listener in range(4):
            heard = [said[room, s] for s in range(4) if hears[room, listener, s]]
            expected = mix(heard) if heard else np.zeros(5, np.int16)
            assert mixed[room, listener].tolist() == expected.tolist()
