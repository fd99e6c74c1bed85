"""A caller talks to a bot: engine, bridge and control client over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from pydantic import SecretStr

from bridge import Audio, Call, CoachMode, Dtmf, Gap, Heard, Joined, Muted, Played
from bridge.audio.alignment import align
from bridge.audio.tones import tone
from bridge.call.bot import InService
from bridge.control import MpcClient
from bridge.control.options import PlivoOptions
from bridge.engine.ai_leg import AiLeg
from bridge.engine.app import Engine, running
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import KeyPress, Phonebook, PhoneScript
from bridge.errors import ConfigError, RefusedError
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import MpcStatus
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from bridge.stream.content_type import CONTENT_TYPES, ContentType
from tests.patience import in_real_time, until

QUIET: dict[str, Any] = {
    "enter_sound": "none",
    "exit_sound": "none",
    "dial_music": "none",
}
CUSTOMER = {"role": "customer", "from": "+1", "to": "+2", **QUIET}


async def echo(call: Call) -> None:
    async for frame in call.listen():
        await call.speak(frame)


@contextlib.asynccontextmanager
async def house(
    folder: Path, bot: Any = echo, **script: Any
) -> AsyncIterator[tuple[BridgeServer, Engine, MpcClient]]:
    with as_file(files("bridge") / "data" / "speech" / "greeting.wav") as speech:
        phone = PhoneScript(
            **{"says": speech, "says_after_s": 0.5, "answers_after_s": 0.1, **script}
        )
        options = EngineOptions(
            port=0,
            recordings=folder,
            database=":memory:",
            phonebook=Phonebook(numbers={"+2": phone}),
        )
        bots = {"bot": InService.of("bot", bot)}
        async with (
            serving(bots, ServerOptions(port=0, drain_s=1.0)) as server,
            running(options) as engine,
            MpcClient(options.auth_id, options.auth_token, url=engine.url) as client,
        ):
            yield server, engine, client


def ai(server: BridgeServer, **more: Any) -> AddParticipant:
    return AddParticipant.model_validate(
        {"role": "ai-agent", "ai_agent_stream_service_url": server.url, **QUIET, **more}
    )


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=str)
@in_real_time
async def test_an_echo_crosses_the_whole_house(
    tmp_path: Path, content_type: ContentType
) -> None:
    """Spoken, mixed, streamed, answered, mixed again and recorded, whole."""
    async with house(tmp_path, hangs_up_after_s=4.0) as (server, engine, client):
        await client.add_participant("demo", AddParticipant.model_validate(CUSTOMER))
        customer = await engine.exchange.joined("customer")
        room = customer.room
        assert room is not None
        assert customer.member is not None
        await client.start_participant_recording(
            "demo", customer.member.member_id, file_format="wav"
        )
        await client.add_participant(
            "demo",
            ai(
                server,
                ai_agent_stream_content_type=str(content_type),
                ai_agent_stream_extra_headers="a=1;b=2",
            ),
        )
        agent = await engine.exchange.joined("ai-agent")
        await until(lambda: server.sessions)
        (session,) = server.sessions
        members = await client.participants("demo")
        await engine.exchange.ended(room)
        ended = await client.get(uuid=room.mpc_uuid)

    (path,) = engine.exchange.parts.recordings.finished.values()
    audio, rate_hz = soundfile.read(path, dtype="int16")
    found = align(audio[:, 0], audio[:, 1], rate_hz)
    assert found.correlation >= 0.95
    assert found.slipped == 0
    assert found.delay_s < 1.0
    assert [member.role for member in members] == ["ai-agent", "customer"]
    assert session.facts.headers == {"a": "1", "b": "2"}
    assert session.facts.call_uuid == members[0].call_uuid
    assert ended.status is MpcStatus.ENDED
    assert ended.termination_cause == "Stay Alone Not Permitted"
    assert isinstance(agent.leg, AiLeg)
    assert agent.leg.stream_errors == 0
    assert server.metrics.stream_errors == 0
    assert sum(server.metrics.gaps.values()) == 0
    assert server.metrics.frames_dropped == 0


@in_real_time
async def test_a_caller_interrupts_and_the_far_end_agrees(tmp_path: Path) -> None:
    """A key; what the bot is told was heard is what the far end played."""
    outcome: list[Heard] = []

    async def announce(call: Call) -> None:
        call.play(tone(440, 10.0, 16000), name="long")
        async for event in call.events():
            match event:
                case Dtmf(digit="5"):
                    call.interrupt()
                case Played(name="long", heard=heard):
                    outcome.append(heard)
                    await asyncio.sleep(0.3)
                    return

    script = {"says": None, "keys": [KeyPress(after_s=1.5, digits="5")]}
    async with house(tmp_path, announce, **script) as (server, engine, client):
        await client.add_participant("demo", AddParticipant.model_validate(CUSTOMER))
        await client.add_participant("demo", ai(server))
        line = await engine.exchange.joined("ai-agent")
        assert line.room is not None
        await engine.exchange.ended(line.room)

    assert isinstance(line.leg, AiLeg)
    truth = line.leg.far_buffer.played_samples * 2
    (heard,) = outcome
    assert heard.samples <= truth
    assert truth - heard.samples < 16000 * 0.2
    assert not heard.complete


async def test_several_calls_at_once(tmp_path: Path) -> None:
    """Each room its own bot run; each ends by itself."""
    async with house(tmp_path, hangs_up_after_s=5.0) as (server, engine, client):
        for number in range(5):
            name = f"room {number}"
            recorded = {**CUSTOMER, "record": True}
            await client.add_participant(name, AddParticipant.model_validate(recorded))
            await client.add_participant(name, ai(server))
        await until(lambda: server.metrics.streams_active == 5)
        assert (await client.page(status="active")).meta.count == 5
        for conference in list(engine.exchange.conferences.values()):
            await engine.exchange.ended(conference.room)
        await until(lambda: server.metrics.streams_active == 0)
    finished = engine.exchange.parts.recordings.finished.values()
    assert [path.suffix for path in finished] == [".mp3"] * 5


async def test_the_ai_can_be_kicked_and_the_call_goes_on(tmp_path: Path) -> None:
    """Its stream is closed; the others stay."""
    async with house(tmp_path) as (server, engine, client):
        await client.add_participant(
            "demo", AddParticipant.model_validate({**CUSTOMER, "stay_alone": True})
        )
        await engine.exchange.joined("customer")
        await client.add_participant("demo", ai(server))
        await engine.exchange.joined("ai-agent")

        await client.kick("demo", "2")
        await until(lambda: server.metrics.streams_ended)

        assert server.metrics.streams_ended == {"closed": 1}
        assert [m.role for m in await client.participants("demo")] == ["customer"]
        with pytest.raises(RefusedError, match="no participant '2'"):
            await client.kick("demo", "2")
        await client.end("demo")


async def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    """By the engine, too."""
    async with house(tmp_path) as (server, _engine, _client):
        with pytest.raises(ConfigError, match="cannot listen on"):
            async with running(EngineOptions(port=server.port)):
                pass


async def test_a_bot_is_told_who_is_in_the_call(tmp_path: Path) -> None:
    """By the engine's callbacks, signed, over the server's own port."""
    told: list[object] = []
    calls: list[Call] = []

    async def listen(call: Call) -> None:
        calls.append(call)
        async for event in call.events():
            if not isinstance(event, Audio | Dtmf | Gap):
                told.append(event)

    phones = {"+2": PhoneScript(answers_after_s=0.05)}
    options = EngineOptions(
        port=0,
        recordings=tmp_path,
        database=":memory:",
        phonebook=Phonebook(numbers=phones),
    )
    async with (
        serving(
            {"bot": InService.of("bot", listen)},
            ServerOptions(port=0, drain_s=1.0, callbacks=True, callbacks_port=0),
            plivo=PlivoOptions(options.auth_id, options.auth_token),
        ) as server,
        running(options) as engine,
        MpcClient(options.auth_id, options.auth_token, url=engine.url) as client,
    ):
        more = {"status_callback_url": server.callbacks_url, "stay_alone": True}
        await client.add_participant(
            "demo", AddParticipant.model_validate({**CUSTOMER, **more})
        )
        await engine.exchange.joined("customer")
        async with client.ai_agent("demo", url=server.url, **QUIET) as agent:
            await until(lambda: calls and calls[0].members)
            await client.update("demo", agent.member_id, mute=True, hold=True)
            await client.update("demo", agent.member_id, mute=False)
            await client.add_participant(
                "demo", role="supervisor", from_="+1", to="+2", **QUIET
            )
            await until(lambda: len(told) == 5)
            await client.update("demo", "3", coach_mode=False)
            await client.kick("demo", "1")
            await until(lambda: len(told) == 7)
            (call,) = calls
            mpc = await client.get("demo")
            assert call.mpc_uuid == mpc.mpc_uuid
            assert [each.role for each in call.members.values()] == ["supervisor"]

    names = [type(event).__name__ for event in told]
    assert names == [
        "Joined", "Muted", "Held", "Muted", "Joined", "CoachMode", "Left", "Ended"
    ]  # fmt: skip
    assert isinstance(told[0], Joined)
    assert told[0].member.role == "customer"
    assert told[3] == Muted(is_muted=False)
    assert isinstance(told[5], CoachMode)
    assert not told[5].member.is_coaching


async def test_callbacks_of_strangers_tell_nothing(tmp_path: Path) -> None:
    """403 without the account's signature; what is not there is 404 or 405."""
    async with serving(
        {"bot": InService.of("bot", echo)},
        ServerOptions(port=0, drain_s=0.1, callbacks=True, callbacks_port=0),
        plivo=PlivoOptions("", SecretStr("secret")),
    ) as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(server.callbacks_url, data={"EventName": "x"})
            assert answer.status_code == 403
            other = await http.get(server.callbacks_url.replace("callbacks", "x"))
            assert other.status_code == 404
