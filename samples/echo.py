"""Repeats the caller.

Try it:  mpc-bridge demo --bot samples/echo.py:echo
"""

from bridge import Call


async def echo(call: Call) -> None:
    """Say what is heard, 20 ms at a time."""
    async for frame in call.listen():
        await call.speak(frame)
