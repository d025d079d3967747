# SPDX-License-Identifier: Apache-2.0
"""Rows of the facility's own ledger that no scan has seen: marked as such, beside the devices that were."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.ledger_view import fold
from collector.rendering import Renderer
from collector.visitor import engine_of
from inventory_db.ledger import listed_rows
from inventory_db.official import COLUMNS

PER_PAGE = 100
MOST_QUERY = 200


def router(renderer: Renderer) -> APIRouter:
    """Make /listed."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/listed")
    def show(request: Request, q: str = "", page: str = "1") -> Response:
        q = q.strip()[:MOST_QUERY]
        with engine_of(request).connect() as connection:
            rows = listed_rows(connection)
        words = fold(q).split()
        found = [row for row in rows if all(word in fold(" ".join(row.values)) for word in words)]
        pages = max(1, -(-len(found) // PER_PAGE))
        at = min(int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 else 1, pages) or 1
        return renderer.page(
            request,
            "listed",
            section="ledger",
            rows=found[(at - 1) * PER_PAGE : at * PER_PAGE],
            columns=range(1, len(COLUMNS) + 1),
            total=len(rows),
            matching=len(found),
            page=at,
            pages=pages,
            q=q,
        )

    return routes
