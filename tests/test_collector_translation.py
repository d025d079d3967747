# SPDX-License-Identifier: Apache-2.0
"""One catalogue: both languages complete, every key that a page uses is there, none is left over."""

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from collector.dual_homed import Standing
from collector.ledger_view import CLASSES, MARKS, SORTS
from collector.translation import choose_language, load_words
from inventory_db.path_words import PATH_WORDS
from probes.facts import FactKind, Outcome, Sure, Technique

JA, EN = load_words("ja"), load_words("en")
GROUPS = (
    "role.",
    "verdict.",
    "answer.",
    "checklist.",
    "findings.",
    "column.",
    "tile.",
    "device.",
    "scans.",
    "nav.",
    "trouble.",
    "legend.",
    "sheet.",
    "diagram.",
    "changes.",
    "register.",
    "audit.",
    "refused.",
    "invited.",
    "role.",
    "purpose.",
    "scope.",
    "people.",
    "me.",
    "once.",
    "releases.",
    "welcome.",
    "vendor.",
    "vendors.",
    "import.",
    "stock.",
    "bulk.",
    "same.",
    "edit.",
    "outward.",
    "settings.",
    "declare.",
    "sure.",
)  # joined with ~ in pages
CHOSEN = (
    "notice.",
    "kind.",
    "kind_short.",
    "path.",
    "fact.",
    "sure.",
    "outcome.",
    "scan_state.",
    "weekday.",
    "field.",
    "how.",
    "probe.",
    "action.",
    "why.",
    "technique.",
    "dual_standing.",
    "exit.",
    "untried.",
    "audit_action.",
    "audit_outcome.",
    "term.",
    "means.",
    "document_type.",
    "review.",
    "documents.",
)


def sources() -> Iterator[str]:
    for folder in ("pages", "diagram", "."):
        for file in files("collector").joinpath(folder).iterdir():
            if file.name.endswith((".html", ".py")):
                yield file.read_text(encoding="utf-8")


def test_both_languages_have_the_same_keys_and_blanks() -> None:
    assert list(JA.sentences) == list(EN.sentences)
    for key, sentence in JA.sentences.items():
        blanks = re.findall(r"{\w+}", sentence)
        assert sorted(blanks) == sorted(re.findall(r"{\w+}", EN.sentences[key])), key


def test_japanese_is_japanese_and_english_is_english() -> None:
    kana_or_kanji = re.compile("[ぁ-ヿ一-鿿]")
    assert [key for key, text in EN.sentences.items() if kana_or_kanji.search(text)] == []
    plain = {key for key, text in JA.sentences.items() if not kana_or_kanji.search(text)}
    assert {
        key
        for key in plain
        if not key.startswith(
            (
                "path.",
                "kind.",
                "kind_short.",
                "column.c3",
                "field.os",
                "probe.",
                "action.icmp",
                "how.asked",
                "people.comma",
            )
        )
    } == set()


def test_paths_are_called_in_changes_as_the_pages_call_them() -> None:
    found = {key: (JA(f"path.{key}"), EN(f"path.{key}")) for key in PATH_WORDS}
    assert found == dict(PATH_WORDS)
    assert {f"path.{key}" for key in PATH_WORDS} == {key for key in JA.sentences if key.startswith("path.")}


def test_every_kind_of_fact_has_a_word() -> None:
    assert {f"fact.{kind}" for kind in FactKind} == {key for key in JA.sentences if key.startswith("fact.")}


def test_every_key_is_used_and_every_used_key_exists() -> None:
    text = "\n".join(sources())
    used = set(re.findall(r"""\b(?<!load_)(?:words|other)\(["']([\w.]+)["']\s*[,)]""", text))
    assert used <= set(JA.sentences)
    spare = {key for key in JA.sentences if key not in used and not key.startswith((*GROUPS, *CHOSEN))}
    assert {key for key in spare if f'"{key}"' not in text} == set()


def test_every_closed_list_has_its_words() -> None:
    wanted = [f"outcome.{one}" for one in Outcome] + [f"sure.{one}" for one in Sure]
    wanted += [f"kind.{one}" for one in CLASSES] + [f"tile.{one}" for one in MARKS]
    wanted += [f"column.{one}" for one in SORTS] + [f"technique.{one}" for one in Technique]
    wanted += [f"dual_standing.{one}" for one in Standing]
    assert [key for key in wanted if key not in JA.sentences] == []


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "chosen"),
    [
        ("en", "ja", "ja", "en"),
        ("", "en", "ja", "en"),
        ("", "", "en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("", "", "fr,ja;q=0.5,en;q=0.4", "ja"),
        ("", "", "en;q=0, fr", "ja"),
        ("", "", "en;q=x", "ja"),
        ("xx", "<script>", "", "ja"),
    ],
)
def test_the_language_is_the_first_wish_that_we_have(
    asked: str, remembered: str, accepted: str, chosen: str
) -> None:
    assert choose_language(asked, remembered, accepted, "ja") == chosen


def test_a_language_that_we_do_not_have_is_no_file_name() -> None:
    with pytest.raises(KeyError):
        load_words("../settings")
