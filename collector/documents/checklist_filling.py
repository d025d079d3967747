# SPDX-License-Identifier: Apache-2.0
"""Fills the sheets of a judged edition: people's answers into the form, daicho's view behind it. Pure."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from collector.documents.annex_numbers import Numbers, target_name
from collector.documents.checklist_form import Form, FormGroup, FormLine, FormPart, FormSection, Mark, Opinion
from collector.dossier import Dossier
from collector.edition import Edition
from collector.judged import JudgedItem, JudgedSheet
from inventory_db.stated import Answer
from inventory_db.statements import Stated


def forms_of(dossier: Dossier, numbers: Numbers | None = None) -> list[Form]:
    """Give every sheet of the dossier's edition: the facility's, then one for each vendor under contract."""
    found = numbers or Numbers(dossier)
    sheets = dossier.judgement.sheets if dossier.judgement else ()
    return [_form(dossier, sheet, found) for sheet in sheets]


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
        parts=tuple(_parts(judged.items)),
        opinions=tuple(_opinion(item, numbers) for item in judged.items),
        basis=judgement.basis.text.ja if judgement else "",
        made=dossier.made,
        now=dossier.case.now,
    )


def _provisional(edition: Edition) -> str:
    return "" if edition.status == "final" else edition.status_note or "最終の文言ではありません。"


def _parts(items: Iterable[JudgedItem]) -> Iterator[FormPart]:
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
            sections=tuple(_sections(together)),
        )


def _sections(items: Iterable[JudgedItem]) -> Iterator[FormSection]:
    for _, ones in groupby(items, key=lambda item: id(item.line.section)):
        together = list(ones)
        section = together[0].line.section
        yield FormSection(f"{section.number} {section.title}".strip(), tuple(_groups(together)))


def _groups(items: Iterable[JudgedItem]) -> Iterator[FormGroup]:
    for _, ones in groupby(items, key=lambda item: id(item.line.group)):
        together = list(ones)
        yield FormGroup(together[0].line.group.heading, tuple(_line(item) for item in together))


def _line(item: JudgedItem) -> FormLine:
    asked, first = item.line.item, item.first
    return FormLine(
        key=item.line.key,
        printed=asked.printed,
        text=asked.text,
        note=asked.note,
        mark=asked.mark,
        first=_mark(first),
        target_date=first.said.target_date if first else None,
        second=_mark(item.second),
        remark="　".join(
            dict.fromkeys(one.said.remark for one in (first, item.second) if one and one.said.remark)
        ),
    )


def _mark(stated: Stated[Answer] | None) -> Mark:
    return Mark(stated.said.answer, stated.said.on) if stated else Mark()


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
        evidence=tuple(filter(None, numbers.text(judged.observations).split("、"))),
        conflict="\n".join(warnings),
    )
