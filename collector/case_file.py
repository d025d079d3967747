# SPDX-License-Identifier: Apache-2.0
"""Reads the case from the ledger: what was found, what people stated, how good the looking was."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, select

from collector.advisories.loaded import knowledge_in
from collector.basis import AGE_LIMIT, compute_basis
from collector.case import Case
from collector.coverage import is_retired
from collector.guard import Times
from collector.verdict import Text
from inventory_db import attachments, ledger, observations, statements, tables
from inventory_db.listed import marks_of_cells
from inventory_db.observations import Stored, as_cell, microseconds
from inventory_db.official import OfficialRow
from inventory_db.stated import KINDS, Facility, ListedDevice, Statement
from inventory_db.statements import Stated
from inventory_db.unread import is_unread
from probes.facts import Observation, Scan

ACCESS = "access"  # profile of the scans that test who may connect
OUTSIDE = "outside"  # probe of the one connection from each network to an address that the site named
_UNREAD = Text(
    "終わった調べの一部が、まだ台帳に入っていません。数分後にもう一度見てください。",
    "A part of a scan that has ended is not in the ledger yet. Look again in a few minutes.",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_OUTSIDE = 200  # scans, the newest, of which the looks at the address outside are read
_BATCH = 500  # ids in one question to the database


def read_case(
    connection: Connection,
    now: datetime,
    at: datetime | None = None,
    age_limit: timedelta = AGE_LIMIT,
) -> Case:
    """Read the case as it stands, or as it stood at `at`, which then is its moment."""
    moment = at or now
    scans = tuple(_as_known(scan, at) for scan in observations.scans(connection) if _begun(scan, at))
    unread = at is None and is_unread(connection, [scan.id for scan in scans if scan.ended is not None])
    devices, rows = ledger.devices_and_rows(connection, at)
    vantages = tuple(observations.vantages(connection))
    stated = {kind: _standing(connection, known, at) for kind, known in KINDS.items()}
    facility = next((one.said for one in stated[Facility.KIND].values()), None)
    networks = facility.networks if isinstance(facility, Facility) else ()
    listed = _listed_addresses(stated, rows)
    basis = compute_basis(scans, networks, devices, vantages, moment, age_limit, listed)
    return Case(
        now=moment,
        devices=devices,
        rows=rows,
        listed=ledger.listed_rows(connection, at),
        scans=scans,
        vantages=vantages,
        access=_access(connection, scans, at),
        outside=_outside(connection, scans, at),
        basis=replace(basis, complete=False, fresh=False, text=_UNREAD if basis.complete else basis.text)
        if unread
        else basis,
        stated=stated,
        attachments=attachments.listed(connection),
        knowledge=knowledge_in(connection, age_limit.days),
        age_limit=age_limit,
    )


def _listed_addresses(
    stated: Mapping[str, Mapping[str, Stated[Statement]]], rows: Iterable[OfficialRow]
) -> frozenset[str]:
    """Give the IP addresses of what people have listed: rows of their own ledger, and rows they typed in."""
    theirs = (one.said for one in stated[ListedDevice.KIND].values())
    there = (one for one in theirs if isinstance(one, ListedDevice) and one.present and not is_retired(one))
    typed = (row.device for row in rows if any(cell.source == "person" for cell in row.cells))
    listed = {ip for one in there for ip in marks_of_cells(one.cells).ip}
    return frozenset(listed | {a.ip for device in typed for a in device.addresses if a.ip})


def times_in(connection: Connection) -> Times:
    """Give a look-up of the moments at which observations were made."""

    def times(ids: Collection[str]) -> Mapping[str, datetime]:
        table, wanted = tables.observations, sorted(ids)
        found: dict[str, datetime] = {}
        for start in range(0, len(wanted), _BATCH):
            query = select(table.c.id, table.c.at).where(table.c.id.in_(wanted[start : start + _BATCH]))
            found |= {id: _EPOCH + timedelta(microseconds=at) for id, at in connection.execute(query)}
        return found

    return times


def _begun(scan: Scan, at: datetime | None) -> bool:
    return at is None or microseconds(scan.started) <= microseconds(at)


def _as_known(scan: Scan, at: datetime | None) -> Scan:
    """Give the scan as it was known then: one that ended later was still running."""
    if at is None or scan.ended is None or microseconds(scan.ended) <= microseconds(at):
        return scan
    return msgspec.structs.replace(scan, ended=None, state="running", finished=0, note="")


def _standing(
    connection: Connection, kind: type[Statement], at: datetime | None
) -> Mapping[str, Stated[Statement]]:
    return statements.standing(connection, kind, at)


def _access(connection: Connection, scans: Collection[Scan], at: datetime | None) -> tuple[Observation, ...]:
    """Give the observations of the access tests, oldest first, by the index on scan and time."""
    table, decoder = tables.observations, msgspec.json.Decoder(Stored)
    found: list[Observation] = []
    for scan in scans:
        if scan.profile == ACCESS:
            query = select(table.c.body).where(table.c.scan == as_cell(scan.id))
            if at is not None:
                query = query.where(table.c.at <= microseconds(at))
            query = query.order_by(table.c.at, table.c.id)
            found += (decoder.decode(body) for body in connection.execute(query).scalars())
    return tuple(sorted(found, key=lambda seen: (microseconds(seen.at), seen.id)))


def _outside(connection: Connection, scans: Collection[Scan], at: datetime | None) -> tuple[Observation, ...]:
    """Give the observations of the address outside, oldest first: each scan names its own."""
    telling = [scan for scan in scans if scan.outside][-MOST_OUTSIDE:]
    found = observations.load_some(connection, (id for scan in telling for id in scan.outside))
    own = (one for one in found if one.probe == OUTSIDE)
    return tuple(one for one in own if at is None or microseconds(one.at) <= microseconds(at))
