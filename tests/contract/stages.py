"""What the suites of this folder are run over: one stage a venue and one a source. A new one is one more entry."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Protocol

import httpx

from include.adapters.connection import ConnectionParts
from include.adapters.signals.registry import open_signals
from include.adapters.venues.registry import VenueAt
from include.sandbox.runner import Sandbox
from include.trading.errors import OutcomeUnknown
from include.trading.ports import SignalSource
from include.trading.strategy.spec import Strategy
from tests.contract import memory_source, memory_venue
from tests.contract.memory_venue import BROKERS, Broker, MemoryKind
from tests.support.engine import Engine, sandbox_strategy
from tests.support.strategies import made

OPTIONS: dict[str, Any] = {"correlation_id": "contract", "retry_delays_seconds": ()}
EVERY = {"method": "", "path": "/"}


class VenueStage(Protocol):
    """A venue with empty books that fills at once. connection: its fields, as Airflow or the environment has them."""

    @property
    def connection(self) -> ConnectionParts: ...
    @property
    def venue(self) -> VenueAt: ...

    def count(self) -> int:
        """Return how many orders the broker has."""
        ...

    def hold(self) -> None:
        """Leave orders open from now on."""
        ...

    def stop(self) -> bool:
        """Make the venue refuse every order; False where it has nothing that does."""
        ...

    def garble(self, how: str) -> None:
        """Carry out every request from now on, and answer it with something that is no answer."""
        ...

    def mend(self) -> None: ...


@dataclass
class SandboxStage:
    """The sandbox's gateway in one contract, or its emulator of Alpaca."""

    sandbox: Sandbox
    kind: str

    def __post_init__(self) -> None:
        self.sandbox.admin.reset()
        self.sandbox.admin.settings(fill_after_seconds=0)
        contract = "v2" if self.kind == "alpaca" else self.kind
        sandbox = self.sandbox
        self.engine = Engine("", sandbox.signals_url, sandbox.gateway_url, sandbox.market_url, contract=contract)
        if self.kind == "alpaca":
            self.engine = replace(self.engine, gateway_url=sandbox.alpaca_url, alpaca_key=sandbox.alpaca_key)

    @property
    def connection(self) -> ConnectionParts:
        return self.engine.assembly().connections("execution_gateway")

    @property
    def venue(self) -> VenueAt:
        return self.engine.assembly().venue("execution_gateway")

    def count(self) -> int:
        return len(self.sandbox.admin.book()["orders"])

    def hold(self) -> None:
        self.sandbox.admin.settings(fill_after_seconds=1000)

    def stop(self) -> bool:
        if self.kind == "alpaca":
            self.sandbox.admin.settings(alpaca_account={"trading_blocked": True})
        elif self.kind == "v2":
            said = {"reason": "closed", "operator": "the contract"}
            httpx.post(f"{self.sandbox.gateway_url}/api/v1/kill-switch/engage", json=said).raise_for_status()
        return self.kind != "v1"

    def garble(self, how: str) -> None:
        fault, params = {
            "page": ("html_200", {"accept": True}),
            "error": ("error_5xx_after_accept", {"status": 502}),
            "half": ("half_json_200", {"accept": True}),
            "nothing": ("reset_after_accept", {}),
        }[how]
        service = "alpaca" if self.kind == "alpaca" else "gateway"
        self.sandbox.admin.fault(fault, service=service, match=EVERY, **params)

    def mend(self) -> None:
        self.sandbox.admin.clear_faults()


class MemoryStage:
    """The venue in memory, which has no wire: its broker's fault stands for everything that one does."""

    connection = ConnectionParts("own", host="contract", extra={"venue": memory_venue.WORD, "account": "pocket"})

    def __init__(self) -> None:
        self.broker = BROKERS["memory://contract"] = Broker()

    @property
    def venue(self) -> VenueAt:
        return VenueAt(MemoryKind(), MemoryKind().connect(self.connection))

    def count(self) -> int:
        return len(self.broker.orders)

    def hold(self) -> None:
        self.broker.fills = False

    def stop(self) -> bool:
        self.broker.stopped = "closed"
        return True

    def garble(self, how: str) -> None:
        self.broker.fault = OutcomeUnknown(f"a {how} came")

    def mend(self) -> None:
        self.broker.fault = None


VENUES: dict[str, Callable[[dict[str, Sandbox]], VenueStage]] = {
    "gateway v1": lambda sandboxes: SandboxStage(sandboxes["v1"], "v1"),
    "gateway v2": lambda sandboxes: SandboxStage(sandboxes["v2"], "v2"),
    "alpaca": lambda sandboxes: SandboxStage(sandboxes["v2"], "alpaca"),
    "memory": lambda sandboxes: MemoryStage(),
}


# That the suite of sources asks for.
DAY = date(2024, 11, 21)


class SourceStage(Protocol):
    """A source of signals that can answer for AAPL, KO and XOM. event: of the run, where that is how it is asked."""

    @property
    def event(self) -> dict[str, Any] | None: ...

    @property
    def source(self) -> SignalSource: ...

    def lie(self) -> None:
        """Answer with a symbol that was not asked for."""
        ...

    def lose(self, day: date) -> None:
        """Have no answer for this day."""
        ...


