"""Stages of an answer."""

from bridge.speech.stages import Stages


def test_each_stage_counts_from_the_end_of_speech() -> None:
    """The first time it is reached, in the order they have."""
    stages = Stages(10.0)
    stages.reach("token", 10.5)
    stages.reach("turn", 10.25)
    stages.reach("token", 11.0)
    assert stages.seconds() == {"turn": 0.25, "token": 0.5}
    assert list(stages.seconds()) == ["turn", "token"]
