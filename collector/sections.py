# SPDX-License-Identifier: Apache-2.0
"""The sections of collector.toml: what is a table there. An unknown key or a wrong value is an error."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

Detail = Literal["least", "names"]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A section of the file: every key known, nothing changes after reading."""


class Tls(Strict, frozen=True):
    """The site's own certificate; without one, beyond loopback, we make a self-signed one."""

    certificate: str = ""  # PEM file, the chain behind it
    key: str = ""  # PEM file of its private key


class SignOn(Strict, frozen=True):
    """A site's own sign-on by OpenID Connect: whom the collector believes about who somebody is."""

    issuer: str  # https://…; plain http on this machine only
    client_id: str
    secret_file: str = ""  # "" for a client without a secret; PKCE is used in any case
    name: str = "院内の共通ログイン"  # on the button
    link_by_email: bool = False  # lets in whose verified address an administrator wrote down
    ca_file: str = ""  # PEM, of a provider whose certificate the site's own authority signed


class Retention(Strict, frozen=True):
    """How long what was seen is kept: "3y", "18m", "90d"; "" keeps it for good (inventory_db.retention)."""

    transcripts: str = ""  # what was said word for word; the observation itself stays
    confirmations: str = ""  # "still the same": the first and last of every month stay
    journal: str = ""  # what we sent

    def span(self, kind: str) -> timedelta | None:
        """Give one of them as a length of time; None: for good. Raises Wrong."""
        text = str(getattr(self, kind))
        found = re.fullmatch(r"([1-9][0-9]{0,4})([dmy])", text)
        if text and (not found or int(found[1]) * _DAYS[found[2]] not in _KEPT):
            raise Wrong(
                f"retention.{kind}",
                text,
                '"3y"、"18m"、"90d" のような 30 日から 100 年までの長さ（空なら消さない）',
                'a length from 30 days to 100 years like "3y", "18m" or "90d" ("" keeps it for good)',
            )
        return timedelta(days=int(found[1]) * _DAYS[found[2]]) if found else None


class Mail(Strict, frozen=True):
    """The mail server for notices. A password travels under TLS only, and stands in a file of its own."""

    host: str = ""  # "": no mail
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"  # none: to loopback only
    ca_file: str = ""
    user: str = ""
    password_file: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()


class Webhook(Strict, frozen=True):
    """Where notices are posted as JSON, signed with HMAC-SHA256 by a secret in a file."""

    url: str = ""  # "": no webhook
    secret_file: str = ""
    ca_file: str = ""


class Notices(Strict, frozen=True):
    """What is told, and how much of it."""

    detail: Detail = "least"  # least: device numbers and links; names: device names and addresses too
    link: str = ""  # the pages' address as readers know it, https://…
    gather_minutes: int = 10  # that news wait for more, so that many become one message
    agent_silent_hours: int = 26  # an agent that scans each night is missed after the second silence
    certificate_days: int = 30
    backup_days: int = 0  # 0: nobody is told of old backups
    mail_to: dict[str, tuple[str, ...]] = {}  # number of a facility → its own readers instead of mail.to


class Wrong(Exception):
    """A value that cannot be used: its key, and what to write instead."""

    def __init__(self, key: str, value: object, ja: str, en: str) -> None:
        super().__init__(key)
        self.key, self.value, self.ja, self.en = key, value, ja, en


SECTIONS: dict[str, type[Strict]] = {
    "tls": Tls,
    "sign_on": SignOn,
    "retention": Retention,
    "mail": Mail,
    "webhook": Webhook,
    "notices": Notices,
}
_DAYS = {"d": 1, "m": 31, "y": 366}  # rather a day too long than too short
_KEPT = range(30, 36_601)


def read_section(name: str, table: object) -> Strict:
    """Make one section from its TOML table; raises msgspec.ValidationError or Wrong."""
    section = msgspec.convert(table, SECTIONS[name])
    check_section(section)
    return section


