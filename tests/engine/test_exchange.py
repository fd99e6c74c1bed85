"""Rooms with phones in them, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.audio import files
from bridge.audio.pcm import Samples
from bridge.audio.tones import tone
from bridge.engine.exchange import Exchange, ExchangeOptions
from bridge.engine.phonebook import KeyPress, Phonebook, PhoneScript
from bridge.engine.room import RoomFullError
from bridge.errors import StreamError
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import ExitCause, MpcStatus, Termination
from bridge.tasks import background
from tests.virtual_time import VirtualLoop


def adding(to: str, role: str = "customer", **more: object) -> AddParticipant:
    return AddParticipant.model_validate({"role": role, "from": "+1", "to": to, **more})


@asynccontextmanager
async def exchange(folder: Path, **numbers: PhoneScript) -> AsyncIterator[Exchange]:
    book = Phonebook(numbers=numbers)
    async with background() as spawn:
        made = Exchange(ExchangeOptions(folder / "recordings", book), spawn)
        spawn("clock", made.run())
        yield made
        made.end_all()
        await made.recorded()


def voice(folder: Path, hz: float, seconds: float = 1.0) -> PhoneScript:
    path = folder / f"{hz}.wav"
    files.write(path, tone(hz, seconds, 8000, -20.0), 8000)
    return PhoneScript(says=path, repeats=True, answers_after_s=0.5)


async def test_a_room_is_made_by_who_comes_first(tmp_path: Path) -> None:
    """Found by name while it lives, by uuid for ever."""
    async with exchange(tmp_path) as engine:
        (line,) = engine.add("demo", adding("+2"))
        room = line.room
        assert engine.find("demo") is room
        assert not room.members
        await asyncio.sleep(1)
        assert room.status is MpcStatus.ACTIVE

        line.leg.hang_up()
        await engine.ended(room)

        assert engine.find("demo") is None
        assert engine.find(mpc_uuid=room.mpc_uuid) is room
        assert room.termination is Termination.NO_ACTIVE_PARTICIPANTS
        assert engine.lines == {}


async def test_everybody_hears_the_others(tmp_path: Path) -> None:
    """Three phones, three tones; each hears the two that are not its own."""
    tones = {"2": 500, "3": 700, "4": 1100}
    scripts = {number: voice(tmp_path, hz) for number, hz in tones.items()}
    heard: dict[str, list[Samples]] = {}
    async with exchange(tmp_path, **scripts) as engine:
        for number in tones:
            (line,) = engine.add("demo", adding(number))
            line.leg.hear = heard.setdefault(number, []).append  # type: ignore[method-assign, assignment]
        await asyncio.sleep(3)

    for number, hz in tones.items():
        sound = np.concatenate(heard[number])[-8000:]
        power = np.abs(np.fft.rfft(sound))
        present = {other for other in tones.values() if power[other] > 1e5}
        assert present == set(tones.values()) - {hz}


async def test_who_hears_whom_is_worked_out_once(tmp_path: Path) -> None:
    """Not again in each tick, but whenever somebody comes."""
    async with exchange(tmp_path) as engine:
        (line,) = engine.add("demo", adding("2"))
        await asyncio.sleep(1)
        table = engine._table(line.room)
        await asyncio.sleep(1)
        assert engine._table(line.room) is table

        engine.add("demo", adding("3"))
        await asyncio.sleep(1)
        assert engine._table(line.room).shape == (2, 2)


async def test_two_rooms_do_not_hear_each_other(tmp_path: Path) -> None:
    """Several calls at once, mixed in one go."""
    scripts = {"2": voice(tmp_path, 500), "3": PhoneScript(), "4": voice(tmp_path, 900)}
    heard: list[Samples] = []
    async with exchange(tmp_path, **scripts) as engine:
        engine.add("one", adding("2"))
        (line,) = engine.add("one", adding("3"))
        engine.add("two", adding("4"))
        line.leg.hear = heard.append  # type: ignore[method-assign, assignment]
        await asyncio.sleep(3)

    power = np.abs(np.fft.rfft(np.concatenate(heard)[-8000:]))
    assert power[500] > 1e5
    assert power[900] < 1e3


async def test_a_waiting_room_is_silent_until_it_starts(tmp_path: Path) -> None:
    """Nobody hears anybody before."""
    scripts = {"2": voice(tmp_path, 500)}
    heard: list[Samples] = []
    async with exchange(tmp_path, **scripts) as engine:
        engine.add("demo", adding("2", start_mpc_on_enter=False))
        (line,) = engine.add("demo", adding("3", start_mpc_on_enter=False))
        line.leg.hear = heard.append  # type: ignore[method-assign, assignment]
        await asyncio.sleep(2)
        assert not np.concatenate(heard).any()

        engine.activate(line.room)
        await asyncio.sleep(1)
        assert np.concatenate(heard).any()


async def test_a_recording_has_a_channel_for_each(tmp_path: Path) -> None:
    """On the sample clock: a late joiner begins where they joined."""
    scripts = {"2": voice(tmp_path, 500), "3": voice(tmp_path, 900)}
    async with exchange(tmp_path, **scripts) as engine:
        (line,) = engine.add("demo", adding("2", record=True))
        await asyncio.sleep(2)
        engine.add("demo", adding("3"))
        await asyncio.sleep(2)
        engine.end(line.room)
        await engine.recorded()
        path = engine.recordings[line.room.mpc_uuid]

    audio, _ = soundfile.read(path, dtype="int16")
    assert audio.shape == (pytest.approx(28000, abs=320), 2)
    first = int(np.flatnonzero(audio[:, 1])[0])
    assert first == pytest.approx(16000, abs=320)
    assert audio[:, 0].any()


async def test_a_stall_does_not_bend_the_recording(tmp_path: Path) -> None:
    """The clock catches up, sample by sample; and skips what nobody could use."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    async with exchange(tmp_path, **{"2": voice(tmp_path, 500)}) as engine:
        (line,) = engine.add("demo", adding("2", record=True))
        await asyncio.sleep(1.5)
        loop.spend(0.7)
        await asyncio.sleep(1.3)
        recorded = engine.recorders[line.room.mpc_uuid].recorded_samples
        assert recorded == pytest.approx(3.0 * 8000, abs=320)
        assert engine.late_ticks > 30
        loop.spend(30)
        await asyncio.sleep(1)
        recorded = engine.recorders[line.room.mpc_uuid].recorded_samples
        assert recorded == pytest.approx(4.0 * 8000, abs=480)


