# SPDX-License-Identifier: Apache-2.0
"""Cheap words for "is it still the same?": a few numbers that change whenever what they stand for changes.

The facility is one of them: a program that may read two must not take the one's answer for the other's.
"""

import hashlib
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from inventory_db import tables
from inventory_db.advisories import advisory_feeds
from inventory_db.attachments import attachments
from inventory_db.binding import facility_of, prepared
from inventory_db.derived import derived_from, turn_word
from inventory_db.stated import ListedDevice
from inventory_db.statements import statements

_SCANS = 200  # the newest, of which one may still be going on
_BEGUN = prepared(select(func.count(), func.max(tables.scans.c.started)).select_from(tables.scans))
_TYPED = prepared(select(func.max(tables.human_entries.c.entry)))
_STATED = prepared(select(func.max(statements.c.entry)).where(statements.c.kind == bindparam("kind")))


def ledger_revision(connection: Connection) -> tuple[object, ...]:
    """Give what changes with every change of the ledger: devices derived, words typed, rows listed, scans begun."""
    begun = connection.execute(_BEGUN).one()
    return (
        facility_of(connection),
        derived_from(connection),
        connection.execute(_TYPED).scalar(),
        _last_statement(connection, ListedDevice.KIND),
        *begun,
    )


def device_revision(connection: Connection, device_id: str) -> tuple[object, ...] | None:
    """Give what changes with every change of one device and its words; None if no device has this id now."""
    devices, typed = tables.devices, tables.human_entries
    body = connection.execute(
        select(devices.c.body).where(devices.c.device_id == device_id)
    ).scalar_one_or_none()
    if body is None:
        return None
    last = connection.execute(select(func.max(typed.c.entry)).where(typed.c.device_id == device_id)).scalar()
    listed = _last_statement(connection, ListedDevice.KIND)
    return facility_of(connection), device_id, hashlib.blake2b(body, digest_size=16).hexdigest(), last, listed


def case_revision(connection: Connection) -> tuple[object, ...]:
    """Give what changes with everything that verdicts and the register are made of."""
    stated = connection.execute(select(func.max(statements.c.entry))).scalar()
    return *ledger_revision(connection), stated


def everything_revision(connection: Connection) -> tuple[object, ...]:
    """Give what changes with everything that a case is read from: the ledger, statements, files, looks, feeds."""
    seen, feeds = tables.observations, advisory_feeds
    received = connection.execute(select(func.max(seen.c.received))).scalar()
    loaded = connection.execute(
        select(func.count(), func.max(feeds.c.loaded), func.sum(feeds.c.rows)).select_from(feeds)
    ).one()
    return (
        *case_revision(connection),
        *attachments_revision(connection),
        received,
        turn_word(connection),  # what waited is in the devices, though it may have changed none
        *loaded,
        _digest(
            connection, select(tables.scans.c.body).order_by(tables.scans.c.started.desc()).limit(_SCANS)
        ),
        _digest(connection, select(tables.vantages.c.body).order_by(tables.vantages.c.id)),
    )


def statements_revision(connection: Connection, kind: str) -> tuple[object, ...]:
    """Give what changes with every statement of this kind."""
    return facility_of(connection), _last_statement(connection, kind)


def attachments_revision(connection: Connection) -> tuple[object, ...]:
    """Give what changes with every attached file."""
    newest = select(func.count(), func.max(attachments.c.at)).select_from(attachments)
    return facility_of(connection), *connection.execute(newest).one()


def _digest(connection: Connection, bodies: Select[Any]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for body in connection.execute(bodies).scalars():
        found.update(len(body).to_bytes(8) + body)
    return found.hexdigest()


def _last_statement(connection: Connection, kind: str) -> int:
    return connection.execute(_STATED, {"kind": kind}).scalar() or 0
