"""What the simulated phones do, by number, from a TOML file.

[numbers."+15550100"]
says = "caller.wav"         # a WAV or MP3 beside this file
answers_after_s = 1.0
hangs_up_after_s = 12.0     # counted from the answer; or:
hangs_up_when_said = true
keys = [{ after_s = 3.0, digits = "1#" }]

[[numbers."+15550101".replies]]
says = "hello.wav"          # when the other side has spoken and is silent
[[numbers."+15550101".replies]]
says = "stop.wav"
into_speech_s = 1.5         # in the middle of what the other side says
"""

import logging
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.documents import read_document
from bridge.errors import ConfigError

__all__ = ["KeyPress", "PhoneScript", "Phonebook", "Reply"]

_LOG = logging.getLogger(__name__)


class KeyPress(BaseModel):
    """Keys, some time after the answer."""

    model_config = ConfigDict(extra="forbid")

    after_s: float = Field(ge=0)
    digits: str = Field(pattern=r"^[0-9*#A-D]+$")


class Reply(BaseModel):
    """Something said in reaction to the other side."""

    model_config = ConfigDict(extra="forbid")

    says: Path
    """A WAV or MP3 file."""
    after_silence_s: float = Field(default=0.8, gt=0)
    """It begins when the other side has spoken, and then been silent for so long."""
    into_speech_s: float | None = Field(default=None, gt=0)
    """Or it begins when the other side has spoken for so long: it interrupts."""


class PhoneScript(BaseModel):
    """What one phone does when it is called."""

    model_config = ConfigDict(extra="forbid")

    says: Path | None = None
    """A WAV or MP3 file, spoken from the answer on; None keeps silent."""
    says_after_s: float = Field(default=0.0, ge=0)
    """How long after the answer it begins to speak."""
    replies: list[Reply] = Field(default_factory=list)
    """What it says in reaction to what it hears, one after the other."""
    repeats: bool = False
    """Whether it says it again and again."""
    outcome: Literal["answers", "busy", "no-answer"] = "answers"
    answers_after_s: float = Field(default=0.5, ge=0)
    hangs_up_after_s: float | None = Field(default=None, gt=0)
    """Counted from the answer; None: when the call ends."""
    hangs_up_when_said: bool = False
    hangs_up_after_silence_s: float | None = Field(default=None, gt=0)
    """Once all replies are said, and the other side has been silent so long."""
    keys: list[KeyPress] = Field(default_factory=list)


class Phonebook(BaseModel):
    """Scripts by number; a number that is not in it answers and keeps silent."""

    model_config = ConfigDict(extra="forbid")

    numbers: dict[str, PhoneScript] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Phonebook":
        """Read a phonebook file; sounds are looked for beside it.

        Raises:
            ConfigError: If it cannot be read, or says something unknown.
        """
        book = read_document(path, cls)
        for number, script in book.numbers.items():
            if script.says is not None:
                script.says = _sound(path, number, script.says)
            for reply in script.replies:
                reply.says = _sound(path, number, reply.says)
        return book

    def script(self, number: str) -> PhoneScript:
        """What the phone of a number does; `+` and spaces do not matter."""
        wanted = _plain(number)
        for known, script in self.numbers.items():
            if _plain(known) == wanted:
                return script
        _LOG.info("%s is not in the phonebook: it answers and keeps silent", number)
        return PhoneScript()


def _sound(path: Path, number: str, name: Path) -> Path:
    sound = path.parent / name
    if not sound.is_file():
        raise ConfigError(f"{path}: {number} says {sound}, no such file")
    return sound


def _plain(number: str) -> str:
    return number.replace(" ", "").removeprefix("+").lower()
