# SPDX-License-Identifier: Apache-2.0
"""A vendor fills in its 事業者確認用 sheet of the current edition: as a draft, which is nobody's word, or as its answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector.auditing import told
from collector.carry_over import answer_key
from collector.case import JAPAN
from collector.checking import choose_edition
from collector.doors import Doors, Text, Token, check_form
from collector.edition import VENDOR, Edition, Line, Sheet
from collector.filling_in import problems_of
from collector.overviews import read_day
from collector.safe_text import visible
from collector.vendor_contract import Contract, keep_words, read_contract
from collector.visitor import engine_of, name_of
from inventory_db.audit import record
from inventory_db.drafts import drop_draft, find_draft, keep_draft
from inventory_db.stated import NO, NOT_APPLICABLE, YES, Answer
from inventory_db.statements import BadStatement
from inventory_db.tables import writing

Words = Annotated[list[str] | None, Form()]
MESSAGES = ("draft", "signed", "same")
ANSWERS = (YES, NO, NOT_APPLICABLE)
MOST_REMARK = 1000  # characters
_NAMES = ("answer", "on", "target_date", "remark")
Typed = dict[str, dict[str, str]]  # key of the item → field → text


class BadSheet(Exception):
    """The form cannot be taken as it is; `code` names the sentence and `key` the item."""

    def __init__(self, code: str, key: str = "") -> None:
        super().__init__(code)
        self.code, self.key = code, key


@dataclass(frozen=True, slots=True)
class SheetForm:
    """One round of one vendor's sheet."""

    contract: Contract
    edition: Edition
    sheet: Sheet
    round: int

    @property
    def name(self) -> str:
        """The name under which its draft is kept."""
        return f"sheet/{self.edition.id}/{self.round}/{self.contract.vendor.id}"[:255]

    def lines(self) -> Iterator[Line]:
        """Give the items that this round asks for."""
        for line in self.sheet.lines():
            if line.part.rounds >= self.round and line.key not in self.contract.vendor.excluded:
                yield line

    def stood(self, line: Line, round: int) -> Answer | None:
        """Give what the vendor answered before."""
        stands = self.contract.case.stated.get(Answer.KIND, {})
        found = stands.get(answer_key(self.edition.id, line, self.contract.vendor.id, round))
        return found.said if found and isinstance(found.said, Answer) else None


