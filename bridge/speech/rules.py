"""A brain of rules: no model, no network, and the same answer every time.

It keeps nothing: what has been asked and told so far follows from the history, which
is gone through anew for each answer.
"""

import dataclasses
import datetime
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence

from bridge.speech import slots
from bridge.speech.brain import CallTool, Message, Said, Thought, ToolResult
from bridge.speech.rulebook import Rule, RuleBook, Slot
from bridge.speech.tools import Tool

__all__ = ["RulesBrain"]

PEOPLE = r"(\d+) (?:people|persons|guests|of us)\b"
AT_ONCE = re.compile(
    rf"\b{PEOPLE}|\b(?:for|of|are) (\d+)\b"
    r"(?![:/.]\d|\s*(?:[ap]\.?\s?m\b|o'?clock|\d|st\b|nd\b|rd\b|th\b))"
)
"""A number that is told without having been asked for."""

QUESTION = re.compile(
    r"\?|^(?:what|why|when|where|who|how|which|can|could|do|does)\b", re.I
)

MOST_LETTERS = 2000
"""Of what was said at once; nobody says more that a rule could be for."""

TIME_TOLD = re.compile(r"\d\s*(?:[ap]\.?\s?m\b|o'?clock)|\d:\d\d|\bat \d|\bnoon\b")


@dataclasses.dataclass(slots=True)
class State:
    """Where the conversation stands."""

    rule: Rule | None = None
    values: dict[str, str] = dataclasses.field(default_factory=dict)
    kinds: dict[str, str] = dataclasses.field(default_factory=dict)
    """Of the slots whose values these are."""
    asked: Slot | None = None
    misses: int = 0
    next_rule: Rule | None = None
    """What a supervisor wants."""
    reply: str = ""
    said: str = ""
    """By the bot, last."""
    done: Rule | None = None
    """Whose tool is to be called with the reply."""
    arguments: dict[str, str] = dataclasses.field(default_factory=dict)


