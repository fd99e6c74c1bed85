"""A whole engine in virtual time: simulated phones, and a web made of a dict."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import numpy as np
import soundfile

from bridge.audio import files
from bridge.audio.pcm import Samples
from bridge.audio.tones import tone
from bridge.engine.addresses import Reach
from bridge.engine.app import assemble
from bridge.engine.conference import Conference
from bridge.engine.exchange import Exchange
from bridge.engine.lines import Line
from bridge.engine.media_clock import MediaClock
from bridge.engine.notifier import Notifier
from bridge.engine.options import EngineOptions
from bridge.engine.phonebook import Phonebook, PhoneScript
from bridge.engine.resolver import Resolver
from bridge.engine.rest.app import Api
from bridge.multiparty.requests import AddParticipant
from bridge.speech.synthesis import Speech, timed
from bridge.tasks import background

AUTH_ID = "MALOCALENGINE0000000"
BASE = f"/v1/Account/{AUTH_ID}/MultiPartyCall"
WEB = "http://web.test"

Page = bytes | int | Callable[[httpx.Request], httpx.Response]


class Voice:
    """Says a text as a tone, a tenth of a second for each letter."""

    async def speak(self, text: str, rate_hz: int) -> AsyncIterator[Speech]:
        yield timed(tone(1500, 0.1 * len(text), rate_hz, -16.0), text)


class Engine:
    """An engine, and what the world saw of it."""

    exchange: Exchange
    notifier: Notifier
    clock: MediaClock
    options: EngineOptions
    api: httpx.AsyncClient

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self.pages = dict(pages)
        self.asked: list[httpx.Request] = []
        self.heard: dict[str, list[Samples]] = {}

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """What the web says: pages by path, `ok` for whatever is not there."""
        self.asked.append(request)
        page = self.pages.get(request.url.path, b"ok")
        if callable(page):
            return page(request)
        if isinstance(page, int):
            return httpx.Response(page)
        return httpx.Response(200, content=page)

    def told(self, path: str = "/cb") -> list[dict[str, str]]:
        """The callbacks that came to a path."""
        return [
            dict(parse_qsl(request.content.decode(), keep_blank_values=True))
            | dict(request.url.params)
            for request in self.asked
            if request.url.path == path
        ]

    def names(self, path: str = "/cb") -> list[str]:
        """The names of the events that came to a path."""
        return [each["EventName"] for each in self.told(path)]

    def add(
        self, name: str, to: str = "2", role: str = "customer", **more: Any
    ) -> Line:
        """Dial somebody into a room, with no beeps unless told otherwise."""
        quiet = {"enter_sound": "none", "exit_sound": "none", "dial_music": "none"}
        request = AddParticipant.model_validate(
            {"role": role, "from": "+1", "to": to, **quiet, **more}
        )
        line = self.exchange.add(name, request)[0]
        self.listen(line)
        return line

    def listen(self, line: Line) -> None:
        """Keep what a line hears."""
        heard = self.heard.setdefault(line.call_uuid, [])
        line.leg.hear = heard.append  # type: ignore[method-assign, assignment]

    def sound(self, line: Line, seconds: float = 0.5) -> Samples:
        """What a line heard last."""
        return np.concatenate(self.heard[line.call_uuid])[-round(seconds * 8000) :]

    def room(self, name: str = "demo") -> Conference:
        conference = self.exchange.find(name)
        assert conference is not None
        return conference

    async def settled(self) -> None:
        """Let callbacks and recordings be done with."""
        await self.exchange.parts.recordings.all_finished()
        await self.notifier.idle()


@asynccontextmanager
async def engine(
    folder: Path,
    pages: Any = None,
    options: Any = None,
    **numbers: Any,
) -> AsyncIterator[Engine]:
    """Run an engine.

    Pages are the web's, by path; options the engine's, by name; the other keywords
    are phones, as `n2=PhoneScript(...)`.
    """
    made = Engine(pages or {})
    book = {number.removeprefix("n"): script for number, script in numbers.items()}
    given = {
        "recordings": folder / "recordings",
        "database": ":memory:",
        "phonebook": Phonebook(numbers=book),
        "voice": Voice(),
        **(options or {}),
    }
    made.options = EngineOptions(**given)
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(made.answer)) as http,
        background() as spawn,
    ):
        made.exchange, made.notifier = assemble(
            made.options, "test", http, spawn, Resolver(Reach())
        )
        made.exchange.parts.reporter.public_url = "http://engine.test"
        made.clock = MediaClock(made.exchange)
        spawn("clock", made.clock.run())
        spawn("history", made.exchange.parts.history.run())
        app = Api(made.exchange, made.notifier, made.options).app()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://engine.test",
            auth=(AUTH_ID, "local"),
        ) as made.api:
            yield made
            made.exchange.end_all()
            await asyncio.sleep(0.1)
            # Whatever was done, no call is left over.
            assert made.exchange.calls.lines == {}
            assert made.exchange.conferences == {}
            await asyncio.wait_for(made.exchange.parts.recordings.all_finished(), 10)
    made.exchange.parts.history.close()


def voice(folder: Path, hz: float, seconds: float = 1.0, **more: Any) -> PhoneScript:
    """A phone that hums."""
    path = folder / f"{hz}-{seconds}.wav"
    files.write(path, tone(hz, seconds, 8000, -20.0), 8000)
    given = {"says": path, "repeats": True, "answers_after_s": 0.5, **more}
    return PhoneScript(**given)


def wav(hz: float, seconds: float) -> bytes:
    """A WAV file of a tone."""
    made = io.BytesIO()
    samples = tone(hz, seconds, 8000, -16.0)
    soundfile.write(made, samples, 8000, format="WAV")
    return made.getvalue()


def level(sound: Samples, hz: float) -> float:
    """How loud a tone is in a sound, in dBFS of a full-scale sine (Goertzel's sum)."""
    place = np.arange(len(sound))
    wave = np.exp(-2j * np.pi * hz / 8000 * place)
    amplitude = 2.0 * abs(np.dot(sound.astype(np.float64), wave)) / max(1, len(sound))
    return float(20.0 * np.log10(max(amplitude, 1e-3) / 32768.0))


def hears(sound: Samples, hz: float) -> bool:
    """Whether a tone is in a sound."""
    return level(sound, hz) > -40.0


__all__ = [
    "AUTH_ID",
    "BASE",
    "WEB",
    "Engine",
    "engine",
    "hears",
    "level",
    "voice",
    "wav",
]
