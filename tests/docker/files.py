"""The files of the deployment, read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "COMPOSE",
    "DOCKER",
    "KUBERNETES",
    "ROOT",
    "compose",
    "dashboard",
    "manifest",
    "rules",
    "seconds",
]

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
KUBERNETES = DOCKER / "kubernetes"


def compose() -> dict[str, Any]:
    """The compose file, as it stands: variables are not filled in."""
    return dict(yaml.safe_load(COMPOSE.read_text()))


def manifest(name: str) -> dict[str, Any]:
    """A manifest of the bridge's kustomization."""
    return dict(yaml.safe_load((KUBERNETES / "bridge" / name).read_text()))


def rules() -> list[dict[str, Any]]:
    """Prometheus' alerts."""
    file = yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text())
    return [rule for group in file["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Grafana's dashboard."""
    return dict(
        json.loads((DOCKER / "grafana" / "dashboards" / "mpc-bridge.json").read_text())
    )


def seconds(text: str) -> float:
    """Read a duration of the compose file.

    Raises:
        ValueError: If it is none.
    """
    parts = re.findall(r"(\d+)(h|m|s)", text)
    if not parts or "".join(f"{n}{unit}" for n, unit in parts) != text:
        raise ValueError(f"{text!r}, allowed is as 1m30s")
    return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in parts)


def texts(value: Any) -> Iterator[str]:
    """Every string in a document, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
