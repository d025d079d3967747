# SPDX-License-Identifier: Apache-2.0
"""The one place that keeps facilities apart: every statement on an owned table is bound to one facility.

A table whose rows belong to a facility has the column `owned()`. An engine says for whom it reads
and writes (`bind`), and its events do the rest: a SELECT, UPDATE or DELETE gets
`WHERE facility = …` for every owned table that it names, in subqueries too; an INSERT gets the
facility as the column's value. A statement on an owned table through an engine that is bound to
nobody raises NotBound. On PostgreSQL row-level security is the second wall: each transaction says
its facility to the server, whose policies (migration 0007) let no other row in or out.

Raw SQL (`text()`, `exec_driver_sql`) goes past the first wall; tests/test_house.py names who may.
"""

from collections.abc import Iterator
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Connection, Engine, Integer, Table, and_, event, literal_column, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.sql import visitors
from sqlalchemy.sql.expression import Alias, Delete, FromClause, Insert, Join, SelectBase, Update

from inventory_db.bound_forms import BoundForms

_FORMS = BoundForms()
COLUMN = "facility"
EVERY = 0  # bound to all facilities at once: backup, moving, jobs, agents that only show their id
FIRST = 1  # the facility of a ledger that has only one
_OPTION = "daicho_facility"
Statement = TypeVar("Statement", bound=SelectBase)
_PREPARED: WeakKeyDictionary[Any, dict[int | None, Any]] = (
    WeakKeyDictionary()
)  # by the object itself, never by copies


class NotBound(Exception):
    """A fault of ours: an owned table was touched by a connection that says no facility."""


def owned() -> Column[int]:
    """Give the column that makes a table's rows belong to a facility; the first of its primary key."""
    return Column(COLUMN, Integer, primary_key=True, autoincrement=False, default=_insert_default)


def owner_column() -> Column[int]:
    """Give the same column for a table whose key is unique over all facilities."""
    return Column(COLUMN, Integer, nullable=False, default=_insert_default)


def bind(engine: Engine, facility: int) -> Engine:
    """Give an engine that reads and writes for this facility only; it shares the pool."""
    if facility < FIRST:
        raise NotBound(f"there is no facility {facility}")
    return engine.execution_options(**{_OPTION: facility})


def every(engine: Engine) -> Engine:
    """Give an engine that sees all facilities and inserts only where the row says its facility itself."""
    return engine.execution_options(**{_OPTION: EVERY})


def unbound(engine: Engine) -> Engine:
    """Give an engine for global tables only."""
    return engine.execution_options(**{_OPTION: None})


def prepared(statement: Statement) -> Statement:
    """Give the statement, of which the form bound to each facility is made once; for constants with `bindparam`."""
    _PREPARED[statement] = {}
    return statement


def bound_to(bound: Engine | Connection) -> int:
    """Say which facility this engine or connection is bound to; 0 for all or none."""
    facility: int | None = bound.get_execution_options().get(_OPTION)
    return facility or EVERY


def facility_of(bound: Engine | Connection) -> int:
    """Say which facility this engine or connection is bound to; raises NotBound for all or none."""
    facility = bound_to(bound)
    if not facility:
        raise NotBound("this connection is bound to no single facility")
    return facility


def install(engine: Engine) -> Engine:
    """Put the rule on a new engine, before its first connection."""
    event.listen(engine, "before_execute", _bind_statement, retval=True)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _tell_server)
    return engine


def is_owned(table: FromClause) -> bool:
    """Say whether the table's rows belong to a facility."""
    return isinstance(table, Table) and COLUMN in table.c and table.c[COLUMN].default is not None


def _insert_default(context: DefaultExecutionContext) -> int:
    facility: int | None = context.execution_options.get(_OPTION)
    if not facility:
        raise NotBound("a row of an owned table needs its facility")
    return facility


def _tell_server(connection: Connection) -> None:
    facility = connection.get_execution_options().get(_OPTION)
    said = {None: "", EVERY: "every"}.get(facility, str(facility))
    connection.connection.cursor().execute("SELECT set_config('daicho.facility', %s, true)", (said,))