def check_section(section: Strict) -> None:
    """Raise Wrong for values that contradict each other or would leak."""
    match section:
        case Tls():
            _check_tls(section)
        case SignOn():
            _check_sign_on(section)
        case Retention():
            for kind in Retention.__struct_fields__:
                section.span(kind)
        case Mail():
            _check_mail(section)
        case Webhook():
            _check_webhook(section)
        case Notices():
            _check_notices(section)


def is_loopback(host: str) -> bool:
    """Say whether a host name stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_secret(path: str) -> str:
    """Give the secret in a file, without the line's end; raises OSError, UnicodeDecodeError."""
    return Path(path).expanduser().read_text("utf-8").strip()


def _check_tls(tls: Tls) -> None:
    if bool(tls.certificate) != bool(tls.key):
        raise Wrong("tls.key", tls.key, "certificate と key の両方", "both certificate and key")


def _check_sign_on(sign_on: SignOn) -> None:
    parts = urlsplit(sign_on.issuer)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.query or parts.fragment:
        raise Wrong(
            "sign_on.issuer", sign_on.issuer, "https:// で始まる URL", "a URL that begins with https://"
        )
    if not sign_on.client_id:
        raise Wrong(
            "sign_on.client_id", "", "提供者に登録した client_id", "the client_id that the provider knows"
        )


def _check_mail(mail: Mail) -> None:
    if not mail.host:
        return
    if mail.security == "none" and not is_loopback(mail.host):
        ja = '"starttls" か "tls"（"none" はこの機械の中のメールサーバーだけ）'
        raise Wrong("mail.security", "none", ja, '"starttls" or "tls" ("none" is for loopback only)')
    if not 1 <= mail.port <= 65535:
        raise Wrong("mail.port", mail.port, "1 から 65535 までの数", "a number from 1 to 65535")
    if bool(mail.user) != bool(mail.password_file):
        ja, en = "user と password_file の両方", "both user and password_file"
        raise Wrong("mail.password_file", mail.password_file, ja, en)
    for key, addresses in (("mail.sender", (mail.sender,)), ("mail.to", mail.to)):
        _check_addresses(key, addresses)


def _check_addresses(key: str, addresses: tuple[str, ...]) -> None:
    for address in addresses:
        name, at, domain = address.rpartition("@")
        plain = address.isascii() and address.isprintable() and not set(' ,;<>"') & set(address)
        if not (name and at and domain and plain):
            raise Wrong(
                key, address, "kanri@hospital.example の形のアドレス", "an address like it@hospital.example"
            )


def _check_webhook(webhook: Webhook) -> None:
    if not webhook.url:
        return
    parts = urlsplit(webhook.url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not (secure and parts.hostname) or parts.username or parts.password:
        ja = "https:// で始まり、名前とパスワードを含まない URL"
        raise Wrong("webhook.url", "…", ja, "a URL that begins with https:// and holds no credentials")
    if not webhook.secret_file:
        ja, en = "署名の鍵を書いたファイル", "a file that holds the secret for signatures"
        raise Wrong("webhook.secret_file", "", ja, en)


def _check_notices(notices: Notices) -> None:
    bounds = {
        "gather_minutes": (0, 24 * 60),
        "agent_silent_hours": (1, 24 * 366),
        "certificate_days": (1, 825),
        "backup_days": (0, 3660),
    }
    for key, (least, most) in bounds.items():
        if not least <= getattr(notices, key) <= most:
            ja, en = f"{least} から {most} までの数", f"a number from {least} to {most}"
            raise Wrong(f"notices.{key}", getattr(notices, key), ja, en)
    if notices.link and urlsplit(notices.link).scheme not in ("http", "https"):
        raise Wrong("notices.link", notices.link, "https:// で始まる URL", "a URL that begins with https://")
    for facility, addresses in notices.mail_to.items():
        if not (facility.isascii() and facility.isdigit()):
            raise Wrong("notices.mail_to", facility, "施設の番号", "the number of a facility")
        _check_addresses("notices.mail_to", addresses)
