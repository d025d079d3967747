# SPDX-License-Identifier: Apache-2.0
"""Second factor by key, fingerprint or face (W3C WebAuthn level 2), bound to the host name of this very page."""

import json
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy import Connection
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from collector.security import host_name
from inventory_db import pending, second_factors, tries
from inventory_db.accounts import Account

MOST_CREDENTIAL = 20_000  # characters of JSON from a browser


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks a browser's authenticator."""

    options: str  # JSON for navigator.credentials
    word: str  # under which the answer is expected, once


@dataclass(frozen=True, slots=True)
class Place:
    """The page that asks: a key answers to this name and no other."""

    host: str
    origin: str

    @property
    def usable(self) -> bool:
        """Whether keys can be bound to it: a name and not an address (WebAuthn §5.1.2)."""
        return bool(self.host) and ":" not in self.host and not self.host.replace(".", "").isdigit()


def place_of(request: Request) -> Place:
    """Give the place under which the browser asked."""
    host = request.headers.get("host", "").lower()
    return Place(host_name(host), f"{request.url.scheme}://{host}")


def ask_new(connection: Connection, place: Place, person: Account, now: datetime) -> Question:
    """Ask for a new key of this person."""
    known = second_factors.list_passkeys(connection, person.id)
    options = generate_registration_options(
        rp_id=place.host,
        rp_name="daicho",
        user_id=person.id.encode(),
        user_name=person.login,
        user_display_name=person.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=key.credential) for key in known],
    )
    body = {"challenge": bytes_to_base64url(options.challenge), "account": person.id, "host": place.host}
    return Question(options_to_json(options), pending.begin(connection, "key_new", body, now))


def keep_new(
    connection: Connection, place: Place, account: str, word: str, answer: str, name: str, now: datetime
) -> bool:
    """Keep the key that the browser gave for our question; False for anything that does not fit."""
    body = pending.take(connection, "key_new", word, now)
    if body is None or body["account"] != account or body["host"] != place.host:
        return False
    try:
        made = verify_registration_response(
            credential=_read(answer),
            expected_challenge=base64url_to_bytes(body["challenge"]),
            expected_rp_id=place.host,
            expected_origin=place.origin,
        )
    except Exception:  # hostile CBOR and JSON: whatever it breaks, it is no key
        return False
    return second_factors.add_passkey(
        connection, account, made.credential_id, made.credential_public_key, made.sign_count, name, now
    )


def ask_known(connection: Connection, place: Place, account: str, now: datetime) -> Question | None:
    """Ask for one of the keys of this person; None if there is none."""
    keys = second_factors.list_passkeys(connection, account)
    if not keys or not place.usable:
        return None
    options = generate_authentication_options(
        rp_id=place.host,
        allow_credentials=[PublicKeyCredentialDescriptor(id=key.credential) for key in keys],
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    body = {"challenge": bytes_to_base64url(options.challenge), "account": account, "host": place.host}
    return Question(options_to_json(options), pending.begin(connection, "key_known", body, now))


def check_known(
    connection: Connection, place: Place, account: str, word: str, answer: str, now: datetime
) -> bool:
    """Say whether a key of this person answered our question; a counter that ran back is a copied key."""
    body = pending.take(connection, "key_known", word, now)
    if body is None or body["account"] != account or not tries.take_account(connection, account, now):
        return False
    try:
        credential = _read(answer)
        given = base64url_to_bytes(str(credential["rawId"]))
        key = next(
            one for one in second_factors.list_passkeys(connection, account) if one.credential == given
        )
        seen = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(body["challenge"]),
            expected_rp_id=place.host,
            expected_origin=place.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.count,
        )
    except Exception:  # hostile CBOR and JSON, an unknown key, a wrong signature: no answer
        return False
    if not second_factors.use_passkey(connection, key, seen.new_sign_count, now):
        return False
    tries.forget(connection, account)
    return True


def _read(answer: str) -> dict[str, object]:
    found = json.loads(answer[:MOST_CREDENTIAL])
    if not isinstance(found, dict):
        raise TypeError("no credential")
    return found
