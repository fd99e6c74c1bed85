"""Messages as Plivo documents them, and what can be done to them."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bridge.stream.messages import Side

DOCUMENTED = json.loads(
    (Path(__file__).parents[1] / "data" / "plivo_messages.json").read_text()
)
FROM: dict[Side, list[dict[str, Any]]] = {
    Side.PLATFORM: DOCUMENTED["from_platform"],
    Side.BRIDGE: DOCUMENTED["from_server"],
}
START = FROM[Side.PLATFORM][0]
MEDIA = FROM[Side.PLATFORM][1]
STREAM_ID = MEDIA["streamId"]

NASTY: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    10**30,
    "",
    "x",
    "\u0000",
    "é☎",
    "=" * 9,
    "AAA",
    "////",
    "9" * 5000,
    [],
    [[]],
    {},
    {"a": {}},
    "1e999",
    "NaN",
]
"""What no field should have."""


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field of a message, and every field of its fields."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*path, key))


def replaced(message: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The message with one field changed."""
    changed = copy.deepcopy(message)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def without(message: Any, path: tuple[Any, ...]) -> Any:
    """The message with one field left out."""
    changed = copy.deepcopy(message)
    place = changed
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return changed
