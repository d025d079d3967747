# SPDX-License-Identifier: Apache-2.0
"""Downloads of the official papers: the ledger as PDF, the checklist's sheets, each paper, the signed pack."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

from collector.documents.checklist_filling import forms_of
from collector.documents.checklist_pdf import write_checklist_pdf
from collector.documents.checklist_xlsx import write_checklist_xlsx
from collector.documents.drawing_files import FORMS, write_drawing
from collector.documents.pack import make_pack
from collector.documents.pack_key import find_key, key_folder
from collector.documents.paper import Paper, paper_json
from collector.documents.paper_pdf import write_paper_pdf
from collector.documents.paper_xlsx import write_paper_xlsx
from collector.documents.papers import load_kind, paper_kinds
from collector.documents.typesetting import PaperError
from collector.dossier import Dossier
from collector.dossier_reading import read_dossier
from collector.edition import edition_names
from collector.settings import Settings
from collector.visitor import engine_of, visitor_of

_TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "zip": "application/zip",
    "svg": "image/svg+xml",
    "png": "image/png",
    "drawio": "application/vnd.jgraph.mxfile",
}
DIAGRAM = "diagram"  # the one paper with a drawing
Form = Literal["pdf", "xlsx", "json", "svg", "png", "drawio"]
Made = tuple[bytes, str]  # the file and its Japanese name without ending


def router(settings: Settings, now: Callable[[], datetime]) -> APIRouter:
    """Make the downloads; each reads the ledger in one transaction."""
    routes = APIRouter(include_in_schema=False)

    def answer(request: Request, ending: str, make: Callable[[Dossier], Made], edition: str = "") -> Response:
        if request.headers.get("sec-fetch-site", "") == "cross-site":  # making a paper is work
            raise HTTPException(403)
        try:
            with engine_of(request).connect() as connection:
                dossier = read_dossier(
                    connection,
                    visitor_of(request).facility_name,
                    settings.zone,
                    now(),
                    edition,
                    None,
                    settings.age_limit,
                )
                data, name = make(dossier)
        except PaperError as error:
            return PlainTextResponse(f"{error.ja}\n\n{error.en}\n", 503)
        return _download(data, name, ending, request.url.path.rpartition("/")[2])

    @routes.get("/ledger.pdf")
    def download_ledger(request: Request) -> Response:
        return answer(request, "pdf", lambda dossier: _paper(dossier, "ledger", "pdf"))

    @routes.get("/papers/{kind}.{form}")
    def download_paper(request: Request, kind: str, form: Form) -> Response:
        if kind not in paper_kinds() or (form in FORMS and kind != DIAGRAM):
            raise HTTPException(404)
        return answer(request, form, lambda dossier: _paper(dossier, kind, form))

    @routes.get("/checks/{edition}.{form}")
    def download_checks(request: Request, edition: str, form: Literal["pdf", "xlsx"]) -> Response:
        if edition not in edition_names():
            raise HTTPException(404)
        return answer(request, form, lambda dossier: _checks(dossier, form), edition)

    @routes.get("/pack.zip")
    def download_pack(request: Request) -> Response:
        folder = key_folder(settings.state_folder, os.environ)
        return answer(
            request, "zip", lambda dossier: (make_pack(dossier, find_key(folder)).data, "立入検査の資料")
        )

    return routes


def _paper(dossier: Dossier, kind: str, form: str) -> Made:
    paper = load_kind(kind).make(dossier)
    return _WRITERS[form](paper), paper.title


def _checks(dossier: Dossier, form: str) -> Made:
    write = write_checklist_pdf if form == "pdf" else write_checklist_xlsx
    return write(*forms_of(dossier)), "チェックリスト"


def _json(paper: Paper) -> bytes:
    return (json.dumps(paper_json(paper), ensure_ascii=False, indent=1) + "\n").encode()


_WRITERS: dict[str, Callable[[Paper], bytes]] = {
    "pdf": write_paper_pdf,
    "xlsx": write_paper_xlsx,
    "json": _json,
    **{form: partial(write_drawing, form=form) for form in FORMS},
}


def _download(data: bytes, name: str, ending: str, plain: str) -> Response:
    named = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(f'{name}.{ending}')}"
    return Response(data, media_type=_TYPES[ending], headers={"Content-Disposition": named})
