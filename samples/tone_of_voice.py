"""Gives the caller a robot's voice, with numpy on the frames.

A ring modulator: the voice is multiplied with a 70 Hz sine that runs on from frame to
frame. It also says how loud the caller was in each second.

Try it:  mpc-bridge demo --bot samples/tone_of_voice.py:tone_of_voice
"""

import numpy as np

from bridge import Call

ROBOT_HZ = 70.0


async def tone_of_voice(call: Call) -> None:
    """Answer in the caller's own words, with another voice."""
    rate_hz = call.sample_rate_hz
    place = 0
    power: list[float] = []
    async for frame in call.listen():
        time_s = (place + np.arange(len(frame))) / rate_hz
        place += len(frame)
        robot = frame * np.sin(2 * np.pi * ROBOT_HZ * time_s)
        await call.speak(robot.astype(np.int16))

        power.append(float(np.mean(frame.astype(np.float64) ** 2)))
        if len(power) == 50:
            level_dbfs = 10 * np.log10(np.mean(power) / 32768**2 + 1e-10)
            print(f"{place / rate_hz:5.1f} s  {level_dbfs:6.1f} dBFS")
            power.clear()
