"""How long each stage of an answer took, since the caller's last sample."""

import dataclasses

__all__ = ["STAGES", "Stages"]

STAGES = ("turn", "text", "token", "audio", "played")
"""The turn's end is decided; its text is known; the brain has begun to answer; speech
has begun to be made; its first sample is played, as modelled."""


@dataclasses.dataclass(slots=True)
class Stages:
    """Times of one answer, on the loop's clock."""

    ended_at_s: float
    reached: dict[str, float] = dataclasses.field(default_factory=dict)

    def reach(self, stage: str, at_s: float) -> None:
        """A stage is reached; the first time counts."""
        self.reached.setdefault(stage, at_s)

    def seconds(self) -> dict[str, float]:
        """By stage, since the caller's last sample."""
        return {
            stage: self.reached[stage] - self.ended_at_s
            for stage in STAGES
            if stage in self.reached
        }
