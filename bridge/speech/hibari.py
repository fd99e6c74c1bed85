"""An English voice that runs offline: hibari-tts (Apache-2.0), 24 kHz.

Its model computes how long each phoneme is, and does not tell. The graph is given
that as one more output, so that it is known to 25 ms when each word has been said.
"""

import functools
import importlib
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import Samples, saturate
from bridge.audio.resampling import resample
from bridge.errors import ConfigError
from bridge.speech import models
from bridge.speech.synthesis import Speech, Synthesizer, Word

__all__ = ["HibariVoice", "offline_voice"]

GAIN = 2.0
"""The voice peaks at about a third of full scale."""

AUDIBLE = 100
"""Of 32767; more is sound."""

BEFORE_S, AFTER_S = 0.01, 0.15

DURATIONS = "/Clip_output_0"
"""The graph's name of the frames of each phoneme."""

OUTPUTS = ("lh", "theta", "ln", "lr", "phi", "f0")

SEED = 0
"""The same text sounds the same each time."""

KEPT_SENTENCES = 128
"""So many are kept, of all calls: most of what a bot says it says again. Of 3 s each,
that is 6 MB."""

KEPT_WORDS = 4096

KEPT_NOISE = 2_000_000
"""Numbers, of 4 bytes each; enough for 20 s of speech."""


class HibariVoice:
    """Says English: a sentence in some 30 ms.

    The model is loaded on the first word.

    Raises:
        ConfigError: If it is not installed.
    """

    def __init__(self) -> None:
        if not models.is_installed("hibari"):
            raise ConfigError(f"no voice is installed: {models.EXTRA}")
        self._model = models.Loader(_Model)

    async def load(self) -> None:
        """Load the model; else it happens with the first word."""
        await self._model()

    async def speak(self, text: str, rate_hz: int) -> AsyncIterator[Speech]:
        """Say a text, sentence by sentence; emoji say nothing."""
        model = await self._model()
        for sentence in await models.in_thread(model.sentences, text):
            speech = await models.in_thread(model.say, sentence, rate_hz)
            if speech is not None:
                yield speech


class _Model:
    def __init__(self) -> None:
        self._voice: Any = importlib.import_module("hibari").Hibari()
        self._dsp: Any = importlib.import_module("hibari.dsp")
        self._normalize: Any = importlib.import_module("hibari.g2p.normalize").normalize
        graph = Path(self._voice.model_path).read_bytes()
        self._session = models.session(graph + _one_more_output(DURATIONS))
        self._noise = _Noise()
        self.say = functools.lru_cache(KEPT_SENTENCES)(self._say)
        """Say a sentence; None if there is nothing in it to say."""
        self._spelled = functools.lru_cache(KEPT_WORDS)(self._spelled_words)
        # A first sentence takes longer than others: dictionaries are read.
        self.say("Hello.", self._voice.sample_rate)

    def sentences(self, text: str) -> list[str]:
        found: list[str] = self._voice.split_sentences(text)
        return found

    def _say(self, sentence: str, rate_hz: int) -> Speech | None:
        parts, words = [], []
        length = 0
        for phonemes in self._voice.phonemize(sentence):
            whole, durations = self._synthesized(phonemes, rate_hz)
            if len(durations) != len(phonemes) + 2:
                # Some of them the model does not know: the places would be others'.
                # All words end with the whole.
                total = durations.sum()
                durations = np.zeros(len(phonemes) + 2, np.int64)
                durations[0] = total
            scale = len(whole) / max(1, int(durations.sum()))
            first, last = _audible(whole, rate_hz)
            samples = whole[first:last]
            words += [
                length + min(max(0, round(end * scale) - first), len(samples))
                for end in _ends(phonemes, durations)
            ]
            parts.append(samples)
            length += len(samples)
        if not length:
            return None
        return Speech(np.concatenate(parts), self._placed(sentence, words, length))

    def _synthesized(self, phonemes: str, rate_hz: int) -> tuple[Samples, Any]:
        ids = self._voice.ids(phonemes)
        inputs = {"ids": np.array([ids], np.int64), "speed": np.ones(1, np.float32)}
        *spectra, durations = self._session.run([*OUTPUTS, DURATIONS], inputs)
        floats = self._dsp.synth(*(each[0] for each in spectra), self._noise)
        samples = saturate(floats * GAIN * 32767.0)
        samples = resample(samples, self._voice.sample_rate, rate_hz)
        return samples, durations.reshape(-1)

    def _placed(self, sentence: str, ends: list[int], length: int) -> tuple[Word, ...]:
        """Say where each word of a sentence ends.

        `$5` is one word that is spoken as two. Where it does not come out even, the
        sentence is heard as a whole or not at all.
        """
        words = sentence.split()
        counts = [self._spelled(word) for word in words]
        if sum(counts) != len(ends):
            return tuple(Word(word, length) for word in words)
        places = np.cumsum(counts)
        return tuple(
            Word(word, ends[place - 1] if place else 0)
            for word, place in zip(words, places, strict=True)
        )

    def _spelled_words(self, word: str) -> int:
        """As how many words a word is spoken."""
        spoken = self._voice.phonemize(str(self._normalize(word)))
        return sum(len(phonemes.split()) for phonemes in spoken)


class _Noise:
    """What a numpy generator gives from its beginning on, made once.

    Each piece of speech has the same noise in it. To draw it anew takes a fifth of the
    time that a piece of speech takes.
    """

    def __init__(self) -> None:
        self._drawn = np.zeros(0, np.float32)

    def standard_normal(self, size: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """As of a generator that has given nothing yet; the array is the caller's."""
        count = math.prod(size)
        if dtype != np.float32 or count > KEPT_NOISE:
            return np.random.default_rng(SEED).standard_normal(size, dtype)
        drawn = self._drawn
        if count > len(drawn):
            # Somewhat more, since the next piece may be somewhat longer.
            drawn = np.random.default_rng(SEED).standard_normal(count * 2, np.float32)
            self._drawn = drawn
        return drawn[:count].reshape(size).copy()


def _audible(samples: Samples, rate_hz: int) -> tuple[int, int]:
    """Where the sound begins and ends, with a breath left on either side.

    The voice is silent for a third of a second before and after: callers would wait.
    """
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    if not len(loud):
        return 0, len(samples)
    first = int(loud[0]) - round(BEFORE_S * rate_hz)
    return max(0, first), int(loud[-1]) + round(AFTER_S * rate_hz)


def _ends(phonemes: str, durations: Any) -> Iterator[int]:
    """Where, in frames, each of the words between spaces has been said."""
    # A silence stands before and after.
    passed = np.cumsum(durations)
    for place, phoneme in enumerate(phonemes):
        is_last = place + 1 == len(phonemes)
        if phoneme != " " and (is_last or phonemes[place + 1] == " "):
            yield int(passed[min(place + 1, len(passed) - 1)])


def _one_more_output(name: str) -> bytes:
    """What to append to an ONNX file so that its graph gives one more tensor.

    Protocol buffers merge: a message that comes twice is one with the fields of both.
    Field 7 of the model is the graph, 12 of the graph an output, 1 of that its name.
    """
    data = name.encode()
    for field in (1, 12, 7):
        data = bytes([field << 3 | 2, len(data)]) + data
    return data


def offline_voice() -> Synthesizer | None:
    """The voice that is installed; None if there is none."""
    try:
        return HibariVoice()
    except ConfigError:
        return None
