"""A recognizer and a voice behind HTTP: transcriptions and speech, in the formats that
OpenAI published."""

import io
from collections.abc import AsyncIterator

import httpx
import numpy as np
import soundfile

from bridge.audio.pcm import Samples
from bridge.audio.resampling import resampler
from bridge.errors import ServiceError
from bridge.speech.service import Service
from bridge.speech.synthesis import SLOW_LETTERS_PER_S, Speech, Word

__all__ = ["HttpRecognizer", "HttpVoice"]

SPEECH_HZ = 24000
"""Of the speech that is asked for as `pcm`."""

PIECE_S = 0.1
"""Speech is passed on in pieces of at least this."""


class HttpRecognizer:
    """Transcriptions of whole utterances.

    Args:
        service: The server.
        model: Its name there.
        language: Of the speech, as `en`; empty: the server finds out.
    """

    def __init__(self, service: Service, model: str, language: str = "") -> None:
        self._service = service
        self._fields = {"model": model, "response_format": "json"}
        if language:
            self._fields["language"] = language

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        """Return what was said."""
        wav = io.BytesIO()
        soundfile.write(wav, utterance, rate_hz, format="WAV", subtype="PCM_16")
        upload = {"file": ("utterance.wav", wav.getvalue(), "audio/wav")}
        async with self._service.ask(
            "recognizer", "audio/transcriptions", data=self._fields, files=upload
        ) as answer:
            await answer.aread()
        try:
            return str(answer.json()["text"] or "").strip()
        except (ValueError, KeyError, TypeError) as error:
            text = answer.text[:100]
            raise ServiceError("recognizer", f"unreadable: {text}") from error


class HttpVoice:
    """Speech, streamed as it is made.

    Args:
        service: The server.
        model: Its name there.
        voice: One of the server's.
    """

    def __init__(self, service: Service, model: str, voice: str) -> None:
        self._service = service
        self._fields = {"model": model, "voice": voice, "response_format": "pcm"}

    async def speak(self, text: str, rate_hz: int) -> AsyncIterator[Speech]:
        """Say a text.

        How long it will be is not known before its end. Until then its words are told
        as late as the slowest speaker would say them, so that none is told too early.
        """
        line = resampler(SPEECH_HZ, rate_hz)
        words = _LateWords(text, rate_hz)
        rest = b""
        body = {**self._fields, "input": text}
        async with self._service.ask("voice", "audio/speech", json=body) as answer:
            _refuse_text(answer)
            async for data in answer.aiter_bytes(round(PIECE_S * SPEECH_HZ) * 2):
                rest += data
                whole = len(rest) // 2 * 2
                samples = line.process(np.frombuffer(rest[:whole], "<i2"))
                rest = rest[whole:]
                yield words.with_those_in(samples)
        if not words.samples:
            raise ServiceError("voice", "no audio came")
        yield words.with_the_rest(line.flush())


def _refuse_text(answer: httpx.Response) -> None:
    """A page that a proxy put in speech's place would be heard as a burst of noise."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind == "application/json":
        raise ServiceError("voice", f"{kind} instead of audio")


class _LateWords:
    """Places for the words of speech whose length is not known."""

    def __init__(self, text: str, rate_hz: int) -> None:
        self.samples = 0
        self._words = text.split()
        self._letter = rate_hz / SLOW_LETTERS_PER_S
        self._letters = 0

    def with_those_in(self, samples: Samples) -> Speech:
        """A piece, with the words that have been said in it for sure."""
        begin, self.samples = self.samples, self.samples + len(samples)
        told = []
        while self._words:
            end = round((self._letters + len(self._words[0]) + 1) * self._letter)
            if end > self.samples:
                break
            self._letters += len(self._words[0]) + 1
            told.append(Word(self._words.pop(0), end - begin))
        return Speech(samples, tuple(told))

    def with_the_rest(self, samples: Samples) -> Speech:
        """The last piece: all words have been said at its end."""
        words = tuple(Word(word, len(samples)) for word in self._words)
        return Speech(samples, words)
