"""Flite's voices, by its command: small, fast, and not as pretty.

Debian's package `flite`, under a BSD-like licence.
"""

import io
import shutil
import subprocess
from collections.abc import AsyncIterator

from bridge.audio import files
from bridge.audio.pcm import Samples
from bridge.errors import ConfigError, ServiceError
from bridge.speech import models
from bridge.speech.synthesis import Speech, timed

__all__ = ["FliteVoice"]

TIMEOUT_S = 20.0


class FliteVoice:
    """Says English.

    Args:
        voice: One that `flite -lv` lists.

    Raises:
        ConfigError: If the command is not there.
    """

    def __init__(self, voice: str = "rms") -> None:
        command = shutil.which("flite")
        if command is None:
            raise ConfigError("no flite is installed: apt-get install flite")
        self._command = [command, "-voice", voice, "-o", "/dev/stdout", "-t"]

    async def speak(self, text: str, rate_hz: int) -> AsyncIterator[Speech]:
        """Say a text as a whole."""
        if any(letter.isalnum() for letter in text):
            samples = await models.in_thread(self._say, text, rate_hz)
            yield timed(samples, text)

    def _say(self, text: str, rate_hz: int) -> Samples:
        try:
            made = subprocess.run(
                [*self._command, text],
                capture_output=True,
                timeout=TIMEOUT_S,
                check=True,
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise ServiceError("flite", str(error)) from error
        return files.read(io.BytesIO(made.stdout), rate_hz)
