"""Calls written down as they went over the wire, so that they can be played again.

* `format`: the records, and the file they are in
* `recorder`: writes them while calls go on
* `scrub`: takes out what is personal
"""

from bridge.capture.format import Capture, Header, Record, SocketEvent, read, write
from bridge.capture.recorder import Recorder, Tape

__all__ = [
    "Capture",
    "Header",
    "Record",
    "Recorder",
    "SocketEvent",
    "Tape",
    "read",
    "write",
]
