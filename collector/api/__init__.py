# SPDX-License-Identifier: Apache-2.0
"""/api/v1: the ledger and all that hangs on it for programs, as its OpenAPI document says."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response

from collector.api.agent_routes import add_agents
from collector.api.attachment_routes import add_attachments
from collector.api.check_routes import add_checks
from collector.api.declared import answer, own_origin, says
from collector.api.device_routes import add_devices
from collector.api.export_routes import add_exports
from collector.api.ledger_routes import add_ledger
from collector.api.me_routes import add_me
from collector.api.openapi import PREFIX, make_document
from collector.api.record_routes import add_records
from collector.api.shapes.ground import OpenApi
from collector.api.statement_routes import add_statements
from collector.api.upload_routes import add_uploads
from collector.settings import Settings


def router(settings: Settings, now: Callable[[], datetime]) -> APIRouter:
    """Make the API; each route takes its engine from the visitor of the request."""
    routes = APIRouter(prefix=PREFIX, dependencies=[Depends(own_origin)])
    add_me(routes, now)
    add_ledger(routes)
    add_devices(routes, now)
    add_records(routes, settings, now)
    add_checks(routes, settings, now)
    add_statements(routes, settings, now)
    add_attachments(routes, now)
    add_exports(routes, settings, now)
    add_agents(routes, now)
    add_uploads(routes)
    _add_document(routes)
    return routes


def _add_document(routes: APIRouter) -> None:
    @routes.get("/openapi.json", summary="This document", **says(OpenApi))
    def give_document(request: Request) -> Response:
        app: FastAPI = request.app
        return answer(make_document(app))
