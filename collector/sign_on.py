# SPDX-License-Identifier: Apache-2.0
"""The door of a site's own sign-on: there and back, bound to one browser, one state and one nonce.

Nobody is let in who was not asked here: an account is linked by an invitation, or, where the settings say so, by the
verified mail address that an administrator wrote down.
"""

import logging
import secrets
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.doors import Doors, whence
from collector.oidc import Flow, Identity, Provider, SignOnFailed, new_flow
from inventory_db import accounts, identities, invitations, notes, pending
from inventory_db.account_tables import changing
from inventory_db.accounts import Account, AccountRefused
from inventory_db.audit import Action
from inventory_db.notes import Note
from inventory_db.sessions import secret_hash
from inventory_db.signing_in import Entry, come_in

COOKIE = "daicho_sign_on"  # which browser went away; carries the invitation, which the database must not know
RETURN = "/login/oidc/return"
_log = logging.getLogger(__name__)
Said = Annotated[str, Query(max_length=4000)]


def router(doors: Doors) -> APIRouter:
    """Make /login/oidc and the way back; without a provider in the settings there is no such page."""
    routes = APIRouter(include_in_schema=False)
    settings = doors.settings.sign_on
    provider = Provider(settings, doors.now) if settings else None

    @routes.get("/login/oidc")
    def go(request: Request, invitation: Said = "") -> Response:
        if provider is None:
            raise HTTPException(404)
        return _go(doors, provider, request, invitation[:100])

    @routes.get(RETURN)
    def come_back(request: Request, code: Said = "", state: Said = "", iss: Said = "") -> Response:
        if provider is None:
            raise HTTPException(404)
        try:
            identity, invitation = _identify(doors, provider, request, code, state, iss)
            entry = _enter(doors, request, identity, invitation)
        except SignOnFailed as failed:
            _log.warning("sign-on failed: %s", failed)
            return _refused(doors, request, "sign_on")
        except AccountRefused as refused:
            return _refused(doors, request, refused.code)
        if entry is None:
            return _refused(doors, request, "sign_on_unknown")
        response = doors.entered(request, entry)
        response.delete_cookie(COOKIE, path="/login/oidc")
        return response

    return routes


def _go(doors: Doors, provider: Provider, request: Request, invitation: str) -> Response:
    flow = new_flow(f"{request.url.scheme}://{request.headers.get('host', '')}{RETURN}")
    browser = secrets.token_urlsafe(24)
    body = {
        "nonce": flow.nonce,
        "verifier": flow.verifier,
        "redirect": flow.redirect,
        "browser": secret_hash(browser),
    }
    with changing(doors.engine) as connection:
        state = pending.begin(connection, "oidc", body, doors.now())
    try:
        target = provider.start(flow.redirect, state, flow)
    except SignOnFailed as failed:
        _log.warning("sign-on failed: %s", failed)
        return _refused(doors, request, "sign_on")
    response = RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE,
        f"{browser}.{invitation}",
        max_age=600,
        path="/login/oidc",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _identify(
    doors: Doors, provider: Provider, request: Request, code: str, state: str, issuer: str
) -> tuple[Identity, str]:
    browser, _, invitation = request.cookies.get(COOKIE, "").partition(".")
    with changing(doors.engine) as connection:
        body = pending.take(connection, "oidc", state, doors.now())
    if body is None or not secrets.compare_digest(body["browser"], secret_hash(browser)) or not code:
        raise SignOnFailed("another browser, another state, or too late")
    flow = Flow(body["nonce"], body["verifier"], body["redirect"])
    return provider.finish(code, flow, issuer), invitation


def _enter(doors: Doors, request: Request, identity: Identity, invitation: str) -> Entry | None:
    now, here = doors.now(), whence(request)
    with changing(doors.engine) as connection:
        person = _person(connection, doors, request, identity, invitation)
        if person is None:
            refusal = Note(Action.LOGIN_REFUSED, now, here, detail="sign-on: nobody here", refused=True)
            notes.note(connection, refusal)
            return None
        return come_in(
            connection,
            person,
            now,
            here,
            doors.limits,
            beyond_loopback=doors.beyond_loopback,
            how="sign-on",
        )


def _person(
    connection: Connection, doors: Doors, request: Request, identity: Identity, invitation: str
) -> Account | None:
    """Find whose identity it is; an invitation links it to a new account, or gives a linked one a place more."""
    now, here = doors.now(), whence(request)
    known = identities.find_identity(connection, identity.issuer, identity.subject)
    if known is not None:
        if invitation:
            invitations.accept_as_known(connection, invitation, known, now, here)
        return accounts.account(connection, known)
    settings = doors.settings.sign_on
    found = accounts.by_email(connection, identity.email) if settings and settings.link_by_email else None
    if invitation:
        login, name = identity.login, identity.name
        place = invitations.accept_as_new(connection, invitation, login, name, None, now, here)
        found = accounts.account(connection, place.account)
    if found is not None:
        identities.link_identity(connection, identity.issuer, identity.subject, found.id, now)
    return found


def _refused(doors: Doors, request: Request, code: str) -> Response:
    settings = doors.settings.sign_on
    name = settings.name if settings else ""
    return doors.page(request, "login", status=403, trouble=code, login="", next="", sign_on=name)
