"""What one kind of caller does in a load run, and what happens to what they send."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    model_validator,
)

from bridge.audio.pcm import FRAME_MS

__all__ = [
    "SILENCE",
    "TONES",
    "CallerPlan",
    "Document",
    "Drop",
    "HangUp",
    "Interrupt",
    "Listen",
    "Press",
    "Reconnect",
    "Say",
    "Spells",
    "Step",
    "Trouble",
    "Wait",
]

TONES = "tones"
SILENCE = "silence"
"""Names of sounds that are no files."""

Percent = Annotated[float, Field(ge=0, le=100)]


class Document(BaseModel):
    """Part of a plan: unknown fields are mistakes, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Say(Document):
    """Speak, to the last sample."""

    do: Literal["say"] = "say"
    audio: str
    """`tones`, or a file."""


class Wait(Document):
    """Be silent."""

    do: Literal["wait"] = "wait"
    s: NonNegativeFloat


class Listen(Document):
    """Be silent until the bot has spoken and is done."""

    do: Literal["listen"] = "listen"
    quiet_s: PositiveFloat = 0.8
    """So long without a sound means that it is done."""
    timeout_s: PositiveFloat = 10.0
    """So long is waited for its first sound."""
    longest_s: PositiveFloat = 60.0
    """So long it may speak."""


class Interrupt(Document):
    """Speak into the bot's speech, and listen when it falls silent."""

    do: Literal["interrupt"] = "interrupt"
    audio: str
    after_s: NonNegativeFloat = 1.0
    """So far into its speech."""
    quiet_s: PositiveFloat = 0.5
    """So long without a sound means that it has fallen silent."""
    timeout_s: PositiveFloat = 10.0


class Press(Document):
    """Press keys, one every 0.2 s."""

    do: Literal["press"] = "press"
    keys: Annotated[str, Field(pattern=r"^[0-9*#A-D]+$")]


class HangUp(Document):
    """End the call as Plivo does: close the socket."""

    do: Literal["hang_up"] = "hang_up"


class Drop(Document):
    """End the call as a broken network does: no goodbye."""

    do: Literal["drop"] = "drop"


class Reconnect(Document):
    """Lose the socket, and come back with the same stream."""

    do: Literal["reconnect"] = "reconnect"
    after_s: NonNegativeFloat = 0.2
    with_start: bool = True
    """Plivo has been seen to go on without a second `start`."""


Step = Annotated[
    Say | Wait | Listen | Interrupt | Press | HangUp | Drop | Reconnect,
    Field(discriminator="do"),
]


# --------------------------------------------------------------------------- trouble


class Spells(Document):
    """Something that comes again and again."""

    every_s: PositiveFloat
    for_s: PositiveFloat

    @model_validator(mode="after")
    def _pauses(self) -> Self:
        if self.for_s >= self.every_s:
            raise ValueError("for_s must be shorter than every_s")
        return self


class Trouble(Document):
    """What a bad network or a bad sender does to a caller's side of the stream."""

    jitter_ms: NonNegativeFloat = 0.0
    """Frames leave up to so much later, evenly at random, never out of order."""
    stalls: Spells | None = None
    """Nothing leaves for a while; then all that was held back at once."""
    loss_percent: Percent = 0.0
    """Frames that never leave; `chunk` tells."""
    malformed_percent: Percent = 0.0
    """Frames that are replaced by something no reader can take."""
    slow_reads: Spells | None = None
    """Nothing is read for a while."""


def _takes_time(step: Step) -> bool:
    """Whether a step lasts a frame at least, whatever happens."""
    if isinstance(step, Wait):
        return round(step.s * 1000 / FRAME_MS) > 0
    return isinstance(step, Say | Press | Listen | Interrupt)


class CallerPlan(Document):
    """One kind of caller."""

    name: str = "caller"
    weight: PositiveFloat = 1.0
    """How many of all callers are of this kind, beside the others' weights."""
    audio: str = TONES
    """What a caller without a script sends, over and over: `tones`, `silence`, or a
    file."""
    script: tuple[Step, ...] = ()
    """What they do instead, in turn; between the steps they are silent."""
    rounds: Annotated[int, Field(ge=0)] = 0
    """How often the script is done; 0: until the call ends. Then they hang up."""
    call_s: PositiveFloat | tuple[PositiveFloat, PositiveFloat] | None = None
    """How long a call is, or between what; None: until the run ends."""
    end: Literal["hang_up", "drop"] = "hang_up"
    """How they leave when the time is up."""
    trouble: Trouble = Trouble()

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if isinstance(self.call_s, tuple) and self.call_s[0] > self.call_s[1]:
            raise ValueError("call_s: the shorter one comes first")
        if self.script and not any(_takes_time(each) for each in self.script):
            raise ValueError("script: no step of it takes time")
        return self

    @property
    def sounds(self) -> set[str]:
        """The names of all sounds they make."""
        said = {each.audio for each in self.script if isinstance(each, Say | Interrupt)}
        return said if self.script else {self.audio}

    def beside(self, folder: Path) -> "CallerPlan":
        """The same caller, with their files looked for in a folder."""

        def found(audio: str) -> str:
            return audio if audio in (TONES, SILENCE) else str(folder / audio)

        steps = tuple(
            each.model_copy(update={"audio": found(each.audio)})
            if isinstance(each, Say | Interrupt)
            else each
            for each in self.script
        )
        return self.model_copy(update={"audio": found(self.audio), "script": steps})
