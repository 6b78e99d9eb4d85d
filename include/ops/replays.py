"""The command `report --replays`: what a backfill's plans would have made, as a table, a plot or JSON."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from include.execution.whatif.report import Report, report
from include.ops import printing
from include.ops.place import Place
from include.ops.printing import WELL
from include.trading.errors import InvalidData
from include.trading.numbers import shares

_MOST_SYMBOLS = 20


def run_replays(place: Place, given: argparse.Namespace) -> int:
    if given.first > given.last:
        raise InvalidData(f"--from {given.first}: expected a day no later than --to {given.last}")
    with place.ledger() as ledger:
        found = report(ledger, given.first, given.last, given.strategy, place.assembly, cost_bp=_costs(given))
    if given.plot is not None:
        _plot(found, given.plot)
    if given.export is not None:
        _export(found, given.export)
    if given.json:
        print(printing.as_json(found))
        return WELL
    headers = ("session", "equity", "day", "total", "turnover", "gross", "net", "trades", "orders", "denied", "skipped")
    rows = [
        (
            result.session,
            f"{result.equity:,.2f}",
            _percent(result.daily_return),
            _percent(result.total_return),
            _percent(result.turnover),
            _percent(result.gross),
            _percent(result.net),
            result.trades,
            result.orders,
            _counts(result.denied),
            _counts(result.skipped),
        )
        for result in found.sessions
    ]
    print(
        f"strategy {found.strategy_id}, {found.first} to {found.last}, model {', '.join(found.model_versions) or '–'}"
    )
    for note in found.notes:
        print(f"  {note}")
    print(printing.table(headers, rows) if rows else "no session could be filled")
    print(
        f"{len(rows)} sessions: {found.capital:,.2f} USD became {found.equity:,.2f} ({_percent(found.total_return)}); "
        f"{found.traded:,.2f} USD traded in {found.trades} trades; the plans had {found.orders} orders"
    )
    sharpe = "–" if found.sharpe is None else f"{found.sharpe:.2f}"
    print(
        f"costs {found.costs:,.2f} USD at {found.cost_bp:f} bp; volatility "
        f"{'–' if found.volatility is None else f'{100 * found.volatility:.2f}%'} a year, Sharpe {sharpe}, deepest "
        f"drawdown {100 * found.max_drawdown:.2f}%"
    )
    if found.models:
        print(_models(found))
    if len(found.months) > 1:
        print(_months(found))
    if found.symbols:
        print(_symbols(found))
    print(f"denied by rule: {_counts(found.denied)}")
    print(f"skipped by reason: {_counts(found.skipped)}")
    print(f"left out: {len(found.left_out) or 'no session'}")
    for each in found.left_out:
        print(f"  {each.session}  {each.why}")
    return WELL


def _models(found: Report) -> str:
    """Return the table of the sizing and its shadows, a line each."""
    headers = ("sizing", "sized", "total", "volatility", "Sharpe", "drawdown", "turnover", "gross", "net", "traded")
    rows = [
        (
            f"{each.model} (planned)" if each.planned else each.model,
            each.sized,
            _percent(each.total_return),
            _percent(each.volatility),
            None if each.sharpe is None else f"{each.sharpe:.2f}",
            _percent(each.max_drawdown),
            _percent(each.turnover),
            _percent(each.gross),
            _percent(each.net),
            f"{each.traded:,.2f}",
        )
        for each in found.models
    ]
    note = "by sizing; shadows passed no limit and no no-trade band; turnover, gross and net are means of the sessions"
    return f"{note}\n{printing.table(headers, rows)}"


def _months(found: Report) -> str:
    rows = [
        (
            f"{each.year}-{each.month:02}",
            each.sessions,
            f"{each.result:,.2f}",
            _percent(each.month_return),
            f"{each.traded:,.2f}",
            each.trades,
            f"{each.equity:,.2f}",
        )
        for each in found.months
    ]
    return "by month\n" + printing.table(("month", "sessions", "result", "return", "traded", "trades", "equity"), rows)


def _symbols(found: Report) -> str:
    """Return the table of the symbols that made or lost the most, the best first."""
    most = sorted(found.symbols, key=lambda each: (-abs(each.result), each.symbol))[:_MOST_SYMBOLS]
    rows = [
        (
            each.symbol,
            f"{each.result:,.2f}",
            _percent(each.contribution),
            f"{each.traded:,.2f}",
            each.trades,
            each.sessions,
            shares(each.quantity),
            f"{each.value:,.2f}",
        )
        for each in found.symbols
        if each in most
    ]
    headers = ("symbol", "result", "of capital", "traded", "trades", "sessions held", "shares", "value")
    text = f"by symbol\n{printing.table(headers, rows)}"
    left = len(found.symbols) - len(rows)
    return f"{text}\nand {left} more symbols: --json and --export have them all" if left else text


def _export(found: Report, path: Path) -> None:
    """Write a line for each month and each symbol as CSV, with numbers as JSON has them."""
    if path.suffix.lower() != ".csv":
        raise InvalidData(f"--export {path}: with --replays expected a name that ends in .csv")
    months = [each.model_dump() for each in found.months]
    symbols = [each.model_dump() for each in found.symbols]
    rows = [
        {"of": "month", "name": f"{row.pop('year')}-{row.pop('month'):02}", "return": row.pop("month_return"), **row}
        for row in months
    ] + [{"of": "symbol", "name": row.pop("symbol"), "return": row.pop("contribution"), **row} for row in symbols]
    names = ("of", "name", "sessions", "result", "return", "traded", "trades", "equity", "quantity", "value")
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in row.items()})
    try:
        path.write_text(text.getvalue())
    except OSError as error:
        raise InvalidData(f"--export {path}: expected a file that can be written, found: {error}") from error


def _costs(given: argparse.Namespace) -> Decimal:
    """Return what trading is taken to cost: half the spread, which is what a market order pays of it, and fees."""
    costs: Decimal = given.spread_bp / 2 + given.fee_bp
    return costs


def _plot(found: Report, path: Path) -> None:
    """Write the plot as SVG: equity, also of each shadow, on the left; gross and net exposure on the right."""
    import pygal

    what = f"What-if, no order was sent: {found.strategy_id}, equity in USD if filled at the next close, and exposure"
    seen = "The model may have seen the future."
    chart = pygal.Line(
        js=[],
        no_prefix=True,
        show_dots=False,
        width=1000,
        height=500,
        title="\n".join([what, seen, *(note for note in found.notes if note.startswith("Sandbox"))]),
        x_label_rotation=30,
        show_minor_x_labels=False,
        x_labels_major_count=12,
        truncate_legend=-1,
        legend_at_bottom=True,
        legend_at_bottom_columns=3,
        value_formatter=lambda value: f"{value:,.0f}",
        no_data_text="no session could be filled",
    )
    chart.x_labels = [result.session.isoformat() for result in found.sessions]
    chart.add("equity, USD", [float(result.equity) for result in found.sessions])
    for each in found.models:
        if not each.planned:
            chart.add(f"equity with {each.model}, USD", [float(equity) for equity in each.equity])
    for name in ("gross", "net"):
        ratios = [getattr(result, name) for result in found.sessions]
        chart.add(
            f"{name}, % of equity",
            [None if ratio is None else float(100 * ratio) for ratio in ratios],
            secondary=True,
        )
    try:
        path.write_bytes(chart.render())
    except OSError as error:
        raise InvalidData(f"--plot {path}: expected a file that can be written, found: {error}") from error


def _percent(ratio: Decimal | float | None) -> str | None:
    return None if ratio is None else f"{100 * ratio:.2f}%"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "–"
