# SPDX-License-Identifier: Apache-2.0
"""Rows of the facility's own ledger that no scan has seen: marked as such, beside the devices that were."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.leaves import leaf, query_of
from collector.rendering import Renderer
from collector.visitor import engine_of
from inventory_db.ledger import listed_rows
from inventory_db.official import COLUMNS


def router(renderer: Renderer) -> APIRouter:
    """Make /listed."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/listed")
    def show(request: Request) -> Response:
        with engine_of(request).connect() as connection:
            rows = listed_rows(connection)
        return renderer.page(
            request,
            "listed",
            section="ledger",
            rows=leaf(request, rows, "/listed", texts=lambda row: " ".join(row.values)),
            columns=range(1, len(COLUMNS) + 1),
            q=query_of(request),
        )

    return routes
