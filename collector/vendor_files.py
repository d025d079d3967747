# SPDX-License-Identifier: Apache-2.0
"""Documents that a vendor hands in: MDS/SDS and what its words on remote paths rest on.

A file is taken by its ending and its first bytes together, up to a size, and only ever given back as a download.
"""

import secrets
from collections.abc import Coroutine
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, File, HTTPException, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute

from collector.auditing import told
from collector.case import JAPAN
from collector.doors import Doors, Text, Token, check_form
from collector.inspectors import attachment
from collector.overviews import read_day
from collector.permissions import OPEN
from collector.safe_text import visible
from collector.security import MOST_FORM, Message, Receive, Send
from collector.statement_check import check_statement, known_in
from collector.vendor_contract import Contract, read_contract
from collector.vendor_view import HANDED_IN as TYPES
from collector.visitor import engine_of, find_visitor, name_of
from inventory_db import attachments
from inventory_db.accounts import Role
from inventory_db.attachments import MOST_BYTES, BadAttachment
from inventory_db.audit import record_all
from inventory_db.stated import Document
from inventory_db.statements import BadStatement, state
from inventory_db.tables import writing

MESSAGES = ("kept",)
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# ending → first bytes (b"": plain text) and media type; no ending that runs or that a browser shows as a page
KINDS: dict[str, tuple[bytes, str]] = {
    "pdf": (b"%PDF-", "application/pdf"),
    "xlsx": (_ZIP, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "docx": (_ZIP, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xls": (_OLE, "application/vnd.ms-excel"),
    "doc": (_OLE, "application/msword"),
    "png": (b"\x89PNG\r\n\x1a\n", "image/png"),
    "jpg": (b"\xff\xd8\xff", "image/jpeg"),
    "jpeg": (b"\xff\xd8\xff", "image/jpeg"),
    "csv": (b"", "text/csv"),
    "txt": (b"", "text/plain"),
}


class BadFile(Exception):
    """A file or its description cannot be taken; `code` names the sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class UploadRoute(APIRoute):
    """A route whose large body is read from a vendor only: others are sent away before a byte of it."""

    def handle(self, scope: Message, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Look at who sends more than a form."""
        request = Request(scope)
        length = request.headers.get("content-length", "")
        large = not (length.isascii() and length.isdigit()) or int(length[:15]) > MOST_FORM
        if large and request.method == "POST" and not _is_vendor(request):
            return RedirectResponse("/login", 303)(scope, receive, send)
        return super().handle(scope, receive, send)


def router(doors: Doors) -> APIRouter:
    """Make /vendor/documents and /vendor/files."""
    routes = APIRouter(include_in_schema=False, route_class=UploadRoute)

    @routes.get("/vendor/documents")
    def show_documents(request: Request, message: str = "") -> Response:
        contract = read_contract(doors, request)
        return _show(doors, request, contract, message=message if message in MESSAGES else "")

    @routes.post("/vendor/documents")
    def hand_in(
        request: Request,
        file: Annotated[UploadFile | None, File()] = None,
        type: Text = "",
        title: Text = "",
        version: Text = "",
        on: Text = "",
        valid_until: Text = "",
        token: Token = "",
    ) -> Response:
        check_form(request, token)
        contract = read_contract(doors, request)
        typed = {"type": type, "title": title, "version": version, "on": on, "valid_until": valid_until}
        typed = {name: visible(value).strip() for name, value in typed.items()}
        try:
            name, data, media = _file(file)
            _keep(doors, request, _document(contract, typed, name), (name, data, media))
        except BadFile as bad:
            return _show(doors, request, contract, typed=typed, trouble=bad.code)
        except (BadAttachment, BadStatement) as error:
            return _show(doors, request, contract, typed=typed, fault=error)
        return RedirectResponse("/vendor/documents?message=kept", 303)

    @routes.get("/vendor/files/{id}")
    def download(request: Request, id: str) -> Response:
        contract = read_contract(doors, request)
        own = {file: one for one in contract.view.documents for file in one.attachments}
        if id not in own:
            raise HTTPException(404)
        return give_file(request, id, own[id].title)

    return routes


def give_file(request: Request, id: str, title: str) -> Response:
    """Give an attached file as a download; 404 if the facility has none."""
    with engine_of(request).connect() as connection:
        known, data = attachments.listed(connection).get(id), attachments.content(connection, id)
    if known is None or data is None:
        raise HTTPException(404)
    ending = next((one for one, (_, media) in KINDS.items() if media == known.media_type), "bin")
    return attachment(data, f"{title or 'file'}.{ending}", "application/octet-stream")


def _is_vendor(request: Request) -> bool:
    who = find_visitor(request.app.state.engine, request, OPEN, datetime.now(UTC)).who
    return who is not None and who.role is Role.VENDOR


def _show(
    doors: Doors,
    request: Request,
    contract: Contract,
    *,
    typed: dict[str, str] | None = None,
    message: str = "",
    trouble: str = "",
    fault: BadAttachment | BadStatement | None = None,
) -> Response:
    return doors.page(
        request,
        "vendor_documents",
        section="vendor_documents",
        status=400 if trouble or fault else 200,
        documents=sorted(contract.view.documents, key=lambda one: one.on, reverse=True),
        sizes=contract.case.attachments,
        types=TYPES,
        endings=", ".join(f".{one}" for one in KINDS),
        most=MOST_BYTES // 2**20,
        typed=typed or {"type": "mds_sds", "title": "", "version": "", "on": "", "valid_until": ""},
        message=message,
        trouble=trouble,
        fault=fault,
    )


def _file(file: UploadFile | None) -> tuple[str, bytes, str]:
    """Give name, bytes and media type of a file that may be kept; raises BadFile."""
    if file is None or not file.filename:
        raise BadFile("file_missing")
    name = visible(file.filename.replace("\\", "/").rpartition("/")[2]).strip()
    if name.rpartition(".")[2].casefold() not in KINDS:
        raise BadFile("file_kind")
    data = file.file.read(MOST_BYTES + 1)
    return name, data, media_of(name, data)


def media_of(name: str, data: bytes) -> str:
    """Give the media type of a file that may be kept, by its ending and first bytes together; raises BadFile."""
    first, media = KINDS.get(name.rpartition(".")[2].casefold(), (None, ""))
    if first is None:
        raise BadFile("file_kind")
    if not data or len(data) > MOST_BYTES:
        raise BadFile("file_size")
    if not data.startswith(first) or (not first and b"\0" in data):
        raise BadFile("file_differs")
    return media


def _document(contract: Contract, typed: dict[str, str], name: str) -> Document:
    days = {field: read_day(typed[field]) for field in ("on", "valid_until")}
    on: date | None = days["on"]
    if typed["type"] not in TYPES:
        raise BadFile("document_type")
    if on is None or (typed["valid_until"] and days["valid_until"] is None):
        raise BadFile("vendor_day")
    return Document(
        id=f"{contract.vendor.id}-{secrets.token_hex(6)}",
        type=typed["type"],
        title=typed["title"] or name.rpartition(".")[0],
        vendor=contract.vendor.id,
        version=typed["version"],
        on=on,
        valid_until=days["valid_until"],
    )


def _keep(doors: Doors, request: Request, said: Document, file: tuple[str, bytes, str]) -> None:
    """Keep file and statement together."""
    name, data, media = file
    now, who = doors.now(), name_of(request)
    with writing(engine_of(request)) as connection:
        id = attachments.attach(connection, data, name, media, who, now)
        whole = msgspec.structs.replace(said, attachments=(id,))
        check_statement(whole, known_in(connection), now.astimezone(JAPAN).date())
        state(connection, whole, who, now)
        what = {"name": name, "size": len(data), "sha256": id}
        record_all(connection, [told(request, kind=said.KIND, key=said.key, detail=what)])
