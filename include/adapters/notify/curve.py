"""A strategy's equity for a mail: a small PNG of our own, which every mail client shows, with its values as text.

The charting library draws SVG alone, which mail clients do not show, and so the labels are HTML around the picture.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from typing import Final

PICTURE: Final = "equity.png"
WIDTH, HEIGHT = 560, 140
# Of the palette: what lies behind, the lines at highest and lowest, the curve.
BEHIND, GRID, CURVE = 0, 1, 2
_COLOURS: Final = bytes((255, 255, 255, 208, 208, 208, 1, 104, 199))
_MARGIN: Final = 4


@dataclass(frozen=True)
class Curve:
    """Equity in USD by session, oldest first, of two sessions or more."""

    points: tuple[tuple[date, Decimal], ...]

    @property
    def picture(self) -> bytes:
        return picture_of([float(equity) for _, equity in self.points])


def html_of(body: str, curve: Curve) -> str:
    """Return a message as a mail's HTML, with the curve below its lines. The picture is named, not contained."""
    (first, begin), (last, end) = curve.points[0], curve.points[-1]
    amounts = [equity for _, equity in curve.points]
    highest, lowest = f"highest {max(amounts):,.2f}", f"lowest {min(amounts):,.2f}"
    span = f"{first} to {last}"
    words = f"Equity in USD, {span}: {begin:,.2f} at first, {end:,.2f} at last, {highest}, {lowest}"
    cell = 'style="font-size:small;text-align:right;white-space:nowrap;vertical-align:'
    return (
        f"<p>{'<br>'.join(escape(line) for line in body.splitlines())}</p>"
        f'<table role="presentation"><tr><td {cell}top">{highest}</td>'
        f'<td rowspan="2"><img src="cid:{PICTURE}" width="{WIDTH}" height="{HEIGHT}" alt="{words}"></td></tr>'
        f'<tr><td {cell}bottom">{lowest}</td></tr>'
        f'<tr><td></td><td style="font-size:small">Equity in USD, {span}</td></tr></table>'
    )


def picture_of(values: Sequence[float]) -> bytes:
    """Return a PNG of a curve through the values, which stand at equal distances."""
    rows = [bytearray([BEHIND]) * WIDTH for _ in range(HEIGHT)]
    for edge in (_MARGIN, HEIGHT - 1 - _MARGIN):
        rows[edge][:] = bytes([GRID]) * WIDTH
    low, high = min(values), max(values)
    before: int | None = None
    for column in range(WIDTH):
        place = column * (len(values) - 1) / (WIDTH - 1)
        left = min(int(place), len(values) - 2)
        value = values[left] + (values[left + 1] - values[left]) * (place - left)
        share = 0.5 if low == high else (value - low) / (high - low)
        row = round(HEIGHT - 1 - _MARGIN - share * (HEIGHT - 1 - 2 * _MARGIN))
        # A steep part is drawn from where the column before ended, without a gap.
        top, bottom = sorted((row, row if before is None else before))
        for each in range(top - 1, bottom + 2):
            rows[each][column] = CURVE
        before = row
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    parts = ((b"IHDR", header), (b"PLTE", _COLOURS), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
