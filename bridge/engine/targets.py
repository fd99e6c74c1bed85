"""Where callbacks go, and where sounds come from."""

import dataclasses
from urllib.parse import urlsplit

__all__ = ["Target", "shown"]


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A URL and how it is asked."""

    url: str
    method: str = "POST"

    def __repr__(self) -> str:
        return f"<Target {self.method} {self}>"

    def __str__(self) -> str:
        return shown(self.url)


MOST_SHOWN = 200


def shown(url: str) -> str:
    """A URL for logs and errors: without a password, a query or a fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that is none"
    host = parts.netloc.rpartition("@")[2]
    query = "?..." if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path}{query}"[:MOST_SHOWN]
