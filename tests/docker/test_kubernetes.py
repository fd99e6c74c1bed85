"""The manifests: what the API server would refuse, and what would cut calls short."""

import math
import re
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml

from bridge.call.session import CallOptions
from bridge.server.options import ServerOptions
from tests.docker.files import KUBERNETES, manifest
from tests.docker.serving import serving

BRIDGE = KUBERNETES / "bridge"
MANIFESTS = sorted(
    [each for each in BRIDGE.glob("*.yaml") if each.name != "kustomization.yaml"]
    + [KUBERNETES / "load-job.yaml"]
)

VERSIONS = ("1.30", "1.37")
"""The oldest that is meant, and the newest whose schemas there are."""


def deployment() -> dict[str, Any]:
    return dict(manifest("deployment.yaml")["spec"])


def pod() -> dict[str, Any]:
    return dict(deployment()["template"]["spec"])


def container() -> dict[str, Any]:
    (only,) = pod()["containers"]
    return dict(only)


def settings() -> dict[str, str]:
    return dict(manifest("config-map.yaml")["data"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_the_api_server_would_take_it(path: Path, version: str) -> None:
    """By Kubernetes' own schemas, in which an unknown field is an error."""
    for document in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(document, version, strict=True)


def test_the_schemas_find_what_is_wrong() -> None:
    """A misspelt field does not pass."""
    wrong = manifest("deployment.yaml")
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 5

    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGrace"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_kustomization_has_all_but_the_example() -> None:
    """A manifest that is not listed is never applied."""
    listed = manifest("kustomization.yaml")["resources"]
    there = {path.name for path in MANIFESTS if path.parent == BRIDGE}

    assert set(listed) == there - {"secret.example.yaml"}
    assert len(listed) == len(set(listed))


def test_its_image_is_the_deployment_s() -> None:
    """Else `kustomize edit set image` would change nothing."""
    (image,) = manifest("kustomization.yaml")["images"]

    assert image["name"] == container()["image"]


@pytest.mark.parametrize(
    "name",
    ["autoscaler", "deployment", "disruption-budget", "network-policy", "service"],
)
def test_it_is_about_the_bridge_s_pods(name: str) -> None:
    """One selector, whoever selects."""
    labels = {"app.kubernetes.io/name": "mpc-bridge"}
    spec = manifest(f"{name}.yaml")["spec"]
    match spec:
        case {"scaleTargetRef": target}:
            there = manifest("deployment.yaml")
            assert target == {
                "apiVersion": there["apiVersion"],
                "kind": there["kind"],
                "name": there["metadata"]["name"],
            }
        case {"podSelector": {"matchLabels": found}}:
            assert found == labels
        case {"selector": {"matchLabels": found}}:
            assert found == labels
        case {"selector": found}:
            assert found == labels
    assert deployment()["template"]["metadata"]["labels"] == labels


def test_kubernetes_waits_longer_than_the_longest_call() -> None:
    """From the deletion: preStop, drain, the bots' farewell, the sockets' closing."""
    (_sleep, pre_stop_s) = container()["lifecycle"]["preStop"]["exec"]["command"]
    drain_s = float(settings()["BRIDGE_DRAIN_S"])
    after_s = CallOptions().farewell_s + ServerOptions().close_timeout_s
    grace_s = pod()["terminationGracePeriodSeconds"]

    assert grace_s > float(pre_stop_s) + drain_s + after_s + 5


def test_the_drain_is_longer_than_a_conversation() -> None:
    """Which ends itself politely after its longest time."""
    from bridge.speech.manners import Manners  # noqa: PLC0415

    longest_s = Manners.model_fields["longest_s"].default

    assert float(settings()["BRIDGE_DRAIN_S"]) >= longest_s + 30


def test_no_new_stream_is_sent_to_a_pod_that_refuses() -> None:
    """The probes notice before preStop is over; ready only when it can take calls."""
    probes = {name: container()[f"{name}Probe"] for name in ("readiness", "liveness")}
    (_sleep, pre_stop_s) = container()["lifecycle"]["preStop"]["exec"]["command"]

    assert probes["readiness"]["httpGet"] == {"path": "/readyz", "port": "streams"}
    assert probes["liveness"]["httpGet"] == {"path": "/healthz", "port": "streams"}
    assert float(pre_stop_s) >= 5
    # A stall of some seconds is a warning; a restart is the end of every call.
    liveness = probes["liveness"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60


def test_ports_have_one_name_everywhere() -> None:
    """Those of the container, the service, the ingress and the policy."""
    options = ServerOptions()
    ports = {each["name"]: each["containerPort"] for each in container()["ports"]}
    service = manifest("service.yaml")["spec"]["ports"]
    (rule,) = manifest("ingress.yaml")["spec"]["rules"]
    backends = {
        each["path"]: each["backend"]["service"]["port"]["name"]
        for each in rule["http"]["paths"]
    }

    assert ports["streams"] == options.port
    assert ports["callbacks"] == options.callbacks_port
    assert {each["targetPort"]: each["port"] for each in service} == {
        "streams": options.port,
        "callbacks": options.callbacks_port,
    }
    assert backends == {"/stream": "streams", "/callbacks": "callbacks"}


def test_the_admin_address_is_for_monitoring_alone() -> None:
    """No service, no ingress, and one namespace in the policy."""
    ports = {each["name"]: each["containerPort"] for each in container()["ports"]}
    opened = [
        rule
        for rule in manifest("network-policy.yaml")["spec"]["ingress"]
        if ports["admin"] in [each["port"] for each in rule["ports"]]
    ]

    (rule,) = opened
    assert rule["ports"] == [{"port": ports["admin"]}]
    (origin,) = rule["from"]
    assert origin["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "monitoring"
    }
    for name in ("service.yaml", "ingress.yaml"):
        assert str(ports["admin"]) not in (BRIDGE / name).read_text()


def test_a_pod_has_no_rights_and_writes_nothing_but_its_volumes() -> None:
    """The restricted standard, and a read-only root."""
    security = container()["securityContext"]

    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] == 10001
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod()["automountServiceAccountToken"] is False
    assert manifest("service-account.yaml")["automountServiceAccountToken"] is False
    assert (
        pod()["serviceAccountName"]
        == (manifest("service-account.yaml")["metadata"]["name"])
    )
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    mounted = {each["name"] for each in container()["volumeMounts"]}
    assert mounted == {each["name"] for each in pod()["volumes"]}


def test_every_secret_is_a_file_that_the_secret_has() -> None:
    """By name; the config map has none."""
    secret = manifest("secret.example.yaml")
    (mount,) = [
        each for each in container()["volumeMounts"] if each["name"] == "secrets"
    ]
    (volume,) = [each for each in pod()["volumes"] if each["name"] == "secrets"]
    files = {
        each["name"]: each["value"]
        for each in container()["env"]
        if each["name"].endswith("_FILE")
    }

    assert volume["secret"]["secretName"] == secret["metadata"]["name"]
    assert set(files.values()) == {
        f"{mount['mountPath']}/{name}" for name in secret["stringData"]
    }
    assert not [each for each in settings() if re.search("TOKEN|SECRET", each)]


@pytest.mark.slow
def test_the_bridge_starts_with_what_it_is_given(tmp_path: Path) -> None:
    """The config map and the secrets; each has a value that it takes."""
    given = settings()
    for each in container()["env"]:
        if each["name"].endswith("_FILE"):
            file = tmp_path / Path(each["value"]).name
            file.write_text("0123456789abcdef" * 4)
            given[each["name"]] = str(file)
        else:
            given[each["name"]] = "mpc-bridge-5d4f8c7b9-x2x4z"

    with serving(**{**given, "BRIDGE_ADMIN_HOST": "127.0.0.1"}) as bridge:
        assert httpx.get(f"http://127.0.0.1:{bridge.port}/readyz").text == "ready\n"


def test_pods_are_added_before_they_are_full() -> None:
    """The autoscaler's aim leaves room until a new pod is there."""
    (metric,) = manifest("autoscaler.yaml")["spec"]["metrics"]
    most = int(settings()["BRIDGE_MAX_STREAMS"])
    aim = int(metric["pods"]["target"]["averageValue"])

    assert metric["type"] == "Pods"
    assert most / 2 <= aim <= most * 0.7
    assert math.ceil(aim) == aim


def test_an_update_never_leaves_fewer_pods() -> None:
    """Nor does an emptied node take two at once."""
    assert deployment()["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in deployment()
    assert manifest("autoscaler.yaml")["spec"]["minReplicas"] >= 2
    assert manifest("disruption-budget.yaml")["spec"]["maxUnavailable"] == 1
