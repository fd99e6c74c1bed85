"""All rooms mixed in one go."""

import numpy as np

from bridge.engine.mixer import mix_rooms
from bridge.engine.routing import Voice, hearing
from bridge.multiparty.vocabulary import Role


def test_each_hears_the_others_of_their_own_room() -> None:
    """Rooms of different sizes, in one product."""
    voices = [
        [np.array([said], np.int16) for said in room]
        for room in ([1, 10, 100], [7, 9], [2, 4, 8])
    ]
    tables = [hearing([Voice(Role.AGENT)] * len(voice)) for voice in voices]

    mixed = mix_rooms(tables, voices)

    assert [room.ravel().tolist() for room in mixed] == [
        [110, 101, 11],
        [9, 7],
        [12, 10, 6],
    ]


def test_a_room_may_have_one_who_only_listens() -> None:
    """As the recorder does: a listener more than members."""
    voices = [[np.array([said], np.int16) for said in (1, 10)]]

    mixed = mix_rooms([np.array([[False, True], [True, False], [True, True]])], voices)

    assert mixed[0].ravel().tolist() == [10, 1, 11]


def test_no_rooms_is_no_work() -> None:
    """An idle engine mixes nothing."""
    assert mix_rooms([], []) == []