def router(doors: Doors) -> APIRouter:
    """Make /vendor/sheet."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/vendor/sheet")
    def show_sheet(request: Request, round: int = 1, message: str = "") -> Response:
        form = _form(doors, request, round)
        return _show(doors, request, form, message=message if message in MESSAGES else "")

    @routes.post("/vendor/sheet")
    def fill_in(
        request: Request,
        key: Words = None,
        answer: Words = None,
        on: Words = None,
        target_date: Words = None,
        remark: Words = None,
        round: Annotated[int, Form()] = 1,
        do: Text = "draft",
        token: Token = "",
    ) -> Response:
        check_form(request, token)
        form = _form(doors, request, round)
        if form is None:
            raise HTTPException(404)
        typed = _typed(form, key or [], (answer, on, target_date, remark))
        if do != "sign":
            _keep_draft(doors, request, form, typed)
            return RedirectResponse(f"/vendor/sheet?round={form.round}&message=draft", 303)
        try:
            said = list(_answers(form, typed, doors.now().astimezone(JAPAN).date()))
            keep_words(doors, request, [*said])
        except BadSheet as bad:
            return _show(doors, request, form, typed=typed, trouble=bad)
        except BadStatement as error:
            return _show(doors, request, form, typed=typed, fault=error)
        with writing(engine_of(request)) as connection:
            drop_draft(connection, form.name)
        return RedirectResponse(
            f"/vendor/sheet?round={form.round}&message={'signed' if said else 'same'}", 303
        )

    return routes


def _form(doors: Doors, request: Request, round: int) -> SheetForm | None:
    contract = read_contract(doors, request)
    edition = choose_edition("", contract.case)
    sheet = edition.sheet(VENDOR)
    return None if sheet is None else SheetForm(contract, edition, sheet, 2 if round == 2 else 1)


def _show(
    doors: Doors,
    request: Request,
    form: SheetForm | None,
    *,
    typed: Typed | None = None,
    message: str = "",
    trouble: BadSheet | None = None,
    fault: BadStatement | None = None,
) -> Response:
    if form is None:
        return doors.page(request, "vendor_sheet", section="vendor_sheet", form=None)
    with engine_of(request).connect() as connection:
        draft = find_draft(connection, form.name)
    kept = typed if typed is not None else _of_draft(draft.fields) if draft else {}
    context: dict[str, Any] = {
        "rows": [_row(form, line, kept.get(line.key)) for line in form.lines()],
        "excluded": [line for line in form.sheet.lines() if line.key in form.contract.vendor.excluded],
        "two_rounds": any(part.rounds > 1 for part in form.sheet.parts),
    }
    return doors.page(
        request,
        "vendor_sheet",
        section="vendor_sheet",
        status=400 if trouble or fault else 200,
        form=form,
        answers=ANSWERS,
        draft=draft,
        message=message,
        trouble=trouble,
        fault=fault,
        **context,
    )


def _row(form: SheetForm, line: Line, typed: dict[str, str] | None) -> dict[str, Any]:
    """Give an item with what stands in its boxes: what was typed, else what was answered."""
    first, stood = form.stood(line, 1), form.stood(line, form.round)
    boxes = typed or {name: str(getattr(stood, name, "") or "") for name in _NAMES}
    both = (first, form.stood(line, 2))
    problems = problems_of(line, *both, form.contract.case.today, form.contract.case.attachments)
    return {
        "line": line,
        "boxes": boxes,
        "stood": stood,
        "first": first if form.round == 2 else None,
        "problems": problems,
    }


def _typed(form: SheetForm, keys: list[str], columns: tuple[list[str] | None, ...]) -> Typed:
    """Put the columns of the form together, item by item; what fits nowhere is a bad request."""
    lists = [one or [] for one in columns]
    known = {line.key for line in form.lines()}
    if any(len(one) != len(keys) for one in lists) or not set(keys) <= known:
        raise HTTPException(400)
    rows = zip(keys, *lists, strict=True)
    return {key: dict(zip(_NAMES, map(_tidy, row), strict=True)) for key, *row in rows}


def _keep_draft(doors: Doors, request: Request, form: SheetForm, typed: Typed) -> None:
    fields = {f"{name} {key}": value for key, row in typed.items() for name, value in row.items()}
    with writing(engine_of(request)) as connection:
        keep_draft(connection, form.name, fields, name_of(request), doors.now())
        record(connection, told(request, kind="draft", key=form.name))


def _of_draft(fields: dict[str, str]) -> Typed:
    found: Typed = {}
    for name, value in fields.items():
        box, _, key = name.partition(" ")
        found.setdefault(key, dict.fromkeys(_NAMES, ""))[box] = value
    return found


def _answers(form: SheetForm, typed: Typed, today: date) -> Iterator[Answer]:
    """Give the answers that differ from what stands; raises BadSheet."""
    for line in form.lines():
        row = typed.get(line.key)
        if row is None or not row["answer"]:
            continue
        if row["answer"] not in ANSWERS:
            raise BadSheet("vendor_answer", line.key)
        days = {name: read_day(row[name]) for name in ("on", "target_date")}
        if any(row[name] and days[name] is None for name in days):
            raise BadSheet("vendor_day", line.key)
        stood = form.stood(line, form.round)
        said = Answer(
            edition=form.edition.id,
            sheet=VENDOR,
            target=line.group.target,
            number=line.item.number,
            vendor=form.contract.vendor.id,
            round=form.round,
            answer=row["answer"],
            on=days["on"] or (stood.on if stood and stood.answer == row["answer"] else today),
            target_date=days["target_date"],
            remark=row["remark"],
            attachments=stood.attachments if stood else (),
            valid_until=stood.valid_until if stood else None,
        )
        if said != stood:
            yield said


def _tidy(text: str) -> str:
    return visible(text.replace("\r\n", "\n")).strip()[:MOST_REMARK]
