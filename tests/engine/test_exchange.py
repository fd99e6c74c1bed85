"""Rooms with phones in them, in virtual time."""

import asyncio
import itertools
from pathlib import Path

import numpy as np
import pytest

from bridge.audio import files
from bridge.audio.tones import tone
from bridge.engine.phonebook import KeyPress, PhoneScript
from bridge.engine.room import NotAllowedError, RoomFullError
from bridge.errors import StreamError
from bridge.multiparty.requests import AddParticipant, UpdateParticipant
from bridge.multiparty.vocabulary import ExitCause, MpcStatus, Role, Termination
from tests.engine.setting import engine, hears, level, voice


async def test_a_room_is_made_by_who_comes_first(tmp_path: Path) -> None:
    """Found by name and uuid while it lives."""
    async with engine(tmp_path) as house:
        line = house.add("demo")
        conference = house.room()
        room = conference.room
        assert not room.members
        await asyncio.sleep(1)
        assert room.status is MpcStatus.ACTIVE
        assert house.exchange.find(mpc_uuid=room.mpc_uuid) is conference

        line.leg.hang_up()
        await house.exchange.ended(room)

        assert house.exchange.find("demo") is None
        assert room.termination is Termination.NO_ACTIVE_PARTICIPANTS
        assert house.exchange.calls.lines == {}


async def test_everybody_hears_the_others(tmp_path: Path) -> None:
    """Three phones, three tones; each hears the two that are not its own."""
    tones = {"2": 500, "3": 700, "4": 1100}
    scripts = {f"n{number}": voice(tmp_path, hz) for number, hz in tones.items()}
    async with engine(tmp_path, **scripts) as house:
        lines = {number: house.add("demo", number) for number in tones}
        await asyncio.sleep(3)

        for number, hz in tones.items():
            sound = house.sound(lines[number])
            present = {other for other in tones.values() if hears(sound, other)}
            assert present == set(tones.values()) - {hz}


# Every role, every switch: what somebody may be in a call.
KINDS = [
    (role, mute, hold, coach)
    for role in ("customer", "agent", "ai-agent", "supervisor")
    for mute, hold in itertools.product((False, True), repeat=2)
    for coach in ((False, True) if role == "supervisor" else (False,))
]


def expected_to_hear(listener: tuple[object, ...], speaker: tuple[object, ...]) -> bool:
    """The table as it is documented, written down once more."""
    role, _, held, _ = listener
    _, muted, away, coaching = speaker
    if held or muted or away:
        return False
    return not coaching or role in ("agent", "ai-agent", "supervisor")


