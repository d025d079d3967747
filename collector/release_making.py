# SPDX-License-Identifier: Apache-2.0
"""What a release would show, in figures, before anybody is asked; and the making of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from collector.documents.annex_numbers import Numbers
from collector.documents.pack import make_pack
from collector.documents.pack_key import find_key
from collector.documents.papers import paper_kinds
from collector.doors import Doors
from collector.dossier import Dossier
from collector.dossier_reading import read_dossier
from collector.register import Match, register
from collector.verdict import Verdict
from inventory_db import pins
from inventory_db.account_tables import invitations as links
from inventory_db.account_tables import memberships as places
from inventory_db.accounts import Role
from inventory_db.audit import Event, record
from inventory_db.memberships import end
from inventory_db.observations import microseconds
from inventory_db.releases import Release, add_release, withdraw_release
from inventory_db.retention import stands_on
from inventory_db.tables import writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the pack would hold at this moment."""

    edition: str
    devices: int
    listed: int
    sheets: tuple[tuple[str, str, int, int], ...]  # form, vendor, answered, needed
    verdicts: tuple[tuple[str, int], ...]
    disagreeing: int  # marks that the evidence speaks against
    undeclared: int  # ways in from outside that nobody declared
    paths: int
    evidence: int
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to release."""

    edition: str
    until: datetime
    note: str


def dossier_now(doors: Doors, connection: Connection, facility: str, edition: str) -> Dossier:
    """Read the dossier as it stands; raises collector.checking.NoSuchEdition."""
    settings = doors.settings
    return read_dossier(connection, facility, settings.zone, doors.now(), edition, None, settings.age_limit)


def summarise(dossier: Dossier) -> Summary:
    """Say in figures what a pack of this dossier holds."""
    judgement, rows = dossier.judgement, register(dossier.case)
    items = [item for _, item in dossier.items()]
    counts = Counter(item.judged.verdict for item in items)
    outside = [row for row in rows if row.match is Match.UNDECLARED and row.found and row.found.from_outside]
    sheets = tuple(
        (
            sheet.sheet.form,
            sheet.vendor.name if sheet.vendor else "",
            sum(bool(item.mark) for item in sheet.items if item.needed),
            sum(item.needed for item in sheet.items),
        )
        for sheet in (judgement.sheets if judgement else ())
    )
    return Summary(
        edition=judgement.edition.id if judgement else "",
        devices=len(dossier.case.rows),
        listed=len(dossier.listed),
        sheets=sheets,
        verdicts=tuple((str(verdict), counts[verdict]) for verdict in Verdict if counts[verdict]),
        disagreeing=sum(item.contradiction is not None for item in items),
        undeclared=len(outside),
        paths=len(rows),
        evidence=len(Numbers(dossier)),
        papers=tuple(paper_kinds()),
    )


def make_release(doors: Doors, engine: Engine, facility: str, wish: Wish, event: Event) -> Release:
    """Make the pack as of now and keep it, with pins on what it stands on and an entry in the audit log.

    Raises collector.documents.typesetting.PaperError, collector.checking.NoSuchEdition; nothing is kept then.
    """
    with engine.connect() as connection:
        dossier = dossier_now(doors, connection, facility, wish.edition)
        pack = make_pack(dossier, find_key(doors.folder))
        rests = {*Numbers(dossier).ids(), *stands_on(dossier.case.devices)}
    edition = dossier.judgement.edition.id if dossier.judgement else ""
    with writing(engine) as connection:
        made = add_release(
            connection,
            pack.data,
            by=event.name,
            made=dossier.case.now,
            until=wish.until,
            note=wish.note,
            edition=edition,
            fingerprint=pack.fingerprint,
            files=pack.files,
        )
        pins.pin(connection, f"release:{made.id}", rests, dossier.case.now)
        said = {"until": made.until.isoformat(), "edition": edition, "sha256": made.sha256}
        record(connection, _about(event, made.id, said))
    return made


def end_release(engine: Engine, facility: int, id: str, now: datetime, event: Event) -> bool:
    """Withdraw a release and shut out whoever was let in to it; False if there is none to withdraw."""
    with writing(engine) as connection:
        if not withdraw_release(connection, id, event.name, now):
            return False
        shut = 0
        for place in readers(connection, facility, id):
            end(connection, facility, place, now)
            shut += 1
        connection.execute(
            links.update()
            .where(
                links.c.facility == facility,
                links.c.role == Role.INSPECTOR.value,
                links.c.bound_to == id,
                links.c.used.is_(None),
                links.c.expires > microseconds(now),
            )
            .values(expires=0)
        )
        record(connection, _about(event, id, {"what": "withdrawn", "shut_out": shut}))
    return True


def readers(connection: Connection, facility: int, id: str) -> list[str]:
    """Give the memberships of those who may read this release and have not been shut out."""
    query = places.select().where(
        places.c.facility == facility,
        places.c.role == Role.INSPECTOR.value,
        places.c.bound_to == id,
        places.c.ended.is_(None),
    )
    return [row.id for row in connection.execute(query)]


def _about(event: Event, id: str, said: Mapping[str, object]) -> Event:
    return replace(event, kind="release", key=id, detail={**event.detail, **said})
