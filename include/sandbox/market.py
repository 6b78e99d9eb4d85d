"""Market data in the shape of Alpaca's data API v2: latest trades and daily bars, from closes laid on other dates.

The latest price is the close of the current session, stamped now, so that a session always trades at one price.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from include.sandbox.actions import Actions
from include.sandbox.faults import Json
from include.sandbox.prices import Prices
from include.sandbox.settings import NOTICE, Settings
from include.sandbox.web import Problem, build_app

SERVICE = "sandbox_market_data"
NEW_YORK = ZoneInfo("America/New_York")
DEFAULT_LIMIT, MAX_LIMIT = 1000, 10_000


class MarketData:
    def __init__(self, settings: Settings, prices: Prices, actions: Actions) -> None:
        self.settings, self.prices, self.actions = settings, prices, actions
        self.midnights = [_midnight(session) for session in prices.sessions]

    def app(self) -> Starlette:
        return build_app([Route("/", self._root), Route("/health", self._root), *self.routes()])

    def routes(self) -> list[Route]:
        return [
            Route("/v2/stocks/trades/latest", self._latest),
            Route("/v2/stocks/quotes/latest", self._quotes),
            Route("/v2/stocks/bars", self._bars),
            Route("/v1/corporate-actions", self._corporate_actions),
        ]

    def notice(self, scope: Scope, _: Json) -> set[str]:
        """Say which symbols a request is about."""
        query = Request(scope).query_params.get("symbols", "")
        return {symbol.upper() for symbol in query.split(",") if symbol}

    async def _root(self, _: Request) -> Response:
        return JSONResponse({"service": SERVICE, "status": "healthy", "notice": NOTICE})

    async def _latest(self, request: Request) -> Response:
        self._check_key(request)
        now = self.settings.now()
        trades = {}
        for symbol in self._symbols(request):
            if (price := self.prices.latest(symbol, now)) is not None:
                trades[symbol] = {
                    "t": _nanoseconds(now),
                    "x": "V",
                    "p": float(price),
                    "s": 100,
                    "c": ["@"],
                    "i": 1,
                    "z": "C",
                }
        return JSONResponse({"trades": trades})

    async def _quotes(self, request: Request) -> Response:
        self._check_key(request)
        now = self.settings.now()
        quotes = {}
        for symbol in self._symbols(request):
            if quote := self.prices.quote(symbol, now):
                bid, ask = (float(price) for price in quote)
                sides = {"bx": "V", "bp": bid, "bs": 100, "ax": "V", "ap": ask, "as": 100}
                quotes[symbol] = {"t": _nanoseconds(now), **sides, "c": ["R"], "z": "C"}
        return JSONResponse({"quotes": quotes})

    async def _bars(self, request: Request) -> Response:
        self._check_key(request)
        query = request.query_params
        if query.get("timeframe") not in ("1Day", "1D"):
            raise _bad(f"invalid timeframe: {query.get('timeframe')}; the sandbox has 1Day only")
        now = self.settings.now()
        start = _instant(query["start"]) if "start" in query else _midnight(now.astimezone(NEW_YORK).date())
        end = _instant(query["end"]) if "end" in query else now
        limit, offset = query.get("limit", str(DEFAULT_LIMIT)), query.get("page_token", "0")
        if not (limit.isdigit() and 1 <= int(limit) <= MAX_LIMIT and offset.isdigit()):
            raise _bad(f"invalid limit or page_token: limit is 1 to {MAX_LIMIT}")
        rows = range(
            bisect_left(self.midnights, start), min(bisect_right(self.midnights, end), self.prices.current_row(now))
        )
        wanted = [(symbol, row) for symbol in sorted(self._symbols(request)) for row in rows]
        page = wanted[int(offset) : int(offset) + int(limit)]
        bars: dict[str, list[Json]] = {}
        for symbol, row in page:
            if bar := self._bar(symbol, row):
                bars.setdefault(symbol, []).append(bar)
        following = int(offset) + int(limit)
        return JSONResponse({"bars": bars, "next_page_token": str(following) if following < len(wanted) else None})

    async def _corporate_actions(self, request: Request) -> Response:
        self._check_key(request)
        return JSONResponse(self.actions.answer(request.query_params))

    def _bar(self, symbol: str, row: int) -> Json | None:
        close = self.prices.close(symbol, row)
        if close is None:
            return None
        opened = self.prices.close(symbol, row - 1) or close
        low, high = sorted((opened, close))
        stamped = self.midnights[row].strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"t": stamped, "o": opened, "h": high, "l": low, "c": close, "v": 1_000_000, "n": 10_000, "vw": close}

    def _symbols(self, request: Request) -> set[str]:
        symbols = self.notice(request.scope, {})
        if not symbols:
            raise _bad("symbols is required")
        return symbols

    def _check_key(self, request: Request) -> None:
        """Ask for market data's own keys, if it has any; those of the account serve as well, as at the vendor."""
        expected = self.settings.market_key
        given = f"{request.headers.get('APCA-API-KEY-ID', '')}:{request.headers.get('APCA-API-SECRET-KEY', '')}"
        if expected and given not in (expected.get_secret_value(), self.settings.alpaca_key.get_secret_value()):
            raise Problem(403, {"message": "forbidden."})


def _nanoseconds(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _bad(message: str) -> Problem:
    return Problem(400, {"message": message})


def _midnight(day: date) -> datetime:
    """Return the day's midnight in New York, in UTC: the time of its daily bar."""
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)


def _instant(text: str) -> datetime:
    """Read RFC 3339, or a date as its midnight in New York."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad(f"invalid time: {text}") from error
    return _midnight(at.date()) if at.tzinfo is None else at
