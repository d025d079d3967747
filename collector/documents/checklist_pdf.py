# SPDX-License-Identifier: Apache-2.0
"""A checklist's sheet as PDF that looks like the official form on A4, daicho's view on pages of its own."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from collector.documents.checklist_form import (
    Form,
    FormLine,
    FormPart,
    Mark,
    is_circled,
    printed_number,
    remark_text,
)
from collector.documents.typesetting import typeset
from inventory_db.stated import NO, YES


def write_checklist_pdf(*forms: Form, fonts: Path | None = None) -> bytes:
    """Give one or more sheets as one PDF/A-2u; raises collector.documents.typesetting.PaperError."""
    first = forms[0]
    data = {"title": first.page_title, "forms": [_form(form) for form in forms]}
    return typeset("checklist.typ", data, first.now, fonts=fonts)


def _form(form: Form) -> dict[str, Any]:
    return {
        "title": form.page_title,
        "form_title": form.title,
        "form_name": form.form_name,
        "edition_line": form.edition_line,
        "facility": form.facility,
        "vendor_field": form.vendor_field,
        "vendor": form.vendor,
        "provisional": form.provisional,
        "parts": [_part(form, part) for part in form.parts],
        "opinions": [asdict(opinion) for opinion in form.opinions],
        "basis": form.basis,
        "made": form.made,
    }


def _part(form: Form, part: FormPart) -> dict[str, Any]:
    return {
        "heading": part.heading,
        "new_page": part.new_page,
        "rounds": part.rounds,
        "mark_heading": part.mark_heading,
        "notes": part.notes,
        "footnotes": part.footnotes,
        "sections": [
            {
                "title": section.title,
                "groups": [
                    {"heading": group.heading, "lines": [_line(form, line) for line in group.lines]}
                    for group in section.groups
                ],
            }
            for section in part.sections
        ],
    }


def _line(form: Form, line: FormLine) -> dict[str, Any]:
    number = printed_number(line)
    return {
        "text": line.text,
        "before": "" if form.number_after else number,
        "after": number if form.number_after else "",
        "note": line.note,
        "mark": line.mark,
        "first": _mark(line.first),
        "goal": line.goal,
        "second": _mark(line.second),
        "remark": remark_text(line),
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {"yes": is_circled(mark, YES), "no": is_circled(mark, NO), "day": mark.day}
