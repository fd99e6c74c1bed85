class Predictor:
    def __init__(
        self, sample_bytes: int, bytes_per_ms: int, step_ms: int, size_limit: int
    ) -> None: ...
    def take(self, text: bytes) -> bytes | None: ...
    def foresee(
        self,
        known: bytes,
        kinds: bytes,
        ends: bytes,
        sequence_number: int,
        chunk: int,
        timestamp_ms: int,
        duration_ms: int,
        /,
    ) -> None: ...
    def forget(self) -> None: ...
    def last(self) -> tuple[int, int, int, int]: ...
