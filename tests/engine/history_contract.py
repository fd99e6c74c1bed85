"""What a history must do, whatever database it is in."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bridge.engine.history import History, HistoryAwayError, Row
from bridge.multiparty.requests import ListMpcs
from bridge.tasks import background

NOW_S = 1_800_000_000.0


@asynccontextmanager
async def history(database: str, engine: str = "one") -> AsyncIterator[History]:
    made = History(database, engine)
    async with background(history=made.run()):
        yield made
        with contextlib.suppress(HistoryAwayError):
            await made.flushed()
    made.close()


def mpc(number: int, **more: Any) -> Row:
    return {
        "mpc_uuid": f"m{number}",
        "account": "MA",
        "friendly_name": f"room {number}",
        "status": "Active",
        "creation_time": NOW_S - 100 + number,
        "start_time": None,
        "end_time": None,
        "stay_alone": False,
        "max_participants": 10,
        "max_duration": 14400,
        "recording": "not-recording",
        "termination_cause": None,
        "termination_cause_code": None,
        "billed_duration": None,
        "billed_amount": None,
        **more,
    }


def participant(number: int, **more: Any) -> Row:
    return {
        "mpc_uuid": "m1",
        "member_id": number,
        "call_uuid": f"c{number}",
        "member_address": "+1",
        "role": "agent",
        "join_time": NOW_S,
        "exit_time": None,
        "exit_cause": None,
        "mute": False,
        "hold": False,
        "coach_mode": False,
        "start_mpc_on_enter": True,
        "end_mpc_on_exit": False,
        "billed_duration": None,
        "billed_amount": None,
        **more,
    }


def recording(name: str, **more: Any) -> Row:
    return {
        "recording_id": name,
        "mpc_uuid": "m1",
        "member_id": None,
        "file_format": "mp3",
        "start_time": NOW_S,
        "end_time": None,
        "duration": None,
        "error": "",
        **more,
    }


async def listed(kept: History, **filters: Any) -> list[str]:
    wanted = ListMpcs.model_validate(filters)
    count, rows = await kept.mpcs("MA", wanted, NOW_S)
    assert count >= len(rows)
    return [row["mpc_uuid"] for row in rows]


async def survives_a_restart(database: str) -> None:
    """What was saved is read, by this one and by the next."""
    async with history(database) as kept:
        kept.save_mpc(mpc(1))
        kept.save_mpc(mpc(1, status="Ended", end_time=NOW_S, friendly_name="é / 🎉"))
        kept.save_participant(participant(1))
        kept.save_recording(recording("r"))
        row = await kept.mpc("MA", "m1")
        assert row is not None
        assert (row["status"], row["engine"]) == ("Ended", "one")
    async with history(database) as kept:
        row = await kept.mpc("MA", "m1")
        assert row is not None
        assert (row["end_time"], row["friendly_name"]) == (NOW_S, "é / 🎉")
        assert await kept.mpc("MB", "m1") is None
        assert await kept.participant("m1", "1") is not None
        for nobody in ("2", "x", "1" * 40, "²"):
            assert await kept.participant("m1", nobody) is None
        assert await kept.recording("r") is not None
        assert await kept.recording("s") is None


async def filters_and_pages(database: str) -> None:
    """The newest first."""
    async with history(database) as kept:
        for number in range(5):
            kept.save_mpc(mpc(number))
        kept.save_mpc(
            mpc(5, status="Ended", end_time=NOW_S - 50, termination_cause_code=3000)
        )
        kept.save_mpc(mpc(6, status="Ended", end_time=NOW_S - 8 * 86400))

        assert await listed(kept) == ["m5", "m4", "m3", "m2", "m1", "m0"]
        assert await listed(kept, limit=2, offset=1) == ["m4", "m3"]
        assert await listed(kept, status="ended") == ["m5"]
        assert await listed(kept, friendly_name="room 3") == ["m3"]
        assert await listed(kept, termination_cause_code=3000) == ["m5"]
        assert await listed(kept, sub_account="SA") == []
        # 1800000000 is 2027-01-15 08:00:00 UTC.
        assert await listed(kept, creation_time="2027-01-15 07:58:22") == ["m2"]
        assert await listed(kept, creation_time__gt="2027-01-15 07:58:23") == [
            "m5",
            "m4",
        ]
        assert await listed(kept, creation_time__lte="2027-01-15 07:58:21") == [
            "m1",
            "m0",
        ]
        assert await listed(kept, end_time__lt="2027-01-15 08:00") == ["m6", "m5"]
        assert await listed(kept, end_time__gte="2027-01-07 07:00") == ["m6", "m5"]
        assert await listed(kept, end_time__gt="2026-01-01") == []
        assert await listed(
            kept, end_time__gt="2026-01-01", end_time__lt="2027-01-08"
        ) == ["m6"]
        assert await listed(kept, end_time="2027-01-15 07:59:10") == ["m5"]


async def participants_are_found(database: str) -> None:
    """Present ones, all, and those of a call."""
    async with history(database) as kept:
        kept.save_participant(participant(1))
        kept.save_participant(participant(2, exit_time=NOW_S))
        kept.save_participant(participant(10))

        async def ids(**given: Any) -> list[int]:
            return [row["member_id"] for row in await kept.participants("m1", **given)]

        assert await ids() == [10, 2, 1]
        assert await ids(present=True) == [10, 1]
        assert await ids(call_uuid="c2") == [2]


async def a_kill_is_tidied_up(database: str) -> None:
    """Of one's own calls only: another engine's go on."""
    async with history(database) as kept:
        kept.save_mpc(mpc(1))
        kept.save_participant(participant(1))
        kept.save_recording(recording("r"))
    async with history(database, "two") as other:
        other.save_mpc(mpc(2))
    async with history(database) as kept:
        (left,) = await kept.end_what_was_left(NOW_S)
        assert left["recording_id"] == "r"
        ended, living = await kept.mpc("MA", "m1"), await kept.mpc("MA", "m2")
        assert ended is not None
        assert (ended["status"], ended["end_time"]) == ("Ended", NOW_S)
        assert living is not None
        assert living["status"] == "Active"
        assert await kept.mpc_named("MA", "room 1") is None
        assert await kept.mpc_named("MA", "room 2") is not None
        member = await kept.participant("m1", "1")
        assert member is not None
        assert member["exit_time"] == NOW_S
        assert await kept.end_what_was_left(NOW_S) == []


async def a_clock_that_was_set_back_ends_nothing_before_it_began(
    database: str,
) -> None:
    """Between a kill and the next start."""
    async with history(database) as kept:
        kept.save_mpc(mpc(1))
        kept.save_participant(participant(1))
        kept.save_recording(recording("r"))
    async with history(database) as kept:
        (left,) = await kept.end_what_was_left(NOW_S - 3600)
        ended = await kept.mpc("MA", "m1")
        member = await kept.participant("m1", "1")
        file = await kept.recording("r")
    assert ended is not None
    assert member is not None
    assert file is not None
    assert ended["end_time"] == ended["creation_time"]
    assert member["exit_time"] == member["join_time"]
    assert left["end_time"] == file["end_time"] == file["start_time"]


async def two_at_once_do_not_disturb_each_other(database: str) -> None:
    """Both write, both read."""
    async with history(database) as one, history(database, "two") as two:
        for number in range(10):
            one.save_mpc(mpc(number))
            two.save_mpc(mpc(number + 10))
        await asyncio.gather(one.flushed(), two.flushed())
        assert len(await listed(one)) == len(await listed(two)) == 20


async def a_reader_is_not_kept_waiting(database: str) -> None:
    """By what is saved after it asked."""
    async with history(database) as kept:

        async def saving() -> None:
            for number in itertools.count():
                kept.save_mpc(mpc(number % 50, max_duration=number))
                await asyncio.sleep(0.0001)

        async with background(saving=saving()):
            await asyncio.sleep(0.05)
            async with asyncio.timeout(30):
                assert await kept.mpc("MA", "m1") is not None


async def a_name_is_ones_own_first(database: str) -> None:
    """Then the newest of others', as of a run that was killed at another address."""
    async with history(database, "killed") as other, history(database) as kept:
        other.save_mpc(mpc(1, friendly_name="demo"))
        other.save_mpc(mpc(3, friendly_name="demo"))
        await other.flushed()
        found = await kept.mpc_named("MA", "demo")
        assert found is not None
        assert found["mpc_uuid"] == "m3"
        kept.save_mpc(mpc(2, friendly_name="demo"))
        found = await kept.mpc_named("MA", "demo")
        assert found is not None
        assert found["mpc_uuid"] == "m2"


CONTRACT = (
    a_reader_is_not_kept_waiting,
    a_name_is_ones_own_first,
    survives_a_restart,
    filters_and_pages,
    participants_are_found,
    a_kill_is_tidied_up,
    a_clock_that_was_set_back_ends_nothing_before_it_began,
    two_at_once_do_not_disturb_each_other,
)