async def test_who_does_not_answer_is_given_up(tmp_path: Path) -> None:
    """After the ring timeout; busy at once; an unreadable sound is said."""
    (tmp_path / "bad.wav").write_text("noise")
    scripts = {
        "2": PhoneScript(outcome="no-answer"),
        "3": PhoneScript(outcome="busy"),
        "4": PhoneScript(says=tmp_path / "bad.wav"),
    }
    now = asyncio.get_running_loop().time
    async with exchange(tmp_path, **scripts) as engine:
        for number, expected_s in (("2", 10), ("3", 0), ("4", 0)):
            began_s = now()
            (line,) = engine.add(f"room {number}", adding(number, ring_timeout=10))
            await engine.ended(line.room)
            assert now() - began_s == pytest.approx(expected_s, abs=0.1)


async def test_the_first_agent_to_answer_takes_the_call(tmp_path: Path) -> None:
    """The others stop ringing."""
    scripts = {"2": PhoneScript(answers_after_s=3), "3": PhoneScript(answers_after_s=1)}
    async with exchange(tmp_path, **scripts) as engine:
        lines = engine.add("demo", adding("2<3", role="agent"))
        await asyncio.sleep(5)

        (member,) = lines[0].room.members
        assert member.address == "3"
        assert len(engine.lines) == 1


