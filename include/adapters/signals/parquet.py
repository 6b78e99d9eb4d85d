"""Parquet, where pyarrow is installed."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from include.trading.signals.table import MOST_BYTES, MOST_ROWS, Table

ROWS_AT_A_TIME = 100


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
        found: list[tuple[Any, ...]] = []
        size = 0
        # A few kB may stand for many GB: a value is kept once, however often it comes.
        for batch in file.iter_batches(batch_size=ROWS_AT_A_TIME):
            size += batch.nbytes
            if size > MOST_BYTES:
                raise ValueError(f"expected at most {MOST_BYTES} bytes of values, found more")
            found += zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except (OSError, ArithmeticError) as error:  # pyarrow's own are among these, and ValueErrors
        raise ValueError(f"expected Parquet, found: {error}") from error
    return Table(tuple(file.schema_arrow.names), found)
