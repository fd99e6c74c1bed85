from bridge.audio.line import ToWire
from bridge.audio.pcm import Samples

class Sending:
    zero_s: float
    runs_from_s: float
    def __init__(self, rate_hz: float) -> None: ...
    @property
    def samples(self) -> int: ...
    def next(self, samples: Samples, now_s: float, /) -> bytes | None: ...
    def book(self, count: int, now_s: float, /) -> None: ...
    def behind(self, position: float, /) -> list[tuple[int, float]]: ...
    def write_as(
        self,
        begin: bytes,
        end: bytes,
        speaking: ToWire,
        frame: int,
        wire_frame: int,
        most_ahead_s: float,
        /,
    ) -> None: ...
