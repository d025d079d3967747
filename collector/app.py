# SPDX-License-Identifier: Apache-2.0
"""Puts the collector together: the ledger, the pages, the agents' API, and what stands before them."""

import functools
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.datastructures import Headers
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DataError
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from collector import (
    agent_keys,
    agents,
    api,
    audit_pages,
    bulk_edit,
    cell_pages,
    checklist,
    declared_paths,
    documents_page,
    downloads,
    dual_pages,
    findings,
    health,
    import_pages,
    listed_page,
    operators,
    outside,
    overviews,
    papers,
    same_devices,
    scan_pages,
    settings_page,
    stocktake,
    today,
    ways_in,
    welcome,
)
from collector.api.openapi import PREFIX
from collector.audit_queue import AuditQueue
from collector.auditing import make_witness
from collector.chores import Chores
from collector.documents.pack_key import key_folder
from collector.doors import Doors
from collector.figures import Figures
from collector.health import Health, token_hash
from collector.job_runner import JobRunner
from collector.ledger_figures import reader
from collector.log_keeper import LogKeeper
from collector.notices.found import after_refresh
from collector.notices.postman import channels
from collector.problems import Refused, bad_parameters, problem, problem_of
from collector.proxies import EncryptedOnly
from collector.rendering import Renderer
from collector.request_log import RequestLog, route_of
from collector.scope_forecast import Forecaster
from collector.security import SECURITY_HEADERS, App, Doorkeeper, Message, Refuse
from collector.settings import Settings
from collector.visitor import HOME, STATIC, FacilityClosed, NotAllowed, NotSignedIn, check_routes, make_gate
from inventory_db.agents import Connection
from inventory_db.tables import open_ledger
from inventory_db.texts_at_hand import warm

_log = logging.getLogger(__name__)


def create_app(settings: Settings, forecast: Forecaster | None = None) -> FastAPI:
    """Make the collector on the ledger that the settings name.

    `forecast` works out what a scan of written networks would send; the agent's code does, which this room imports not.

    Raises inventory_db.tables.LedgerError (with `.ja` and `.en`) for a ledger that cannot be used.
    """
    engine = open_ledger(settings.ledger)
    renderer = Renderer(settings)
    queue = AuditQueue(engine)
    gate = Depends(make_gate(engine, settings.facility, _now, make_witness(queue, _now)), scope="function")
    app = FastAPI(title="daicho", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[gate])
    app.state.engine, app.state.audit = engine, queue
    figures = Figures(reader(engine, _now))
    _guard(app, settings, functools.partial(_refuse, renderer), figures)
    runner = app.state.jobs = JobRunner(engine, _now, _following(settings))
    app.state.log_keeper = LogKeeper(engine, settings.ledger)
    app.state.chores = Chores(engine, settings, queue, _now)
    app.include_router(agents.router(settings, engine, asked=runner.wake, taken=figures.take))
    app.include_router(agent_keys.router(engine, _now))
    app.include_router(api.router(settings, _now))
    app.include_router(downloads.router(settings, _now))
    app.include_router(operators.router(settings, renderer, _now))
    for pages in (today, checklist, documents_page, findings, dual_pages, declared_paths, same_devices):
        app.include_router(pages.router(settings, renderer, _now))
    app.include_router(settings_page.router(settings, renderer, _now))
    app.include_router(welcome.router(renderer, _now, forecast))
    app.include_router(import_pages.router(renderer, _now))
    for hand in (scan_pages, stocktake, cell_pages):
        app.include_router(hand.router(renderer, _now))
    app.include_router(listed_page.router(renderer))
    app.include_router(bulk_edit.router(renderer, _now))
    app.include_router(overviews.router(settings, renderer, _now))
    app.include_router(papers.router(settings, _now))
    app.include_router(audit_pages.router(settings, renderer))
    doors = Doors(settings, engine, renderer, _now)
    for one in (*ways_in.routers(doors), *outside.routers(doors)):
        app.include_router(one)
    app.mount(STATIC, StaticFiles(directory=str(files("collector") / "static")))
    folder = key_folder(settings.state_folder, os.environ)
    app.include_router(health.router(Health(engine, folder, figures, token_hash(settings))))
    _handle_trouble(app, renderer)
    check_routes(app)
    return app


def _following(settings: Settings) -> Callable[[Connection], object]:
    """Give what follows when devices were derived: what is new of them is kept where somebody wants to hear it."""

    def follow(connection: Connection) -> None:
        if channels(settings):
            after_refresh(connection, _now())
        warm(connection, anew=False)

    return follow


def _guard(app: FastAPI, settings: Settings, refuse: Refuse, figures: Figures) -> None:
    """Put what stands before the routes in its order: the last one added meets a request first."""
    app.add_middleware(Doorkeeper, allowed_hosts=settings.allowed_hosts, refuse=refuse)
    app.add_middleware(EncryptedOnly, refuse=refuse)
    app.add_middleware(RequestLog, observe=figures.observe)
    if settings.behind_proxy:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.behind_proxy))


def _now() -> datetime:
    return datetime.now(UTC)


def _refuse(renderer: Renderer, scope: Message, status: int) -> App:
    if scope["path"].startswith("/api/"):
        return problem_of(status)
    return renderer.trouble(None, Headers(scope=scope), status)


def _handle_trouble(app: FastAPI, renderer: Renderer) -> None:
    def answer(request: Request, status: int, kind: str = "") -> Response:
        if _is_api(request):
            return problem_of(status)
        return renderer.trouble(request, request.headers, status, kind)

    def on_http(request: Request, error: Exception) -> Response:
        response = answer(request, getattr(error, "status_code", 500))
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    def on_bad_input(request: Request, error: Exception) -> Response:
        if _is_api(request) and isinstance(error, RequestValidationError):
            return bad_parameters(error.errors())
        return answer(request, 400)

    def on_refusal(request: Request, error: Exception) -> Response:
        if not isinstance(error, Refused):
            return on_fault(request, error)
        return error.response() if _is_api(request) else answer(request, error.status)

    def on_fault(request: Request, error: Exception) -> Response:
        _log.error("fault while answering %s", route_of(request.scope), exc_info=error)
        response = answer(request, 500)
        response.headers.update(SECURITY_HEADERS)  # made outside the doorkeeper
        return response

    def on_nobody(request: Request, _error: Exception) -> Response:
        if _is_api(request):
            return problem_of(401, {"WWW-Authenticate": "Bearer"})
        if request.headers.get("hx-request") == "true":  # a piece of a page: the whole page goes to the login
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)

    def on_forbidden(request: Request, error: Exception) -> Response:
        if isinstance(error, FacilityClosed):
            return problem("facility-closed") if _is_api(request) else answer(request, 403, "closed")
        home = _home_of(error)
        if request.url.path == "/" and home:
            return RedirectResponse(home, 303)
        return answer(request, 403, "role")

    app.add_exception_handler(NotSignedIn, on_nobody)
    app.add_exception_handler(NotAllowed, on_forbidden)
    for status in (400, 403, 404, 405, 410, 413):
        app.add_exception_handler(status, on_http)
    app.add_exception_handler(RequestValidationError, on_bad_input)
    app.add_exception_handler(DataError, on_bad_input)  # a value that the database cannot keep
    app.add_exception_handler(Refused, on_refusal)
    app.add_exception_handler(Exception, on_fault)


def _home_of(error: Exception) -> str:
    who = error.visitor.who if isinstance(error, NotAllowed) else None
    return HOME.get(who.role, "") if who else ""


def _is_api(request: Request) -> bool:
    return request.url.path.startswith(PREFIX + "/")
