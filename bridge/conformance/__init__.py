"""Does a bot's server cope with Plivo's audio streams, and with what they do wrong?

* `conform`: runs every scenario against one address
* `plain`, `sent`: the plain call, and what the server sent in it
* `connection`, `flow`, `variants`, `malformed`: what else happens to a stream
* `kit`, `findings`: how a scenario is run and judged
* `far_end`, `opening`, `messages`, `sound`: Plivo's side of one stream
"""

from bridge.conformance.conform import SCENARIO_NAMES, conform
from bridge.conformance.findings import Basis, Finding, Outcome

__all__ = ["SCENARIO_NAMES", "Basis", "Finding", "Outcome", "conform"]
