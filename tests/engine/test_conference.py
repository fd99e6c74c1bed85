"""Music, beeps, ringing and announcements in a room, in virtual time."""

import asyncio
from pathlib import Path

import pytest

from bridge.engine.phonebook import PhoneScript
from bridge.multiparty.requests import UpdateParticipant
from tests.engine.setting import WEB, Engine, engine, hears, voice, wav


def hold(house: Engine, member_id: str, *, on: bool) -> None:
    change = {"hold": on, "disable_state_change_sound": True}
    house.exchange.update(
        house.room(), [member_id], UpdateParticipant.model_validate(change)
    )


async def test_who_is_on_hold_hears_the_music_of_their_role(tmp_path: Path) -> None:
    """And comes back to the room as they were."""
    xml = f"<Response><Play>{WEB}/a.wav</Play><Wait length='0.5'/></Response>"
    pages = {
        "/agents": wav(1000, 1.0),
        "/customers": xml.encode(),
        "/a.wav": wav(1200, 1),
    }
    music = {
        "agent_hold_music_url": f"{WEB}/agents",
        "customer_hold_music_url": f"{WEB}/customers",
    }
    async with engine(tmp_path, pages, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2", **music)
        await asyncio.sleep(1)
        customer = house.add("demo", "3")
        await asyncio.sleep(1)
        agent = house.add("demo", "4", "agent", hold=True)
        await asyncio.sleep(1)
        assert hears(house.sound(agent), 1000)
        assert not hears(house.sound(agent), 500)
        assert hears(house.sound(customer), 500)

        hold(house, "2", on=True)
        await asyncio.sleep(1.4)
        # It loops: a second of tone, half a second of silence, and again.
        assert not house.sound(customer, 0.3).any()
        await asyncio.sleep(0.6)
        assert hears(house.sound(customer), 1200)
        hold(house, "2", on=False)
        await asyncio.sleep(1)
        assert hears(house.sound(customer), 500)
        assert not hears(house.sound(customer), 1200)
        # The file is fetched once, however often it is heard.
        hold(house, "2", on=True)
        await asyncio.sleep(0.4)
        assert hears(house.sound(customer, 0.3), 1200)
        assert len([each for each in house.asked if each.url.path == "/customers"]) == 1


@pytest.mark.parametrize("role", ["customer", "supervisor"])
async def test_without_a_url_there_is_other_music(tmp_path: Path, role: str) -> None:
    """Of our own."""
    async with engine(tmp_path) as house:
        line = house.add("demo", "2", role, hold=True)
        await asyncio.sleep(2)
        assert house.sound(line).any()


@pytest.mark.parametrize("page", [500, b"no audio", b"<Response><Dial/></Response>"])
async def test_music_that_cannot_be_had_is_silence(
    tmp_path: Path, page: object
) -> None:
    """As Plivo says it is."""
    async with engine(tmp_path, {"/m": page}) as house:
        line = house.add("demo", "2", hold=True, customer_hold_music_url=f"{WEB}/m")
        await asyncio.sleep(2)
        assert not house.sound(line).any()


async def test_wait_music_plays_until_the_call_starts(tmp_path: Path) -> None:
    """Asked for with its own method."""
    pages = {"/wait": wav(1000, 1.0)}
    wait = {"wait_music_url": f"{WEB}/wait", "wait_music_method": "POST"}
    async with engine(tmp_path, pages) as house:
        line = house.add("demo", "2", start_mpc_on_enter=False, **wait)
        await asyncio.sleep(2)
        assert hears(house.sound(line), 1000)
        assert house.asked[-1].method == "POST"
        house.exchange.activate(house.room())
        await asyncio.sleep(0.6)
        assert not house.sound(line).any()


async def test_a_single_participant_may_not_create_a_call(tmp_path: Path) -> None:
    """It waits for a second, with music."""
    async with engine(tmp_path) as house:
        line = house.add("demo", "2", create_mpc_with_single_participant=False)
        await asyncio.sleep(2)
        assert house.sound(line).any()
        assert house.room().room.status == "Initialized"
        house.add("demo", "3")
        await asyncio.sleep(2)
        assert house.room().room.status == "Active"
        assert not house.sound(line).any()


async def test_beeps_tell_who_comes_and_goes(tmp_path: Path) -> None:
    """One on entering, two on leaving; or what a URL says; or none."""
    pages = {"/hello": wav(1300, 0.5)}
    async with engine(tmp_path, pages) as house:
        line = house.add("demo", "2", stay_alone=True)
        await asyncio.sleep(1)
        house.add("demo", "3", enter_sound="beep:1", exit_sound="beep:2")
        await asyncio.sleep(0.72)
        assert hears(house.sound(line, 0.18), 440)
        await asyncio.sleep(0.3)
        house.exchange.kick(house.room(), ["2"])
        house.add("demo", "4", enter_sound=f"{WEB}/hello")
        await asyncio.sleep(0.4)
        assert hears(house.sound(line, 0.08), 440)
        await asyncio.sleep(0.45)
        assert hears(house.sound(line, 0.2), 1300)


async def test_somebody_alone_hears_it_ring(tmp_path: Path) -> None:
    """Ringback, a URL's music, or nothing; who talks to somebody does not."""
    pages = {"/dial": wav(1300, 0.5)}
    scripts = {"n3": PhoneScript(answers_after_s=3), "n2": voice(tmp_path, 700)}
    async with engine(tmp_path, pages, **scripts) as house:
        house.add("demo", "2")
        await asyncio.sleep(1)
        alone = house.add("other", "5")
        await asyncio.sleep(1)
        house.add("other", "3", dial_music="real")
        await asyncio.sleep(1)
        assert hears(house.sound(alone), 440)
        await asyncio.sleep(3)
        assert not hears(house.sound(alone), 440)

        second = house.add("third", "6")
        await asyncio.sleep(1)
        house.add("third", "3", dial_music=f"{WEB}/dial")
        await asyncio.sleep(1)
        assert hears(house.sound(second), 1300)

        talking = house.add("demo", "7")
        await asyncio.sleep(1)
        house.add("demo", "3", dial_music="real")
        await asyncio.sleep(1)
        assert hears(house.sound(talking), 700)
        assert not hears(house.sound(talking), 440)


async def test_a_file_is_played_to_one_or_to_all(tmp_path: Path) -> None:
    """Over what they hear; what is for all is on the recording, too."""
    async with engine(tmp_path, {"/a": wav(1300, 0.5)}) as house:
        first = house.add("demo", "2", record=True, record_file_format="wav")
        await asyncio.sleep(1)
        second = house.add("demo", "3")
        await asyncio.sleep(1)
        announcer = house.exchange.parts.announcer
        house.room().play("play", "2", lambda: announcer.file(f"{WEB}/a"))
        await asyncio.sleep(0.45)
        assert hears(house.sound(second, 0.3), 1300)
        assert not hears(house.sound(first, 0.3), 1300)
        await asyncio.sleep(0.5)
        house.room().play("play", "all", lambda: announcer.file(f"{WEB}/a"))
        await asyncio.sleep(0.45)
        assert hears(house.sound(first, 0.3), 1300)
        assert hears(house.sound(second, 0.3), 1300)


async def test_files_play_in_the_order_of_the_asking(tmp_path: Path) -> None:
    """However long the first takes to come; one that cannot be had is passed over."""
    pages = {"/fast": wav(900, 1.0), "/slow": wav(1300, 1.0), "/none": 404}

    async def after(path: str, seconds: float) -> object:
        await asyncio.sleep(seconds)
        return await house.exchange.parts.announcer.file(f"{WEB}{path}")

    async with engine(tmp_path, pages) as house:
        line = house.add("demo", "2")
        await asyncio.sleep(1)
        for path, seconds in (("/slow", 1.0), ("/none", 0.0), ("/fast", 0.0)):
            house.room().play("play", "1", lambda p=path, s=seconds: after(p, s))  # type: ignore[misc, arg-type]
        await asyncio.sleep(1.6)
        assert hears(house.sound(line, 0.3), 1300)
        assert not hears(house.sound(line, 0.3), 900)
        await asyncio.sleep(1)
        assert hears(house.sound(line, 0.3), 900)


async def test_stopping_takes_the_words_of_the_start(tmp_path: Path) -> None:
    """`all` does not stop what was started for one; what waits is stopped, too."""
    async with engine(tmp_path, {"/a": wav(1300, 5.0)}) as house:
        line = house.add("demo", "2")
        await asyncio.sleep(1)
        announcer = house.exchange.parts.announcer
        for _ in range(2):
            house.room().play("play", "1", lambda: announcer.file(f"{WEB}/a"))
        await asyncio.sleep(0.5)
        assert not house.room().stop_playing("play", "all")
        assert not house.room().stop_playing("speak", "1")
        assert hears(house.sound(line, 0.3), 1300)
        assert house.room().stop_playing("play", "1")
        await asyncio.sleep(0.5)
        assert not house.sound(line, 0.4).any()
        assert not house.room().stop_playing("play", "1")


async def test_what_is_still_being_fetched_is_stopped(tmp_path: Path) -> None:
    """It never sounds."""

    async def slowly() -> object:
        await asyncio.sleep(2)
        return await house.exchange.parts.announcer.file(f"{WEB}/a")

    async with engine(tmp_path, {"/a": wav(1300, 5.0)}) as house:
        line = house.add("demo", "2")
        await asyncio.sleep(1)
        house.room().play("play", "1", slowly)  # type: ignore[arg-type]
        house.room().play("play", "1", slowly)  # type: ignore[arg-type]
        await asyncio.sleep(1)
        assert house.room().stop_playing("play", "1")
        await asyncio.sleep(5)
        assert not house.sound(line, 4).any()


async def test_what_does_not_mix_is_heard_alone(tmp_path: Path) -> None:
    """Then the room comes back."""
    async with engine(tmp_path, n2=voice(tmp_path, 500)) as house:
        house.add("demo", "2")
        line = house.add("demo", "3")
        await asyncio.sleep(1)
        announcer = house.exchange.parts.announcer
        house.room().play(
            "speak", "all", lambda: announcer.text("0123456789"), mixes=False
        )
        await asyncio.sleep(0.8)
        assert hears(house.sound(line), 1500)
        assert not hears(house.sound(line), 500)
        await asyncio.sleep(1)
        assert hears(house.sound(line), 500)
        assert repr(house.room()).startswith("<Conference <Room 'demo' Active")
