"""Tables of every form that is read, and the one sentence for each that is not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from include.trading.signals import rows, table
from include.trading.signals.rows import Row, read_rows
from include.trading.signals.table import Table, decode

DAY = date(2026, 1, 5)


def read(text: str) -> tuple[Row, ...]:
    return read_rows(decode(text.encode())).rows


def weights(text: str) -> dict[str, str]:
    return {row.symbol: str(row.weight.normalize()) for row in read(text) if row.weight is not None}


@pytest.mark.parametrize(
    "text",
    [
        "symbol,weight\nAAPL,0.5\nKO,-0.25\n",
        "\ufeffTicker;Target_Weight\r\nAAPL;0.5\r\nKO;-0.25\r\n",
        "instrument\tweight\tsector\nAAPL\t.5\ttech\nKO\t-25e-2\tfood\n",
        "AAPL,0.5\nKO,-0.25",
        "\n AAPL , +0.5 \n\n KO , -0.25 \n",
        ",ticker,weight\n0,AAPL,0.5\n1,KO,-0.25\n",
        'symbol,weight\n"AAPL","0.5"\n"KO","-0.25"\n',
        '{"AAPL": 0.5, "KO": -0.25}',
        '[{"symbol": "AAPL", "weight": 0.5}, {"weight": -0.25, "symbol": "KO"}]',
        '{"weights": {"AAPL": 0.5, "KO": "-0.25"}}',
        '{"rows": [{"ticker": "AAPL", "weight": 0.5}, {"ticker": "KO", "weight": -0.25}]}',
        "DATE,SYMBOL,WEIGHT\n2026-01-05,AAPL,0.5\n2026-01-05,KO,-0.25\n",
    ],
)
def test_one_reader_reads_them_all(text: str) -> None:
    assert weights(text) == {"AAPL": "0.5", "KO": "-0.25"}


@pytest.mark.parametrize(
    "text",
    [
        "date,symbol,weight\n2026-01-05,AAPL,1\n",
        "symbol,as_of,weight\nAAPL,2026-01-05 00:00:00,1\n",
        "as_of_date,symbol,weight\n2026-01-05T00:00:00Z,AAPL,1\n",
        '{"as_of": "2026-01-05", "weights": {"AAPL": 1}}',
        '{"signals": [{"symbol": "AAPL", "target_weight": 1}], "metadata": {"as_of_date": "2026-01-05"}}',
    ],
)
def test_a_date_is_read_in_the_rows_or_beside_them(text: str) -> None:
    assert [(row.symbol, row.day) for row in read(text)] == [("AAPL", DAY)]


def test_what_else_is_said_of_a_symbol_is_read_and_an_empty_cell_says_nothing() -> None:
    first, second = read("symbol,score,rank,confidence,predicted_return\nAAPL,12.5,1,0.9,0.02\nKO,-3,,,\n")

    assert first == Row("AAPL", None, Decimal("12.5"), None, 1, Decimal("0.9"), Decimal("0.0200000000"))
    assert second == Row("KO", None, Decimal(-3), None)


def test_a_wide_table_has_its_days_in_the_first_column_and_a_column_a_symbol() -> None:
    found = read_rows(decode(b"date,AAPL,KO\n2026-01-02,1,0\n2026-01-05,0.5,-0.5\n"))

    assert found.wide
    assert [(row.day, row.symbol, row.weight) for row in found.rows if row.day == DAY] == [
        (DAY, "AAPL", Decimal("0.5")),
        (DAY, "KO", Decimal("-0.5")),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty file"),
        ("  \n", "empty file"),
        ("[]", "an empty list"),
        ("{}", "an empty object"),
        ("symbol,weight\n", "found only the names of columns"),
        ("name,size\nAAPL,1\n", "found the columns name, size"),
        ("AAPL,KO\n0.5,0.5\n", "found the columns AAPL, KO"),
        ("symbol,ticker,weight\nAAPL,AAPL,1\n", "found symbol and ticker"),
        ("symbol,weight,target_weight\nAAPL,1,1\n", "found weight and target_weight"),
        ("symbol,weight,weight\nAAPL,1,1\n", "found weight twice"),
        ("symbol,weight\nAAPL,NaN\n", "finite number as the weight of AAPL, found 'NaN'"),
        ("AAPL,NaN\nKO,1\n", "finite number as the weight of AAPL"),
        ("symbol,weight\nAAPL,inf\n", "finite number"),
        ("symbol,weight\nAAPL,\n", "finite number"),
        ("symbol,weight\nAAPL,much\n", "found 'much'"),
        ("symbol,weight\nAAPL,50%\n", "found '50%'"),
        ('symbol,weight\nAAPL,"0,5"\n', "found '0,5'"),
        ("symbol,weight\nAAPL,1_0\n", "found '1_0'"),
        ("symbol,weight\nAAPL,1e9\n", "share of 1"),
        ("symbol,score\nAAPL,1e99\n", "score"),
        ("symbol,weight\naapl,1\n", "found 'aapl' in row 1"),
        ("symbol,weight\n,1\n", "found '' in row 1"),
        ("symbol,weight\nAAPL,1,2\n", "2 columns in each row, found 3"),
        ("symbol,weight,confidence\nAAPL,1,2\n", "confidence from 0 to 1"),
        ("symbol,weight,rank\nAAPL,1,1.5\n", "whole rank"),
        ("symbol,weight,date\nAAPL,1,05/01/2026\n", "YYYY-MM-DD"),
        ("symbol,weight,date\nAAPL,1,2026-02-30\n", "YYYY-MM-DD"),
        ("symbol,weight,date\nAAPL,1,2026-01-05 16:00:00\n", "YYYY-MM-DD"),
        ("symbol,weight,date\nAAPL,1,\n", "YYYY-MM-DD"),
        ("AAPL,KO,XOM\n1,2,3\n", "found the columns AAPL, KO, XOM"),
        ('{"AAPL": 1, "AAPL": 2}', "found AAPL twice"),
        ('{"AAPL": true}', "finite number"),
        ('{"AAPL": null}', "finite number"),
        ('{"AAPL": NaN}', "finite number"),
        ('{"AAPL": [1]}', "finite number"),
        ('{"weight": {"0": 1}}', "found 'weight' in row 1"),
        ('[{"symbol": "AAPL", "weight": 1}, {"symbol": "KO"}]', "expected the keys symbol, weight in each row"),
        ("[1, 2]", "expected a list of objects"),
        ('{"AAPL": 1', "expected JSON"),
        ('{"AAPL": ' + "[" * 64 + "]" * 64 + "}", "found that it is nested more than 64 levels deep"),
        ("[" * 100_000, "found that it is nested more than 64 levels deep"),
        ('"a,b"\n"', "CSV"),
        ("not a table at all", "found the columns not a table at all"),
    ],
)
def test_what_is_no_table_of_weights_is_refused_in_one_sentence(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        read(text)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_scores_beside_a_day_are_never_taken_for_weights() -> None:
    assert [(row.score, row.weight) for row in read('{"as_of": "2026-01-05", "scores": {"AAPL": 0.01}}')] == [
        (Decimal("0.01"), None)
    ]


def test_more_than_any_table_has_is_refused_before_it_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_CELLS", 3)

    with pytest.raises(ValueError, match="at most 3 lines and values"):
        decode(b"A,1\nB,1\nC,1\nD,1")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="UTF-8, or Parquet"):
        decode("symbol,weight\n".encode("utf-16"))


def test_more_rows_than_a_day_can_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_ROWS", 2)

    with pytest.raises(ValueError, match="at most 2 rows, found 3"):
        read_rows(Table(("symbol", "weight"), [("A", 1), ("B", 1), ("C", 1)]))


def test_a_float_counts_by_its_shortest_text() -> None:
    (row,) = read_rows(Table(("symbol", "weight"), [("A", 0.1)])).rows

    assert row.weight == Decimal("0.1")


def test_the_largest_file_is_two_hundred_megabytes() -> None:
    assert table.MOST_BYTES == 200_000_000
