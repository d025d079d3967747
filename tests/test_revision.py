# SPDX-License-Identifier: Apache-2.0
"""Versions that change with what they stand for and with nothing else; the journal in parts. On both databases."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from inventory_db import ledger, revision, statements
from inventory_db.facilities import add_facility, bind
from inventory_db.journal import BadCursor, journal_part
from inventory_db.ledger import edit, refresh
from inventory_db.observations import append, journal
from inventory_db.stated import ListedDevice, Vendor
from inventory_db.tables import writing
from probes.facts import Sent, Upload
from tests.browser.material import upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)


@pytest.fixture
def engine(ledger_engine: Engine) -> Engine:
    fill(ledger_engine)
    return ledger_engine


def fill(engine: Engine) -> None:
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)


def versions(engine: Engine) -> tuple[object, ...]:
    with engine.connect() as connection:
        first, second = ledger.devices(connection)[:2]
        return (
            revision.ledger_revision(connection),
            revision.device_revision(connection, first.id),
            revision.device_revision(connection, second.id),
            revision.case_revision(connection),
            revision.statements_revision(connection, "vendor"),
        )


def changed(before: tuple[object, ...], after: tuple[object, ...]) -> list[bool]:
    return [one != other for one, other in zip(before, after, strict=True)]


def test_a_person_s_word_changes_its_device_and_the_ledger(engine: Engine) -> None:
    before = versions(engine)
    with writing(engine) as connection:
        edit(connection, ledger.devices(connection)[0].id, "利用者", "放射線科", "鈴木", NOW)
    assert changed(before, versions(engine)) == [True, True, False, True, False]


def test_a_statement_changes_its_kind_and_the_case(engine: Engine) -> None:
    before = versions(engine)
    with writing(engine) as connection:
        statements.state(connection, Vendor(id="a", name="A社"), "鈴木", NOW)
    assert changed(before, versions(engine)) == [False, False, False, True, True]


def test_a_listed_row_changes_every_device_because_it_may_be_any(engine: Engine) -> None:
    before = versions(engine)
    with writing(engine) as connection:
        statements.state(connection, ListedDevice(id="x", cells={"OS": "IX"}), "鈴木", NOW)
    assert changed(before, versions(engine)) == [True, True, True, True, False]


def test_new_observations_count_when_devices_are_derived_from_them(engine: Engine) -> None:
    def of_server() -> object:
        with engine.connect() as connection:
            server = next(one for one in ledger.devices(connection) if "HIS-DB01" in one.names)
            return revision.device_revision(connection, server.id)

    before, server = versions(engine), of_server()
    seen = upload().observations[0]
    with writing(engine) as connection:
        append(connection, Upload(observations=(msgspec.structs.replace(seen, at=seen.at + DAY),)))
    assert (versions(engine), of_server()) == (before, server)
    with writing(engine) as connection:
        refresh(connection)
    assert versions(engine)[0] != before[0]
    assert of_server() != server


def test_another_facility_changes_nothing_here(engine: Engine) -> None:
    before = versions(engine)
    with writing(engine) as connection:
        other = add_facility(connection, "higashi", "東病院", NOW)
    fill(bind(engine, other.id))
    with writing(bind(engine, other.id)) as connection:
        statements.state(connection, Vendor(id="a", name="A社"), "鈴木", NOW)
        edit(connection, ledger.devices(connection)[0].id, "利用者", "内科", "鈴木", NOW)
    assert versions(engine) == before


def test_nobody_has_a_version_of_a_device_that_is_not_there(engine: Engine) -> None:
    with engine.connect() as connection:
        assert revision.device_revision(connection, "nobody") is None


def test_a_statement_s_version_is_that_of_its_last_word(engine: Engine) -> None:
    with writing(engine) as connection:
        assert statements.version_of(connection, "vendor", "a") == 0
        statements.state(connection, Vendor(id="a", name="A社"), "鈴木", NOW)
        first = statements.version_of(connection, "vendor", "a")
        assert statements.standing(connection, Vendor)["a"].number == first
        statements.withdraw(connection, "vendor", "a", "鈴木", NOW)
        assert statements.version_of(connection, "vendor", "a") > first
        assert statements.history(connection, "vendor")[0].number == first


def test_the_journal_in_parts_is_the_whole_journal_backwards(engine: Engine) -> None:
    with engine.connect() as connection:
        whole = journal(connection)
        found: list[Sent] = []
        cursor = ""
        while True:
            part = journal_part(connection, 50, "", cursor)
            found += part.entries
            if part.next is None:
                break
            cursor = part.next
        assert len(found) == len(whole)
        assert found == whole[::-1]
        one = journal_part(connection, 500, "10.10.1.31")
        assert list(one.entries) == journal(connection, "10.10.1.31")[::-1]


@pytest.mark.parametrize("cursor", ["x", "1-", "1-" + "g" * 32, "9" * 19 + "-" + "a" * 32, "1-" + "a" * 33])
def test_a_cursor_that_is_not_ours_is_refused(engine: Engine, cursor: str) -> None:
    with engine.connect() as connection, pytest.raises(BadCursor):
        journal_part(connection, 5, "", cursor)


def test_the_document_in_pieces_is_the_document(engine: Engine) -> None:
    with engine.connect() as connection:
        pieces = b"".join(ledger.document_pieces(connection))
        document = ledger.document(connection)
    assert msgspec.json.decode(pieces) | {"generated_at": ""} == msgspec.json.decode(
        msgspec.json.encode(document)
    ) | {"generated_at": ""}


def test_an_empty_ledger_in_pieces_is_a_document(ledger_engine: Engine) -> None:
    with ledger_engine.connect() as connection:
        document = msgspec.json.decode(b"".join(ledger.document_pieces(connection)))
    assert (document["schema"], document["devices"], document["listed"]) == ("daicho/ledger/1", [], [])
