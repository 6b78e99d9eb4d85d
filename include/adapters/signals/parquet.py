"""Parquet, where pyarrow is installed."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from include.trading.signals.table import MOST_ROWS, Table


def from_parquet(content: bytes) -> Table:
    """Return the table of a Parquet file; raises ValueError with what is wrong with it, or that pyarrow is missing."""
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise ValueError(
            "expected CSV or JSON, found Parquet, which is read where pyarrow is installed: pip install pyarrow"
        ) from None
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        rows = file.metadata.num_rows
        if rows > MOST_ROWS:
            raise ValueError(f"expected at most {MOST_ROWS} rows, found {rows}")
        table = file.read()
    except (OSError, ArithmeticError) as error:  # pyarrow's own are among these, and ValueErrors
        raise ValueError(f"expected Parquet, found: {error}") from error
    columns = [column.to_pylist() for column in table.columns]
    return Table(tuple(table.column_names), list(zip(*columns, strict=True)))
