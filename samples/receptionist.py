"""A receptionist: makes appointments with a tool, and hands over to a person.

What it says is in `receptionist.toml`; what it does is here. Offline, with the extra
`local`. Handing over needs the account's credentials (`PLIVO_AUTH_ID`,
`PLIVO_AUTH_TOKEN`), and works on the local engine, too.

    mpc-bridge demo --bot samples/receptionist.py:Receptionist \\
        --line "I need an appointment." --line "Sam Miller." --line "Tomorrow." \\
        --line "At half past nine in the morning." --line "Yes." --line "No, thanks."
"""

import datetime
from pathlib import Path

from bridge.bots.conversation import Conversation

TAKEN: set[tuple[datetime.date, datetime.time]] = set()


async def book(name: str, day: datetime.date, time: datetime.time) -> str:
    """Make an appointment."""
    if (day, time) in TAKEN:
        raise LookupError(f"{day} {time} is taken")
    TAKEN.add((day, time))
    return f"I have written you down, {name}."


class Receptionist(Conversation):
    """Conversation, with a book of rules and a tool."""

    class Options(Conversation.Options):
        """The same, with other words."""

        greeting: str = "Good day, this is the practice of Doctor Lee."
        rules: Path = Path(__file__).with_suffix(".toml")

    def __init__(self, options: Options | None = None) -> None:
        super().__init__(options or self.Options(), tools=[book])
