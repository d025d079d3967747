# SPDX-License-Identifier: Apache-2.0
"""inventory_db.find_bytes says what bytes.find says, and a search finds what stands in the texts as they were."""

import itertools
from array import array
from dataclasses import replace
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from inventory_db import texts_at_hand
from inventory_db.find_bytes import find_bytes
from inventory_db.texts_at_hand import Texts, _line

FEW = st.lists(st.sampled_from([b"a", b"b", b"\0", b"\xff"]), max_size=12).map(b"".join)


@given(FEW, FEW, st.integers(0, 14))
def test_it_finds_where_bytes_find_does(text: bytes, word: bytes, start: int) -> None:
    assert find_bytes(text, word, start) == text.find(word, start)


WORDS = st.lists(st.text(alphabet="ab\u3000 \n\x1c\x85い", max_size=20), max_size=4).map(" ".join)


@given(WORDS, st.text(alphabet="abい", min_size=1, max_size=3))
def test_a_text_with_each_word_once_holds_the_same_words(text: str, word: str) -> None:
    assert (word.encode() in _line(text)) == (word in text)


ROWS = st.lists(st.lists(st.sampled_from(["aa", "ab", "ba", "い"]), max_size=3).map(" ".join), max_size=12)


@given(
    ROWS,
    ROWS,
    st.lists(st.sampled_from(["a", "b", "ab", "い", "aa"]), min_size=1, max_size=2),
    st.integers(0, 4),
    st.integers(1, 20),
)
def test_a_search_finds_the_same_rows_however_many_hold_the_word(
    rows: list[str], typed: list[str], words: list[str], leaps: int, together: int
) -> None:
    lines = [_line(row) for row in rows]
    starts = array("q", itertools.accumulate(map(len, lines), initial=0))
    kept = Texts((1, "", 0, 0), b"".join(lines), starts, array("q", range(7, 7 + len(lines))))
    beside = dict(enumerate(typed[: len(rows)], 7))
    later = replace(kept, beside={number: _line(row) for number, row in beside.items()})
    with patch.multiple(texts_at_hand, _MANY=leaps, _AT_ONCE=together):
        for one, shown in ((kept, dict(enumerate(rows, 7))), (later, dict(enumerate(rows, 7)) | beside)):
            expected = [n for n, row in shown.items() if all(word in row for word in words)]
            assert list(one.find(tuple(words))) == expected
            assert list(one.find(tuple(words))) == expected  # as it is remembered


def test_what_is_remembered_of_searches_has_bounds() -> None:
    lines = [_line(f"aa {n}") for n in range(50)]
    starts = array("q", itertools.accumulate(map(len, lines), initial=0))
    kept = Texts((1, "", 0, 0), b"".join(lines), starts, array("q", range(50)))
    for word in map(str, range(60)):
        for other in ("a", "aa"):
            kept.find((word, other))
    assert sum(map(len, kept.found.values())) <= 10 * 50
    kept.find(("a",))
    with patch.object(texts_at_hand, "_WORDS", 3):
        for word in "123":
            kept.find(("a",))
            kept.find((word,))
    assert list(kept.found)[-2:] == [("a",), ("3",)]
    assert len(kept.found) == 3
