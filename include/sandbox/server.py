"""Puts the sandbox together: its services, one book, the admin API, in one event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from starlette.types import ASGIApp

from include.sandbox.actions import Actions
from include.sandbox.admin import build_admin
from include.sandbox.alpaca.front import Front
from include.sandbox.alpaca.service import Alpaca
from include.sandbox.book import Book
from include.sandbox.faults import Faults, Faulty
from include.sandbox.gateway import Gateway
from include.sandbox.market import MarketData
from include.sandbox.ports import Port
from include.sandbox.prices import Prices
from include.sandbox.settings import Settings
from include.sandbox.signals import SignalService
from include.sandbox.store import open_store


async def serve(
    settings: Settings, book_path: str, ports: dict[str, Port], ready: Callable[[dict[str, str]], None]
) -> None:
    """Serve until SIGTERM or SIGINT.  ports: admin, and those of signals, gateway, market, alpaca that are wanted.

    ready: called with the URLs once every port answers.
    """
    prices, store, faults = Prices(), open_store(book_path), Faults()
    book = Book(store, prices)
    gateway = Gateway(settings, store, book, prices)
    actions = Actions(settings, prices, book)
    signals, market = SignalService(settings, prices), MarketData(settings, prices, actions)

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    alpaca = Alpaca(settings, book, prices, market, actions.cash)
    front = Front(Faulty("alpaca", alpaca.app(), faults, alpaca.notice), settings)
    services: dict[str, ASGIApp] = {
        "signals": Faulty("signals", signals.app(), faults, signals.notice),
        "gateway": Faulty("gateway", gateway.app(), faults, gateway.notice),
        "market": Faulty("market", market.app(), faults, market.notice),
        "alpaca": front,
        "admin": build_admin(settings, faults, book, actions, (gateway, front), ports),
    }
    for name, port in ports.items():
        await port.serve(services[name])
    ready({name: port.url for name, port in ports.items()})
    await stopped.wait()
    await asyncio.gather(*(port.stop() for port in ports.values()))
    store.close()
