"""The picture of a mail: read back pixel by pixel, for what every PNG reader will show."""

from __future__ import annotations

import struct
import zlib
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from include.adapters.notify.curve import BEHIND, CURVE, HEIGHT, WIDTH, Curve, html_of, picture_of

TOP, BOTTOM = 4, HEIGHT - 5


def rows_of(picture: bytes) -> list[bytes]:
    """Return the picture's rows of palette numbers, with each chunk's checksum checked."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        kind, data = picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack(">I", picture[place + 8 + length : place + 12 + length])
        assert checksum == zlib.crc32(kind + data)
        chunks[kind] = data
        place += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[start : start + WIDTH + 1] for start in range(0, len(raw), WIDTH + 1)]
    assert len(rows) == HEIGHT
    assert all(row[0] == 0 for row in rows)
    return [row[1:] for row in rows]


def heights(rows: list[bytes], column: int) -> list[int]:
    return [number for number, row in enumerate(rows) if row[column] == CURVE]


def test_a_curve_that_rises_begins_at_the_bottom_and_ends_at_the_top() -> None:
    rows = rows_of(picture_of([100_000.0, 100_500.0, 101_000.0]))

    assert BOTTOM in heights(rows, 0)
    assert (TOP + BOTTOM) // 2 in heights(rows, WIDTH // 2)
    assert TOP in heights(rows, WIDTH - 1)
    assert rows[0].count(BEHIND) == WIDTH


def test_equity_that_never_changed_is_a_line_in_the_middle() -> None:
    rows = rows_of(picture_of([5.0, 5.0]))

    assert {tuple(heights(rows, column)) for column in range(WIDTH)} == {
        (HEIGHT // 2 - 1, HEIGHT // 2, HEIGHT // 2 + 1)
    }


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=100))
def test_any_curve_has_no_gap_and_stays_within_the_picture(values: list[float]) -> None:
    rows = rows_of(picture_of(values))

    before: list[int] = []
    for column in range(WIDTH):
        found = heights(rows, column)
        assert found == list(range(found[0], found[-1] + 1))
        assert not before or (found[0] <= before[-1] and before[0] <= found[-1])
        before = found


def test_a_mail_shows_what_is_written_and_says_what_the_picture_shows() -> None:
    curve = Curve(((date(2026, 11, 24), Decimal("100000.00")), (date(2026, 11, 25), Decimal("99958.26"))))

    html = html_of("a <b>name</b>\nLink: http://x/?a=1&b=2", curve)

    assert "a &lt;b&gt;name&lt;/b&gt;<br>Link: http://x/?a=1&amp;b=2" in html
    assert 'alt="Equity in USD, 2026-11-24 to 2026-11-25: 100,000.00 at first, 99,958.26 at last, ' in html
    assert "lowest 99,958.26" in html
