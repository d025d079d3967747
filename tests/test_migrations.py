# SPDX-License-Identifier: Apache-2.0
"""From every older schema to today's and back, on both databases, on a copy with rows: nothing is lost or changed."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from inventory_db import ledger, observations, schema, upgrading
from inventory_db.binding import is_owned
from inventory_db.facilities import add_facility
from inventory_db.ledger_errors import LedgerUnreadable
from inventory_db.schema import known_revisions, lower_to, newest_revision, raise_to, revision_of
from inventory_db.tables import look_at, metadata, open_ledger, server, writing
from tests.inventory_cases import START
from tests.inventory_engines import postgres_schema
from tests.old_schemas import REVISIONS, old_file, old_server, rows_of

both = pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
every_revision = pytest.mark.parametrize("revision", REVISIONS)


@pytest.fixture
def place(database: str, tmp_path: Path) -> Iterator[str]:
    """An empty place for a ledger."""
    yield from postgres_schema() if database == "postgresql" else iter([str(tmp_path / "台帳.sqlite")])


@contextmanager
def looking(place: str | Path) -> Iterator[Connection]:
    engine = look_at(place)
    try:
        with engine.connect() as c:
            yield c
    finally:
        engine.dispose()


def old(place: str, revision: str) -> None:
    if "://" in place:
        old_server(place, revision).dispose()
    else:
        old_file(Path(place), revision)


def stored(c: Connection, table: str) -> list[dict[str, Any]]:
    found = c.execute(text(f"SELECT * FROM {table}")).mappings().all()
    return [
        {key: bytes(value) if isinstance(value, memoryview) else value for key, value in row.items()}
        for row in found
    ]


def assert_rows(c: Connection, revision: str) -> None:
    """Every row of the old ledger is there, each of its columns as it was; the first facility owns it."""
    for table, rows in rows_of(revision).items():
        there = stored(c, table)
        assert len(there) == len(rows), table
        assert all(row.get("facility", 1) == 1 for row in there)
        columns = list(rows[0])
        assert sorted((tuple(row[k] for k in columns) for row in there), key=repr) == sorted(
            (tuple(row.values()) for row in rows), key=repr
        ), table


@both
@every_revision
def test_every_row_of_an_older_ledger_comes_along(place: str, revision: str) -> None:
    old(place, revision)
    engine = open_ledger(place)
    with looking(place) as c:
        assert revision_of(c) == newest_revision()
        assert_rows(c, revision)
    with writing(engine) as c:  # and it goes on where it was
        numbers = [row.number for row in ledger.official_rows(c)]
        before = [o.id for o in observations.load(c)]
        assert len(before) == len(rows_of(revision)["observations"])
        ledger.refresh(c)
        assert [row.number for row in ledger.official_rows(c)] == numbers
        ledger.edit(
            c,
            rows_of(revision)["devices"][0]["device_id"],
            "説明",
            "移した後",
            "鈴木一郎",
            START,
        )
    with looking(place) as c:
        assert max(row["entry"] for row in stored(c, "human_entries")) == 13
    engine.dispose()


@both
@every_revision
def test_there_and_back_again(place: str, revision: str) -> None:
    """Down to the old schema the rows are still all there, and up again too."""
    old(place, revision)
    open_ledger(place).dispose()
    engine = look_at(place)
    with engine.begin() as c:
        lower_to(c, revision)
    with engine.connect() as c:
        assert revision_of(c) == revision
        assert_rows(c, revision)
    engine.dispose()
    engine = open_ledger(place)
    with looking(place) as c:
        assert_rows(c, revision)
    engine.dispose()


@both
def test_each_step_down_undoes_its_step_up(place: str) -> None:
    """At each revision the schema is the same, whether it was reached from below or from above."""
    engine = server(place) if "://" in place else plain(Path(place))
    from_below = {}
    for revision in known_revisions():
        with engine.begin() as c:
            raise_to(c, revision)
            from_below[revision] = drawn(c)
    for revision in reversed(known_revisions()[:-1]):
        with engine.begin() as c:
            lower_to(c, revision)
            assert drawn(c) == from_below[revision], revision
    with engine.begin() as c:
        lower_to(c, "base")
        assert set(inspect(c).get_table_names()) <= {"alembic_version"}
        raise_to(c)
        assert drawn(c) == from_below[newest_revision()]
    engine.dispose()


def plain(path: Path) -> Engine:
    open_ledger(path).dispose()
    engine = look_at(path)
    with engine.begin() as c:
        lower_to(c, "base")
    return engine


@both
@every_revision
def test_the_migrated_schema_is_exactly_that_of_the_metadata(
    place: str, revision: str, tmp_path: Path
) -> None:
    old(place, revision)
    open_ledger(place).dispose()
    with looking(place) as c:
        migrated = drawn(c)
        assert append_only(c) == APPEND_ONLY
        if c.dialect.name == "postgresql":
            assert protected(c) == {name for name, table in metadata.tables.items() if is_owned(table)}
    fresh = fresh_of_metadata(place, tmp_path)
    for table in set(migrated) | set(fresh):
        assert migrated.get(table) == fresh.get(table), table


APPEND_ONLY = {
    "observations",
    "transcripts",
    "journal",
    "human_entries",
    "statements",
    "attachments",
    "audit",
    "pins",
    "releases",
    "release_ends",
}


def append_only(c: Connection) -> set[str]:
    """The tables whose triggers refuse both UPDATE and DELETE (PostgreSQL: TRUNCATE too)."""
    if c.dialect.name == "sqlite":
        found = c.execute(text("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")).all()
        names = {name for _, name in found}
        return {table for table, _ in found if {f"{table}_no_update", f"{table}_no_delete"} <= names}
    asked = (
        "SELECT r.relname, t.tgtype FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid "
        "WHERE NOT t.tgisinternal AND r.relnamespace = current_schema()::regnamespace AND t.tgenabled = 'O'"
    )
    refused: dict[str, int] = {}
    for name, kind in c.execute(text(asked)):
        refused[name] = refused.get(name, 0) | (kind & 0b111010)  # BEFORE, DELETE, UPDATE, TRUNCATE
    return {name for name, kinds in refused.items() if kinds == 0b111010}


def protected(c: Connection) -> set[str]:
    """The tables whose rows the server itself keeps apart, from their owner too, for reading and writing."""
    asked = (
        "SELECT p.tablename FROM pg_policies p JOIN pg_class r ON r.relname = p.tablename AND "
        "r.relnamespace = current_schema()::regnamespace WHERE p.schemaname = current_schema() AND r.relrowsecurity "
        "AND r.relforcerowsecurity AND p.cmd = 'ALL' AND p.qual = p.with_check AND p.permissive = 'PERMISSIVE'"
    )
    return set(c.execute(text(asked)).scalars())


def fresh_of_metadata(place: str, folder: Path) -> dict[str, Any]:
    if "://" not in place:
        engine = create_engine(f"sqlite:///{folder / 'fresh.sqlite'}")
        metadata.create_all(engine)
        with engine.connect() as c:
            made = drawn(c)
        engine.dispose()
        return made
    made = {}
    for other in postgres_schema():
        engine = create_engine(other)
        metadata.create_all(engine)
        with engine.connect() as c:
            made = drawn(c)
        engine.dispose()
    return made


def drawn(c: Connection) -> dict[str, Any]:
    """Draw the schema: columns, types, what may be empty, keys, uniques and indexes of every table."""
    found = inspect(c)
    return {
        table: {
            "columns": {
                column["name"]: (
                    str(column["type"].compile(c.dialect)),
                    column["nullable"],
                    re.sub(r"nextval\(.*", "nextval", str(column.get("default"))),
                )
                for column in found.get_columns(table)
            },
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "foreign": sorted(
                (tuple(one["constrained_columns"]), one["referred_table"], tuple(one["referred_columns"]))
                for one in found.get_foreign_keys(table)
            ),
            "unique": sorted(tuple(one["column_names"]) for one in found.get_unique_constraints(table)),
            "indexes": sorted(
                (one["name"], tuple(one["column_names"]), bool(one["unique"]))
                for one in found.get_indexes(table)
                if not one.get("duplicates_constraint")
            ),
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def test_several_facilities_have_no_earlier_form(tmp_path: Path) -> None:
    path = tmp_path / "daicho.sqlite"
    engine = open_ledger(path)
    with writing(engine) as c:
        add_facility(c, "west", "西病院", START)
    engine.dispose()
    engine = look_at(path)
    with pytest.raises(NotImplementedError, match="several facilities"), engine.begin() as c:
        lower_to(c, "0006")
    engine.dispose()
    with looking(path) as c:
        assert revision_of(c) == newest_revision()
        assert len(stored(c, "facilities")) == 2


def test_a_file_is_copied_before_it_is_changed_and_the_last_copy_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = old_file(tmp_path / "daicho.sqlite", "0002")
    (tmp_path / "daicho.sqlite.before-0002").write_text("an older copy")
    (tmp_path / "daicho.sqlite.before-lunch").write_text("somebody's own")
    open_ledger(path).dispose()
    kept = tmp_path / f"daicho.sqlite.before-{newest_revision()}"
    assert kept.name in caplog.text
    assert sorted(one.name for one in tmp_path.glob("*before*")) == [kept.name, "daicho.sqlite.before-lunch"]
    assert kept.stat().st_mode & 0o077 == 0
    with looking(kept) as c:
        assert revision_of(c) == "0002"
        assert_rows(c, "0002")


def test_a_new_ledger_and_one_of_today_leave_no_copy(tmp_path: Path) -> None:
    for _ in range(2):
        open_ledger(tmp_path / "daicho.sqlite").dispose()
    assert [one.name for one in tmp_path.iterdir() if "before" in one.name] == []


def test_a_failed_migration_leaves_the_ledger_as_it_was_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "daicho.sqlite", "0001")

    def half(connection: Connection) -> None:
        raise_to(connection, "0003")
        connection.execute(text("SELECT * FROM what_is_not_there"))

    monkeypatch.setattr(upgrading, "raise_to", half)
    with pytest.raises(LedgerUnreadable) as refused:
        open_ledger(path)
    assert f"daicho.sqlite.before-{newest_revision()}" in refused.value.en
    assert "前の版" in refused.value.ja
    with looking(path) as c:
        assert revision_of(c) == "0001"
        assert set(inspect(c).get_table_names()) - {"alembic_version"} == set(rows_of("0001"))
        assert_rows(c, "0001")
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)


def test_every_schema_has_its_frozen_ledger() -> None:
    """A new migration must come with what its own version would have left behind: tests/schemas/README.md says how."""
    assert set(REVISIONS) <= set(known_revisions())
    assert schema.newest_revision() == max(known_revisions())
