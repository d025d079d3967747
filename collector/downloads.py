# SPDX-License-Identifier: Apache-2.0
"""The ledger in the formats of other systems, for people: the same files as /api/v1/exports."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from collector.api.export_routes import export_answer
from collector.settings import Settings


def router(settings: Settings, now: Callable[[], datetime]) -> APIRouter:
    """Make the downloads."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/export/{format}")
    def give_export(request: Request, format: str) -> Response:
        if request.headers.get("sec-fetch-site", "") == "cross-site":  # making a file is work
            raise HTTPException(403)
        return export_answer(request, format, settings, now())

    return routes
