# SPDX-License-Identifier: Apache-2.0
"""Two facilities in one database see nothing of each other: by the one rule, and on PostgreSQL by the server too."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import (
    Connection,
    Engine,
    Table,
    create_engine,
    delete,
    exists,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, StatementError

from inventory_db import agents, attachments, ledger, observations, statements, tables
from inventory_db.binding import bound_to, is_owned
from inventory_db.bulk import count_anew
from inventory_db.facilities import (
    BadFacility,
    NotBound,
    add_facility,
    bind,
    every,
    find_facility,
    list_facilities,
    unbound,
)
from inventory_db.stated import Vendor
from probes.facts import Sent
from tests.inventory_cases import START, arp, seen, upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

OWNED = [table for table in tables.metadata.sorted_tables if is_owned(table)]
TALK = "> b'hello'\n< b'SSH-2.0-x'"


def fill(engine: Engine, name: str) -> None:
    """One row at least in every owned table of today."""
    batch = upload(
        arp("10.1.0.5", "00:11:22:33:44:55"),
        seen("10.1.0.5", minute=1, port=22, SSH_BANNER=f"SSH-2.0-{name}", transcript=TALK + name),
        sent=(Sent(scan="s1", vantage="v-his", at=START, address="10.1.0.5", action=name, packets=1),),
    )
    with tables.writing(engine) as c:
        code = agents.create_enrolment(c, name, timedelta(hours=1), now=START)
        agents.enrol(c, code, name.encode().ljust(32, b"-"), START)
        observations.append(c, batch, name)
        ledger.refresh(c)
        (device,) = ledger.devices(c)
        ledger.edit(c, device.id, "設置場所", name, name, START)
        statements.state(c, Vendor(id=name, name=name), name, START)
        attachments.attach(c, name.encode(), name, "text/plain", name, START)


@pytest.fixture
def two(ledger_engine: Engine) -> tuple[Engine, Engine]:
    with tables.writing(ledger_engine) as c:
        other = add_facility(c, "higashi", "東病院", START)
    engines = ledger_engine, bind(ledger_engine, other.id)
    fill(engines[0], "ichi")
    fill(engines[1], "nigo")
    return engines


def everything(c: Connection) -> str:
    """All that the reading functions give, as one text."""
    device = ledger.devices(c)[0].id
    known = [
        [observations.load_transcript(c, one.id) for one in observations.load(c)],
        observations.journal(c),
        observations.scans(c),
        observations.vantages(c),
        ledger.document(c),
        ledger.device_document(c, device),
        ledger.header(c),
        statements.history(c, "vendor"),
        attachments.listed(c),
        agents.list_agents(c),
    ]
    return repr(known)


def test_each_sees_its_own_and_nothing_else(two: tuple[Engine, Engine]) -> None:
    for engine, own, foreign in ((two[0], "ichi", "nigo"), (two[1], "nigo", "ichi")):
        with engine.connect() as c:
            text = everything(c)
            assert own in text
            assert foreign not in text
            assert len(ledger.official_rows(c)) == 1


def made_up(table: Table, facility: int) -> dict[str, Any]:
    """A row for a table that nothing above fills."""
    values = {int: facility, str: f"x{facility}", bytes: b"x", bool: True, float: 1.0}
    needed = [
        c
        for c in table.c
        if not c.nullable and c.default is None and not (c.primary_key and c.autoincrement is True)
    ]
    return {column.name: values[column.type.python_type] for column in needed}


@pytest.mark.parametrize("table", OWNED, ids=str)
def test_every_owned_table_is_bound(two: tuple[Engine, Engine], table: Table) -> None:
    for engine in two:
        with tables.writing(engine) as c:
            if not c.execute(select(func.count()).select_from(table)).scalar_one():
                c.execute(insert(table), [made_up(table, bound_to(engine))])
    counts = []
    for engine in two:
        with engine.connect() as c:
            counts.append(c.execute(select(func.count()).select_from(table)).scalar_one())
            assert {row.facility for row in c.execute(select(table))} == {bound_to(engine)}
    with every(two[0]).connect() as c:
        assert c.execute(select(func.count()).select_from(table)).scalar_one() == sum(counts) >= 2
    with unbound(two[0]).connect() as c, pytest.raises(NotBound):
        c.execute(select(func.count()).select_from(table))


SEEN, KEPT = tables.observations, tables.transcripts
ALIAS = KEPT.alias()
SAME = SEEN.c.transcript == KEPT.c.id
QUERIES = {
    "join": select(SEEN.c.id).join_from(SEEN, KEPT, SAME),
    "outer join": select(SEEN.c.id, KEPT.c.id).select_from(SEEN.outerjoin(KEPT, SAME)),
    "alias": select(ALIAS.c.id),
    "subquery": select(select(KEPT.c.id).subquery()),
    "cte": select(select(KEPT.c.id).cte("q")),
    "in": select(KEPT.c.id).where(KEPT.c.id.in_(select(SEEN.c.transcript))),
    "scalar": select(select(func.count()).select_from(KEPT).scalar_subquery()),
    "union": union_all(select(KEPT.c.id), select(KEPT.c.id)),
    "exists": select(SEEN.c.id).where(exists().where(KEPT.c.id == SEEN.c.transcript)),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_no_form_of_query_looks_further(
    ledger_engine: Engine, two: tuple[Engine, Engine], query: Any
) -> None:
    """A second facility with many rows changes no answer of the first."""
    with two[0].connect() as c:
        before = c.execute(query).all()
    for number in range(5):
        with tables.writing(two[1]) as c:
            observations.append(
                c, upload(seen("10.1.0.5", minute=9, port=number + 1, transcript=f"> b'{number}'"))
            )
    with two[0].connect() as c:
        assert c.execute(query).all() == before


def test_changes_stay_inside(two: tuple[Engine, Engine]) -> None:
    with tables.writing(two[0]) as c:
        assert c.execute(update(tables.devices).values(body=b"{}")).rowcount == 1
        assert c.execute(delete(tables.numbers)).rowcount == 1
    with two[1].connect() as c:
        assert len(ledger.official_rows(c)) == 1
    with pytest.raises(NotBound), two[0].begin() as c:
        c.execute(
            insert(tables.scans), [{"facility": 2, "id": "x", "started": 0, "agent": "", "body": b"{}"}]
        )
    with pytest.raises(NotBound), two[0].begin() as c:
        c.execute(insert(tables.scans).values(facility=2, id="x", started=0, agent="", body=b"{}"))
    with pytest.raises((NotBound, StatementError)), unbound(two[0]).begin() as c:
        c.execute(insert(tables.scans).values(id="x", started=0, agent="", body=b"{}"))


def test_facilities_have_keys_of_their_own(two: tuple[Engine, Engine]) -> None:
    with two[0].begin() as c:
        assert [one.key for one in list_facilities(c)] == ["facility-1", "higashi"]
        assert find_facility(c, "higashi") == find_facility(c, 2)
        for key, name in (("higashi", "x"), ("Higashi", "x"), ("x", " "), ("", "x"), ("a/b", "x")):
            with pytest.raises(BadFacility):
                add_facility(c, key, name, START)


@pytest.fixture
def plain_role(ledger_engine: Engine, two: tuple[Engine, Engine]) -> Iterator[Engine]:
    """A PostgreSQL role that owns nothing and is no superuser, on the same tables."""
    role = f"r{uuid.uuid4().hex}"
    schema = make_url(str(ledger_engine.url)).query["options"].removeprefix("-csearch_path=")  # type: ignore[union-attr]
    with every(ledger_engine).begin() as c:
        for order in (
            f"CREATE ROLE {role} LOGIN",
            f"GRANT {role} TO CURRENT_USER",  # who drops what it owns must be one of it
            f"GRANT USAGE ON SCHEMA {schema} TO {role}",
            f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {role}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        ):
            c.exec_driver_sql(order)
    engine = create_engine(ledger_engine.url.set(username=role))
    yield engine
    engine.dispose()
    with every(ledger_engine).begin() as c:
        c.exec_driver_sql(f"DROP OWNED BY {role}")
        c.exec_driver_sql(f"DROP ROLE {role}")


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", OWNED, ids=str)
def test_the_server_itself_keeps_them_apart(plain_role: Engine, table: Table) -> None:
    """Even with raw SQL, which goes past our own rule."""
    count = f"SELECT count(*), min(facility), max(facility) FROM {table.name}"
    with plain_role.connect() as c:
        assert c.exec_driver_sql(count).one()[0] == 0  # nobody said a facility
    with plain_role.connect() as c:
        c.exec_driver_sql("SELECT set_config('daicho.facility', '2', true)")
        found = c.exec_driver_sql(count).one()
        assert found[0] == 0 or tuple(found[1:]) == (2, 2)
        if table.name == "statements":
            assert found[0] == 1
            with pytest.raises(DBAPIError, match="row-level security"):
                c.exec_driver_sql(
                    "INSERT INTO statements (facility, kind, key, who, at) VALUES (1, 'x', 'x', 'x', 0)"
                )


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("said", "shown"), [(None, []), ("", []), ("1", [1]), ("2", [2]), ("3", []), ("every", [1, 2])]
)
def test_the_server_shows_whose_rows_a_transaction_said(
    plain_role: Engine, said: str | None, shown: list[int]
) -> None:
    with plain_role.connect() as c:
        if said is not None:
            c.exec_driver_sql("SELECT set_config('daicho.facility', %s, true)", (said,))
        found = c.exec_driver_sql("SELECT DISTINCT facility FROM statements ORDER BY 1").scalars()
        assert list(found) == shown
        for facility in (1, 2, 3):
            order = (
                f"INSERT INTO scans (facility, id, started, agent, body) VALUES ({facility}, 'x', 0, '', '')"
            )
            if said in (str(facility), "every"):
                c.exec_driver_sql(order)
                continue
            with pytest.raises(DBAPIError, match="row-level security"), c.begin_nested():
                c.exec_driver_sql(order)


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_engine", ["postgresql"], indirect=True)
def test_the_server_knows_how_many_rows_it_shows(plain_role: Engine, ledger_engine: Engine) -> None:
    """Else it reads and sorts all rows where a page asks for the first fifty."""
    with bind(ledger_engine, 1).begin() as c:
        rows = [{"id": str(n), "started": n, "agent": "", "body": b"{}"} for n in range(1000)]
        c.execute(insert(tables.scans), rows)
        c.exec_driver_sql("ANALYZE scans")
    with plain_role.connect() as c:
        c.exec_driver_sql("SELECT set_config('daicho.facility', '1', true)")
        plan = "EXPLAIN (FORMAT JSON) SELECT id FROM scans WHERE facility = 1"
        assert c.exec_driver_sql(plan).scalar_one()[0]["Plan"]["Plan Rows"] > 900


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_engine", ["postgresql"], indirect=True)
def test_no_facility_waits_for_another_that_counts(ledger_engine: Engine, two: tuple[Engine, Engine]) -> None:
    """The server holds a table that was counted until the end of the transaction."""
    one, other = two
    with one.begin() as first, other.begin() as second:
        count_anew(first, [tables.scans])
        second.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
        count_anew(second, [tables.scans])
