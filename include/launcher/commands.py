"""The commands of the entry script: each first sees to the virtual environment, then does its work inside it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from include.launcher import ops_environment, venv
from include.launcher.env_file import ensure_env_file
from include.launcher.errors import CannotRun
from include.launcher.paths import ROOT, VENV, state_folder
from include.launcher.settings import VENUES

# Two processes, but for what uses both cores by itself: the proof's lanes, and a real Airflow.
TESTS = (
    ("-n", "2", "tests/unit", "tests/model", "tests/contract", "tests/tasks", "tests/integration"),
    ("tests/chaos", "tests/e2e"),
)
WITHOUT_REST = ("demo", "paper", "check")
ALPACA_KEYS = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")
# In this order: the later ones keep to the versions of the first.
LOCKS = ("requirements", "requirements-celery", "requirements-dev")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what a person can repair is said in a sentence, not a traceback."""
    parser = argparse.ArgumentParser(prog="include/run.py", description="The daily trading package's entry script.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, add_help=name in WITHOUT_REST)
        if name == "demo":
            command.add_argument("--once", action="store_true", help="stop after the result; 0 only if it completed")
            command.add_argument("--venue", choices=sorted(VENUES), default="gateway", help="what orders are sent to")
        if name == "paper":
            _add_paper(command)
        if name == "contract-test":
            command.add_argument("--alpaca", choices=("emulator", "paper"), default="emulator", help="whose answers")
    given, rest = parser.parse_known_args(arguments)
    if rest and given.command in WITHOUT_REST:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    try:
        return COMMANDS[given.command][0](given, rest)
    except CannotRun as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _demo(given: argparse.Namespace, rest: Sequence[str]) -> int:
    _inside(venv.RUN)
    from include.launcher.demo import demo

    return demo(once=given.once, venue=given.venue)


def _add_paper(command: argparse.ArgumentParser) -> None:
    command.add_argument("--weights", type=Path, metavar="FILE", help="a ticker and a weight a line")
    command.add_argument("--dated", choices=("standing", "fresh"), help="what a file without a date means")
    command.add_argument(
        "--positions", choices=("adopt", "correct"), help="what is held already: leave alone | take over"
    )
    command.add_argument("--yes", action="store_true", help="trade without asking")
    command.add_argument("--once", action="store_true", help="stop after the run; 0 only if it completed")


def _paper(given: argparse.Namespace, rest: Sequence[str]) -> int:
    _inside(venv.RUN)
    from include.launcher.paper import Asked, paper

    return paper(Asked(given.weights, given.dated, given.positions, yes=given.yes, once=given.once))


def _test(given: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run all tests, or with arguments what they say; return the exit code of the first part that fails."""
    python = venv.ensure(ROOT, venv.DEVELOP)
    for words in [rest] if rest else TESTS:
        code = subprocess.run([python, "-m", "pytest", *words], cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


def _contract_test(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Run the suites of tests/contract on emulators, or Alpaca's alone on the paper account of the keys given."""
    folder = "tests/contract"
    if given.alpaca == "paper":
        missing = [name for name in ALPACA_KEYS if not os.environ.get(name)]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            raise CannotRun(
                f"Expected the keys of an Alpaca paper account, {' and '.join(missing)} {verb} not set: "
                f"export {' and '.join(ALPACA_KEYS)}, then run it again. Nothing was sent."
            )
        folder = "tests/contract/test_alpaca_account.py"
    os.environ["ALPACA"] = given.alpaca
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "pytest", "-n", "0", folder, *rest)


def _test_fast(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "pytest", *(rest or ("tests/unit",)))


def _test_next(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    words = rest or ("-n", "2", "tests/unit", "tests/tasks")
    _become(venv.ensure_next(ROOT), "-m", "pytest", *words)


def _chaos(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.chaos", *rest)


def _head_to_head(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.head_to_head", *rest)


def _model_check(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.model", *rest)


def _screenshots(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.e2e.screenshots", *rest)


def _backfill_proof(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.e2e.backfill_proof", *rest)


def _sizing_proof(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.e2e.sizing_proof", *rest)


def _bench(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.bench", *rest)


def _celery_test(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    python = venv.ensure(ROOT, (*venv.DEVELOP, "requirements-celery.txt"))
    _become(python, "-m", "pytest", "-m", "heavy", "tests/e2e/test_celery.py", *rest)


def _compose_test(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    _become(venv.ensure(ROOT, venv.DEVELOP), "-m", "tests.compose", *rest)


def _openapi(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    python = venv.ensure(ROOT, venv.RUN)
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(ROOT / "plugins")))
    _become(python, "-m", "trading_airflow.web.openapi", "docs/openapi.json", *rest)


def _check(given: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run every check, also after one failed, so that one run shows all there is to repair."""
    python = str(venv.ensure(ROOT, venv.DEVELOP))
    checks = {
        "ruff check": ["-m", "ruff", "check", "."],
        "ruff format --check": ["-m", "ruff", "format", "--check", "."],
        "mypy": ["-m", "mypy"],
        "lint-imports": [str(VENV / "bin" / "lint-imports")],
        "bandit": [
            "-m",
            "bandit",
            "--quiet",
            "--recursive",
            "-c",
            "pyproject.toml",
            "include",
            "plugins",
            "dags",
            "docker",
        ],
    }
    # As in Airflow: the project's root, and the plugins folder, which Airflow adds.
    path = os.pathsep.join((str(ROOT), str(ROOT / "plugins")))
    failed = []
    for name, words in checks.items():
        print(f"== {name}", flush=True)
        if subprocess.run([python, *words], cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


def _lock(given: argparse.Namespace, rest: Sequence[str]) -> int:
    """Write the lock files again; the header names this command, never a host or a path."""
    with tempfile.TemporaryDirectory() as scratch:
        uv = shutil.which("uv") or _install_uv(Path(scratch) / "uv")
        for name in LOCKS:
            command = [uv, "pip", "compile", f"{name}.in", "--universal", "--python-version", "3.11", "--quiet"]
            command += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"]
            if subprocess.run([*command, "-o", f"{name}.txt", *rest], cwd=ROOT, check=False).returncode:
                raise CannotRun(f"{name}.in could not be locked, uv says why above.")
    print(f"Written: {', '.join(f'{name}.txt' for name in LOCKS)}.")
    return 0


def _ops(given: argparse.Namespace, rest: Sequence[str]) -> NoReturn:
    """Run a command of `include.ops` in the project's environment, on the running demo unless a ledger is set."""
    python = venv.ensure(ROOT, venv.RUN)
    os.environ.update(ops_environment.environment(state_folder(), os.environ))
    _become(python, "-m", "include.ops", *rest)


def _env(given: argparse.Namespace, rest: Sequence[str]) -> int:
    print(ensure_env_file(ROOT))
    return 0


def _install_uv(folder: Path) -> str:
    if sentence := venv.missing_module():
        raise CannotRun(sentence)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"], check=True)
    return str(folder / "bin" / "uv")


def _inside(locks: Sequence[str]) -> None:
    """Go on under the environment's Python: return when we run under it already."""
    python = venv.ensure(ROOT, locks)
    if Path(sys.prefix).resolve() != VENV.resolve():
        _become(python, *sys.argv)


def _become(python: Path, *words: str) -> NoReturn:
    if words[:1] == ("-m",):
        os.chdir(ROOT)
    os.execv(python, [str(python), *words])


Command = Callable[[argparse.Namespace, Sequence[str]], int]
COMMANDS: dict[str, tuple[Command, str]] = {
    "demo": (_demo, "set everything up, trade one session against the sandbox, show the result, stay up"),
    "paper": (_paper, "trade a file of weights on an Alpaca paper account, every session"),
    "test": (_test, "run all tests (further arguments go to pytest)"),
    "test-fast": (_test_fast, "run the unit tests: seconds, neither Airflow nor PostgreSQL"),
    "test-next": (_test_next, "run the unit and task tests on the newest Airflow 3.4, a pre-release included"),
    "contract-test": (_contract_test, "run the suite that every venue must pass (ALPACA=paper: on a paper account)"),
    "head-to-head": (_head_to_head, "send 20 orders under faults by Alpaca's own client, and by ours"),
    "chaos": (_chaos, "kill workers under every fault: never twice, never lost (further arguments go to tests.chaos)"),
    "model-check": (_model_check, "visit every state of a small session, then break every guard (a few minutes)"),
    "screenshots": (_screenshots, "take the README's pictures again on a real Airflow (needs Chromium)"),
    "backfill-proof": (_backfill_proof, "backfill 250 sessions on a real Airflow and count what was sent"),
    "sizing-proof": (_sizing_proof, "backfill 250 sessions with each sizing on a real Airflow, twice, and compare"),
    "bench": (_bench, "time runs against a DAG that does nothing (further arguments go to tests.bench)"),
    "check": (_check, "run the linters, the type checker and the import contracts"),
    "celery-test": (_celery_test, "trade on CeleryExecutor with two workers and kill one (needs redis-server)"),
    "compose-test": (_compose_test, "start the compose file on a Docker of its own and trade in it (needs root)"),
    "openapi": (_openapi, "write docs/openapi.json, the description of the HTTP API"),
    "ops": (_ops, "look and act as the person on duty, by default on the running demo (arguments go to include.ops)"),
    "env": (_env, "write the .env of docker compose with new secrets; one that is there stays"),
    "lock": (_lock, "lock the packages again (further arguments go to uv, for example --upgrade)"),
}
