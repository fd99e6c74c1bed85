"""Builds and starts the image without a container engine: `make image-check`.

The Dockerfile's steps run in roots that debootstrap makes, a fresh one for each stage,
with Debian's Python in the place of the base image's. Then the image is started as it
would be: user 10001, a read-only root file system, namespaces of its own, no network
but loopback.
It needs root, debootstrap, and a package mirror and index to download from.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from tests.docker import dockerfile
from tests.docker.dockerfile import Stage
from tests.docker.files import DOCKER, ROOT, compose

BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
USER = "10001:10001"
START_S = 120.0
STOP_S = 30.0

# Runs before the image's program: everything it may write to is in memory.
START = """
ip link set lo up
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o uid=10001,gid=10001 tmpfs "$root/data"
mount -o remount,bind,ro "$root"
exec chroot --userspec="$user" "$root" \\
    /usr/bin/env --ignore-environment --chdir="$folder" "$@"
"""


def run(*command: str, **more: str) -> None:
    """Run a step; what it prints is shown if it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **more}
    )
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def make_base(base: str, root: Path, mirror: str) -> None:
    """Make what `FROM python:3.13-slim-trixie` stands for."""
    suite = base.rpartition("-")[2]
    packages = "--include=python3,python3-venv,ca-certificates"
    run("debootstrap", "--variant=minbase", packages, suite, str(root), mirror)
    wanted = base.partition(":")[2].partition("-")[0]
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    there = subprocess.check_output(
        ["chroot", root, "python3", "--version"], text=True
    ).split()[1]
    click.echo(f"base       {base}: Debian {suite}, Python {there}")
    if not there.startswith(f"{wanted}."):
        raise click.ClickException(
            f"{base} has Python {wanted}, Debian {suite} has {there}"
        )
    # A proxy's certificate, where there is one.
    shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))


