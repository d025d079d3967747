# SPDX-License-Identifier: Apache-2.0
"""Reads a facility's dossier from the ledger: its case, judged by one edition of the checklist."""

from datetime import datetime, tzinfo

from sqlalchemy import Connection

from collector.case_file import read_case, times_in
from collector.dossier import Dossier
from collector.edition import Edition, edition_names, load_edition
from collector.judge import judge
from inventory_db import ledger, observations


def read_dossier(
    connection: Connection, name: str, zone: tzinfo, now: datetime, edition: str = ""
) -> Dossier:
    """Give the dossier; it reads evidence through `connection`, so use it inside the same transaction.

    Without an edition the newest final one of the facility's form is taken. Raises KeyError for an
    edition that is not there.
    """
    case = read_case(connection, now)
    chosen = load_edition(edition) if edition else newest_edition(case.facility.form if case.facility else "")
    return Dossier(
        case=case,
        header=ledger.header(connection),
        name=name,
        zone=zone,
        judgement=judge(chosen, case, times_in(connection)),
        observations=lambda ids: observations.load_some(connection, ids),
        transcripts=lambda ids: observations.load_transcripts(connection, ids),
    )


def newest_edition(form: str) -> Edition:
    """Give the newest final edition for a hospital (or ""), or for a pharmacy."""
    editions = [load_edition(name) for name in edition_names()]
    own = [one for one in editions if one.form == (form or "hospital")]
    return max(own, key=lambda one: (one.status == "final", one.fiscal_year))