class RulesBrain:
    """Answers by a book of rules.

    Args:
        book: The rules.
        today: Tells what day it is.
    """

    def __init__(
        self, book: RuleBook, today: Callable[[], datetime.date] = datetime.date.today
    ) -> None:
        self._book = book
        self._built_in = book.built_in()
        self._today = today

    @property
    def tools(self) -> set[str]:
        """What its rules call."""
        return {rule.tool for rule in self._book.rules if rule.tool}

    async def load(self) -> None:
        """Nothing to load but what reads numbers."""
        slots.plain("one")

    async def respond(
        self, history: Sequence[Message], _tools: Sequence[Tool]
    ) -> AsyncIterator[Thought]:
        """Answer what was said last."""
        state = State()
        for place, message in enumerate(history):
            if isinstance(message, Said) and message.who == "supervisor":
                wanted = self._fitting(message.text, "supervisor")
                state.next_rule = wanted or state.next_rule
            elif isinstance(message, Said) and message.who == "bot":
                state.said = state.reply if message.is_cut else message.text
            elif isinstance(message, Said) and message.who == "caller":
                state.done, state.arguments = None, {}
                self._take(state, message, place)
        last = history[-1] if history else None
        if isinstance(last, ToolResult):
            yield self._after(state, last)
            return
        yield state.reply
        if state.done is not None:
            yield CallTool(state.done.tool, json.dumps(state.arguments))

    def _after(self, state: State, result: ToolResult) -> str:
        if state.done is None:
            return ""
        if result.text.startswith("error"):
            return _filled(state.done.failed, state)
        return _filled(state.done.then, state, result=result.text)

    # ------------------------------------------------------------- one turn

    def _take(self, state: State, said: Said, place: int) -> None:
        """Go one turn on."""
        wanted, state.next_rule = state.next_rule, None
        misses = state.misses
        if state.asked is not None:
            self._answered(state, state.asked, said, place)
        else:
            self._asked_for(state, said, place)
        if wanted is not None:
            is_understood = state.misses <= misses
            state.misses = min(state.misses, misses)
            self._say_besides(state, wanted, place, is_understood=is_understood)

    def _say_besides(
        self, state: State, rule: Rule, place: int, *, is_understood: bool
    ) -> None:
        """Say what a rule says, before what would be said anyway."""
        if rule.slots or rule.tool:
            self._begin(state, rule, "", place)
            return
        asked = state.reply if is_understood else ""
        if state.asked is not None:
            asked = _filled(state.asked.ask, state)
        saying = rule.sayings[place % len(rule.sayings)]
        state.reply = f"{_filled(saying, state)} {asked}".strip()

    def _answered(self, state: State, slot: Slot, said: Said, place: int) -> None:
        """Something was asked, and this is the answer, or something else."""
        read = slots.reader(slot.kind, slot.of)
        value = read(said.text, self._today())
        other = self._built_in_for(said.text)
        rule = self._fitting_said(said)
        is_loose = slot.kind in ("text", "name")
        is_question = rule is not None and QUESTION.search(said.text) is not None
        if other == "cancel":
            self._cancel(state)
        elif value is not None and not (is_loose and (other or is_question)):
            state.values[slot.name] = value
            is_last = state.rule is not None and slot is state.rule.slots[-1]
            if slot.kind == "yes_no" and value == "no" and is_last:
                self._once_more(state)
            else:
                state.misses = 0
                self._go_on(state, place)
        elif rule is not None and not (rule.slots or rule.tool):
            # Answered by the way; what was asked is asked still.
            self._say_besides(state, rule, place, is_understood=True)
        elif other is not None or rule is not None:
            self._asked_for(state, said, place)
        else:
            state.misses += 1
            if not self._give_up(state, place):
                again = f"{self._clarify(state)} {_filled(slot.ask, state)}"
                state.reply = _filled(slot.again, state) or again

    def _asked_for(self, state: State, said: Said, place: int) -> None:
        """Nothing was asked, or they want something else."""
        rule = self._fitting_said(said)
        if rule is not None:
            self._begin(state, rule, said.text, place)
            return
        match self._built_in_for(said.text):
            case "repeat":
                state.reply = state.said or state.reply
            case "cancel":
                self._cancel(state)
            case str() as name:
                self._begin(state, self._built_in[name], said.text, place)
            case None:
                state.misses += 1
                if not self._give_up(state, place):
                    state.reply = self._clarify(state)

    def _begin(self, state: State, rule: Rule, text: str, place: int) -> None:
        state.rule, state.values, state.misses = rule, {}, 0
        state.kinds = {slot.name: slot.kind for slot in rule.slots}
        for slot in rule.slots:
            value = self._told_at_once(slot, text)
            if value is not None:
                state.values[slot.name] = value
        self._go_on(state, place)

    def _told_at_once(self, slot: Slot, text: str) -> str | None:
        """What was told before it was asked for, if there is no doubt."""
        said = slots.plain(text)
        if slot.kind == "number":
            found = AT_ONCE.search(said)
            return (found[1] or found[2]) if found else None
        if slot.kind in ("date", "choice") or (
            slot.kind == "time" and TIME_TOLD.search(said)
        ):
            return slots.reader(slot.kind, slot.of)(text, self._today())
        return None

    def _go_on(self, state: State, place: int) -> None:
        """Ask for the next slot, or do what the rule is for."""
        rule = state.rule
        assert rule is not None
        for slot in rule.slots:
            if slot.name not in state.values:
                state.asked = slot
                state.reply = _filled(slot.ask, state)
                return
        state.asked = None
        state.rule = None
        # Of several sayings each has its turn.
        state.reply = _filled(rule.sayings[place % len(rule.sayings)], state)
        if rule.tool:
            state.done = rule
            state.arguments = {
                name: value.format_map(state.values)
                for name, value in rule.arguments.items()
            }

    def _once_more(self, state: State) -> None:
        """They do not agree with what they were told back."""
        rule = state.rule
        assert rule is not None
        if len(rule.slots) == 1:
            self._cancel(state)
            return
        state.values = {}
        state.asked = rule.slots[0]
        state.reply = f"{self._book.once_more} {state.asked.ask}"

    def _cancel(self, state: State) -> None:
        state.rule = state.asked = None
        state.reply = self._book.cancelled

    def _give_up(self, state: State, place: int) -> bool:
        """Nothing was understood too often: somebody else may do better."""
        transfer = self._built_in.get("transfer")
        if transfer is None or state.misses <= len(self._book.clarify):
            return False
        self._begin(state, transfer, "", place)
        return True

    def _clarify(self, state: State) -> str:
        clarify = self._book.clarify
        return clarify[min(state.misses, len(clarify)) - 1]

    # ---------------------------------------------------------------- fitting

    def _fitting_said(self, said: Said) -> Rule | None:
        if said.are_keys:
            pressed = (r for r in self._book.rules if r.keys and r.keys == said.text)
            return next(pressed, None)
        return self._fitting(said.text, "caller")

    def _fitting(self, text: str, who: str) -> Rule | None:
        forms = _forms(text)
        fitting = (r for r in self._book.rules if r.who == who and r.fits(*forms))
        return next(fitting, None)

    def _built_in_for(self, text: str) -> str | None:
        forms = _forms(text)
        return next((n for n, r in self._built_in.items() if r.fits(*forms)), None)


def _forms(text: str) -> tuple[str, str]:
    """What was said, with numbers as words and as digits."""
    text = text[:MOST_LETTERS]
    words = re.sub(r"[^\w\s']", " ", text.lower().replace("\u2019", "'"))
    return " ".join(words.split()), slots.plain(text)


def _filled(text: str, state: State, **others: str) -> str:
    """A text with the slots' values, as they are spoken."""
    values = {
        name: slots.spoken_value(state.kinds[name], value)
        for name, value in state.values.items()
    }
    return text.format_map({**values, **others})
