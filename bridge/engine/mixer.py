"""All rooms mixed in one go."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.audio.mixing import mix_matrix
from bridge.audio.pcm import Samples

__all__ = ["mix_rooms"]


def mix_rooms(
    tables: Sequence[NDArray[np.bool_]], voices: Sequence[Samples]
) -> list[Samples]:
    """Give each member of each room what it hears in one tick.

    Args:
        tables: For each room who hears whom, shape `(members, members)`.
        voices: For each room what its members say, shape `(members, samples)`;
            `samples` is the same in all.

    Returns:
        For each room what its members hear, shape `(members, samples)`.
    """
    if not tables:
        return []
    most = max(len(table) for table in tables)
    samples = max((voice.shape[1] for voice in voices), default=0)
    hears = np.zeros((len(tables), most, most), np.bool_)
    said = np.zeros((len(tables), most, samples), np.int16)
    for room, (table, voice) in enumerate(zip(tables, voices, strict=True)):
        hears[room, : len(table), : len(table)] = table
        said[room, : len(voice)] = voice
    mixed = mix_matrix(hears, said)
    return [mixed[room, : len(table)] for room, table in enumerate(tables)]
