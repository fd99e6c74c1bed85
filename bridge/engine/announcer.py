"""Sounds made of what the API names: files, texts, and XML that names both."""

import asyncio
import io
import logging
from collections.abc import Awaitable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from bridge.audio import files, tones
from bridge.audio.pcm import Samples, silence
from bridge.engine.fetcher import Fetcher, FetchError
from bridge.engine.legs import RATE_HZ
from bridge.engine.targets import Target, shown
from bridge.errors import ConfigError, PeerError
from bridge.multiparty import xml
from bridge.speech.synthesis import Synthesizer, spoken

__all__ = ["Announcer"]

_LOG = logging.getLogger(__name__)

MOST_S = 600.0
"""Of one sound; what is longer is cut."""


class Announcer:
    """Makes sounds, at 8 kHz.

    Args:
        fetcher: Gets files and XML.
        voice: Says texts; None where none is installed.
    """

    def __init__(self, fetcher: Fetcher, voice: Synthesizer | None) -> None:
        self._fetcher = fetcher
        self._voice = voice

    @property
    def can_speak(self) -> bool:
        """Whether a voice is installed."""
        return self._voice is not None

    async def sound(self, target: Target) -> Samples:
        """What a URL stands for: the file it gives, or what its XML says.

        One that gives nothing usable is silence, and a line in the log.
        """
        try:
            body = await self._fetcher.get(target)
            if body.lstrip()[:1] == b"<":
                return await self.render(xml.parse(body))
            return await _decoded(target.url, body)
        except PeerError as error:
            _LOG.warning("silence instead of a sound: %s", error)
            return silence(0)

    async def named(self, name: str, method: str) -> Samples:
        """An enter or exit sound: `none`, `beep:1`, `beep:2`, or a URL."""
        if name == "none":
            return silence(0)
        if name.startswith("beep:"):
            return tones.beep(int(name.removeprefix("beep:")), RATE_HZ)
        return await self.sound(Target(name, method))

    async def file(self, url: str) -> Samples:
        """A WAV or MP3.

        Raises:
            FetchError: If the URL gives none.
        """
        return await _decoded(url, await self._fetcher.get(Target(url, "GET")))

    async def text(self, text: str) -> Samples:
        """A text, spoken.

        Raises:
            ConfigError: If no voice is installed.
        """
        if self._voice is None:
            raise ConfigError("no voice is installed: pip install 'mpc-bridge[local]'")
        return await spoken(self._voice, text, RATE_HZ)

    async def instructions(
        self,
        target: Target,
        params: Mapping[str, str] = MappingProxyType({}),
        call_uuid: str = "",
    ) -> list[xml.Element]:
        """Ask a URL what to do with a call.

        Raises:
            PeerError: If it does not answer, or not with XML.
        """
        body = await self._fetcher.get(target, params, xml.MOST_BYTES)
        return xml.parse(body, call_uuid)

    async def render(self, elements: Sequence[xml.Element]) -> Samples:
        """Play, speak and wait; what else there is, is passed over."""
        parts = [silence(0)]
        for element in elements:
            if sum(len(part) for part in parts) >= MOST_S * RATE_HZ:
                break
            match element:
                case xml.Play(url, loop):
                    parts += _again(await self._or_silence(self.file(url)), loop)
                case xml.Speak(text, loop=loop):
                    parts += _again(await self._or_silence(self.text(text)), loop)
                case xml.Wait(length_s):
                    parts.append(silence(round(min(length_s, MOST_S) * RATE_HZ)))
                case _:
                    _LOG.warning("only Play, Speak and Wait sound: %s", element)
        return np.concatenate(parts)[: round(MOST_S * RATE_HZ)]

    async def _or_silence(self, making: Awaitable[Samples]) -> Samples:
        try:
            return await making
        except (PeerError, ConfigError) as error:
            _LOG.warning("silence instead of a sound: %s", error)
            return silence(0)


def _again(samples: Samples, loop: int) -> list[Samples]:
    """A sound as often as it is wanted, within the longest that is played.

    0 means without end, which who plays it sees to.
    """
    most = 1 + round(MOST_S * RATE_HZ) // max(1, len(samples))
    return [samples] * min(max(loop, 1), most)


async def _decoded(url: str, body: bytes) -> Samples:
    try:
        return await asyncio.to_thread(files.read, io.BytesIO(body), RATE_HZ, MOST_S)
    except ConfigError as error:
        raise FetchError(f"{shown(url)}: no WAV or MP3") from error
