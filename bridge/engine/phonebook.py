"""What the simulated phones do, by number, from a TOML file.

[numbers."+15550100"]
says = "caller.wav"         # a WAV or MP3 beside this file
answers_after_s = 1.0
hangs_up_after_s = 12.0     # counted from the answer; or:
hangs_up_when_said = true
keys = [{ after_s = 3.0, digits = "1#" }]
"""

import logging
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.documents import read_document
from bridge.errors import ConfigError

__all__ = ["KeyPress", "PhoneScript", "Phonebook"]

_LOG = logging.getLogger(__name__)


class KeyPress(BaseModel):
    """Keys, some time after the answer."""

    model_config = ConfigDict(extra="forbid")

    after_s: float = Field(ge=0)
    digits: str = Field(pattern=r"^[0-9*#A-D]+$")


class PhoneScript(BaseModel):
    """What one phone does when it is called."""

    model_config = ConfigDict(extra="forbid")

    says: Path | None = None
    """A WAV or MP3 file, spoken from the answer on; None keeps silent."""
    says_after_s: float = Field(default=0.0, ge=0)
    """How long after the answer it begins to speak."""
    repeats: bool = False
    """Whether it says it again and again."""
    outcome: Literal["answers", "busy", "no-answer"] = "answers"
    answers_after_s: float = Field(default=0.5, ge=0)
    hangs_up_after_s: float | None = Field(default=None, gt=0)
    """Counted from the answer; None: when the call ends."""
    hangs_up_when_said: bool = False
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
                script.says = path.parent / script.says
                if not script.says.is_file():
                    raise ConfigError(
                        f"{path}: {number} says {script.says}, no such file"
                    )
        return book

    def script(self, number: str) -> PhoneScript:
        """What the phone of a number does; `+` and spaces do not matter."""
        wanted = _plain(number)
        for known, script in self.numbers.items():
            if _plain(known) == wanted:
                return script
        _LOG.info("%s is not in the phonebook: it answers and keeps silent", number)
        return PhoneScript()


def _plain(number: str) -> str:
    return number.replace(" ", "").removeprefix("+").lower()
