# SPDX-License-Identifier: Apache-2.0
"""Fills the sheets of a judged edition: people's answers into the form, daicho's view behind it. Pure."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from collector.documents.annex_numbers import Numbers, target_name
from collector.documents.checklist_form import Form, FormGroup, FormLine, FormPart, FormSection, Mark, Opinion
from collector.dossier import Dossier
from collector.edition import Edition
from collector.judge import has_contract
from collector.judged import JudgedItem, JudgedSheet
from collector.verdict import Judged
from inventory_db.stated import NOT_APPLICABLE, Answer, Vendor
from inventory_db.statements import Stated

MOST_FILES = 3  # configurations named as evidence in one cell

Excused = Callable[[JudgedItem], str]  # why an item stays blank


def forms_of(dossier: Dossier, numbers: Numbers | None = None) -> list[Form]:
    """Give every sheet of the dossier's edition: the facility's, then one for each vendor under contract."""
    found = numbers or Numbers(dossier)
    sheets = dossier.judgement.sheets if dossier.judgement else ()
    return [_form(dossier, sheet, found) for sheet in sheets]


def _excused(dossier: Dossier, vendor: Vendor | None, item: JudgedItem) -> str:
    """Say why an item stays blank where people stated that it needs no answer; "" where it needs one."""
    if item.first or item.second:
        return ""
    if vendor and item.line.key in vendor.excluded:
        return f"{NOT_APPLICABLE}（契約に含まれないため）"
    if vendor is None and item.line.item.needs_contract and has_contract(dossier.case) is False:
        return "記入不要（事業者との契約なし）"
    return ""


def _form(dossier: Dossier, judged: JudgedSheet, numbers: Numbers) -> Form:
    sheet, judgement = judged.sheet, dossier.judgement
    return Form(
        form_name=sheet.form,
        edition_line=sheet.edition_line,
        title=sheet.title,
        facility=dossier.facility,
        vendor_field=sheet.vendor_field,
        vendor=judged.vendor.name if judged.vendor else "",
        provisional=_provisional(judgement.edition) if judgement else "",
        number_after=sheet.number_place == "after",
        parts=tuple(_parts(judged.items, lambda item: _excused(dossier, judged.vendor, item))),
        opinions=tuple(_opinion(item, numbers) for item in judged.items),
        basis=judgement.basis.text.ja if judgement else "",
        made=dossier.made,
        now=dossier.case.now,
    )


def _provisional(edition: Edition) -> str:
    return "" if edition.status == "final" else edition.status_note or "最終の文言ではありません。"


def _parts(items: Iterable[JudgedItem], excused: Excused) -> Iterator[FormPart]:
    """Put the items, which come in the form's order, back into its parts, sections and groups."""
    for _, ones in groupby(items, key=lambda item: id(item.line.part)):
        together = list(ones)
        part = together[0].line.part
        yield FormPart(
            heading=part.heading,
            new_page=part.new_page,
            rounds=part.rounds,
            mark_heading=part.mark_heading,
            notes=part.notes,
            footnotes=part.footnotes,
            sections=tuple(_sections(together, excused)),
        )


def _sections(items: Iterable[JudgedItem], excused: Excused) -> Iterator[FormSection]:
    for _, ones in groupby(items, key=lambda item: id(item.line.section)):
        together = list(ones)
        section = together[0].line.section
        yield FormSection(f"{section.number} {section.title}".strip(), tuple(_groups(together, excused)))


def _groups(items: Iterable[JudgedItem], excused: Excused) -> Iterator[FormGroup]:
    for _, ones in groupby(items, key=lambda item: id(item.line.group)):
        together = list(ones)
        yield FormGroup(
            together[0].line.group.heading, tuple(_line(item, excused(item)) for item in together)
        )


def _line(item: JudgedItem, excused: str) -> FormLine:
    asked, first = item.line.item, item.first
    said = (one.said.remark for one in (first, item.second) if one)
    remarks = dict.fromkeys(remark for remark in said if remark)
    return FormLine(
        key=item.line.key,
        printed=asked.printed,
        text=asked.text,
        note=asked.note,
        mark=asked.mark,
        first=_mark(first),
        target_date=first.said.target_date if first else None,
        second=_mark(item.second),
        remark=excused or "　".join(remarks),
    )


def _mark(stated: Stated[Answer] | None) -> Mark:
    return Mark(stated.said.answer, stated.said.on) if stated else Mark()


def _files(judged: Judged) -> list[str]:
    """Name the configurations that prove something, with the day on which each was taken."""
    told = (one.source for one in judged.findings if one.proven and one.code.startswith("limit."))
    named = dict.fromkeys(source.partition(", sha256")[0] for source in told)
    return [f"設定 {name})" for name in [*named][:MOST_FILES]]


def _opinion(item: JudgedItem, numbers: Numbers) -> Opinion:
    judged = item.judged
    warnings = [one.ja for one in (item.contradiction, *item.problems) if one]
    return Opinion(
        printed=item.line.item.printed,
        target=target_name(item.line.key),
        text=item.line.item.text,
        answered=item.mark,
        verdict=str(judged.verdict),
        reason=judged.reason.ja,
        toward_yes=judged.toward_yes.ja,
        evidence=(*filter(None, numbers.text(judged.observations).split("、")), *_files(judged)),
        conflict="\n".join(warnings),
    )
