from typing import Any

class Outgoing:
    owner: Any
    fd: int
    alone: int
    due_s: float
    look_s: float
    number: int
    chunk: int
    sent: int
    at: int
    def say(
        self,
        texts: tuple[bytes, ...],
        parts: tuple[bytes, bytes, bytes, bytes, bytes],
        began_ms: int,
        /,
    ) -> None: ...

def due(lines: list[Any], now_s: float, /) -> list[tuple[Any, bytes | None]]: ...
