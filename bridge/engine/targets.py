"""Where callbacks go, and where sounds come from."""

import dataclasses

__all__ = ["Target"]


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A URL and how it is asked."""

    url: str
    method: str = "POST"
