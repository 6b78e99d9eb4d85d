"""Keys of the strategies file that moved: what to write now, and how a strategy that the ledger kept is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from include.trading.validation import FieldProblem, shown

# Where each stands now.
_MOVED: Final = {
    "signal_connection": ("signals", "service", "connection"),
    "top_n": ("signals", "service", "top_n"),
    "bottom_n": ("signals", "service", "bottom_n"),
    "gateway_connection": ("venue",),
    "market_data_connection": ("prices", "alpaca", "connection"),
    "orders_per_minute": ("orders", "per_minute"),
    "send_minutes": ("orders", "send_minutes"),
    "wait_for_reductions": ("orders", "reductions_first"),
}
_LONGEST_LINE: Final = 300


def moved(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry with each old key where it stands now; what stands there already stays."""
    new = {key: value for key, value in entry.items() if key not in _MOVED}
    for key in _MOVED:
        if key in entry and (path := _path(entry, key)):
            value = entry[key]
            if key == "wait_for_reductions" and isinstance(value, bool):
                value = "always" if value else "never"
            _put(new, path, value)
    return new


def _path(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return where the key stands now in an entry with this source of signals; () where nothing is to be written."""
    first, *others = _MOVED[key]
    signals = entry.get(first)
    if first != "signals" or not isinstance(signals, Mapping) or len(signals) != 1 or others[0] in signals:
        return first, *others
    # Another source has no use for the connection of the Signal Service.
    return () if key == "signal_connection" else (first, next(iter(signals)), others[-1])


def _put(new: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        inner = new.get(part)
        new[part] = dict(inner) if isinstance(inner, Mapping) else {}
        new = new[part]
    new.setdefault(path[-1], value)


def problems_of(entry: Mapping[str, Any]) -> Iterator[FieldProblem]:
    """Return the problem of each old key of the entry: it shows the line to write instead."""
    new = moved(entry)
    for key, (first, *_) in _MOVED.items():
        if key in entry:
            what = f"write `{_line(first, new[first])}`" if _path(entry, key) else "take it out"
            expected = f"no such key any more; {what}"
            yield FieldProblem(field=key, expected=expected, found=shown(entry[key]))


def _line(key: str, value: Any) -> str:
    # Here, because this module is imported each time Airflow parses the DAG file.
    import yaml

    text = yaml.safe_dump({key: value}, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True)
    line = text.strip().removeprefix("{").removesuffix("}")
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
