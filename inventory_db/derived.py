# SPDX-License-Identifier: Apache-2.0
"""A word that is new whenever derived devices were written: whoever has seen it has seen them as they are."""

import secrets

from sqlalchemy import Connection, ScalarSelect, bindparam, delete, insert, select

from inventory_db import tables
from inventory_db.binding import facility_of

_MARK = "derived:{}"  # by facility
_TURN = "turn:{}"


def mark_derived(connection: Connection) -> None:
    """Make a new word, in the transaction that writes devices."""
    mark = _MARK.format(facility_of(connection))
    connection.execute(delete(tables.marks).where(tables.marks.c.key == mark))
    connection.execute(insert(tables.marks).values(key=mark, value=secrets.token_hex(8)))


def derived_from(connection: Connection) -> str:
    """Give the word; "" before the first device."""
    return connection.execute(select(derived_word()), derived_key(connection)).scalar() or ""


def derived_word() -> ScalarSelect[str]:
    """Give the word as a part of a larger question, which is asked with `derived_key`."""
    return (
        select(tables.marks.c.value).where(tables.marks.c.key == bindparam("derived_key")).scalar_subquery()
    )


def derived_key(connection: Connection) -> dict[str, str]:
    """Give what names this facility's word in a question with `derived_word`."""
    return {"derived_key": _MARK.format(facility_of(connection))}


def turn_word(connection: Connection) -> str:
    """Give a word that is another one whenever somebody has brought the devices up to date, or let observations go."""
    key = _TURN.format(facility_of(connection))
    return connection.execute(select(tables.marks.c.value).where(tables.marks.c.key == key)).scalar() or ""


def renew_turn(connection: Connection) -> None:
    """Make a new one, in a transaction that holds the writer's lock: what others looked for before is not written."""
    key = _TURN.format(facility_of(connection))
    connection.execute(delete(tables.marks).where(tables.marks.c.key == key))
    connection.execute(insert(tables.marks).values(key=key, value=secrets.token_hex(8)))