def _bind_statement(
    connection: Connection, statement: Any, multiparams: Any, params: Any, options: Any
) -> tuple[Any, Any, Any]:
    facility = options.get(_OPTION, connection.get_execution_options().get(_OPTION))
    if facility == EVERY or not isinstance(statement, SelectBase | Insert | Update | Delete):
        return statement, multiparams, params
    forms = _PREPARED.get(statement)
    if forms is None:
        if isinstance(statement, SelectBase) and not multiparams and not params:
            form, values = _FORMS.find(
                statement, facility, lambda: _limited(statement, multiparams, params, facility)
            )
            return form, multiparams, values
        return _limited(statement, multiparams, params, facility), multiparams, params
    if facility not in forms:
        forms[facility] = _limited(statement, multiparams, params, facility)
    return forms[facility], multiparams, params


def _limited(statement: Any, multiparams: Any, params: Any, facility: int | None) -> Any:
    """Give the statement limited to the facility; itself if it touches no owned table."""
    tables = {table for table in _tables(statement) if is_owned(table)}
    if not tables:
        return statement
    if facility is None:
        names = ", ".join(sorted(str(table.name) for table in tables))  # type: ignore[attr-defined]
        raise NotBound(f"{names}: bind the engine to a facility first")
    if isinstance(statement, Insert):
        _check_rows(statement, multiparams, params, facility)
        if statement.select is None:
            return statement
    return _bound(statement, facility)


def _tables(statement: Any) -> Iterator[FromClause]:
    for element in visitors.iterate(statement):
        if isinstance(element, Table):
            yield element
        elif isinstance(element, Alias):
            yield element.element


def _check_rows(statement: Any, multiparams: Any, params: Any, facility: int) -> None:
    """Refuse rows that name another facility than the connection's."""
    in_values = {
        getattr(column, "name", column): value for column, value in (statement._values or {}).items()
    }
    if statement._multi_values or getattr(in_values.get(COLUMN), "value", facility) != facility:
        raise NotBound("an INSERT with rows in itself, or with another facility than its connection")
    rows = [row for given in multiparams for row in (given if isinstance(given, list) else [given])]
    if any(row.get(COLUMN, facility) != facility for row in [*rows, params or {}]):
        raise NotBound("a row names another facility than its connection")


def _bound(statement: Any, facility: int) -> Any:
    """Give a copy of the statement in which every owned table shows the rows of this facility only."""

    def limit(select: Any) -> None:
        for source in select.get_final_froms():
            for owner in _sources(source, facility):
                select._where_criteria += (_same(owner, facility),)

    def limit_change(change: Any) -> None:
        named = [change.table, *(source for one in change._where_criteria for source in one._from_objects)]
        for owner in dict.fromkeys(owner for source in named for owner in _sources(source, facility)):
            change._where_criteria += (_same(owner, facility),)

    return visitors.cloned_traverse(
        statement, {}, {"select": limit, "update": limit_change, "delete": limit_change}
    )


def _sources(source: FromClause, facility: int) -> Iterator[FromClause]:
    """Give the owned tables of one FROM; the outer side of an outer join is limited in its ON."""
    if isinstance(source, Join):
        yield from _sources(source.left, facility)
        if source.full:
            raise NotBound("a full outer join over owned tables")
        if not source.isouter:
            yield from _sources(source.right, facility)
            return
        for owner in _sources(source.right, facility):
            assert source.onclause is not None  # noqa: S101 - SQLAlchemy makes one for every join
            source.onclause = and_(source.onclause, _same(owner, facility))
    elif is_owned(source.element if isinstance(source, Alias) else source):
        yield source


def _same(owner: FromClause, facility: int) -> Any:
    return owner.c[COLUMN] == literal_column(
        str(int(facility)), Integer()
    )  # no value of its own: see bound_forms


_SAID = "current_setting('daicho.facility', true)"
POLICY = (  # as migration 0015 says it: no side of the comparison may name the other, or the server guesses badly
    f"(facility = CASE WHEN {_SAID} IN ('', 'every') THEN NULL ELSE {_SAID}::integer END "
    f"OR {_SAID} = 'every')"
)


def protect(connection: Connection, table: str) -> None:
    """Put row-level security on a table (PostgreSQL; nothing on SQLite); migrations call it."""
    if connection.dialect.name != "postgresql":
        return
    for order in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY facility ON {table} USING {POLICY} WITH CHECK {POLICY}",
    ):
        connection.execute(text(order))
