# SPDX-License-Identifier: Apache-2.0
"""The pack's data as JSON values: the devices, and every item with answers, verdict and evidence numbers."""

from typing import Any

import msgspec

from collector.check_document import check_document
from collector.documents.annex_numbers import Numbers
from collector.dossier import Dossier
from inventory_db.device import device_json
from inventory_db.official import COLUMNS


def ledger_json(dossier: Dossier) -> dict[str, Any]:
    """Give the devices as in `daicho ledger --format json`, each with its row of the official form."""
    case = dossier.case
    return {
        "schema": "daicho/ledger/1",
        "generated_at": case.now.isoformat(),
        "facility": dossier.facility,
        "vantages": [msgspec.to_builtins(vantage) for vantage in case.vantages],
        "devices": [
            device_json(row.device)
            | {"number": row.number, "official": dict(zip(COLUMNS, row.values, strict=True))}
            for row in case.rows
        ],
        "listed": [
            {
                "id": row.listed.id,
                "number": row.number,
                "official": dict(zip(COLUMNS, row.values, strict=True)),
            }
            for row in dossier.listed
        ],
    }


def checks_json(dossier: Dossier, numbers: Numbers) -> dict[str, Any]:
    """Give the checklist as in `daicho check --format json`, with the numbers of its evidence."""
    if dossier.judgement is None:
        return {}
    return check_document(dossier.judgement) | {
        "evidence_numbers": {id: numbers.number(id) for id in numbers.ids()}
    }
