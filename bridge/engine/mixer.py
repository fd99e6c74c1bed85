"""All rooms mixed in one go."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.audio.mixing import mix_matrix
from bridge.audio.pcm import Samples

__all__ = ["mix_rooms"]

_NOTHING: Samples = np.zeros((0, 0), np.int16)


def mix_rooms(
    tables: Sequence[NDArray[np.bool_]], voices: Sequence[Sequence[Samples]]
) -> list[Samples]:
    """Give each member of each room what it hears in one tick.

    Args:
        tables: For each room who hears whom, shape `(listeners, members)`.
        voices: For each room what its members say, all of the same length.

    Returns:
        For each room what its listeners hear, shape `(listeners, samples)`.
    """
    # Rooms of one shape are one product; nothing is padded to the largest of them.
    alike: dict[tuple[int, int], list[int]] = {}
    for room, table in enumerate(tables):
        listeners, members = table.shape
        alike.setdefault((listeners, members), []).append(room)
    mixed: list[Samples] = [_NOTHING] * len(tables)
    for (listeners, members), rooms in alike.items():
        hears = np.concatenate([tables[room] for room in rooms])
        hears = hears.reshape(len(rooms), listeners, members)
        said = np.concatenate([voice for room in rooms for voice in voices[room]])
        said = said.reshape(len(rooms), members, -1)
        for room, heard in zip(rooms, mix_matrix(hears, said), strict=True):
            mixed[room] = heard
    return mixed
