"""A report as text, as a page with plots, and its daily returns as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from include.execution.results.report import Report
from include.ops.printing import table
from include.trading.errors import InvalidData
from include.trading.numbers import shares
from include.trading.results.series import Series
from include.trading.results.summary import BookReport

_MOST_SYMBOLS = 20


def as_text(report: Report) -> str:
    return "\n\n".join(_book(book) for book in report.books)


def _book(book: BookReport) -> str:
    figures = book.figures
    lines = [
        f"{book.strategy_id} on {book.account} ({book.mode}), {book.first} to {book.last}, {figures.sessions} sessions",
        f"  equity {_usd(book.equity_before)} + result {_usd(book.result)} + flows {_usd(book.flows)} = "
        f"{_usd(book.equity)} USD",
        f"  result: realised {_usd(book.realised)}, unrealised {_usd(book.unrealised)}, dividends "
        f"{_usd(book.dividends)}, corrected {_usd(book.corrected)}, fees {_usd(-book.fees)}",
        f"  return {_percent(figures.total_return)}, volatility {_percent(figures.volatility)} a year, Sharpe "
        f"{'–' if figures.sharpe is None else f'{figures.sharpe:.2f}'}, deepest drawdown "
        f"{_percent(figures.max_drawdown)}",
        f"  turnover {_usd(book.turnover)}; fills cost {_usd(book.cost_to_plan)} more than the plan's prices"
        f" ({_bp(book.cost_to_plan_bp)}), {_usd(book.cost_to_close)} more than the closes"
        f" ({_bp(book.cost_to_close_bp)})",
    ]
    months = [
        (f"{month.year}-{month.month:02}", _usd(month.result), _percent(month.compounded)) for month in book.months
    ]
    symbols = [
        (row.symbol, _usd(row.result), _usd(row.turnover), _usd(row.cost_to_plan), _usd(row.value))
        for row in book.symbols[:_MOST_SYMBOLS]
    ]
    parts = ["\n".join(lines)]
    if len(months) > 1:
        parts.append(table(("month", "result", "return"), months))
    parts.append(table(("symbol", "result", "turnover", "cost to plan", "value"), symbols))
    if len(book.symbols) > _MOST_SYMBOLS:
        parts.append(f"and {len(book.symbols) - _MOST_SYMBOLS} more symbols: --json has them all")
    if book.deviations:
        rows = [(each.symbol, shares(each.planned), shares(each.held), _usd(each.worth)) for each in book.deviations]
        parts.append(f"planned and not held after {book.last}:\n{table(('symbol', 'planned', 'held', 'worth'), rows)}")
    return "\n".join(parts)


def as_html(report: Report, _: Path) -> bytes:
    """Return one page without a script: a plot of equity and one of drawdown for each book, and its text."""
    parts = []
    for series, book in zip(report.series, report.books, strict=True):
        title = escape(f"{book.strategy_id} on {book.account} ({book.mode})")
        parts.append(f"<h2>{title}</h2>")
        parts.append(_plot(series, "equity, USD", lambda s: [float(point.equity) for point in s.points], "{:,.0f}"))
        parts.append(_plot(series, "drawdown, %", lambda s: [100 * each for each in s.drawdowns], "{:.2f}"))
        parts.append(f"<pre>{escape(_book(book))}</pre>")
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Trading report</title>'
        "<style>body{font-family:sans-serif;max-width:1000px;margin:auto;padding:1em}pre{overflow:auto}</style>"
    )
    return (head + "<h1>Trading report</h1>" + "".join(parts) + "</html>").encode()


def _plot(series: Series, name: str, values: Callable[[Series], list[float]], form: str) -> str:
    import pygal

    chart = pygal.Line(
        js=[],
        no_prefix=True,
        show_dots=len(series.points) < 3,
        width=1000,
        height=320,
        title=name,
        show_legend=False,
        x_label_rotation=30,
        show_minor_x_labels=False,
        x_labels_major_count=12,
        value_formatter=form.format,
    )
    chart.x_labels = [point.session_date.isoformat() for point in series.points]
    chart.add(name, values(series))
    return str(chart.render(is_unicode=True, disable_xml_declaration=True))


def export_returns(report: Report, path: Path) -> bytes:
    """Return the daily returns, a column for each book; its index is the session's date, as quantstats reads it."""
    names = ["/".join(series.key) if len(report.series) > 1 else "returns" for series in report.series]
    days = sorted({point.session_date for series in report.series for point in series.points})
    columns = [{point.session_date: point.daily_return for point in series.points} for series in report.series]
    if path.suffix == ".csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["date", *names])
        writer.writerows([day.isoformat(), *(_cell(column.get(day)) for column in columns)] for day in days)
        return out.getvalue().encode()
    if path.suffix == ".parquet":
        found = {name: [column.get(day) for day in days] for name, column in zip(names, columns, strict=True)}
        return _parquet({"date": days, **found})
    raise InvalidData(f"--export {path}: expected a name that ends in .csv or .parquet")


def _parquet(columns: dict[str, Any]) -> bytes:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError as error:
        raise InvalidData(
            "--export: a .parquet file needs pyarrow, which is not installed; .csv needs nothing"
        ) from error
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _usd(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.2f}%"


def _bp(points: Decimal | None) -> str:
    return "nothing was traded" if points is None else f"{points:f} bp"
