"""All rooms mixed in one go."""

import numpy as np

from bridge.engine.mixer import mix_rooms
from bridge.engine.routing import Voice, hearing
from bridge.multiparty.vocabulary import Role


def test_each_hears_the_others_of_their_own_room() -> None:
    """Rooms of different sizes, in one product."""
    voices = [np.array([[1], [10], [100]], np.int16), np.array([[7], [9]], np.int16)]
    tables = [hearing([Voice(Role.AGENT)] * len(voice)) for voice in voices]

    mixed = mix_rooms(tables, voices)

    assert [room.ravel().tolist() for room in mixed] == [[110, 101, 11], [9, 7]]


def test_no_rooms_is_no_work() -> None:
    """An idle engine mixes nothing."""
    assert mix_rooms([], []) == []
