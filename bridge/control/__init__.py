"""Client of the Multiparty Call REST API, Plivo's or the local engine's.

* `client`: every operation; `calls`, `media`: those on calls, and on what is heard
* `agents`: an AI agent for the length of a block, and the warm transfer
* `callbacks`: receives what the API tells by HTTP
* `asking`: retries, the rate limit, errors; `operations`: what they share
"""

from bridge.control.agents import Transfer
from bridge.control.callbacks import Callbacks
from bridge.control.client import MpcClient

__all__ = ["Callbacks", "MpcClient", "Transfer"]
