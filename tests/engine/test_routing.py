"""Who hears whom."""

import itertools

import pytest

from bridge.engine.routing import Voice, hearing
from bridge.multiparty.vocabulary import Role

AGENT, CUSTOMER, SUPERVISOR, AI = (
    Role.AGENT,
    Role.CUSTOMER,
    Role.SUPERVISOR,
    Role.AI_AGENT,
)


@pytest.mark.parametrize("roles", list(itertools.product(Role, Role)), ids=str)
def test_everybody_hears_everybody_but_themselves(roles: tuple[Role, Role]) -> None:
    """Whatever their roles, while nobody coaches, is muted or on hold."""
    table = hearing([Voice(role) for role in roles])

    assert table.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("listener", Role)
@pytest.mark.parametrize("ai_hears", [True, False])
def test_a_coaching_supervisor_is_not_heard_by_customers(
    listener: Role, *, ai_hears: bool
) -> None:
    """Agents and supervisors do hear them, AI agents if the option says so."""
    coach = Voice(SUPERVISOR, is_coaching=True)

    table = hearing([Voice(listener), coach], ai_agent_hears_coach=ai_hears)

    expected = listener in (AGENT, SUPERVISOR) or (listener is AI and ai_hears)
    assert table[0, 1] == expected
    assert table[1, 0]


def test_the_muted_hear_and_are_not_heard() -> None:
    """Mute is one-way."""
    table = hearing([Voice(AGENT, is_muted=True), Voice(CUSTOMER)])

    assert table.tolist() == [[False, True], [False, False]]


def test_who_is_on_hold_is_out_of_the_conversation() -> None:
    """Neither hears nor is heard."""
    voices = [Voice(AGENT), Voice(CUSTOMER, is_held=True), Voice(AI)]

    table = hearing(voices)

    assert not table[1].any()
    assert not table[:, 1].any()
    assert table[0, 2]
    assert table[2, 0]