class Building:
    """The stages, as they grow.

    Args:
        folder: Where the roots are made.
        base: The root that each stage starts from.
        arguments: Of the build, by name.
    """

    def __init__(self, folder: Path, base: Path, arguments: Mapping[str, str]) -> None:
        self._folder = folder
        self._base = base
        self._arguments = arguments
        self._roots: dict[str, Path] = {}

    def build(self, stage: Stage) -> Path:
        """Carry a stage's instructions out."""
        root = self._folder / (stage.name or "final")
        run("cp", "--archive", str(self._base), str(root))
        self._roots[stage.name] = root
        environment = {
            name: os.environ[name] for name in PASSED_ON if name in os.environ
        }
        environment |= {"PATH": BASE_PATH, "DEBIAN_FRONTEND": "noninteractive"}
        folder = "/"
        for each in stage.instructions:
            match each.name:
                case "WORKDIR":
                    folder = each.text
                    (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
                case "ARG":
                    name, _, default = each.text.partition("=")
                    environment[name] = self._arguments.get(name, default.strip('"'))
                case "ENV":
                    environment = Stage("", "", [each]).environment(environment)
                case "COPY":
                    self._copy(each.words, root, folder)
                case "RUN":
                    self._run(each.text, root, folder, environment)
        return root

    def _run(
        self, text: str, root: Path, folder: str, environment: Mapping[str, str]
    ) -> None:
        began_s = time.monotonic()
        settings = [f"{name}={value}" for name, value in environment.items()]
        inside = ("/usr/bin/env", "--ignore-environment", f"--chdir={folder}")
        run("chroot", str(root), *inside, *settings, "/bin/sh", "-c", text)
        click.echo(f"{time.monotonic() - began_s:5.1f} s    RUN {text[:90]}")

    def _copy(self, words: list[str], root: Path, folder: str) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            source = self._roots[words.pop(0).removeprefix("--from=")]
        *names, last = words
        target = root / str(Path(folder) / last).lstrip("/")
        for name in names:
            there = source / name.lstrip("/")
            if there.is_dir():
                shutil.copytree(
                    there,
                    target,
                    symlinks=True,
                    dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            else:
                shutil.copy(there, target)


class Started:
    """The image, running.

    Args:
        root: Of the final stage.
        stage: The final stage.
        command: Instead of CMD's.
    """

    def __init__(self, root: Path, stage: Stage, command: list[str]) -> None:
        self._stage = stage
        self._root = root
        settings = stage.environment({"PATH": BASE_PATH})
        self._inside = [f"{name}={value}" for name, value in settings.items()]
        self.log = root.with_name("log")
        words = stage.last("ENTRYPOINT").words + command
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *("unshare", "--mount", "--pid", "--net", "--fork"),
                    "--kill-child",
                    *("sh", "-euc", START, "start", *self._inside, *words),
                ],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "root": str(root),
                    "user": stage.last("USER").text,
                    "folder": stage.last("WORKDIR").text,
                },
            )

    @property
    def first_pid(self) -> int:
        """The process that has number 1 inside."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def execute(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run something in it, as `docker exec` does."""
        enter = [
            "nsenter",
            "--target",
            str(self.first_pid),
            "--mount",
            "--pid",
            "--net",
        ]
        chroot = ["chroot", f"--userspec={USER}", str(self._root)]
        env = ["/usr/bin/env", "--ignore-environment", "--chdir=/data", *self._inside]
        return subprocess.run(
            [*enter, *chroot, *env, *command], capture_output=True, text=True
        )

    def await_health(self, command: list[str]) -> float:
        """Wait until a health check is content, and tell how long it took."""
        began_s = time.monotonic()
        while True:
            time.sleep(0.2)
            if self.process.poll() is not None:
                raise click.ClickException(
                    "it ended while it started:\n" + self.log.read_text()
                )
            checked = self.execute(*command)
            took_s = time.monotonic() - began_s
            if checked.returncode == 0:
                return took_s
            if took_s > START_S:
                raise click.ClickException(f"not healthy: {checked.stderr}")

    def stop(self) -> int:
        """End it as `docker stop` does, and tell the exit code."""
        number = signal.Signals[self._stage.last("STOPSIGNAL").text]
        os.kill(self.first_pid, number)
        return self.process.wait(STOP_S)

    def close(self) -> None:
        """See that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def started(root: Path, stage: Stage, command: list[str]) -> Iterator[Started]:
    """Have it running while the block runs."""
    image = Started(root, stage, command)
    try:
        yield image
    finally:
        image.close()


def expect(what: str, fact: object, *, holds: bool) -> None:
    """Say what was found; end with it if it is not as it should be."""
    click.echo(f"{what:10} {fact}")
    if not holds:
        raise click.ClickException(f"{what} is not as it should be")


def try_bridge(image: Started, health: list[str]) -> None:
    """See that it runs as it is meant to."""
    took_s = image.await_health(health)
    expect("healthy", f"after {took_s:.1f} s", holds=True)
    status = Path(f"/proc/{image.first_pid}/status").read_text().split("\n")
    facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    expect("process 1", facts["Name"], holds=facts["Name"] == "tini")
    expect("user", facts["Uid"], holds=set(facts["Uid"].split()) == {"10001"})
    touched = image.execute("touch", "/opt/mpc-bridge/probe")
    read_only = "Read-only file system" in touched.stderr
    expect("root", touched.stderr.strip(), holds=read_only)
    version = image.execute("mpc-bridge", "version")
    expect("version", version.stdout.strip(), holds=version.returncode == 0)
    scenarios = image.execute("mpc-bridge", "conform", "ws://127.0.0.1:8765/stream")
    said = (scenarios.stdout.strip() or scenarios.stderr.strip()).splitlines()
    expect("protocol", said[-1], holds=scenarios.returncode == 0)
    code = image.stop()
    expect("SIGTERM", f"exit code {code}", holds=code == 0)


def try_engine(image: Started) -> None:
    """See that the same image is the engine, as the compose file has it."""
    _cmd, *health = compose()["services"]["engine"]["healthcheck"]["test"]
    took_s = image.await_health(health)
    expect("engine", f"healthy after {took_s:.1f} s", holds=True)
    there = image.execute("ls", "/data").stdout.split()
    expect("writes", there, holds="mpc-bridge.sqlite3" in there)
    code = image.stop()
    expect("SIGTERM", f"exit code {code}", holds=code == 0)


@click.command()
@click.option("--extras", default="", help="As the build argument EXTRAS.")
@click.option("--bot", default="echo", show_default=True, help="Who answers.")
@click.option("--mirror", default="http://deb.debian.org/debian", show_default=True)
@click.option("--base", type=click.Path(path_type=Path), help="A root made before.")
def main(extras: str, bot: str, mirror: str, base: Path | None) -> None:
    """Build the image in a root of its own, start it, and try it."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise click.ClickException("this needs root, and debootstrap")
    _arguments, stages = dockerfile.read(DOCKER / "Dockerfile")
    with tempfile.TemporaryDirectory(prefix="image-") as scratch:
        folder = Path(scratch)
        if base is None:
            base = folder / "base"
            make_base(stages[0].base, base, mirror)
        building = Building(folder, base, {"EXTRAS": extras})
        for stage in stages:
            root = building.build(stage)
        venv = root / "opt/mpc-bridge"
        size = subprocess.check_output(["du", "-sm", venv], text=True).split()[0]
        click.echo(f"venv       {size} MB")
        with started(root, stages[-1], ["serve", "--json", "--bot", bot]) as image:
            try_bridge(image, stages[-1].health_command())
        with started(root, stages[-1], ["engine", "--json"]) as image:
            try_engine(image)


if __name__ == "__main__":
    main()
