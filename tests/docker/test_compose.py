"""The compose file: what Docker would refuse, and what would show in service."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from bridge.call.session import CallOptions
from bridge.server.options import ServerOptions
from tests.docker.files import COMPOSE, DOCKER, compose, seconds, texts
from tests.docker.serving import serving

SERVICES = compose()["services"]
NAMES = sorted(SERVICES)


def test_it_is_in_the_specification() -> None:
    """By the JSON schema of the Compose specification."""
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", COMPOSE),
        ],
        capture_output=True,
        text=True,
    )

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("kind", ["networks", "secrets", "volumes"])
def test_what_is_declared_is_used_and_the_other_way_round(kind: str) -> None:
    """A name that is only on one side is misspelt."""
    used: set[str] = set()
    for service in SERVICES.values():
        for each in service.get(kind, []):
            name = each.partition(":")[0]
            if not name.startswith("."):
                used.add(name)

    assert used == set(compose()[kind])


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_confined_watched_and_limited(name: str) -> None:
    """No rights, nothing written but volumes, an end to what it may use."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert seconds(service["stop_grace_period"]) >= 10
    # The bridge's is the image's own.
    assert ("healthcheck" in service) != (name == "bridge")


@pytest.mark.parametrize("name", NAMES)
def test_an_image_has_a_version(name: str) -> None:
    """Not whatever is latest."""
    image = SERVICES[name]["image"]

    assert image == "${IMAGE:-mpc-bridge:local}" or re.search(r":v?\d+\.\d+", image)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_mounts_and_waits_for_is_there(name: str) -> None:
    """Docker would make an empty folder of a file that is not."""
    service = SERVICES[name]
    for volume in service.get("volumes", []):
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (DOCKER / source).exists()
            assert rest.endswith(":ro")
    for other, condition in service.get("depends_on", {}).items():
        assert other in SERVICES
        assert condition == {"condition": "service_healthy"}
        # One that is not always started would hold this one up.
        assert "profiles" not in SERVICES[other]


def test_only_caddy_is_open_to_the_world() -> None:
    """And nobody reaches the admin address, or the bridge past Caddy."""
    published = {
        name: service["ports"]
        for name, service in SERVICES.items()
        if "ports" in service
    }

    assert published.pop("caddy") == ["80:80", "443:443"]
    assert "bridge" not in published
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert "8767" not in port, name


def test_no_secret_stands_in_it() -> None:
    """They come as files; a variable would show in `docker inspect`."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("TOKEN|SECRET|PASSWORD", name):
                assert name.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]


@pytest.mark.slow
def test_the_bridge_starts_with_what_it_is_given(tmp_path: Path) -> None:
    """Its variables, with their defaults and secrets; each has a value it takes."""
    given = SERVICES["bridge"]["environment"]
    filled = {name: filled_in(str(value)) for name, value in given.items()}
    for name, value in filled.items():
        if value.startswith("/run/secrets/"):
            file = tmp_path / Path(value).name
            file.write_text("0123456789abcdef" * 4)
            filled[name] = str(file)

    with serving(**{**filled, "BRIDGE_ADMIN_HOST": "127.0.0.1"}) as bridge:
        assert httpx.get(f"http://127.0.0.1:{bridge.port}/readyz").text == "ready\n"


def filled_in(text: str) -> str:
    return re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found[1] or "", text)


def test_docker_waits_longer_than_the_drain() -> None:
    """Else calls are cut that were promised their time."""
    service = SERVICES["bridge"]
    drain_s = float(service["environment"]["BRIDGE_DRAIN_S"])
    after_s = CallOptions().farewell_s + ServerOptions().close_timeout_s

    assert seconds(service["stop_grace_period"]) > drain_s + after_s + 5


def test_the_proxy_is_trusted_by_the_network_it_is_on() -> None:
    """Another subnet, and every caller would be Caddy."""
    (subnet,) = compose()["networks"]["edge"]["ipam"]["config"]
    trusted = SERVICES["bridge"]["environment"]["BRIDGE_TRUSTED_PROXIES"]

    assert subnet == {"subnet": trusted}
    assert "edge" in SERVICES["caddy"]["networks"]


def test_prometheus_asks_a_service_on_its_network() -> None:
    """By name and port."""
    text = (DOCKER / "prometheus" / "prometheus.yml").read_text()
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (found,) = job["dns_sd_configs"]

    assert job["job_name"] == "mpc-bridge"
    assert found["names"] == ["bridge"]
    assert str(found["port"]) in SERVICES["bridge"]["expose"]
    assert "monitoring" in SERVICES["bridge"]["networks"]
    assert "monitoring" in SERVICES["prometheus"]["networks"]


def test_every_variable_is_explained() -> None:
    """Those that a person sets are in env.example, or have a default."""
    example = (DOCKER / "env.example").read_text()
    used = {found for text in texts(compose()) for found in variables(text)}
    told = set(re.findall(r"^(\w+)=", example, re.MULTILINE))

    assert told <= {name for name, _ in used}
    assert all(name in told or default is not None for name, default in used)


def variables(text: str) -> list[tuple[str, str | None]]:
    return [
        (name, default[2:] if default else None)
        for name, default in re.findall(r"\$\{(\w+)(:-[^}]*)?\}", text)
    ]


def test_the_secrets_are_made_once(tmp_path: Path) -> None:
    """Random, readable in a container, and never written over."""
    for name in ("make_secrets.sh", "env.example"):
        (tmp_path / name).write_bytes((DOCKER / name).read_bytes())
    subprocess.run(["sh", tmp_path / "make_secrets.sh"], check=True)
    first = secrets_in(tmp_path)
    (tmp_path / ".env").write_text("DOMAIN=mine\n")

    subprocess.run(["sh", tmp_path / "make_secrets.sh"], check=True)

    wanted = {each["file"].rpartition("/")[2] for each in compose()["secrets"].values()}
    assert set(first) == wanted
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in first.values())
    assert len(set(first.values())) == len(first)
    assert secrets_in(tmp_path) == first
    assert (tmp_path / ".env").read_text() == "DOMAIN=mine\n"
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def secrets_in(folder: Path) -> dict[str, str]:
    files = (folder / "secrets").iterdir()
    assert all(
        each.stat().st_mode & 0o444 == 0o444 for each in (folder / "secrets").iterdir()
    )
    return {each.name: each.read_text() for each in files}


def test_nobody_commits_them() -> None:
    """Git does not see what make_secrets.sh makes."""
    for name in ("docker/secrets/admin_token", "docker/.env"):
        ignored = subprocess.run(["git", "check-ignore", "-q", name], cwd=DOCKER.parent)
        if ignored.returncode == 128:
            pytest.skip("not a git checkout")
        assert ignored.returncode == 0
