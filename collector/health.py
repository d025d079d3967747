# SPDX-License-Identifier: Apache-2.0
"""/healthz (alive), /readyz (may be asked now), /metrics: for load balancers, containers and monitoring.

A stranger hears yes or no. What exactly is wrong, and the figures, are for this machine itself and for
whoever sends the word of `metrics_token_file` as a bearer token.
"""

import hashlib
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from collector.figures import MEDIA, Figures
from collector.proxies import is_local
from collector.sections import read_secret
from collector.settings import Settings, SettingsError
from inventory_db.agents import Engine
from inventory_db.condition import Condition, look_at

LEAST_FREE = 256 * 1024 * 1024  # bytes; with less, uploads are soon refused
LEAST_TOKEN = 20  # characters
OK = "ok"


@dataclass(frozen=True, slots=True)
class Health:
    """What the answers need: where we write, what is counted, who besides this machine may see it."""

    engine: Engine
    folder: Path
    figures: Figures
    token: str = ""  # SHA-256 of the word; "": this machine only
    stuck_jobs: Callable[[], bool] = lambda: False

    def checks(self) -> dict[str, str]:
        """Look at everything that an answer needs; `ok`, or a word for what is wrong."""
        condition = look_at(self.engine)
        reachable = not condition.fault
        return {
            "database": OK if reachable else "unreachable",
            "schema": OK if condition.is_current else ("old" if reachable else "unknown"),
            "disk": "low" if self._is_full(condition) else OK,
            "jobs": "unknown" if not reachable else "stuck" if self.stuck_jobs() else OK,
        }

    def trusts(self, request: Request) -> bool:
        """Say whether details are for this one."""
        if is_local(request):
            return True
        kind, _, word = request.headers.get("authorization", "").partition(" ")
        given = hashlib.sha256(word.strip().encode()).hexdigest()
        return bool(self.token) and kind.lower() == "bearer" and secrets.compare_digest(given, self.token)

    def _is_full(self, condition: Condition) -> bool:
        places = [condition.free, _free(self.folder)]
        return any(free is not None and free < LEAST_FREE for free in places)


def router(health: Health) -> APIRouter:
    """Make the three routes; nothing is touched before the first request."""
    routes = APIRouter()

    @routes.get("/healthz", include_in_schema=False)
    def alive() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @routes.get("/readyz", include_in_schema=False)
    def ready(request: Request) -> Response:
        checks = health.checks()
        return _readiness(checks, health.trusts(request))

    @routes.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        if not health.trusts(request):
            return PlainTextResponse("not for you\n", 403)
        return Response(health.figures.text(), media_type=MEDIA)

    return routes


def token_hash(settings: Settings) -> str:
    """Give the hash of the word for /metrics, "" if none is set; raises SettingsError."""
    if not settings.metrics_token_file:
        return ""
    try:
        word = read_secret(settings.metrics_token_file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"metrics_token_file の {settings.metrics_token_file} を読めません。場所と権限を確かめてください。",
            f"{settings.metrics_token_file}, named as metrics_token_file, cannot be read. Check place and permissions.",
        ) from error
    if len(word) < LEAST_TOKEN:
        raise SettingsError(
            f"metrics_token_file の合い言葉が短すぎます。{LEAST_TOKEN} 文字以上の、推測できないものを書いてください。",
            f"The word in metrics_token_file is too short. Write at least {LEAST_TOKEN} characters nobody can guess.",
        )
    return hashlib.sha256(word.encode()).hexdigest()


def _readiness(checks: Mapping[str, str], trusted: bool) -> Response:
    ready = all(word == OK for word in checks.values())
    status = 200 if ready else 503
    if trusted:
        return JSONResponse({"ready": ready, **checks}, status)
    return PlainTextResponse("ready\n" if ready else "not ready\n", status)


def _free(folder: Path) -> int | None:
    """Bytes left where this folder is, or will be made."""
    for place in (folder, *folder.parents):
        if place.exists():
            return shutil.disk_usage(place).free
    return None
