"""Conversations through the whole house: engine, bridge, models, tools."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from bridge import Audio, Call, Coached, CoachMode
from bridge.audio import files
from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.bots.conversation import Conversation
from bridge.call.bot import InService
from bridge.call.options import CallOptions
from bridge.call.session import Session
from bridge.call.transcript import Turn
from bridge.control import MpcClient
from bridge.control.options import PlivoOptions
from bridge.engine.app import Engine, running
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import Phonebook, PhoneScript
from bridge.server.app import BridgeServer, serving
from bridge.server.options import ServerOptions
from bridge.speech import moonshine, silero
from bridge.speech.brain import CallTool
from bridge.speech.dialogue import Parts
from bridge.speech.recognition import Speculation
from bridge.speech.turns import SilenceTurns
from bridge.speech.voices import LevelDetector
from tests.patience import PATIENCE_S, in_real_time, until
from tests.speech.needs_local import needs_local
from tests.speech.setting import Brain, Ears, Voice

SPEECH = Path(__file__).parents[2] / "bridge/data/speech/caller.wav"

QUIET: dict[str, Any] = {"enter_sound": "none", "exit_sound": "none"}


class House:
    """An engine and a bridge that know of each other."""

    engine: Engine
    server: BridgeServer
    client: MpcClient

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    async def add(self, role: str, to: str, **more: Any) -> None:
        """Dial somebody, and wait until they are in."""
        told: dict[str, Any] = {
            "status_callback_url": self.server.callbacks_url,
            "stay_alone": True,
        }
        events = "mpc-state-changes,participant-state-changes,participant-speak-events"
        told["status_callback_events"] = events
        await self.client.add_participant(
            "demo", role=role, from_="+1", to=to, **{**QUIET, **told, **more}
        )
        await self.engine.exchange.joined(role)

    async def add_ai(self) -> None:
        """Put the bot in."""
        await self.client.add_participant(
            "demo",
            role="ai-agent",
            ai_agent_stream_service_url=self.server.url,
            **QUIET,
        )
        await self.engine.exchange.joined("ai-agent")

    def lines(self) -> list[str]:
        return [f"{turn.who}: {turn.text}" for turn in self.turns]

    async def roles(self) -> list[str]:
        return sorted(each.role for each in await self.client.participants("demo"))


@asynccontextmanager
async def house(folder: Path, bot: Any, **numbers: PhoneScript) -> AsyncIterator[House]:
    made = House()
    book = {number.replace("n", "+"): script for number, script in numbers.items()}
    options = EngineOptions(
        port=0,
        recordings=folder,
        database=":memory:",
        phonebook=Phonebook(numbers=book),
    )
    async with running(options) as made.engine:
        account = PlivoOptions(options.auth_id, options.auth_token, made.engine.url)
        listens = ServerOptions(port=0, drain_s=0.5, callbacks=True, callbacks_port=0)
        async with (
            serving(
                {"bot": InService.of("bot", bot)}, listens, CallOptions(), account
            ) as made.server,
            account.client() as made.client,
        ):

            def begun(session: Session) -> None:
                session.transcript.on_turn = made.turns.append

            made.server.on_call = begun
            yield made


def scripted(brain: Brain, ears: Ears) -> Conversation:
    parts = Parts(LevelDetector(), SilenceTurns, Speculation(ears), brain, Voice())
    return Conversation(Conversation.Options(greeting="Hello."), parts=parts)


@pytest.mark.slow
@pytest.mark.parametrize("answers", [True, False])
async def test_a_caller_is_handed_over_to_a_person(
    tmp_path: Path, *, answers: bool
) -> None:
    """By a tool of the brain, over REST: briefed, then the AI leaves; or it stays."""
    files.write(tmp_path / "ask.wav", tone(300, 0.6, 8000, -20.0), 8000)
    brain, ears = Brain(), Ears()
    ears.texts = ["A person please."]
    wish = CallTool("transfer", '{"to": "+5", "sender": "+1", "reason": "Wants help."}')
    brain.thoughts = [["One moment. ", wish], ["Nobody is there."]]
    person = PhoneScript(answers_after_s=0.3)
    if not answers:
        person = PhoneScript(outcome="busy")
    caller = PhoneScript(
        says=tmp_path / "ask.wav", says_after_s=2.0, answers_after_s=0.1
    )
    async with house(tmp_path, scripted(brain, ears), n2=caller, n5=person) as made:
        await made.add("customer", "+2")
        await made.add_ai()
        if answers:
            async with asyncio.timeout(PATIENCE_S):
                while await made.roles() != ["agent", "customer"]:
                    await asyncio.sleep(0.1)
            (customer,) = [
                member
                for member in await made.client.participants("demo")
                if member.role == "customer"
            ]
            assert not customer.hold
            await until(lambda: not made.server.sessions)
            assert "bot: One moment. Wants help." in made.lines()
        else:
            async with asyncio.timeout(PATIENCE_S):
                while not [c for c in await made.client.participants("demo") if c.hold]:
                    await asyncio.sleep(0.05)
            # A busy line is waited for until the time-out; the call goes on meanwhile.
            assert await made.roles() == ["ai-agent", "customer"]


@pytest.mark.slow
@in_real_time
async def test_a_coach_is_heard_apart(tmp_path: Path) -> None:
    """What a coaching supervisor says comes as `Coached`, others' as `Audio`."""
    files.write(tmp_path / "coach.wav", tone(300, 2.0, 8000, -20.0), 8000)
    heard: list[tuple[str, bool]] = []

    async def bot(call: Call) -> None:
        async for event in call.events():
            if isinstance(event, Audio | Coached):
                loud = int(abs(event.samples).max(initial=0)) > 500
                heard.append((type(event).__name__, loud))
            elif isinstance(event, CoachMode):
                heard.append(("CoachMode", event.member.is_coaching))

    coach = PhoneScript(
        says=tmp_path / "coach.wav", says_after_s=1.5, answers_after_s=0.1
    )
    async with house(
        tmp_path, bot, n2=PhoneScript(answers_after_s=0.1), n7=coach
    ) as made:
        await made.add("customer", "+2")
        await made.add_ai()
        await made.add("supervisor", "+7", coach_mode=True)
        await asyncio.sleep(4.5)

    loud = [name for name, is_loud in heard if is_loud and name != "CoachMode"]
    # Who speaks is told by a callback, some frames after they began.
    assert loud.count("Coached") > 70
    assert loud.count("Audio") < 25
    assert heard[-1][0] == "Audio"


