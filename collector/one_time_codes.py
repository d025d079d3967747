# SPDX-License-Identifier: Apache-2.0
"""Second factor by app: a shared secret, six digits every half minute (RFC 6238), each taken once at most.

A try costs a ticket of the account, as a password does; the same goes for recovery codes.
"""

import hmac
from datetime import datetime
from pathlib import Path

import pyotp
import segno
from markupsafe import Markup
from sqlalchemy import Connection

from collector.sealing import seal, unseal
from inventory_db import second_factors, tries
from inventory_db.accounts import Account

STEP = 30  # seconds


def begin(connection: Connection, folder: Path, person: Account) -> str:
    """Give the secret that the person's app must take up: the one that waits for its first code, or a new one."""
    waiting = second_factors.find_totp(connection, person.id)
    if waiting is not None and not waiting.confirmed:
        return unseal(folder, waiting.sealed, person.id)
    secret = pyotp.random_base32()
    second_factors.start_totp(connection, person.id, seal(folder, secret, person.id))
    return secret


def picture(secret: str, person: Account, facility: str) -> Markup:
    """Give the QR code that an app reads, as SVG in the page."""
    issuer = f"daicho {facility}".strip()[:60].replace(":", " ")
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.login.replace(":", " "), issuer_name=issuer)
    svg = segno.make(uri, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(svg)  # noqa: S704 - segno draws squares; no text of ours or theirs is in it


def spaced(secret: str) -> str:
    """Write a secret so that a person can type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def check(connection: Connection, folder: Path, account: str, code: str, now: datetime) -> str:
    """Say which second factor the code is, "totp" or "recovery", and use it up; "" for a wrong one."""
    if not tries.take_account(connection, account, now):
        return ""
    found = "totp" if _take_code(connection, folder, account, code, now) else ""
    if not found and second_factors.take_recovery_code(connection, account, code, now):
        found = "recovery"
    if found:
        tries.forget(connection, account)
    return found


def confirm(connection: Connection, folder: Path, account: str, code: str, now: datetime) -> bool:
    """Take the first code of a new app, which counts from then on."""
    waiting = second_factors.find_totp(connection, account)
    if waiting is None or waiting.confirmed or not tries.take_account(connection, account, now):
        return False
    step = matching_step(unseal(folder, waiting.sealed, account), code, now)
    if step is None or not second_factors.take_step(connection, account, step):
        return False
    tries.forget(connection, account)
    second_factors.confirm_totp(connection, account, now)
    return True


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Give the time step of a code: this one, the one before or the one after; None for a wrong code."""
    plain = "".join(code.split())
    current = int(now.timestamp()) // STEP
    hits = [
        step
        for step in (current - 1, current, current + 1)
        if step >= 0 and hmac.compare_digest(pyotp.HOTP(secret).at(step).encode(), plain.encode())
    ]
    return hits[0] if hits else None


def _take_code(connection: Connection, folder: Path, account: str, code: str, now: datetime) -> bool:
    app = second_factors.find_totp(connection, account)
    if app is None or not app.confirmed:
        return False
    step = matching_step(unseal(folder, app.sealed, account), code, now)
    return step is not None and second_factors.take_step(connection, account, step)
