# SPDX-License-Identifier: Apache-2.0
"""The collector's settings as an administrator of one facility may read them: no secret, nobody else's addresses. Pure."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from collector.documents.pack_key import key_folder
from collector.sections import SECTIONS
from collector.settings import Settings
from inventory_db.binding import FIRST

NOTHING, WRITTEN, OFF, FOREVER = "nothing", "written", "off", "forever"  # words that stand for a value
_UNREAD = "…"  # a URL of which nothing can be shown without the risk to show a secret
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (  # every field of Settings, in the order of the page
    ("place", ("ledger", "state_folder", "facility", "language", "time_zone", "log_format")),
    ("reach", ("host", "port", "host_names", "behind_proxy", "tls", "metrics_token_file")),
    ("login", ("session_idle_minutes", "session_hours", "sign_on")),
    ("judging", ("scan_days",)),
    ("retention", ("retention",)),
    ("notices", ("mail", "webhook", "notices")),
)
_WRITTEN = (
    "key",
    "user",
    "secret_file",
    "password_file",
    "metrics_token_file",
)  # that it is set, and no more


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting: its key as collector.toml has it, its value as text, or a word in its place."""

    key: str
    value: str
    word: str = ""  # NOTHING, WRITTEN, OFF, FOREVER, "yes" or "no" where the value is told in words
    shipped: bool = True  # it is what it is where nobody writes it

    @property
    def name(self) -> str:
        """The key as part of a sentence's name."""
        return self.key.replace(".", "_")


def shown_settings(settings: Settings, facility: int) -> list[tuple[str, tuple[Shown, ...]]]:
    """Give the settings in effect, in groups; of readers of notices only those of this facility.

    `facility` of collector.toml is the name of the first one, and shown there only.
    """
    return [
        (group, tuple(one for key in keys for one in _of(settings, key, facility))) for group, keys in GROUPS
    ]


def _of(settings: Settings, key: str, facility: int) -> Iterator[Shown]:
    value = getattr(settings, key)
    if key == "facility" and facility != FIRST:
        return
    if key == "state_folder":
        yield Shown(key, str(key_folder(value, os.environ)), "", value == "")
    elif key not in SECTIONS:
        yield _shown(key, value, value == getattr(Settings(), key))
    elif value is None:
        yield Shown(key, "", OFF)
    else:
        for field in msgspec.structs.fields(SECTIONS[key]):
            name, one, bare = field.name, getattr(value, field.name), field.default
            if (key, name) == ("mail", "to"):
                one = settings.notices.mail_to.get(str(facility), one)
            if (key, name) != ("notices", "mail_to"):  # shown as mail.to
                yield _shown(f"{key}.{name}", one, one == bare)


def _shown(key: str, value: object, shipped: bool) -> Shown:
    name = key.rpartition(".")[2]
    if isinstance(value, bool):
        return Shown(key, "", "yes" if value else "no", shipped)
    if value in ("", (), None):
        return Shown(key, "", FOREVER if key.startswith("retention.") else NOTHING, shipped)
    if name in _WRITTEN:
        return Shown(key, "", WRITTEN, shipped)
    if key == "ledger":
        return Shown(key, _without_password(str(value)), "", shipped)
    if key == "webhook.url":
        return Shown(key, _place(str(value)), "", shipped)
    return Shown(key, ", ".join(map(str, value)) if isinstance(value, tuple) else str(value), "", shipped)


def _without_password(ledger: str) -> str:
    """A file as it is written; of a URL only which server and database, for user, password and options may tell.

    It is read as the ledger is opened: there a password may hold / ? and # as they are, to other readers of URLs not.
    What holds an @ after that is not understood, and may be part of a password.
    """
    if "://" not in ledger:
        return ledger
    try:
        url = make_url(ledger)
    except (ArgumentError, ValueError):
        return _UNREAD
    if ledger.count("@") > 1 or "@" in f"{url.host}{url.database}":
        return _UNREAD
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def _place(url: str) -> str:
    """Scheme, host and port of a URL that is called; an @ further on may be the end of a password with a /."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return _UNREAD
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return _UNREAD
    return f"{parts.scheme}://{parts.hostname or ''}{port}{'/…' * bool(parts.path.strip('/'))}"
