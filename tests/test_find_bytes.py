# SPDX-License-Identifier: Apache-2.0
"""inventory_db.find_bytes says what bytes.find says, and a search finds what stands in the texts as they were."""

from hypothesis import given
from hypothesis import strategies as st

from inventory_db.find_bytes import find_bytes
from inventory_db.texts_at_hand import _line

FEW = st.lists(st.sampled_from([b"a", b"b", b"\0", b"\xff"]), max_size=12).map(b"".join)


@given(FEW, FEW, st.integers(0, 14))
def test_it_finds_where_bytes_find_does(text: bytes, word: bytes, start: int) -> None:
    assert find_bytes(text, word, start) == text.find(word, start)


WORDS = st.lists(st.text(alphabet="ab\u3000 \n\x1c\x85い", max_size=20), max_size=4).map(" ".join)


@given(WORDS, st.text(alphabet="abい", min_size=1, max_size=3))
def test_a_text_with_each_word_once_holds_the_same_words(text: str, word: str) -> None:
    assert (word.encode() in _line(text)) == (word in text)
