# SPDX-License-Identifier: Apache-2.0
"""The pack's data as JSON values: the devices, and every item with answers, verdict and evidence numbers."""

from typing import Any

import msgspec

from collector.documents.annex_numbers import Numbers
from collector.dossier import Dossier
from collector.judged import JudgedItem, JudgedSheet
from collector.verdict import Finding, Text
from inventory_db.device import device_json
from inventory_db.official import COLUMNS
from inventory_db.stated import Answer
from inventory_db.statements import Stated


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
    }


def checks_json(dossier: Dossier, numbers: Numbers) -> dict[str, Any]:
    """Give every item of every sheet: what people answered, and apart from it what daicho says."""
    judgement = dossier.judgement
    if judgement is None:
        return {"schema": "daicho/checks/1", "sheets": []}
    return {
        "schema": "daicho/checks/1",
        "generated_at": judgement.at.isoformat(),
        "facility": dossier.facility,
        "edition": judgement.edition.id,
        "title": judgement.edition.title,
        "status": judgement.edition.status,
        "basis": {
            "text": _text(judgement.basis.text),
            "complete": judgement.basis.complete,
            "fresh": judgement.basis.fresh,
        },
        "sheets": [_sheet(sheet, numbers) for sheet in judgement.sheets],
    }


def _sheet(sheet: JudgedSheet, numbers: Numbers) -> dict[str, Any]:
    return {
        "sheet": sheet.sheet.id,
        "form": sheet.sheet.form,
        "vendor": {"id": sheet.vendor.id, "name": sheet.vendor.name} if sheet.vendor else None,
        "items": [_item(item, numbers) for item in sheet.items],
    }


def _item(item: JudgedItem, numbers: Numbers) -> dict[str, Any]:
    judged = item.judged
    return {
        "key": item.line.key,
        "number": item.line.item.printed,
        "text": item.line.item.text,
        "answers": [_answer(one) for one in (item.first, item.second) if one],
        "verdict": str(judged.verdict),
        "reason": _text(judged.reason),
        "toward_yes": _text(judged.toward_yes),
        "contradiction": _text(item.contradiction),
        "problems": [_text(one) for one in item.problems],
        "findings": [_finding(one, numbers) for one in judged.findings],
        "evidence": [mark for mark in map(numbers.number, judged.observations) if mark],
    }


def _answer(stated: Stated[Answer]) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(stated.said)
    return said | {"who": stated.who, "stated_at": stated.at.isoformat()}


def _finding(one: Finding, numbers: Numbers) -> dict[str, Any]:
    return {
        "code": one.code,
        "device": one.device,
        "port": one.port,
        "transport": one.transport,
        "text": _text(one.text),
        "todo": _text(one.todo),
        "against": one.against,
        "proven": one.proven,
        "sure": one.sure,
        "since": one.since,
        "fixed_in": one.fixed_in,
        "source": one.source,
        "evidence": [mark for mark in map(numbers.number, one.observations) if mark],
    }


def _text(text: Text | None) -> dict[str, str] | None:
    return {"ja": text.ja, "en": text.en} if text else None
