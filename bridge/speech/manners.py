"""How a bot behaves in a conversation, whatever it talks about."""

import re

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Manners", "is_backchannel"]


class Manners(BaseModel):
    """What can be set of a conversation."""

    model_config = ConfigDict(extra="forbid")

    greeting: str = Field(
        default="Hello! How can I help you?",
        description="Said first; empty: the caller begins",
    )
    farewell: str = Field(
        default="Thank you for calling. Goodbye!",
        description="Said before hanging up for silence or length",
    )
    still_there: str = Field(
        default="Are you still there?", description="Asked when the caller is silent"
    )
    apology: str = Field(
        default="I'm sorry, something went wrong. Could you say that again?",
        description="Said when no answer could be made",
    )
    idle_s: float = Field(
        default=8.0, gt=0, description="Silence, after all was heard, before asking"
    )
    idle_times: int = Field(
        default=2, ge=0, description="How often is asked before hanging up"
    )
    longest_s: float = Field(
        default=1800.0, gt=0, description="A call is ended politely after so long"
    )
    keys_end: str = Field(
        default="#", max_length=1, description="Key that ends an entry; empty: none"
    )
    keys_most: int = Field(
        default=32, ge=1, description="So many keys are an entry without an end key"
    )
    keys_timeout_s: float = Field(
        default=3.0, gt=0, description="An entry is over so long after its last key"
    )
    barge_in: bool = Field(
        default=True, description="Whether the caller's speech stops the bot's"
    )


LEAST_VOICED_S = 0.12
"""A sound with less voice is a cough or a knock, whatever was understood."""

LISTENING = frozenset(
    "m h hm mh mhm uh huh uhuh uhu ah oh um er aha".split()  # noqa: SIM905
)
"""Sounds of somebody who listens, each letter once."""

AGREEING = frozenset(
    ["yeah", "yes", "yep", "okay", "ok", "right", "sure", "alright", "i see", "got it"]
)
"""Words that only show that somebody listens, unless they were asked something."""


def is_backchannel(text: str, voiced_s: float, *, was_asked: bool) -> bool:
    """Whether somebody who spoke into our speech does not want the word.

    Args:
        text: What was understood.
        voiced_s: How much voice there was.
        was_asked: Whether the last that they heard of us is a question.
    """
    if voiced_s < LEAST_VOICED_S:
        return True
    words = re.sub(r"[^\w']|_", " ", text.lower()).split()
    if all(re.sub(r"(.)\1+", r"\1", word) in LISTENING for word in words):
        return True
    return not was_asked and " ".join(words) in AGREEING
