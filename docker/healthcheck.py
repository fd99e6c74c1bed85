"""Exit with 0 if the bridge in this container answers at /healthz, else with 1.

The image has no curl, and needs none. An argument names another address: the engine's.
"""

import os
import ssl
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4.0
"""Shorter than the image's HEALTHCHECK allows, so that there is a reason to read."""


def address() -> str:
    """Where the bridge is, by the variables it was started with."""
    scheme = "https" if os.environ.get("BRIDGE_TLS_CERTIFICATE") else "http"
    return f"{scheme}://127.0.0.1:{os.environ.get('BRIDGE_PORT', '8765')}/healthz"


def main() -> int:
    """Ask, and say why not."""
    url = sys.argv[1] if len(sys.argv) > 1 else address()
    # It is ourselves on loopback, and the certificate is made out to a public name.
    trusting = ssl._create_unverified_context()
    opener = urllib.request.build_opener(
        # A proxy of the environment is for the way out.
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=trusting),
    )
    try:
        with opener.open(url, timeout=TIMEOUT_S):
            return 0
    except (OSError, ValueError) as error:
        print(f"{url}: {error}", file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main())
