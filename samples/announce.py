"""Plays a file, lets a key cut it short, and says how much of it was heard.

Try it:  mpc-bridge demo --bot samples/announce.py:announce
         mpc-bridge demo --bot samples/announce.py:announce --press 1@2.5
"""

from pathlib import Path

from bridge import Call, Dtmf, Played

GREETING = Path(__file__).parent / "greeting.wav"


async def announce(call: Call) -> None:
    """Play the greeting; a key stops it."""
    call.play(GREETING, name="greeting")
    async for event in call.events():
        match event:
            case Dtmf(digit=digit):
                print(f"key {digit}: falling silent")
                call.interrupt()
            case Played(name="greeting", heard=heard):
                how = "all" if heard.complete else f"{heard.duration_s:.2f} s"
                print(f"the caller heard {how} of it ({heard.certainty.value})")
                return
