"""Who hears whom.

Plivo documents the roles, not the whole table; where it is silent, this is ours:
an AI agent speaks like an agent, and hears a coaching supervisor unless told not to.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.multiparty.vocabulary import Role

__all__ = ["Voice", "hearing"]


@dataclasses.dataclass(frozen=True, slots=True)
class Voice:
    """What routing needs to know of a member."""

    role: Role
    is_muted: bool = False
    is_held: bool = False
    is_coaching: bool = False


def hearing(
    voices: Sequence[Voice], *, ai_agent_hears_coach: bool = True
) -> NDArray[np.bool_]:
    """Tell who hears whom.

    Args:
        voices: The members of one room.
        ai_agent_hears_coach: Whether a coaching supervisor reaches AI agents.

    Returns:
        Shape `(members, members)`: row hears column. Nobody hears themselves; who is
        on hold neither hears nor is heard; who is muted is not heard.
    """
    hears_coach = {Role.AGENT, Role.SUPERVISOR}
    if ai_agent_hears_coach:
        hears_coach.add(Role.AI_AGENT)
    table = np.zeros((len(voices), len(voices)), np.bool_)
    for row, listener in enumerate(voices):
        for column, speaker in enumerate(voices):
            table[row, column] = (
                row != column
                and not listener.is_held
                and not speaker.is_held
                and not speaker.is_muted
                and (not speaker.is_coaching or listener.role in hears_coach)
            )
    return table
