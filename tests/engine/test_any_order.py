"""Whatever is asked of an engine, in whatever order, nothing is left open."""

import asyncio
import contextlib
import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.engine.phonebook import KeyPress, PhoneScript
from bridge.engine.room import NotAllowedError
from bridge.multiparty.requests import (
    AddParticipant,
    StartParticipantRecording,
    StartRecording,
    UpdateParticipant,
)
from bridge.multiparty.vocabulary import TrackType
from tests.engine.setting import WEB, Engine, engine, wav

XML = f"""<Response><Speak>hello</Speak><Wait length="3"/>
<MultiPartyCall role="customer">two</MultiPartyCall><Play>{WEB}/a</Play></Response>"""

PAGES = {"/exit": XML.encode(), "/a": wav(440, 2.0), "/broken": 500}

PHONES = {
    "n1": PhoneScript(answers_after_s=0.2),
    "n2": PhoneScript(answers_after_s=4.0, hangs_up_after_s=7.0),
    "n3": PhoneScript(outcome="busy"),
    "n4": PhoneScript(outcome="no-answer"),
    "n5": PhoneScript(keys=[KeyPress(after_s=2, digits="1")]),
}

names = st.sampled_from(["one", "two"])
members = st.sampled_from(["1", "2", "3"])
extras = st.fixed_dictionaries(
    {},
    optional={
        "delay_dial": st.sampled_from([0, 3]),
        "confirm_key": st.just("1"),
        "record": st.booleans(),
        "record_participant_track": st.booleans(),
        "record_min_member_count": st.sampled_from([1, 2]),
        "stay_alone": st.booleans(),
        "start_mpc_on_enter": st.booleans(),
        "end_mpc_on_exit": st.booleans(),
        "create_mpc_with_single_participant": st.booleans(),
        "mute": st.booleans(),
        "hold": st.booleans(),
        "max_participants": st.sampled_from([2, 10]),
        "on_exit_action_url": st.sampled_from([f"{WEB}/exit", f"{WEB}/broken"]),
        "enter_sound": st.sampled_from(["beep:1", f"{WEB}/a", f"{WEB}/broken"]),
        "dial_music": st.sampled_from(["real", f"{WEB}/a"]),
        "status_callback_url": st.sampled_from([f"{WEB}/cb", f"{WEB}/broken"]),
        "call_status_callback_url": st.just(f"{WEB}/cb"),
        "send_digits": st.just("1w2"),
        "relay_dtmf_inputs": st.booleans(),
    },
)
commands = st.one_of(
    st.tuples(
        st.just("add"),
        names,
        st.sampled_from(["agent", "customer", "supervisor"]),
        st.sampled_from(["1", "2", "3", "4", "5"]),
        extras,
    ),
    st.tuples(st.just("rivals"), names, st.sampled_from(["1<1", "2<5<4", "3<4"])),
    st.tuples(st.just("move"), names, st.integers(0, 4)),
    st.tuples(st.just("hang up"), st.integers(0, 4)),
    st.tuples(st.just("kick"), names, members),
    st.tuples(st.just("end"), names),
    st.tuples(st.just("activate"), names),
    st.tuples(
        st.just("update"),
        names,
        members,
        st.sampled_from(["mute", "hold", "coach_mode"]),
        st.booleans(),
    ),
    st.tuples(st.just("record"), names),
    st.tuples(st.just("stop recording"), names),
    st.tuples(st.just("track"), names, members, st.sampled_from(list(TrackType))),
    st.tuples(st.just("play"), names, st.sampled_from(["all", "1"])),
    st.tuples(st.just("stop playing"), names, st.sampled_from(["all", "1"])),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.1, 0.5, 2.0])),
)


def do(house: Engine, command: tuple[Any, ...]) -> None:
    """Do one thing; what is not allowed, and what is not there, is nothing."""
    exchange, what = house.exchange, command[0]
    if what == "add":
        _, name, role, to, more = command
        house.add(name, to, role, **more)
    elif what == "rivals":
        house.add(command[1], command[2], "agent")
    elif what in ("move", "hang up"):
        lines = list(exchange.calls.lines.values())
        if command[-1] < len(lines):
            line = lines[command[-1]]
            if what == "hang up":
                line.leg.hang_up()
            else:
                moving = {"role": "customer", "call_uuid": line.call_uuid}
                exchange.add(command[1], AddParticipant.model_validate(moving))
    else:
        conference = exchange.find(command[1])
        if conference is not None:
            do_in(house, conference, command)


def do_in(house: Engine, conference: Any, command: tuple[Any, ...]) -> None:
    exchange = house.exchange
    recordings = exchange.parts.recordings
    present = [member.member_id for member in conference.room.members]
    match command:
        case ("kick", _, member):
            exchange.kick(conference, [member])
        case ("end", _):
            exchange.end(conference)
        case ("activate", _):
            exchange.activate(conference)
        case ("update", _, member, switch, on):
            change = UpdateParticipant.model_validate({switch: on})
            exchange.update(conference, [member], change)
        case ("record", _):
            recordings.start(conference, StartRecording(file_format="wav"))
        case ("stop recording", _):
            recordings.stop(conference)
        case ("track", _, member, kind) if member in present:
            request = StartParticipantRecording(
                file_format="wav", record_track_type=kind
            )
            recordings.start_track(conference, member, request)
        case ("play", _, form):
            announcer = exchange.parts.announcer
            conference.play("play", form, lambda: announcer.file(f"{WEB}/a"))
        case ("stop playing", _, form):
            conference.stop_playing("play", form)


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> Iterator[None]:
    """Of what a test leaves, and not of all that was there before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@settings(max_examples=40)
@given(st.lists(commands, max_size=15))
async def test_no_sequence_leaves_anything_open(plan: list[tuple[Any, ...]]) -> None:
    """No room, no call, no recording, no file, no task."""
    with tempfile.TemporaryDirectory() as folder:
        before = len(asyncio.all_tasks())
        async with engine(Path(folder), PAGES, **PHONES) as house:
            for command in plan:
                if command[0] == "wait":
                    await asyncio.sleep(command[1])
                else:
                    with contextlib.suppress(NotAllowedError):
                        do(house, command)
                alive = house.exchange.calls.lines
                for conference in house.exchange.conferences.values():
                    room = conference.room
                    inside = [line.call_uuid for line in conference.lines]
                    assert inside == [member.call_uuid for member in room.members]
                    assert set(inside) <= set(alive)
                    assert len(conference.tracks) <= 2 * len(inside)
            house.exchange.end_all()
            await asyncio.sleep(0.1)
            await house.settled()
            calls, recordings = house.exchange.calls, house.exchange.parts.recordings
            assert not calls.lines
            assert not calls._programs
            assert not calls._spawns
            assert recordings._origins == {}
            assert house.notifier._queues == {}
            assert house.exchange.parts.reporter._subscriptions == {}
            parts = [path for path in Path(folder).rglob("*") if path.suffix == ".part"]
            assert parts == []
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before
    gc.collect()  # a file left open would warn, and warnings are errors
