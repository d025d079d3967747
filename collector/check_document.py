# SPDX-License-Identifier: Apache-2.0
"""The judged checklist as JSON values (schema daicho/check/1), with everything that stands behind it. Pure."""

from collections import Counter
from datetime import date, datetime
from typing import Any

from collector.edition import Edition
from collector.judged import JudgedItem, JudgedSheet, Judgement, Proposal, Reminder
from collector.verdict import VERDICTS_EN, Basis, Finding, Text
from inventory_db.stated import Answer
from inventory_db.statements import Stated

SCHEMA = "daicho/check/1"


def check_document(judgement: Judgement) -> dict[str, Any]:
    """Give the whole judgement as JSON values."""
    facility = judgement.facility
    return {
        "schema": SCHEMA,
        "generated_at": judgement.at.isoformat(),
        "edition": edition_summary(judgement.edition),
        "facility": facility.name if facility else None,
        "basis": basis_json(judgement.basis),
        "summary": dict(sorted(_counts(judgement).items())),
        "needs_a_look": judgement.needs_a_look,
        "problems": [text_json(text) for text in judgement.problems],
        "reminders": [_reminder(one) for one in judgement.reminders],
        "sheets": [_sheet(sheet) for sheet in judgement.sheets],
    }


def edition_summary(edition: Edition) -> dict[str, Any]:
    """Give what tells one edition from another."""
    return {
        "id": edition.id,
        "form": edition.form,
        "title": edition.title,
        "name": {"ja": edition.name.ja, "en": edition.name.en},
        "status": edition.status,
        "status_note": edition.status_note or None,
        "fiscal_year": edition.fiscal_year,
        "source": edition.source,
        "rules": list(edition.rules),
        "sheets": {sheet.id: len(sheet.expects) for sheet in edition.sheets},
    }


def basis_json(basis: Basis) -> dict[str, Any]:
    """Give how complete and how old the looking is."""
    return {
        "complete": basis.complete,
        "fresh": basis.fresh,
        "scans": list(basis.scans),
        "newest": _time(basis.newest),
        "oldest": _time(basis.oldest),
        "planned": basis.planned,
        "finished": basis.finished,
        "missing": list(basis.missing),
        "left_alone": list(basis.left_alone),
        "text": text_json(basis.text),
    }


def text_json(text: Text | None) -> dict[str, str] | None:
    """Give a sentence in both languages."""
    return None if text is None else {"ja": text.ja, "en": text.en}


def _counts(judgement: Judgement) -> Counter[str]:
    return Counter(str(item.judged.verdict) for sheet in judgement.sheets for item in sheet.items)


def _sheet(sheet: JudgedSheet) -> dict[str, Any]:
    vendor = sheet.vendor
    return {
        "sheet": sheet.sheet.id,
        "form": sheet.sheet.form,
        "vendor": {"id": vendor.id, "name": vendor.name} if vendor else None,
        "items": [_item(item) for item in sheet.items],
    }


def _item(item: JudgedItem) -> dict[str, Any]:
    line, judged = item.line, item.judged
    return {
        "key": line.key,
        "target": line.group.target,
        "number": line.item.number,
        "printed": line.item.printed,
        "part": line.part.id,
        "section": line.section.title,
        "text": line.item.text,
        "text_en": line.item.en,
        "wording": line.item.wording,
        "wording_note": line.item.wording_note or None,
        "rule": line.item.rule,
        "verdict": str(judged.verdict),
        "verdict_en": VERDICTS_EN[judged.verdict],
        "reason": text_json(judged.reason),
        "toward_yes": text_json(judged.toward_yes),
        "basis": basis_json(item.basis) if item.basis else None,
        "findings": [_finding(one) for one in judged.findings],
        "observations": list(judged.observations),
        "mark": item.mark or None,
        "answers": {"first": _answer(item.first), "second": _answer(item.second)},
        "proposal": _proposal(item.proposal),
        "contradiction": text_json(item.contradiction),
        "problems": [text_json(text) for text in item.problems],
        "reminders": [_reminder(one) for one in item.reminders],
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "device": one.device or None,
        "port": one.port or None,
        "transport": one.transport or None,
        "about": one.about or None,
        "text": text_json(one.text),
        "todo": text_json(one.todo),
        "against": one.against,
        "proven": one.proven,
        "sure": one.sure,
        "since": one.since or None,
        "fixed_in": one.fixed_in or None,
        "source": one.source or None,
        "observations": list(one.observations),
    }


def _answer(stated: Stated[Answer] | None) -> dict[str, Any] | None:
    if stated is None:
        return None
    said = stated.said
    return {
        "answer": said.answer,
        "on": said.on.isoformat(),
        "who": stated.who,
        "stated_at": stated.at.isoformat(),
        "target_date": _day(said.target_date),
        "remark": said.remark,
        "attachments": list(said.attachments),
        "valid_until": _day(said.valid_until),
    }


def _proposal(one: Proposal | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"answer": one.answer or None, "text": text_json(one.text), "from": [a.key for a in one.answers]}


def _reminder(one: Reminder) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "key": one.key,
        "until": one.until.isoformat(),
        "expired": one.expired,
        "text": text_json(one.text),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