async def test_a_dial_can_be_delayed(tmp_path: Path) -> None:
    """`delay_dial`."""
    async with exchange(tmp_path) as engine:
        (line,) = engine.add("demo", adding("2", delay_dial=5))
        await asyncio.sleep(5.4)
        assert line.member is None
        assert (await engine.joined("customer")) is line
        assert asyncio.get_running_loop().time() == pytest.approx(5.5, abs=0.05)


async def test_a_kicked_phone_is_hung_up(tmp_path: Path) -> None:
    """And the one left alone with it."""
    async with exchange(tmp_path) as engine:
        (line,) = engine.add("demo", adding("2"))
        engine.add("demo", adding("3"))
        await asyncio.sleep(1)

        engine.kick(line.room, ["1"])
        await asyncio.sleep(0.1)

        causes = [member.exit_cause for member in line.room.former]
        assert causes == [ExitCause.KICKED, ExitCause.MPC_ENDED]
        assert engine.lines == {}


async def test_keys_reach_the_others(tmp_path: Path) -> None:
    """Each leg decides what it makes of them."""
    pressing = PhoneScript(keys=[KeyPress(after_s=1, digits="12")])
    pressed: list[str] = []
    async with exchange(tmp_path, **{"2": pressing}) as engine:
        engine.add("demo", adding("2"))
        (line,) = engine.add("demo", adding("3"))
        line.leg.press = pressed.append  # type: ignore[method-assign, assignment]
        await asyncio.sleep(3)

    assert pressed == ["1", "2"]


async def test_the_longest_duration_ends_a_room(tmp_path: Path) -> None:
    """Whatever goes on in it."""
    async with exchange(tmp_path) as engine:
        (line,) = engine.add("demo", adding("2", max_duration=300))
        await engine.ended(line.room)

        assert asyncio.get_running_loop().time() == pytest.approx(300, abs=0.1)
        assert line.room.termination is Termination.MAX_DURATION_REACHED


async def test_what_cannot_be_added_leaves_no_trace(tmp_path: Path) -> None:
    """A content type that nobody streams, a full room."""
    bad = AddParticipant.model_validate(
        {
            "role": "ai-agent",
            "ai_agent_stream_service_url": "ws://127.0.0.1:1/s",
            "ai_agent_stream_content_type": "audio/opus",
        }
    )
    async with exchange(tmp_path) as engine:
        with pytest.raises(StreamError):
            engine.add("demo", bad)
        assert engine.find("demo") is None
        for number in ("2", "3"):
            engine.add("demo", adding(number, max_participants=2))
        with pytest.raises(RoomFullError):
            engine.add("demo", adding("4"))
        assert len(engine.lines) == 2
        with pytest.raises(RoomFullError):
            engine.add("both", adding("5<6<7", role="agent", max_participants=2))
        assert engine.find("both") is None


async def test_a_leg_that_fails_takes_nobody_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine and the others go on; the traceback is logged."""
    async with exchange(tmp_path) as engine:
        (line,) = engine.add("demo", adding("2", stay_alone=True))

        async def fail(_answered: object) -> None:
            raise ZeroDivisionError("a bug")

        line.leg.run = fail  # type: ignore[method-assign, assignment]
        engine.add("demo", adding("3"))
        await asyncio.sleep(1)

        assert [member.address for member in line.room.members] == ["3"]
    assert "the leg to 2 failed" in caplog.text


async def test_a_token_in_an_address_is_not_shown(tmp_path: Path) -> None:
    """Neither as a query nor as a password."""
    url = "ws://user:secret@127.0.0.1:1/s?token=secret"
    request = AddParticipant.model_validate(
        {"role": "ai-agent", "ai_agent_stream_service_url": url}
    )
    async with exchange(tmp_path) as engine:
        (line,) = engine.add("demo", request)
        assert line.address == "ws://127.0.0.1:1/s"
        assert "secret" not in repr(line.leg)
