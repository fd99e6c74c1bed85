"""Moonshine's tiny English model (MIT) on plain onnxruntime.

An encoder over the raw waveform at 16 kHz and a small autoregressive decoder, both as
published by Useful Sensors ("Moonshine: Speech Recognition for Live Transcription and
Voice Commands", 2024). The weights are those inside the package `moonshine-voice`
0.1.0; the package itself is not imported.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import Samples
from bridge.audio.resampling import resample
from bridge.errors import ConfigError
from bridge.speech import models
from bridge.speech.recognition import Recognizer

__all__ = ["MoonshineRecognizer", "offline_recognizer"]

RATE_HZ = 16000

BEGIN, END = 1, 2
"""Tokens around a text."""

TOKENS_PER_S = 6.5
"""No speech has more; a model that goes on and on repeats itself."""

LAYERS, HEADS, WIDTH = 6, 8, 36

LEAST_S = 0.1
"""Shorter sounds give the encoder nothing to look at."""

WORD_BEGINS = "\u2581"

FILES = {
    "encoder_model.ort": (
        "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"
    ),
    "decoder_model_merged.ort": (
        "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0"
    ),
    "tokenizer.bin": (
        "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d"
    ),
}


class MoonshineRecognizer:
    """Understands English: 3 s of speech in some 40 ms of one core.

    Raises:
        ConfigError: If the package with its weights is not installed.
    """

    def __init__(self) -> None:
        encoder, decoder, tokens = (
            models.asset("moonshine_voice", "assets", "tiny-en", name, sha256=sha256)
            for name, sha256 in FILES.items()
        )
        self._model = models.Loader(lambda: _Model(encoder, decoder, tokens))

    async def load(self) -> None:
        """Load the model; else it happens with the first utterance."""
        await self._model()

    async def recognize(self, utterance: Samples, rate_hz: int) -> str:
        """Return what was said."""
        model = await self._model()
        text: str = await models.in_thread(model.understand, utterance, rate_hz)
        return text


class _Model:
    def __init__(
        self, encoder: models.Asset, decoder: models.Asset, tokens: models.Asset
    ) -> None:
        self._encoder = models.session(encoder.content())
        self._decoder = models.session(decoder.content())
        self._tokens = _read_tokens(tokens.content())

    def understand(self, utterance: Samples, rate_hz: int) -> str:
        audio = resample(utterance, rate_hz, RATE_HZ).astype(np.float32) / 32768.0
        if len(audio) < LEAST_S * RATE_HZ:
            return ""
        most = int(len(audio) / RATE_HZ * TOKENS_PER_S) + 2
        return self._text(self._decode(audio[np.newaxis, :], most))

    def _decode(self, audio: NDArray[np.float32], most: int) -> list[int]:
        """Take the likeliest token, again and again."""
        mask = np.ones(audio.shape, np.int64)
        (hidden,) = self._encoder.run(
            None, {"input_values": audio, "attention_mask": mask}
        )
        names = [
            f"past_key_values.{layer}.{part}.{kind}"
            for layer in range(LAYERS)
            for part in ("decoder", "encoder")
            for kind in ("key", "value")
        ]
        past: dict[str, Any] = {
            name: np.zeros((1, HEADS, 0, WIDTH), np.float32) for name in names
        }
        token, tokens = BEGIN, []
        for step in range(most):
            logits, *present = self._decoder.run(
                None,
                {
                    "encoder_attention_mask": mask,
                    "input_ids": np.array([[token]], np.int64),
                    "encoder_hidden_states": hidden,
                    "use_cache_branch": np.array([step > 0]),
                    **past,
                },
            )
            token = int(logits[0, -1].argmax())
            if token == END:
                break
            tokens.append(token)
            # What the encoder gave is computed once, in the first step.
            past |= {
                name: value
                for name, value in zip(names, present, strict=True)
                if not step or ".decoder." in name
            }
        return tokens

    def _text(self, tokens: list[int]) -> str:
        data = b"".join(self._tokens[token] for token in tokens)
        return data.decode(errors="replace").replace(WORD_BEGINS, " ").strip()


def _read_tokens(data: bytes) -> list[bytes]:
    """Read the token table: a length, one or two bytes, and so many bytes of text.

    Tokens `<0x..>` stand for one byte; other names in angle brackets for nothing.
    """
    tokens, place = [], 0
    while place < len(data):
        length = data[place]
        place += 1
        if length >= 128:
            length = data[place] * 128 + length - 128
            place += 1
        token = data[place : place + length]
        place += length
        if token.startswith(b"<0x") and len(token) == 6:
            token = bytes([int(token[3:5], 16)])
        elif token.startswith(b"<") and token.endswith(b">"):
            token = b""
        tokens.append(token)
    return tokens


def offline_recognizer() -> Recognizer | None:
    """The recognizer that is installed; None if there is none."""
    try:
        return MoonshineRecognizer()
    except ConfigError:
        return None
