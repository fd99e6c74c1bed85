"""Captured calls played again, and what is different now.

* `memory`, `socket`: a WebSocket's far end, over the network or without one
* `far_end`: does what the captured far end did
* `run`: one replay, in virtual or in real time
* `story`: what a capture tells: who spoke when, what was heard, what was late
* `likeness`, `comparison`: then and now
* `timeline`: a capture for people to read
"""

from bridge.replay.comparison import Row, Tolerances, compare
from bridge.replay.far_end import Manners
from bridge.replay.run import Replay, replay_at, replay_here
from bridge.replay.story import Story
from bridge.replay.timeline import Moment, figures, moments

__all__ = [
    "Manners",
    "Moment",
    "Replay",
    "Row",
    "Story",
    "Tolerances",
    "compare",
    "figures",
    "moments",
    "replay_at",
    "replay_here",
]
