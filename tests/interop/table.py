"""The table of SDKs and methods in `docs/sdks.md`; run as a program, it writes it."""

from pathlib import Path

from tests.interop.test_plivo_node import METHODS
from tests.interop.test_plivo_python import RESULTS

__all__ = ["DOCUMENT", "table"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "sdks.md"

HEAD = """# Plivo's own SDKs against the engine

Each method for Multiparty Calls of two of Plivo's SDKs, as their registries bring them,
run against the local engine (`tests/interop`). Plivo's SDKs have its host written in;
the tests show how they are sent elsewhere: the Python SDK by the constants of
`plivo.rest.client`, the Node SDK by the adapter of the HTTP library below it.

```python
import plivo
import plivo.rest.client as rest

for name in (
    "PLIVO_API_BASE_URI",
    "API_VOICE_BASE_URI",
    "API_VOICE_BASE_URI_FALLBACK_1",
    "API_VOICE_BASE_URI_FALLBACK_2",
):
    setattr(rest, name, "http://127.0.0.1:8080/v1/Account")
client = plivo.RestClient("MALOCALENGINE0000000", "local")
```

For Node see `tests/interop/node/methods.js`.

No SDK knows the parameters of AI agents yet (`ai_agent_stream_...`); `bridge.control`
does.

"""


def table() -> str:
    """The whole document."""
    rows = ["| SDK | method | result |", "|---|---|---|"]
    rows += [
        f"| plivo (Python) | `{name}` | {result} |" for name, result in RESULTS.items()
    ]
    for name, gives in METHODS.items():
        method, _, how = name.partition(" ")
        shown = f"`{method}`" + (f" ({how})" if how else "")
        rows.append(f"| plivo (Node) | {shown} | {_words(gives)} |")
    return HEAD + "\n".join(rows) + "\n"


def _words(gives: object) -> str:
    if isinstance(gives, str):
        return f"throws: {gives}"
    if gives == {} or gives is True:
        return "done"
    assert isinstance(gives, dict)
    shown = [f"{name} {value}" for name, value in gives.items() if value is not None]
    return ", ".join(shown).replace("|", "/")


if __name__ == "__main__":
    DOCUMENT.write_text(table())
