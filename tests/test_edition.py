# SPDX-License-Identifier: Apache-2.0
"""Editions: every item of the official forms, and a file that is not in form names its fault."""

from datetime import date
from importlib.resources import files

import pytest

from collector.edition import BadEdition, Edition, edition_names, load_edition, read_edition
from collector.rules import load_rule, rule_names

# the rows of the official forms: sheet → how many items, how many marked ※
ROWS = {
    "R6-hospital": {"facility": (19, 10), "vendor": (14, 8)},
    "R5-pharmacy": {"facility": (19, 0), "vendor": (14, 0)},
    "R7-hospital": {"facility": (18, 0)},
}


def text_of(name: str) -> str:
    return files("collector").joinpath("editions", f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", edition_names())
def test_every_edition_is_in_form(name: str) -> None:
    edition = load_edition(name)
    assert all(line.section.title for sheet in edition.sheets for line in sheet.lines())
    assert all(list(sheet.lines()) for sheet in edition.sheets)
    assert bool(edition.status_note) == (edition.status == "provisional")


@pytest.mark.parametrize(("name", "sheets"), ROWS.items())
def test_no_row_of_the_official_forms_is_missing(name: str, sheets: dict[str, tuple[int, int]]) -> None:
    found = {
        sheet.id: (len(list(sheet.lines())), sum(line.item.mark == "※" for line in sheet.lines()))
        for sheet in load_edition(name).sheets
    }
    assert found == sheets


def test_one_number_may_stand_three_times_in_a_sheet() -> None:
    sheet = load_edition("R6-hospital").sheet("facility")
    assert sheet
    patches = [line for line in sheet.lines() if line.item.number == "2-7"]
    assert [line.key for line in patches] == ["server/2-7", "pc/2-7", "network/2-7"]
    assert {line.item.printed for line in patches} == {"(2-(7))"}


def test_a_goal_lies_in_the_year_of_its_part() -> None:
    line = load_edition("R5-pharmacy").line("facility", "server/2-7")
    assert line
    assert line.part.goal_period == (date(2024, 4, 1), date(2025, 3, 31))
    assert not line.part.inspected


def test_only_wording_that_was_seen_is_called_official() -> None:
    unseen = load_edition("R7-hospital").sheet("facility")
    assert unseen
    assert all(line.item.wording != "official" for line in unseen.lines())
    assert all(line.item.wording_note for line in unseen.lines() if line.item.wording == "inferred")


def test_a_crosswalk_names_items_of_both_editions() -> None:
    pairs = 0
    for name in edition_names():
        edition = load_edition(name)
        for earlier, keys in edition.crosswalk.items():
            before = load_edition(earlier)
            for key, olds in keys.items():
                assert edition.line("facility", key)
                assert all(before.line("facility", old) for old in olds), (name, key)
                pairs += len(olds)
    assert pairs > 30


def test_no_rule_is_unused() -> None:
    used = {
        line.item.rule
        for name in edition_names()
        for sheet in load_edition(name).sheets
        for line in sheet.lines()
    }
    assert used == set(rule_names())
    assert all(callable(load_rule(name).judge) for name in used)


def changed(old: str, new: str) -> Edition:
    text = text_of("R6-hospital")
    assert old in text
    return read_edition(text.replace(old, new, 1), rule_names(), "changed.yaml")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("status: final", "status: final\nstatsu: x", "statsu"),
        ("          mark: ※\n", "          mrak: ※\n", "mrak"),
        ("rule: coverage", "rule: coverge", "coverge"),
        ("  - server/2-6\n", "", "server/2-6"),
        ("  - server/2-6\n", "  - server/2-6\n  - server/2-99\n", "server/2-99"),
        ("number: '2-5'", "number: '2-4'", "server/2-4"),
        ("fiscal_year: 2024", "fiscal_year: 令和", "int"),
        ("title: 体制構築\n", "title: 体制構築\n      groupz: []\n", "groupz"),
        ("target: all", "target: everything", "everything"),
        ("id: vendor", "id: facility", "facility"),
        ("    all/2-1: [all/2-1]", "    all/2-77: [all/2-1]", "all/2-77"),
        ("sheets:", "sheets: [", "YAML"),
        ("en: 'A ledger of servers, PCs and network devices is kept.'", "en: ''", "all/2-1"),
    ],
)
def test_a_fault_is_named(old: str, new: str, named: str) -> None:
    with pytest.raises(BadEdition) as error:
        changed(old, new)
    assert named in error.value.ja
    assert "changed.yaml" in error.value.en


def test_an_edition_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_edition("../settings")
