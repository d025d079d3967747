# SPDX-License-Identifier: Apache-2.0
"""What the ledger covers: seen against listed, empty columns, last checks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from collector.case import Case
from collector.coverage import cover
from inventory_db.device import Address, Device
from inventory_db.official import official_row
from inventory_db.people import Entry
from inventory_db.stated import ListedDevice, Review, Statement, StockTake, Vendor
from inventory_db.statements import Stated

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


def device(id: str, ip: str, days_ago: int = 0, **fields: object) -> Device:
    when = (NOW - timedelta(days=days_ago)).isoformat()
    made = Device(
        id=id,
        anchor=id,
        addresses=(Address(ip, None, "10.1.0.0/24", "v", "asked"),),
        first_seen=when,
        last_seen=when,
        last_asked=when,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def case(devices: list[Device], *said: Statement, typed: dict[str, dict[str, str]] | None = None) -> Case:
    stated: dict[str, dict[str, Stated[Statement]]] = {}
    for one in said:
        stated.setdefault(one.KIND, {})[one.key] = Stated(one, "鈴木", NOW)
    rows = [
        official_row(
            d, n, {c: Entry(d.id, c, v, "佐藤", NOW) for c, v in (typed or {}).get(d.id, {}).items()}
        )
        for n, d in enumerate(devices, 1)
    ]
    return Case(now=NOW, devices=tuple(devices), rows=tuple(rows), stated=stated)


def test_a_row_that_only_the_scan_made_is_not_listed() -> None:
    found = cover(case([device("a", "10.1.0.1")]))
    assert found.seen_not_listed == ("a",)
    assert not found.seen_and_listed
    assert not found.imported
    assert found.checked is None


def test_listed_by_import_or_by_a_person() -> None:
    devices = [device("a", "10.1.0.1"), device("b", "10.1.0.2"), device("c", "10.1.0.3")]
    found = cover(
        case(devices, ListedDevice(id="x", cells={}, device="a"), typed={"b": {"設置場所": "受付"}})
    )
    assert found.seen_and_listed == ("a", "b")
    assert found.seen_not_listed == ("c",)
    assert found.checked == date(2026, 7, 1)
    assert (found.updated, found.updated_by) in {(NOW, "鈴木"), (NOW, "佐藤")}


def test_listed_and_not_seen_for_long_or_ever() -> None:
    devices = [device("a", "10.1.0.1", days_ago=31), device("b", "10.1.0.2", days_ago=29)]
    found = cover(
        case(
            devices,
            ListedDevice(id="x", cells={}, device="a"),
            ListedDevice(id="y", cells={}, device="b"),
            ListedDevice(id="z", cells={"コンピュータ名": "ghost"}),
            ListedDevice(id="gone", cells={}, present=False),
        )
    )
    assert [(u.device, u.days) for u in found.unseen] == [("a", 31), ("", None)]
    assert found.rows == 3


def test_a_row_that_may_be_a_seen_device_is_not_called_never_seen_without_a_word() -> None:
    found = cover(
        case([device("a", "10.1.0.1")], ListedDevice(id="x", cells={"IPアドレス": "１０．１．０．１"}))
    )
    assert found.unseen[0].maybe is not None
    assert found.unseen[0].maybe.candidates == ("a",)


def test_empty_columns_are_named() -> None:
    listed = ListedDevice(id="z", cells={"コンピュータ名": "ghost", "設置場所": "倉庫"})
    gaps = cover(case([device("a", "10.1.0.1", names=("pc1",), maker="A社")], listed)).gaps
    assert gaps[0].columns == ("OS", "設置場所", "利用者", "登録日", "状態")
    assert gaps[1].listed == "z"
    assert gaps[1].columns == ("メーカー", "OS", "IPアドレス", "利用者", "登録日", "状態")


def test_the_last_review_of_the_ledger_counts() -> None:
    reviews = [
        Review(subject="ledger", by="院長", on=date(2026, 6, 1)),
        Review(subject="ledger", by="院長", on=date(2026, 6, 20)),
        Review(subject="access_log", by="院長", on=date(2026, 6, 30)),
    ]
    found = cover(case([], *reviews))
    assert found.review == reviews[1]
    assert found.checked == date(2026, 6, 20)


def test_a_discarded_device_is_not_missing_but_is_told_when_it_is_seen() -> None:
    found = cover(
        case(
            [device("a", "10.1.0.1")],
            ListedDevice(id="x", cells={"コンピュータ名": "old", "状態": "廃棄（2024年度）"}),
            ListedDevice(id="y", cells={"状態": "撤去済"}, device="a"),
        )
    )
    assert (found.unseen, found.retired, found.retired_but_seen) == ((), ("x",), ("a",))
    assert {gap.listed for gap in found.gaps} == {"y"}


def test_what_their_own_ledger_says_is_no_gap() -> None:
    full = {"メーカー": "A社", "OS": "Win11", "コンピュータ名": "pc", "設置場所": "受付", "利用者": "医事課"}
    found = cover(
        case(
            [device("a", "10.1.0.1")],
            ListedDevice(id="x", cells=full | {"登録日": "R2.4.1", "状態": "稼働"}, device="a"),
        )
    )
    assert found.gaps == ()


def test_a_device_that_became_part_of_another_is_followed() -> None:
    listed = ListedDevice(id="x", cells={"IPアドレス": "10.1.0.1"}, device="retired-id")
    found = cover(case([device("a", "10.1.0.1")], listed))
    assert found.seen_and_listed == ("a",)
    assert found.unseen == ()


def test_a_vendors_sheet_counts_the_devices_in_its_care_alone() -> None:
    whole = case(
        [device("a", "10.1.0.1")],
        ListedDevice(id="x", cells={}, device="a"),
        ListedDevice(id="y", cells={}, device="another-vendors"),
        ListedDevice(id="z", cells={"コンピュータ名": "ghost"}),
    )
    found = cover(replace(whole, vendor=Vendor(id="v", name="A社", devices=("a",))))
    assert found.seen_and_listed == ("a",)
    assert found.unseen == ()


def test_a_stock_take_that_found_nothing_is_no_check_passed() -> None:
    said = [
        StockTake(item=id, found=found, on=date(2026, 6, 30))
        for id, found in (("a", "no"), ("b", "unknown"), ("c", "yes"))
    ]
    devices = [device(id, f"10.1.0.{n}") for n, id in enumerate("abc", 1)]
    assert [one.item for one in cover(case(devices, *said)).missed] == ["a", "b"]
    assert cover(case(devices, said[0])).checked == date(2026, 6, 30)
    assert cover(case(devices, said[1])).checked is None
