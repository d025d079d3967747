# SPDX-License-Identifier: Apache-2.0
"""設定: what is set, where it stands and how it is changed, on one page for administrators; it changes nothing."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.certificate import PEM_FILE, Certificate, CertificateError, read_certificate
from collector.documents.pack_key import key_folder
from collector.notices.postman import channels
from collector.rendering import Renderer
from collector.sections import is_loopback
from collector.settings import Settings
from collector.settings_shown import shown_settings
from collector.visitor import engine_of, visitor_of
from inventory_db.agents import Agent, list_agents


@dataclass(frozen=True, slots=True)
class OfAgent:
    """An agent with its key as people tell keys apart: SHA-256 of the public key, hex with colons."""

    agent: Agent

    @property
    def fingerprint(self) -> str:
        """Of its public key; the first half says enough."""
        return hashlib.sha256(self.agent.public_key).digest()[:16].hex(":").upper()


@dataclass(frozen=True, slots=True)
class OfCertificate:
    """The certificate as its file stands now; `why_none`: "loopback", "proxy", "none" or "" where there is one."""

    found: Certificate | None = None
    why_none: str = ""
    trouble: CertificateError | None = None


def look_at_certificate(settings: Settings) -> OfCertificate:
    """Read the certificate that this collector serves with; makes none where there is none."""
    try:
        if settings.tls.certificate:
            return OfCertificate(_read(settings.tls.certificate, settings.tls.key))
        if is_loopback(settings.host):
            return OfCertificate(why_none="loopback")
        if settings.behind_proxy:
            return OfCertificate(why_none="proxy")
        path = key_folder(settings.state_folder, os.environ) / PEM_FILE
        return (
            OfCertificate(read_certificate(path, path)) if path.exists() else OfCertificate(why_none="none")
        )
    except CertificateError as error:
        return OfCertificate(trouble=error)


def _read(file: str, key: str) -> Certificate:
    return read_certificate(Path(file).expanduser(), Path(key).expanduser())


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /settings."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/settings")
    def show(request: Request) -> Response:
        with engine_of(request).connect() as connection:
            agents = [OfAgent(one) for one in list_agents(connection)]
        certificate = look_at_certificate(settings)
        return renderer.page(
            request,
            "settings",
            section="settings",
            groups=shown_settings(settings, visitor_of(request).facility or 0),
            channels=channels(settings),
            agents=sorted(agents, key=lambda one: one.agent.revoked is not None),
            certificate=certificate,
            days_left=certificate.found.days_left(now()) if certificate.found else None,
        )

    return routes
