# SPDX-License-Identifier: Apache-2.0
"""Reads a facility's dossier from the ledger: its case, judged by one edition of the checklist."""

from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection

from collector.basis import AGE_LIMIT
from collector.case import Case
from collector.case_file import ACCESS, read_case, times_in
from collector.checking import choose_edition
from collector.dossier import Dossier
from collector.judge import judge
from inventory_db import ledger, observations


def read_dossier(
    connection: Connection,
    name: str,
    zone: tzinfo,
    now: datetime,
    edition: str = "",
    at: datetime | None = None,
    age_limit: timedelta = AGE_LIMIT,
) -> Dossier:
    """Give the dossier; it reads evidence through `connection`, so use it inside the same transaction.

    Without an edition the newest final one of the facility's form is taken. Raises NoSuchEdition.
    `at` gives the facility as it was then; `age_limit` is how long a scan counts for はい.
    """
    case = read_case(connection, now, at, age_limit)
    chosen = choose_edition(edition, case)
    return Dossier(
        case=case,
        header=ledger.header(connection, at),
        listed=ledger.listed_rows(connection, at),
        name=name,
        zone=zone,
        judgement=judge(chosen, case, times_in(connection)),
        observations=lambda ids: observations.load_some(connection, ids),
        earlier=lambda: earlier_case(connection, case),
        transcripts=lambda ids: observations.load_transcripts(connection, ids),
    )


def earlier_case(connection: Connection, case: Case, since: datetime | None = None) -> Case | None:
    """Give the case as it stood at `since`, else just before the last scan began; None before the first scan."""
    looks = [scan.started for scan in case.scans if scan.profile != ACCESS]
    moment = since or (max(looks) - timedelta(microseconds=1) if looks else None)
    if moment is None or not any(start <= moment for start in looks):
        return None
    return read_case(connection, case.now, moment, case.age_limit)