@dataclass
class ServiceStage:
    """The sandbox's Signal Service in one contract."""

    sandbox: Sandbox
    contract: str
    event: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.sandbox.admin.reset()
        sandbox = self.sandbox
        self.engine = Engine("", sandbox.signals_url, sandbox.gateway_url, sandbox.market_url, contract=self.contract)

    @property
    def source(self) -> SignalSource:
        strategy = sandbox_strategy(symbols=("AAPL", "KO", "XOM"), top_n=1, bottom_n=1)
        return self.engine.assembly().signals(strategy, **OPTIONS)

    def lie(self) -> None:
        self.sandbox.admin.fault("field_is", service="signals", field="signals.0.symbol", value="TSLA")

    def lose(self, day: date) -> None:
        self.sandbox.admin.fault("down_503", service="signals")


class MemorySourceStage:
    """The source in memory."""

    event = None

    def __init__(self) -> None:
        self.longs = ["AAPL"]
        memory_source.MISSING.clear()

    @property
    def source(self) -> SignalSource:
        entry: dict[str, Any] = {"id": "own", "capital": 1000, "symbols": ["AAPL", "KO", "XOM"]}
        strategy: Strategy = made(entry | {"signals": {"memory": {"longs": self.longs, "shorts": ["KO"]}}})
        return open_signals(strategy, ConnectionParts, **OPTIONS)

    def lie(self) -> None:
        self.longs = ["TSLA"]

    def lose(self, day: date) -> None:
        memory_source.MISSING.add(day)


@dataclass
class FileStage:
    """A file a day, written as the source finds it."""

    folder: Path
    event: ClassVar[dict[str, Any] | None] = None
    text: str = "symbol,weight\nAAPL,1\nKO,-1\n"

    def __post_init__(self) -> None:
        self._write()

    @property
    def spec(self) -> dict[str, Any]:
        return {"file": {"path": f"{self.folder}/{{as_of_date}}.csv", "dated": "name"}}

    @property
    def source(self) -> SignalSource:
        entry: dict[str, Any] = {"id": "own", "capital": 1000, "symbols": ["AAPL", "KO", "XOM"]}
        return open_signals(made(entry | {"signals": self.spec}), self.connections, **OPTIONS)

    def connections(self, connection_id: str) -> ConnectionParts:
        return ConnectionParts(connection_id, conn_type="sqlite", host=str(self.folder / "signals.db"))

    def lie(self) -> None:
        self.text = self.text.replace("KO", "TSLA")
        self._write()

    def lose(self, day: date) -> None:
        (self.folder / f"{day}.csv").unlink()

    def _write(self) -> None:
        (self.folder / f"{DAY}.csv").write_text(self.text)


class SqlStage(FileStage):
    """A table of a database, with a row a day and symbol."""

    @property
    def spec(self) -> dict[str, Any]:
        query = "SELECT symbol, weight FROM signals WHERE day = %(as_of_date)s"
        return {"sql": {"connection": "warehouse", "query": query}}

    def lose(self, day: date) -> None:
        (self.folder / "signals.db").unlink()

    def _write(self) -> None:
        rows = [line.split(",") for line in self.text.splitlines()[1:]]
        with closing(sqlite3.connect(self.folder / "signals.db")) as database, database:
            database.execute("DROP TABLE IF EXISTS signals")
            database.execute("CREATE TABLE signals (day TEXT, symbol TEXT, weight REAL)")
            database.executemany(f"INSERT INTO signals VALUES ('{DAY}', ?, ?)", rows)  # noqa: S608 - a day of ours


class PythonStage(FileStage):
    """A function that reads the file: it stands for any function. Its folder is where modules are looked for."""

    @property
    def spec(self) -> dict[str, Any]:
        return {"python": {"function": "weights_of_the_day:weights", "timeout_seconds": 600}}

    def _write(self) -> None:
        super()._write()
        (self.folder / "weights_of_the_day.py").write_text(
            "from pathlib import Path\n\n\n"
            "def weights(request):\n"
            "    text = Path(__file__).with_name(f'{request.as_of_date}.csv').read_text()\n"
            "    return dict(line.split(',') for line in text.splitlines()[1:])\n"
        )


class EventStage(FileStage):
    """The file, announced by an event; a second one is another announcement."""

    @property
    def spec(self) -> dict[str, Any]:
        return {"event": {"under": f"{self.folder}/"}}

    @property
    def event(self) -> dict[str, Any]:
        content = (self.folder / f"{DAY}.csv").read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        return {"url": f"{self.folder}/{DAY}.csv", "sha256": sha256, "as_of_date": str(DAY)}


SOURCES: dict[str, Callable[[dict[str, Sandbox], Path], SourceStage]] = {
    "service v1": lambda sandboxes, _: ServiceStage(sandboxes["v1"], "v1"),
    "service v2": lambda sandboxes, _: ServiceStage(sandboxes["v2"], "v2"),
    "memory": lambda *_: MemorySourceStage(),
    "file": lambda _, folder: FileStage(folder),
    "sql": lambda _, folder: SqlStage(folder),
    "python": lambda _, folder: PythonStage(folder),
    "event": lambda _, folder: EventStage(folder),
}