@pytest.mark.slow
async def test_the_coach_of_a_conversation_is_not_answered(tmp_path: Path) -> None:
    """Their words are the supervisor's, in the transcript and in the history."""
    sound = [tone(300, 1.2, 8000, -20.0), silence(800)]
    files.write(tmp_path / "coach.wav", sound[0], 8000)
    brain, ears = Brain(), Ears()
    ears.texts = ["Offer a discount.", "Offer a discount."]
    coach = PhoneScript(
        says=tmp_path / "coach.wav", says_after_s=2.5, answers_after_s=0.1
    )
    bot = scripted(brain, ears)
    async with house(
        tmp_path, bot, n2=PhoneScript(answers_after_s=0.1), n7=coach
    ) as made:
        await made.add("customer", "+2")
        await made.add_ai()
        await made.add("supervisor", "+7", coach_mode=True)
        await until(lambda: any(turn.who == "supervisor" for turn in made.turns))
    assert "supervisor: Offer a discount." in made.lines()


def is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@needs_local
@pytest.mark.slow
async def test_no_model_runs_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is loaded there: detector, recognizer and voice have threads of their own."""
    runtime, voice, synthesis = map(
        importlib.import_module, ("onnxruntime", "hibari", "hibari.dsp")
    )
    found: dict[str, set[bool]] = {}

    def watch(owner: Any, name: str) -> None:
        """Note where a function runs."""
        run = getattr(owner, name)

        def noted(*arguments: Any, **named: Any) -> Any:
            found.setdefault(f"{owner.__name__}.{name}", set()).add(is_on_a_loop())
            return run(*arguments, **named)

        monkeypatch.setattr(owner, name, noted)

    for owner, name in (
        (runtime.InferenceSession, "__init__"),
        (runtime.InferenceSession, "run"),
        (voice.Hibari, "__init__"),
        (voice.Hibari, "phonemize"),
        (synthesis, "synth"),
        (moonshine._Model, "understand"),
        (silero, "_look"),
    ):
        watch(owner, name)
    speech, rate_hz = soundfile.read(SPEECH, dtype="int16")
    files.write(tmp_path / "ask.wav", speech[: 3 * rate_hz], rate_hz)
    caller = PhoneScript(
        says=tmp_path / "ask.wav", says_after_s=2.5, answers_after_s=0.1
    )
    bot = Conversation(Conversation.Options(greeting="Hello."))
    async with house(tmp_path, bot, n2=caller) as made:
        await made.add("customer", "+2")
        await made.add_ai()
        # The greeting, what the caller said, and the answer to it.
        await until(lambda: len(made.turns) >= 3, 20.0)
        assert [turn.who for turn in made.turns][:3] == ["bot", "caller", "bot"]

    assert len(found) == 7
    assert found == {name: {False} for name in found}
