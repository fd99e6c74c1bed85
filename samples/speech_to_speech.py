"""A speech-to-speech service holds the conversation, with a tool of ours.

    OPENAI_API_KEY=... mpc-bridge serve --bot samples/speech_to_speech.py:bot

`REALTIME_URL` names any other service of the same format.
"""

import os

from pydantic import SecretStr

from bridge.bots.realtime import Realtime


async def opening_hours(day: str) -> str:
    """Look up when we are open on a day of the week."""
    return "closed" if day.lower() == "monday" else "from nine to five"


bot = Realtime(
    Realtime.Options(
        url=os.environ.get("REALTIME_URL", "wss://api.openai.com/v1/realtime"),
        key=SecretStr(os.environ.get("OPENAI_API_KEY", "")),
        instructions="You answer the phone of a small shop. Keep it short.",
    ),
    tools=[opening_hours],
)
