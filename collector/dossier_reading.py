# SPDX-License-Identifier: Apache-2.0
"""Reads a facility's dossier from the ledger."""

from datetime import datetime, tzinfo

from sqlalchemy import Connection

from collector.case import Case
from collector.dossier import Dossier
from inventory_db import ledger, observations
from inventory_db.stated import KINDS
from inventory_db.statements import standing


def read_dossier(connection: Connection, name: str, zone: tzinfo, now: datetime) -> Dossier:
    """Give the dossier; it reads evidence through `connection`, so use it inside the same transaction."""
    return Dossier(
        case=Case(
            now=now,
            devices=ledger.devices(connection),
            rows=ledger.official_rows(connection),
            scans=tuple(observations.scans(connection)),
            vantages=tuple(observations.vantages(connection)),
            stated={kind: standing(connection, struct) for kind, struct in KINDS.items()},
        ),
        header=ledger.header(connection),
        name=name,
        zone=zone,
        observations=lambda ids: observations.load_some(connection, ids),
        transcripts=lambda ids: observations.load_transcripts(connection, ids),
    )
