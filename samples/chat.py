"""A conversation whose brain is any server that speaks OpenAI's chat format.

Ears and voice stay on this machine. With a server of your own:

    CHAT_URL=http://127.0.0.1:8000/v1 CHAT_MODEL=my-model \\
        mpc-bridge demo --bot samples/chat.py:bot --line "Tell me a joke." --line "Bye."
"""

import os

from pydantic import SecretStr

from bridge.bots.conversation import Conversation


async def opening_hours(day: str) -> str:
    """Look up when we are open on a day of the week."""
    return "closed" if day.lower() == "monday" else "from nine to five"


bot = Conversation(
    Conversation.Options(
        greeting="Hello, how can I help?",
        brain="openai",
        openai_url=os.environ.get("CHAT_URL", "https://api.openai.com/v1"),
        openai_key=SecretStr(os.environ.get("OPENAI_API_KEY", "")),
        chat_model=os.environ.get("CHAT_MODEL", "gpt-4o-mini"),
        instructions="You answer the phone of a small shop, in a sentence or two. "
        "When the caller says goodbye, say goodbye and call hang_up.",
    ),
    tools=[opening_hours],
)
