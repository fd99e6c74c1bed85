"""What a brain of rules goes by, written as data.

```toml
clarify = ["Sorry?", "I can book a table, or tell you when we are open."]
transfer_to = "+15550123"

[[rules]]
when = ["opening hours", "when * open", "open (today|tomorrow)"]
say = "We are open from noon to ten, every day but Monday."

[[rules]]
when = ["book", "reserve", "table for"]
slots = [
    { name = "people", kind = "number", ask = "For how many people?" },
    { name = "day", kind = "date", ask = "For which day?" },
    { name = "ok", kind = "yes_no", ask = "{people} people on {day}, is that right?" },
]
tool = "book_table"
arguments = { people = "{people}", day = "{day}" }
then = "{result} See you!"
failed = "I'm sorry, that did not work."
```

In `when`, words are words, `*` is anything between them, `a|b` either; brackets group;
`^` is the beginning of what was said, and `$` its end.
"""

import functools
import re
import string
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bridge.documents import read_document

__all__ = ["Rule", "RuleBook", "Slot", "pattern"]

FORBID = ConfigDict(extra="forbid")

TRANSFER = [
    "(talk|speak) to * (person|human|agent|somebody|someone|operator|representative)",
    "(real|human|live) (person|agent|operator)",
    "operator|representative|transfer me|connect me",
]
GOODBYE = [
    "goodbye|good bye|goodby|good by|bye|bye bye|see you",
    "that is all|that's all|that was all",
]
REPEAT = ["repeat|say that again|come again|pardon|what did you say|once more"]
CANCEL = ["never mind|forget it|cancel|stop it|start over"]


def pattern(phrase: str) -> "re.Pattern[str]":
    """Read a phrase of `when`.

    Raises:
        ValueError: If its brackets do not match.
    """
    plain = re.sub(r"[^\w\s'()|*^$]", " ", phrase.lower().replace("\u2019", "'"))
    plain = re.sub(r"\s*([|()^$])\s*", r"\1", " ".join(plain.split()))
    # Brackets keep the spaces that stand between them and words.
    plain = re.sub(r"(?<=[\w'*)])\((?!\|)", " (", plain)
    plain = re.sub(r"\)(?=[\w'*(])", ") ", plain)
    # Between two words may be others, or none; at an end it stands for nothing more.
    plain = re.sub(r"^\* | \*$", "", plain).replace(" * ", r"\s(?:.*\s)?")
    plain = plain.replace("|", r"(?!\w)|(?<!\w)")
    try:
        return re.compile(rf"(?<!\w)(?:{plain})(?!\w)")
    except re.error as error:
        raise ValueError(f"{phrase!r}: {error}") from error


class Slot(BaseModel):
    """Something the caller has to tell."""

    model_config = FORBID

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal[
        "number", "digits", "date", "time", "yes_no", "name", "text", "choice"
    ]
    ask: str
    """May name slots before it: `{people} people on {day}?`"""
    again: str = ""
    """Asked when the answer was none; by default the next `clarify` and `ask`."""
    of: dict[str, list[str]] = {}
    """Of a choice: the values, and other words for each."""

    @model_validator(mode="after")
    def _has_choices(self) -> Self:
        if (self.kind == "choice") != bool(self.of):
            raise ValueError(f"slot {self.name}: a choice needs `of`, others have none")
        return self


class Rule(BaseModel):
    """What to do when the caller says something."""

    model_config = FORBID

    when: list[str] = []
    """Phrases; any of them will do."""
    keys: str = ""
    """Or keys that they pressed."""
    who: Literal["caller", "supervisor"] = "caller"
    """Whose words these are. A supervisor's, coaching, decide what is said next."""
    say: str | Annotated[list[str], Field(min_length=1)] = ""
    """What is said when all slots are filled; of several, each in turn."""
    slots: list[Slot] = []
    tool: str = ""
    """What is called then."""
    arguments: dict[str, str] = {}
    """Of the tool; may name slots."""
    then: str = ""
    """Said when the tool has returned; may name `{result}`."""
    failed: str = "I'm sorry, that did not work."
    """Said when it failed."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.when and not self.keys:
            raise ValueError("a rule needs `when` or `keys`")
        for phrase in self.when:
            pattern(phrase)
        known: set[str] = set()
        for slot in self.slots:
            if slot.name in known:
                raise ValueError(f"two slots are named {slot.name}")
            _check(slot.ask, known)
            _check(slot.again, known)
            known.add(slot.name)
        for text in [*self.sayings, *self.arguments.values(), self.failed]:
            _check(text, known)
        _check(self.then, known | {"result"})
        return self

    @property
    def sayings(self) -> list[str]:
        """What may be said."""
        return [self.say] if isinstance(self.say, str) else self.say

    def fits(self, *texts: str) -> bool:
        """Whether one of its phrases is in one of some forms of what was said."""
        return any(each.search(text) for each in self.patterns for text in texts)

    @functools.cached_property
    def patterns(self) -> list["re.Pattern[str]"]:
        """Its phrases, read."""
        return [pattern(each) for each in self.when]


def _check(text: str, known: set[str]) -> None:
    for _text, name, spec, conversion in string.Formatter().parse(text):
        if spec or conversion:
            raise ValueError(f"{text!r}: a name in braces stands alone")
        if name is not None and name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ValueError(f"{text!r} names {{{name}}}; known are {names}")


class RuleBook(BaseModel):
    """All rules of a brain, in the order in which they are tried."""

    model_config = FORBID

    rules: list[Rule] = []
    clarify: list[str] = Field(
        default=["Sorry, I did not get that.", "Could you say that another way?"],
        min_length=1,
    )
    """Said, one after the other, when nothing fits."""
    transfer_to: str = ""
    """Number or address of a person, for who asks for one, or cannot be understood."""
    transfer_from: str = ""
    """The number shown to the person."""
    transfer_say: str = "One moment, I am connecting you."
    nobody_there: str = "I'm sorry, nobody is free just now. Can I help you?"
    goodbye: str = "Thank you for calling. Goodbye!"
    cancelled: str = "All right. What can I do for you?"
    once_more: str = "Let's try that again."

    @model_validator(mode="after")
    def _can_be_said(self) -> Self:
        self.built_in()
        for rule in self.rules:
            if not (any(rule.sayings) or rule.slots or rule.tool):
                name = (rule.when or [rule.keys])[0]
                raise ValueError(f"the rule for {name!r} has no say, slots or tool")
        for text in [*self.clarify, self.cancelled, self.once_more]:
            _check(text, set())
        return self

    @classmethod
    def read(cls, path: Path) -> "RuleBook":
        """Read a TOML file.

        Raises:
            ConfigError: If it cannot be read, or a rule makes no sense; says which.
        """
        return read_document(path, cls)

    def built_in(self) -> dict[str, Rule]:
        """Rules that every book has, behind its own."""
        rules = {
            "repeat": Rule(when=REPEAT),
            "cancel": Rule(when=CANCEL),
            "goodbye": Rule(when=GOODBYE, say=self.goodbye, tool="hang_up"),
        }
        if self.transfer_to:
            rules["transfer"] = Rule(
                when=TRANSFER,
                say=self.transfer_say,
                tool="transfer",
                arguments={"to": self.transfer_to, "sender": self.transfer_from},
                failed=self.nobody_there,
            )
        return rules
