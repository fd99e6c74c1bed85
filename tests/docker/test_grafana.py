"""The dashboard: it can be loaded, and it can be read."""

from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.docker.files import DOCKER, compose, dashboard

GRAFANA = DOCKER / "grafana"
PANELS = dashboard()["panels"]
CHARTS = [panel for panel in PANELS if panel["type"] != "row"]


@pytest.mark.parametrize("panel", CHARTS, ids=lambda panel: str(panel["title"]))
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    """A title, a description, a unit, and the data source that is chosen above."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["targets"]
    heatmap_unit = panel["options"].get("yAxis", {}).get("unit")
    assert panel["fieldConfig"]["defaults"].get("unit") or heatmap_unit


def test_no_panel_lies_on_another() -> None:
    """Each has its place in 24 columns."""
    for panel in PANELS:
        assert 0 <= panel["gridPos"]["x"] <= 24 - panel["gridPos"]["w"]
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_what_it_asks_for_by_name_is_declared() -> None:
    """A variable that is not stays in the query as it is."""
    declared = {each["name"] for each in dashboard()["templating"]["list"]}
    asked = [target["expr"] for panel in CHARTS for target in panel["targets"]]

    assert declared == {"datasource", "instance", "stage"}
    assert all('instance=~"$instance"' in each for each in asked)


def test_grafana_finds_it_and_prometheus() -> None:
    """Where compose mounts them."""
    (source,) = yaml.safe_load(
        (GRAFANA / "provisioning/datasources/prometheus.yml").read_text()
    )["datasources"]
    (provider,) = yaml.safe_load(
        (GRAFANA / "provisioning/dashboards/files.yml").read_text()
    )["providers"]
    services = compose()["services"]
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    home = services["grafana"]["environment"][
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
    ]

    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert (GRAFANA / "dashboards" / home.rpartition("/")[2]).exists()
    (chosen,) = [
        each
        for each in dashboard()["templating"]["list"]
        if each["name"] == "datasource"
    ]
    assert chosen["current"]["value"] == source["uid"]
