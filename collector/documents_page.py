# SPDX-License-Identifier: Apache-2.0
"""The page of documents: every paper that the ledger can be written out as, the documents that the facility holds, and
the reviews of its executives. Documents are handed in with their file, and taken back; what was said stays on record.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector.case import JAPAN
from collector.checklist import Short, read_day_or_refuse
from collector.documents.papers import paper_kinds
from collector.documents_held import holds_today
from collector.import_upload import Upload, Uploaded
from collector.leaves import leaf, query_of
from collector.overviews import read_day
from collector.papers import DIAGRAM
from collector.rendering import Renderer
from collector.safe_text import visible
from collector.security import form_token, is_own_form, set_form_cookie
from collector.settings import Settings
from collector.standing import standing_case
from collector.statement_check import check_statement, known_in
from collector.stating import keep, take_back
from collector.vendor_files import KINDS, BadFile, give_file, media_of
from collector.visitor import engine_of, name_of, visitor_of
from inventory_db import attachments
from inventory_db.accounts import Role
from inventory_db.attachments import MOST_BYTES, BadAttachment
from inventory_db.stated import Document, Review, Vendor
from inventory_db.statements import BadStatement, standing
from inventory_db.tables import LedgerError, writing

TYPES = (
    "contact_chart", "bcp", "drill_record", "rules", "mds", "sds", "mds_sds", "remote_access",
    "service_inventory", "service_inventory_server", "service_inventory_pc", "other",
)  # fmt: skip
REVIEWS = 20  # on one leaf
SUBJECTS = ("ledger", "remote_access", "access_log")
MESSAGES = ("kept", "taken_back", "reviewed")
BLANK = dict.fromkeys(("type", "title", "vendor", "version", "on", "valid_until"), "")
_FIRST = ("ledger", "coverage", "register", "diagram")  # what people ask for most


@dataclass(frozen=True, slots=True)
class Held:
    """A document that the facility says it holds."""

    said: Document
    vendor: str  # its name, "" for a document of the facility's own
    holds: bool  # has not run out
    files: tuple[str, ...]  # ids of its attachments, those that are in the ledger


def kinds() -> list[tuple[str, tuple[str, ...]]]:
    """Give every kind of paper with the forms in which it comes, what people ask for most first."""
    rest = [kind for kind in paper_kinds() if kind not in _FIRST]
    drawn = ("svg", "png", "drawio")
    return [(kind, ("pdf", "xlsx", *(drawn if kind == DIAGRAM else ()))) for kind in (*_FIRST, *rest)]


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /documents."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/documents")
    def show(request: Request) -> Response:
        return _show(settings, renderer, request, now())

    @routes.post("/documents")
    def hand_in(request: Request, upload: Uploaded) -> Response:
        if not is_own_form(request, upload.token):
            raise HTTPException(403)
        typed = {name: visible(upload.fields.get(name, "")).strip() for name in BLANK}
        try:
            _keep(request, _document(typed, upload.name), upload, now())
        except (BadFile, BadAttachment, LedgerError) as error:
            return _show(settings, renderer, request, now(), typed=typed, trouble=error)
        return RedirectResponse("/documents?message=kept#held", 303)

    @routes.post("/documents/withdraw")
    def withdraw(request: Request, id: Short, token: Short = "") -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        with writing(engine_of(request)) as connection:
            take_back(connection, request, Document.KIND, id, now())
        return RedirectResponse("/documents?message=taken_back#held", 303)

    @routes.post("/documents/review")
    def review(
        request: Request,
        subject: Short = "",
        by: Short = "",
        role: Short = "",
        on: Short = "",
        remark: Short = "",
        token: Short = "",
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        moment = now()
        try:
            said = _review(subject, by, role, on, remark)
            _keep_review(request, said, moment)
        except LedgerError as error:
            return _show(settings, renderer, request, moment, trouble=error)
        return RedirectResponse("/documents?message=reviewed#reviews", 303)

    @routes.get("/documents/files/{id}")
    def download(request: Request, id: str) -> Response:
        with engine_of(request).connect() as connection:
            held = standing(connection, Document).values()
            title = next((one.said.title for one in held if id in one.said.attachments), None)
        if title is None:
            raise HTTPException(404)
        return give_file(request, id, title)

    return routes


def _document(typed: Mapping[str, str], name: str) -> Document:
    """Make the statement of what was typed; raises BadFile or BadStatement."""
    until = read_day(typed["valid_until"])
    if typed["type"] not in TYPES:
        raise BadFile("document_type")
    if typed["valid_until"] and until is None:
        raise BadFile("vendor_day")
    return Document(
        id=f"d-{secrets.token_hex(6)}",
        type=typed["type"],
        title=typed["title"] or name.rpartition(".")[0],
        vendor=typed["vendor"],
        version=typed["version"],
        on=read_day_or_refuse(typed["on"], "on"),
        valid_until=until,
    )


def _review(subject: str, by: str, role: str, on: str, remark: str) -> Review:
    if subject not in SUBJECTS or not by.strip() or not role.strip():
        raise BadStatement(
            "何を見直したかと、見直した人の名前と役職を書いてください。何も変更していません。",
            "Say what was reviewed, by whom, and in what office. Nothing was changed.",
        )
    day: date = read_day_or_refuse(on, "on")
    by, role, remark = (visible(text).strip() for text in (by, role, remark))
    return Review(subject=subject, by=by, role=role, on=day, remark=remark)


def _keep_review(request: Request, said: Review, now: datetime) -> None:
    """Keep it; raises BadStatement where one of the same subject and day stands."""
    with writing(engine_of(request)) as connection:
        if said.key in standing(connection, Review):
            raise BadStatement(
                "その日の見直しは、もう記入されています。何も変更していません。日を確かめてください。",
                "A review of that day is recorded already. Nothing was changed. Check the day.",
            )
        check_statement(said, known_in(connection), now.astimezone(JAPAN).date())
        keep(connection, request, said, now)


def _executive(request: Request) -> str:
    """Give the visitor's name if it is an executive's: others write down whose review it was."""
    who = visitor_of(request).who
    return name_of(request) if who is not None and who.role is Role.EXECUTIVE else ""


def _keep(request: Request, said: Document, upload: Upload, now: datetime) -> None:
    """Keep file and statement together."""
    media = media_of(upload.name, upload.data)
    with writing(engine_of(request)) as connection:
        id = attachments.attach(connection, upload.data, upload.name, media, name_of(request), now)
        whole = msgspec.structs.replace(said, attachments=(id,))
        check_statement(whole, known_in(connection), now.astimezone(JAPAN).date())
        keep(connection, request, whole, now)


def _show(
    settings: Settings,
    renderer: Renderer,
    request: Request,
    now: datetime,
    *,
    typed: Mapping[str, str] = BLANK,
    trouble: Exception | None = None,
) -> Response:
    with engine_of(request).connect() as connection:
        case = standing_case(connection, now, settings)
    names = {one.key: one.name for one in case.said(Vendor)}
    held = [
        Held(
            one,
            names.get(one.vendor, one.vendor),
            holds_today(case, one),
            tuple(id for id in one.attachments if id in case.attachments),
        )
        for one in sorted(case.said(Document), key=lambda one: one.on, reverse=True)
    ]
    reviews = sorted(case.said(Review), key=lambda one: one.on, reverse=True)
    words = renderer.words(request.query_params, request.cookies, request.headers)

    def texts(one: Held) -> str:
        said = one.said
        return (
            f"{said.title or said.id} {said.version} {one.vendor} {words.choose('document_type', said.type)}"
        )

    message, token = request.query_params.get("message", ""), form_token(request)
    response = renderer.page(
        request,
        "documents",
        section="documents",
        status=400 if trouble else 200,
        kinds=kinds(),
        held=leaf(request, held, "/documents", texts=texts),
        q=query_of(request),
        reviews=leaf(request, reviews, "/documents", name="reviews", per=REVIEWS),
        subjects=SUBJECTS,
        types=TYPES,
        endings=", ".join(f".{one}" for one in KINDS),
        most=MOST_BYTES // 2**20,
        vendors=names,
        typed=typed,
        today=case.today.isoformat(),
        me=_executive(request),
        message=message if message in MESSAGES else "",
        refused=trouble.code if isinstance(trouble, BadFile) else "",
        fault=None if isinstance(trouble, BadFile) else trouble,
        token=token,
    )
    set_form_cookie(response, request, token)
    return response
