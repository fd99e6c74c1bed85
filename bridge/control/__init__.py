"""Client of the Multiparty Call REST API, Plivo's or the local engine's.

* `client`: every operation; `calls`, `media`: those on calls, and on what is heard
* `agents`: an AI agent for the length of a block, and the warm transfer
* `callbacks`: receives what the API tells by HTTP
* `asking`: retries, the rate limit, errors; `operations`: what they share
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.control.agents import Transfer
    from bridge.control.callbacks import Callbacks
    from bridge.control.client import MpcClient

__all__ = ["Callbacks", "MpcClient", "Transfer"]

_HOMES = {"Callbacks": "callbacks", "MpcClient": "client", "Transfer": "agents"}
"""Imported when they are first asked for: they need an HTTP client, the options and
tokens in this package do not."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"bridge.control.{_HOMES[name]}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value
