"""Text from outside keeps its meaning and loses what no database stores and what steers a terminal."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.ops.printing import CleanStream, table
from include.trading.text import clean, clean_json, one_line, repr_of

ANY_TEXT = st.text(st.characters() | st.sampled_from("\x00\x1b\x9b\r\n\ud800\udfff\u202e"))


@pytest.mark.parametrize("text", ["", "a b", "Zürich – 東京 😀", "two\nlines\tand a tab\r\n", "\\u0000"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("unfit", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\ud800", "\udfff", "\u202e", "\u2066"])
def test_each_unfit_character_is_replaced_by_one(unfit: str) -> None:
    assert clean(f"a{unfit}b") == "a\ufffdb"


@given(ANY_TEXT)
def test_clean_text_can_be_encoded_has_no_nul_and_stays_clean(text: str) -> None:
    found = clean(text)

    assert b"\x00" not in found.encode()
    assert clean(found) == found
    assert len(found) == len(text)


def test_a_value_that_is_too_deep_to_be_written_is_said_to_be() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]

    assert repr_of(value) == "a list that is nested too deep to be shown"
    assert repr_of([1, "a"]) == "[1, 'a']"


@given(ANY_TEXT)
def test_one_line_has_nothing_that_moves_the_cursor(text: str) -> None:
    assert all(
        character.isprintable() or character == "\u00ad" or ord(character) > 0x9F for character in one_line(text)
    )
    assert len(one_line(text).splitlines()) <= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
        max_leaves=10,
    )
)
def test_clean_json_is_json_without_nul_surrogates_or_numbers_json_does_not_have(value: Any) -> None:
    written = json.dumps(clean_json(value), ensure_ascii=False, allow_nan=False)

    assert "\\u0000" not in written.replace("\\\\", "")
    written.encode()


def test_keys_are_clean_too() -> None:
    assert clean_json({"a\x00": [{"\ud800": float("inf")}]}) == {"a\ufffd": [{"\ufffd": "inf"}]}


def test_nothing_that_is_printed_steers_the_terminal() -> None:
    written = StringIO()

    print("seen\x1b[2J\rhidden\x9b1A\nnext", file=CleanStream(written))  # type: ignore[call-overload]

    assert written.getvalue() == "seen\ufffd[2J\ufffdhidden\ufffd1A\nnext\n"


def test_a_cell_of_a_table_stays_on_its_line() -> None:
    assert table(("a", "b"), [("one\ntwo", "x\x1b[31m")]).splitlines() == ["a        b", "one two  x\ufffd[31m"]
