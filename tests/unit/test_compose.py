"""The compose file, the image and .env, checked without an engine; `make compose-test` starts them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.adapters.http.endpoint import Endpoint
from include.launcher.env_file import ensure_env_file
from include.launcher.errors import CannotRun
from include.launcher.paths import AIRFLOW_SETTINGS, ROOT
from include.launcher.settings import read_env_file
from include.sandbox.__main__ import PORTS
from trading_airflow.web.views import PREFIX

COMPOSE = ROOT / "docker-compose.airflow.yml"
DOCKERFILE = ROOT / "docker" / "Dockerfile"
EXAMPLE = ROOT / "docker" / "env.example"
TEXT = COMPOSE.read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-])?([^}]*)\}")


def tool(name: str) -> str:
    """Return the path of a program that a development requirement brings."""
    return str(Path(sys.executable).parent / name)


def without_variables(text: str) -> str:
    """Return the text with every variable replaced by its default."""
    return VARIABLE.sub(lambda found: found[3] if found[2] == ":-" else found[1], text)


def test_fits_the_compose_specification() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    done = subprocess.run([tool("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_every_mounted_path_exists() -> None:
    mounted = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume[0] == "."
    ]

    assert mounted
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_every_other_volume_is_declared() -> None:
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume[0] != "."
    }

    assert named == set(FILE["volumes"])


def test_everything_copied_into_the_image_exists_and_is_let_through() -> None:
    sources = [
        word
        for line in DOCKERFILE.read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert all((ROOT / source).exists() for source in sources)
    assert set(sources) == let_through


def test_every_variable_is_in_the_example_or_has_a_default() -> None:
    example = read_env_file(EXAMPLE)

    assert [name for name, kind, _ in VARIABLE.findall(TEXT) if kind != ":-" and name not in example] == []


def test_everything_in_the_example_is_used() -> None:
    used = {name for name, _, _ in VARIABLE.findall(TEXT)} | {"COMPOSE_FILE", "COMPOSE_PROFILES"}

    assert set(read_env_file(EXAMPLE)) == used & set(read_env_file(EXAMPLE))


def test_every_secret_is_refused_when_it_is_empty() -> None:
    secrets = {name for name, value in read_env_file(EXAMPLE).items() if not value}
    kinds = {(name, kind) for name, kind, _ in VARIABLE.findall(TEXT) if name in secrets}

    assert kinds == {(name, ":?") for name in secrets}


def test_defaults_in_both_files_are_the_same() -> None:
    example = read_env_file(EXAMPLE)
    defaults = {name: value for name, kind, value in VARIABLE.findall(TEXT) if kind == ":-" and name in example}

    assert defaults == {name: example[name] for name in defaults}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_the_image_is_pinned(service: str) -> None:
    tag = without_variables(SERVICES[service]["image"]).partition(":")[2]

    assert re.search(r"\d+\.\d+", tag), f"{service}: {tag!r}"


@pytest.mark.parametrize("service", sorted(name for name in SERVICES if not name.startswith("migrate")))
def test_what_stays_up_is_restarted_and_watched(service: str) -> None:
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("service", OURS)
def test_our_processes_have_no_rights_of_root(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in SERVICES[service]
    assert "\nUSER 50000" in DOCKERFILE.read_text()


@pytest.mark.parametrize("service", sorted(set(OURS) - {"migrate-airflow", "migrate-ledger"}))
def test_the_health_command_knows_the_service(service: str) -> None:
    spec = importlib.util.spec_from_file_location("health", ROOT / "docker" / "health.py")
    assert spec is not None
    assert spec.loader is not None
    health = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(health)
    command = SERVICES[service]["healthcheck"]["test"]

    assert command == ["CMD", "python", "docker/health.py", service]
    assert service in health.CHECKS


def test_nothing_is_published_to_other_machines() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_url_names_a_service_that_listens_there() -> None:
    listening = {
        *(
            f"{name}:{port.rpartition(':')[2]}"
            for name, service in SERVICES.items()
            for port in service.get("ports", [])
        ),
        *(f"sandbox:{port}" for port in PORTS.values()),
        "postgres:5432",
        "redis:6379",
    }
    configured = "\n".join(path.read_text() for path in (COMPOSE, EXAMPLE, *(ROOT / "docker").glob("**/*.yml")))
    named = set(re.findall(rf"\b((?:{'|'.join(SERVICES)}):\d{{4,5}})\b", configured))

    assert named
    assert named <= listening


def test_prometheus_asks_where_the_plugin_serves_metrics() -> None:
    config = yaml.safe_load((ROOT / "docker" / "prometheus.yml").read_text())

    assert config["scrape_configs"][0]["metrics_path"] == f"{PREFIX}/metrics"
    for rules in config["rule_files"]:
        assert (ROOT / "include" / "monitoring" / Path(rules).name).exists()


def test_the_example_connects_to_the_sandbox() -> None:
    example = read_env_file(EXAMPLE)

    for service, port in (("signal_service", "signals"), ("execution_gateway", "gateway"), ("market_data", "market")):
        endpoint = Endpoint.from_environment(service, example)
        assert endpoint.base_url == f"http://sandbox:{PORTS[port]}"
    assert (ROOT / example["TRADING_STRATEGIES_FILE"].removeprefix("/opt/airflow/")).exists()


@pytest.mark.parametrize("service", sorted(set(OURS) - {"migrate-ledger", "sandbox"}))
def test_airflow_has_the_settings_of_the_demo(service: str) -> None:
    shared = read_env_file(AIRFLOW_SETTINGS)
    own = SERVICES[service]["environment"]

    assert SERVICES[service]["env_file"][0] == str(AIRFLOW_SETTINGS.relative_to(ROOT))
    assert shared.keys() & own.keys() == {"AIRFLOW__CORE__EXECUTOR"}


def test_only_the_migration_knows_the_owner_of_the_ledger() -> None:
    assert [name for name, service in SERVICES.items() if "trading_owner" in str(service)] == ["migrate-ledger"]


def test_a_worker_knows_no_database_of_airflow() -> None:
    assert "AIRFLOW_DB_PASSWORD" not in str(SERVICES["worker"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the example only."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "env.example").write_text(EXAMPLE.read_text())
    return tmp_path


def test_the_env_file_gets_a_secret_of_its_own_for_every_empty_name(project: Path) -> None:
    ensure_env_file(project)

    made, example = read_env_file(project / ".env"), read_env_file(EXAMPLE)
    secrets = [made[name] for name, value in example.items() if not value]
    assert len(set(secrets)) == len(secrets) == 10
    assert all(len(secret) >= 43 for secret in secrets)
    assert {name: value for name, value in made.items() if example[name]} == {n: v for n, v in example.items() if v}


def test_only_its_owner_may_read_the_env_file(project: Path) -> None:
    ensure_env_file(project)

    assert (project / ".env").stat().st_mode & 0o777 == 0o600


def test_an_env_file_that_is_there_is_never_written_over(project: Path) -> None:
    ensure_env_file(project)
    first = (project / ".env").read_bytes()

    said = ensure_env_file(project)

    assert "stays as it is" in said
    assert (project / ".env").read_bytes() == first


def test_an_env_file_that_lacks_a_name_is_told_which(project: Path) -> None:
    ensure_env_file(project)
    kept = [line for line in (project / ".env").read_text().splitlines() if not line.startswith("JWT_SECRET")]
    (project / ".env").write_text("\n".join(kept))

    with pytest.raises(CannotRun, match="lacks JWT_SECRET"):
        ensure_env_file(project)
