# SPDX-License-Identifier: Apache-2.0
"""Searching, filtering, sorting and paging of the ledger; choosing what a device page shows. All pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.device_view import believe, number_observations, summarise_sent
from collector.ledger_view import PAGE_SIZES, SORTS, Entry, Question, answer, ask
from collector.translation import plain_reason
from inventory_db.observations import Stored, as_stored
from probes.facts import Fact, FactKind, Observation, Outcome, Sent, Sure

NOON = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def entry(number: int, *, unseen: bool = False, ip: str = "", name: str = "", **device: Any) -> Entry:
    ip = ip or f"10.0.0.{number}"
    cells = (f"{number:03}", "A社", "", "", "", ip, name, "", "", "", "", "")
    document = {
        "id": f"d{number}",
        "addresses": [{"ip": ip, "mac": None, "network": ip.rsplit(".", 1)[0] + ".0/24"}],
        "names": [name] if name else [],
        "services": [],
        "remote_paths": [],
        "dual_homed": None,
        "device_class": "pc",
        "confidence": {},
        "last_seen": f"2026-11-21T{number % 24:02}:00:00+00:00",
        **dict.fromkeys(("maker", "model", "serial", "os", "os_version", "firmware_version")),
        **device,
    }
    return Entry(cells, document, unseen)


def numbers(entries: list[Entry], **parameters: str) -> list[int]:
    return [int(one.cells[0]) for one in answer(entries, ask(parameters)).entries]


def test_every_word_of_a_search_must_occur_whatever_width_or_case() -> None:
    entries = [entry(1, name="ＨＩＳ-DB01", os="Windows Server 2019"), entry(2, name="his-web")]
    assert numbers(entries, q="his") == [1, 2]
    assert numbers(entries, q="ﾊｲｶﾗ") == []
    assert numbers(entries, q="HIS  windows") == [1]
    assert numbers(entries, q="10.0.0.2") == [2]


def test_filters_narrow_by_class_network_and_mark() -> None:
    guess = {"os": {"sure": "guess"}, "maker": {"sure": "sure"}}
    entries = [
        entry(1, device_class="server", dual_homed={"declared": False}),
        entry(2, remote_paths=[{"kind": "rdp", "product": None}], confidence=guess),
        entry(3, ip="10.9.0.3", unseen=True, device_class=None),
    ]
    assert numbers(entries, kind="server") == [1]
    assert numbers(entries, kind="unknown") == [3]
    assert numbers(entries, network="10.9.0.0/24") == [3]
    assert [numbers(entries, mark=mark) for mark in ("dual", "remote", "guess", "unseen")] == [
        [1],
        [2],
        [2],
        [3],
    ]
    whole = answer(entries, ask({"kind": "server"}))
    assert (whole.matching, whole.total, whole.marks["remote"]) == (1, 3, 1)
    assert whole.kinds == {"pc": 1, "server": 1, "unknown": 1}


def test_addresses_and_names_sort_as_people_count_and_empty_cells_come_last() -> None:
    entries = [
        entry(1, ip="10.0.0.10", name="PC10"),
        entry(2, ip="10.0.0.9", name="PC9"),
        entry(3, ip="9.0.0.1"),
    ]
    assert numbers(entries, sort="c6") == [3, 2, 1]
    assert numbers(entries, sort="c7") == [2, 1, 3]
    assert numbers(entries, sort="c7", down="1") == [1, 2, 3]
    assert numbers(entries, sort="seen", down="1") == [3, 2, 1]


def test_pages_hold_every_row_once() -> None:
    entries = [entry(number) for number in range(1, 121)]
    pages = [numbers(entries, page=str(page)) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert sorted(number for page in pages for number in page) == list(range(1, 121))
    assert numbers(entries, page="99") == pages[-1]
    assert answer(entries, ask({"per": "100"})).pages == 2


@pytest.mark.parametrize("page", ["0", "-1", "x", "１", "9" * 40, ""])
def test_a_senseless_page_is_the_first(page: str) -> None:
    assert ask({"page": page}).page == 1


@given(
    st.dictionaries(
        st.sampled_from(["q", "kind", "network", "mark", "sort", "down", "page", "per"]), st.text()
    )
)
def test_any_query_string_has_an_answer(parameters: dict[str, str]) -> None:
    question = ask(parameters)
    assert question.sort in SORTS
    assert question.per in PAGE_SIZES
    assert answer([entry(1, name="a1²٣"), entry(2)], question).total == 2


def test_a_link_changes_what_it_says_and_starts_at_page_one() -> None:
    question = Question(q="a&b", page=3, sort="c6", down=True)
    assert question.query(kind="pc") == "?q=a%26b&kind=pc&sort=c6&down=1"
    assert question.query(page=4).endswith("page=4")
    assert Question().query() == "?"


def test_a_device_page_shows_the_newest_answer_to_each_question_first() -> None:
    def seen(minute: int, probe: str, outcome: Outcome = Outcome.ANSWERED) -> Stored:
        at = NOON + timedelta(minutes=minute)
        one = Observation(scan="s", vantage="v", at=at, probe=probe, address="10.0.0.1", outcome=outcome)
        return as_stored(one)

    old, new, silent = seen(0, "ssh"), seen(5, "ssh"), seen(3, "http", Outcome.SILENT)
    shown, earlier, places = number_observations([old, new, silent], most=2)
    assert (shown, earlier) == ((silent, new), 1)
    assert places == {silent.id: 1, new.id: 2}


def test_the_journal_adds_up() -> None:
    line = Sent(scan="s", vantage="v", at=NOON, address="10.0.0.1", action="tcp connect", port=22, packets=5)
    (total,) = summarise_sent([line, line])
    assert (total.action, total.port, total.packets) == ("tcp connect", 22, 10)


def test_a_reason_in_both_languages_is_read_in_one() -> None:
    both = "never_send: 9100/tcp は印刷される / would print on 9100/tcp"
    assert plain_reason(both, "ja") == "9100/tcp は印刷される"
    assert plain_reason(both, "en") == "would print on 9100/tcp"
    for other in ("", "pace", "code: 片方だけ", "https://a.example/ / b", "no code / at all"):
        assert plain_reason(other, "en") == other


def test_a_name_rests_on_the_observations_that_hold_it() -> None:
    facts = (Fact(FactKind.NAME, "HIS.", Sure.LIKELY),)
    one = as_stored(
        Observation(scan="s", vantage="v", at=NOON, probe="x", outcome=Outcome.ANSWERED, facts=facts)
    )
    name = believe({**entry(1).device, "names": ["his", "b"]}, [one], "reason")[0]
    assert (name.value, name.sure, name.observations) == ("his、b", "likely", (one.id,))
    assert believe({**entry(1).device, "names": ["typed"]}, [one], "reason")[0].reason == ""
