# SPDX-License-Identifier: Apache-2.0
"""Puts the collector together: the ledger, the pages, the agents' API, and what stands before them."""

import functools
import logging
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.datastructures import Headers
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from collector import agents, answers, operators, overviews, papers
from collector.reading import Reading
from collector.rendering import Renderer
from collector.security import SECURITY_HEADERS, App, Doorkeeper
from collector.settings import Settings
from collector.translation import load_words
from inventory_db.ledger import catch_up, refresh
from inventory_db.tables import open_ledger

_log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Make the collector on the ledger that the settings name.

    Raises inventory_db.tables.LedgerError (with `.ja` and `.en`) for a ledger that cannot be used.
    """
    engine = open_ledger(settings.ledger)
    catch_up(engine)  # what arrived in uploads whose scan never ended, or just before a crash
    renderer = Renderer(settings)
    reading = Reading(engine, lambda: datetime.now(UTC))
    app = FastAPI(title="daicho", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(
        Doorkeeper,
        allowed_hosts=settings.allowed_hosts,
        refuse=functools.partial(_refuse, renderer),
    )
    app.include_router(agents.router(settings, engine, refresh=refresh))
    app.include_router(answers.router(settings, engine, lambda: datetime.now(UTC)))
    app.include_router(operators.router(settings, reading, renderer))
    app.include_router(overviews.router(settings, engine, renderer, lambda: datetime.now(UTC)))
    app.include_router(papers.router(settings, engine, lambda: datetime.now(UTC)))
    app.mount("/static", StaticFiles(directory=str(files("collector") / "static")))
    app.add_api_route("/healthz", _say_well, include_in_schema=False)
    _handle_trouble(app, renderer)
    return app


def _say_well() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


def _refuse(renderer: Renderer, headers: Headers, status: int) -> App:
    return renderer.trouble(None, headers, status)


def _handle_trouble(app: FastAPI, renderer: Renderer) -> None:
    def answer(request: Request, status: int) -> Response:
        if request.url.path.startswith("/api/"):
            return _problem(status)
        return renderer.trouble(request, request.headers, status)

    def on_http(request: Request, error: Exception) -> Response:
        return answer(request, getattr(error, "status_code", 500))

    def on_bad_input(request: Request, _error: Exception) -> Response:
        return answer(request, 400)

    def on_fault(request: Request, error: Exception) -> Response:
        _log.error("fault while answering %s", request.url.path, exc_info=error)
        response = answer(request, 500)
        response.headers.update(SECURITY_HEADERS)  # made outside the doorkeeper
        return response

    for status in (400, 403, 404, 405, 413):
        app.add_exception_handler(status, on_http)
    app.add_exception_handler(RequestValidationError, on_bad_input)
    app.add_exception_handler(Exception, on_fault)


def _problem(status: int) -> Response:
    """Give a problem document (RFC 9457) with the sentences in both languages."""
    code = status if status in (400, 403, 404, 405, 413) else 500
    body: dict[str, Any] = {"type": "about:blank", "status": status}
    for language in ("ja", "en"):
        words = load_words(language)
        body[language] = f"{words(f'trouble.{code}.what')} {words(f'trouble.{code}.next')}"
    body["title"] = load_words("en")(f"trouble.{code}.title")
    return JSONResponse(body, status, media_type="application/problem+json")
