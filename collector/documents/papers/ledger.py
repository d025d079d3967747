# SPDX-License-Identifier: Apache-2.0
"""機器台帳, as the checklist's item 2-(1) asks for it."""

from collector.documents.ledger_paper import ledger_paper
from collector.documents.paper import Paper
from collector.dossier import Dossier


def make(dossier: Dossier) -> Paper:
    """Make the device ledger of the facility's form; what is only listed comes last."""
    seen, listed = dossier.case.rows, dossier.listed
    rows = [*(row.values for row in seen), *(row.values for row in listed)]
    return ledger_paper(rows, dossier.header, dossier.facility, dossier.form, dossier.case.now, dossier.zone)
