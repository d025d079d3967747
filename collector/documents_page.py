# SPDX-License-Identifier: Apache-2.0
"""The page of documents: every paper that the ledger can be written out as, and the documents that the facility holds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.documents.papers import paper_kinds
from collector.documents_held import holds_today
from collector.papers import DIAGRAM
from collector.rendering import Renderer
from collector.settings import Settings
from collector.standing import standing_case
from collector.visitor import engine_of
from inventory_db.stated import Document, Vendor

_FIRST = ("ledger", "coverage", "register", "diagram")  # what people ask for most


@dataclass(frozen=True, slots=True)
class Held:
    """A document that the facility says it holds."""

    said: Document
    vendor: str  # its name, "" for a document of the facility's own
    holds: bool  # has not run out
    files: int  # of its attachments, those that are in the ledger


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
        with engine_of(request).connect() as connection:
            case = standing_case(connection, now(), settings)
        names = {one.key: one.name for one in case.said(Vendor)}
        held = [
            Held(
                one,
                names.get(one.vendor, one.vendor),
                holds_today(case, one),
                sum(id in case.attachments for id in one.attachments),
            )
            for one in sorted(case.said(Document), key=lambda one: one.on, reverse=True)
        ]
        return renderer.page(
            request, "documents", section="documents", kinds=kinds(), held=held, vendors=names
        )

    return routes