def rounds_of(members: int) -> list[tuple[tuple[object, ...], ...]]:
    """Who is in the rooms: of two, every pair; of more, all kinds come by."""
    if members == 2:
        return list(itertools.product(KINDS, repeat=2))
    kinds = itertools.cycle(KINDS)
    count = 1 + len(KINDS) // members
    return [tuple(next(kinds) for _ in range(members)) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("members", range(2, 11))
async def test_what_each_hears_is_the_table(tmp_path: Path, members: int) -> None:
    """N members speak N tones; every combination of roles and switches comes by."""
    hz = [400 + 300 * place for place in range(members)]
    scripts = {f"n{place}": voice(tmp_path, each) for place, each in enumerate(hz)}
    rooms = []
    async with engine(tmp_path, **scripts) as house:
        for number, kinds in enumerate(rounds_of(members)):
            lines = []
            for place, (role, mute, hold, coach) in enumerate(kinds):
                line = house.add(
                    f"room {number}", str(place), "agent", mute=mute, hold=hold
                )
                # Phones speak for AI agents too: what is asked is who hears whom.
                assert line.request is not None
                assert line.room is not None
                line.request = line.request.model_copy(
                    update={"role": Role(str(role)), "coach_mode": coach}
                )
                line.room._expected[line.call_uuid] = line.request
                lines.append(line)
            rooms.append((kinds, lines))
        await asyncio.sleep(0.9)

        for kinds, lines in rooms:
            for listener, line in zip(kinds, lines, strict=True):
                sound = house.sound(line, 0.2)
                for speaker, voice_hz, other in zip(kinds, hz, lines, strict=True):
                    wanted = other is not line and expected_to_hear(listener, speaker)
                    assert hears(sound, voice_hz) == wanted, (listener, speaker)


async def test_a_loud_room_saturates(tmp_path: Path) -> None:
    """Nobody's sum wraps around."""
    loud = voice(tmp_path, 500)
    assert loud.says is not None
    files.write(loud.says, tone(500, 1, 8000, -0.1), 8000)
    async with engine(tmp_path, n2=loud, n3=loud, n4=PhoneScript()) as house:
        house.add("demo", "2")
        house.add("demo", "3")
        line = house.add("demo", "4")
        await asyncio.sleep(2)

        sound = house.sound(line).astype(np.int32)
        assert sound.max() == 32767
        assert np.abs(np.diff(sound)).max() < 40000


async def test_who_hears_whom_is_worked_out_once(tmp_path: Path) -> None:
    """Not again in each tick, but whenever somebody comes."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        table = house.room().table
        await asyncio.sleep(1)
        assert house.room().table is table

        house.add("demo", "3")
        await asyncio.sleep(1)
        assert house.room().table.shape == (2, 2)


async def test_two_rooms_do_not_hear_each_other(tmp_path: Path) -> None:
    """Several calls at once, mixed in one go."""
    scripts = {"n2": voice(tmp_path, 500), "n4": voice(tmp_path, 900)}
    async with engine(tmp_path, **scripts) as house:
        house.add("one", "2")
        line = house.add("one", "3")
        house.add("two", "4")
        await asyncio.sleep(3)

        assert hears(house.sound(line), 500)
        assert level(house.sound(line), 900) < -80


async def test_a_waiting_room_hears_only_music_until_it_starts(tmp_path: Path) -> None:
    """Nobody hears anybody before."""
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2", start_mpc_on_enter=False)
        line = house.add("demo", "3", start_mpc_on_enter=False)
        await asyncio.sleep(2)
        assert house.sound(line).any()
        assert not hears(house.sound(line), 500)

        house.exchange.activate(house.room())
        await asyncio.sleep(1)
        assert hears(house.sound(line), 500)


async def test_a_kicked_phone_is_hung_up(tmp_path: Path) -> None:
    """And the one left alone with it."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        house.add("demo", "3")
        await asyncio.sleep(1)
        room = house.room().room

        house.exchange.kick(house.room(), ["1"])
        await asyncio.sleep(0.1)

        causes = [member.exit_cause for member in room.former]
        assert causes == [ExitCause.KICKED, ExitCause.MPC_ENDED]
        assert house.exchange.calls.lines == {}


@pytest.mark.parametrize("relays", [True, False])
async def test_keys_reach_phones_only_where_that_is_wished(
    tmp_path: Path,
    relays: bool,
) -> None:
    """`relay_dtmf_inputs`; AI agents are told in any case."""
    pressing = PhoneScript(keys=[KeyPress(after_s=1, digits="1")])
    async with engine(tmp_path, n2=pressing) as house:
        house.add("demo", "2", relay_dtmf_inputs=relays)
        line = house.add("demo", "3")
        told: list[str] = []
        other = house.add("demo", "4")
        assert other.request is not None
        other.request = other.request.model_copy(update={"role": Role.AI_AGENT})
        other.leg.press = told.append  # type: ignore[method-assign, assignment]
        await asyncio.sleep(1.65)

        assert hears(house.sound(line, 0.08), 697) == relays
        assert told == ["1"]


async def test_a_relayed_key_is_whole_for_everybody(tmp_path: Path) -> None:
    """Each phone hears all of its tone, however many there are."""
    pressing = PhoneScript(keys=[KeyPress(after_s=1, digits="1")])
    async with engine(tmp_path, n2=pressing) as house:
        house.add("demo", "2", relay_dtmf_inputs=True)
        others = [house.add("demo", number) for number in ("3", "4", "5")]
        await asyncio.sleep(2)
        for line in others:
            heard = np.flatnonzero(house.sound(line))
            # A key sounds for a tenth of a second.
            assert heard[-1] - heard[0] == pytest.approx(800, abs=20)
            assert hears(house.sound(line)[heard[0] : heard[-1]], 697)


async def test_the_longest_duration_ends_a_room(tmp_path: Path) -> None:
    """Whatever goes on in it."""
    async with engine(tmp_path) as house:
        house.add("demo", "2", max_duration=300)
        room = house.room().room
        await house.exchange.ended(room)

        assert asyncio.get_running_loop().time() == pytest.approx(300, abs=0.1)
        assert room.termination is Termination.MAX_DURATION_REACHED


async def test_what_cannot_be_added_leaves_no_trace(tmp_path: Path) -> None:
    """A content type that nobody streams, a full room, a call that is not there."""
    bad = AddParticipant.model_validate(
        {
            "role": "ai-agent",
            "ai_agent_stream_service_url": "ws://127.0.0.1:1/s",
            "ai_agent_stream_content_type": "audio/opus",
        }
    )
    async with engine(tmp_path) as house:
        with pytest.raises(StreamError):
            house.exchange.add("demo", bad)
        assert house.exchange.find("demo") is None
        for number in ("2", "3"):
            house.add("demo", number, max_participants=2)
        with pytest.raises(RoomFullError):
            house.add("demo", "4")
        assert len(house.exchange.calls.lines) == 2
        with pytest.raises(NotAllowedError, match="no live call nobody"):
            house.exchange.add(
                "other",
                AddParticipant.model_validate({"role": "agent", "call_uuid": "nobody"}),
            )
        assert house.exchange.find("other") is None


async def test_a_token_in_an_address_is_not_shown(tmp_path: Path) -> None:
    """Neither as a query nor as a password."""
    url = "ws://user:secret@127.0.0.1:1/s?token=secret"
    request = AddParticipant.model_validate(
        {"role": "ai-agent", "ai_agent_stream_service_url": url}
    )
    async with engine(tmp_path) as house:
        (line,) = house.exchange.add("demo", request)
        assert line.address == "ws://127.0.0.1:1/s"
        assert "secret" not in repr(line.leg)
        assert repr(line).endswith("ws://127.0.0.1:1/s queued>")


async def test_a_supervisor_coaches_and_stops(tmp_path: Path) -> None:
    """The customer hears them only when they do not; the change is heard as a beep."""
    scripts = {"n2": voice(tmp_path, 500), "n3": PhoneScript(), "n4": PhoneScript()}
    async with engine(tmp_path, **scripts) as house:
        supervisor = house.add("demo", "2", "supervisor")
        customer = house.add("demo", "3")
        agent = house.add("demo", "4", "agent")
        await asyncio.sleep(2)
        assert hears(house.sound(agent), 500)
        assert not hears(house.sound(customer), 500)
        assert supervisor.member is not None

        house.exchange.update(
            house.room(),
            [supervisor.member.member_id],
            UpdateParticipant.model_validate({"coach_mode": False}),
        )
        await asyncio.sleep(0.15)
        assert hears(house.sound(customer, 0.1), 440)
        await asyncio.sleep(1)
        assert hears(house.sound(customer), 500)
        assert agent.member is not None
        with pytest.raises(NotAllowedError, match="is no supervisor but agent"):
            house.exchange.update(
                house.room(),
                [agent.member.member_id],
                UpdateParticipant.model_validate({"coach_mode": True}),
            )
        assert supervisor.member.coach_mode is False


async def test_a_change_can_be_silent(tmp_path: Path) -> None:
    """`disable_state_change_sound`."""
    async with engine(tmp_path) as house:
        house.add("demo", "2")
        line = house.add("demo", "3")
        await asyncio.sleep(2)
        change = {"mute": True, "disable_state_change_sound": True}
        house.exchange.update(
            house.room(), ["1"], UpdateParticipant.model_validate(change)
        )
        await asyncio.sleep(0.4)
        assert not house.sound(line).any()
