# SPDX-License-Identifier: Apache-2.0
"""collector.toml as one frozen value; anything unknown or impossible in it is an error that names it."""

import difflib
import ipaddress
import tomllib
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from collector.sections import (
    SECTIONS,
    Mail,
    Notices,
    Retention,
    SignOn,
    Tls,
    Webhook,
    Wrong,
    read_section,
)

LANGUAGES = ("ja", "en")
_JAPAN = timezone(timedelta(hours=9), "Asia/Tokyo")  # no summer time: right even without a zone database


class SettingsError(Exception):
    """The settings cannot be used; `ja` and `en` say what is wrong, what it means, what to do."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja}\n{en}")
        self.ja = ja
        self.en = en


@dataclass(frozen=True, slots=True)
class Settings:
    """How the collector runs. Raises SettingsError when made from values that cannot be right."""

    ledger: str = "daicho.sqlite"  # SQLite file, or postgresql+psycopg://…
    host: str = "127.0.0.1"  # address to listen on; beyond loopback under TLS, or behind a proxy that has it
    port: int = 8000
    language: str = "ja"  # of a visitor whose browser asks for neither Japanese nor English
    time_zone: str = "Asia/Tokyo"
    facility: str = ""  # name shown above the ledger
    state_folder: str = ""  # of the key that signs packs; "" is daicho in XDG_STATE_HOME or ~/.local/state
    host_names: tuple[str, ...] = ()  # further names under which a browser may ask for the pages
    scan_days: int = 31  # days that a scan supports はい in the checklist
    behind_proxy: tuple[str, ...] = ()  # addresses of TLS proxies whose X-Forwarded-* are believed
    metrics_token_file: str = ""  # holds the word that /metrics and /readyz want of others than this machine
    log_format: str = "auto"  # json, text; auto: text with warnings only on a terminal, else json
    tls: Tls = field(default_factory=Tls)
    session_idle_minutes: int = 30  # without a request, after which a login ends
    session_hours: int = 12  # after which it ends in any case
    sign_on: SignOn | None = None  # the site's own sign-on
    retention: Retention = field(default_factory=Retention)
    mail: Mail = field(default_factory=Mail)
    webhook: Webhook = field(default_factory=Webhook)
    notices: Notices = field(default_factory=Notices)

    def __post_init__(self) -> None:
        """Refuse values that cannot be right."""
        _check_types(self)
        _check_host(self)
        if not 1 <= self.port <= 65535:
            raise _wrong("port", self.port, "1 から 65535 までの数", "a number from 1 to 65535")
        if self.language not in LANGUAGES:
            raise _wrong("language", self.language, '"ja" か "en"', '"ja" or "en"')
        if not 1 <= self.scan_days <= 3660:
            raise _wrong(
                "scan_days", self.scan_days, "1 から 3660 までの日数", "a number of days from 1 to 3660"
            )
        if self.log_format not in ("auto", "json", "text"):
            ja, en = '"auto" か "json" か "text"', '"auto", "json" or "text"'
            raise _wrong("log_format", self.log_format, ja, en)
        _check_number("session_idle_minutes", self.session_idle_minutes, 1440)
        _check_number("session_hours", self.session_hours, 168)
        _find_zone(self.time_zone)

    @property
    def age_limit(self) -> timedelta:
        """How long a scan supports はい."""
        return timedelta(days=self.scan_days)

    @property
    def zone(self) -> tzinfo:
        """The time zone in which people read times."""
        return _find_zone(self.time_zone)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Names in a Host header that we answer to, lower case; others are refused (DNS rebinding)."""
        own = {"localhost", "127.0.0.1", "::1", self.host, *self.host_names}
        return frozenset(name.lower() for name in own)


def load_settings(path: Path) -> Settings:
    """Read collector.toml; raises SettingsError naming what is wrong, unknown keys included."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"設定ファイル {path} を読めません（{error.strerror}）。場所と読み取り権限を確かめてください。",
            f"The settings file {path} cannot be read ({error.strerror}). Check its place and permissions.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"設定ファイル {path} は TOML として読めません（{error}）。示された行を直してください。",
            f"The settings file {path} is not TOML ({error}). Correct the line that it names.",
        ) from error
    return make_settings(table)


def make_settings(table: dict[str, object]) -> Settings:
    """Make settings from a TOML table; raises SettingsError for an unknown key or a wrong value."""
    known = [one.name for one in fields(Settings)]
    for key in table:
        if key not in known:
            raise _unknown(key, known)
    values = {key: _value(key, value) for key, value in table.items()}
    return Settings(**values)  # type: ignore[arg-type]  # __post_init__ checks every type


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Give the moment on the clock of the facility; one without an offset counts as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)


def _value(key: str, value: object) -> object:
    if key not in SECTIONS:
        return tuple(value) if isinstance(value, list) else value
    try:
        return read_section(key, value)
    except Wrong as wrong:
        raise _wrong(wrong.key, wrong.value, wrong.ja, wrong.en) from wrong
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"設定の [{key}] に知らない項目か、値の誤りがあります（{error}）。項目名と値を直してください。",
            f"The section [{key}] of the settings has an unknown key or a wrong value ({error}). Correct it.",
        ) from error


def _unknown(key: str, known: list[str]) -> SettingsError:
    near = difflib.get_close_matches(key, known, n=1)
    hint_ja = f"「{near[0]}」の誤りではありませんか。" if near else ""
    hint_en = f"Did you mean “{near[0]}”? " if near else ""
    return SettingsError(
        f"設定に知らない項目「{key}」があります。{hint_ja}使える項目: {', '.join(known)}",
        f"The settings have an unknown key “{key}”. {hint_en}Known keys: {', '.join(known)}",
    )


def _wrong(key: str, value: object, ja: str, en: str) -> SettingsError:
    return SettingsError(
        f"設定「{key}」の値 {value!r} は使えません。{ja}を書いてください。",
        f"The value {value!r} of the setting “{key}” cannot be used. Write {en}.",
    )


def _check_types(settings: Settings) -> None:
    texts = (
        "ledger",
        "host",
        "language",
        "time_zone",
        "facility",
        "state_folder",
        "metrics_token_file",
        "log_format",
    )
    for name in texts:
        if not isinstance(getattr(settings, name), str):
            raise _wrong(name, getattr(settings, name), "文字列", "a text in quotes")
    if not isinstance(settings.port, int) or isinstance(settings.port, bool):
        raise _wrong("port", settings.port, "1 から 65535 までの数", "a number from 1 to 65535")
    if not isinstance(settings.scan_days, int) or isinstance(settings.scan_days, bool):
        raise _wrong(
            "scan_days", settings.scan_days, "1 から 3660 までの日数", "a number of days from 1 to 3660"
        )
    for proxy in settings.behind_proxy if isinstance(settings.behind_proxy, tuple) else (None,):
        if not _is_address(proxy):
            raise _wrong(
                "behind_proxy", proxy, "10.0.0.5 の形のアドレスの一覧", "a list of addresses like 10.0.0.5"
            )
    names = settings.host_names
    if not isinstance(names, tuple) or not all(isinstance(name, str) and name for name in names):
        raise _wrong("host_names", names, "文字列の一覧", "a list of texts")


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def _check_number(key: str, value: object, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise _wrong(key, value, f"1 から {most} までの数", f"a number from 1 to {most}")


def _check_host(settings: Settings) -> None:
    """Refuse what is no address of ours, and an address under which nobody could ask for the pages."""
    if settings.host == "localhost":
        return
    if not _is_address(settings.host):
        ja, en = "127.0.0.1 や 192.168.1.10 の形のアドレス", "an address like 127.0.0.1 or 192.168.1.10"
        raise _wrong("host", settings.host, ja, en)
    if ipaddress.ip_address(settings.host).is_unspecified and not settings.host_names:
        raise SettingsError(
            f"host を {settings.host!r} にするときは、画面を開くときの名前かアドレスを host_names に書いてください。"
            "証明書もその名前で作ります。",
            f"With {settings.host!r} as host, write the names or addresses under which the pages are opened as host_names; "
            "the certificate is made for them.",
        )


def _find_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        if name == "Asia/Tokyo":
            return _JAPAN
        raise _wrong(
            "time_zone", name, "Asia/Tokyo のような時間帯の名前", "a name like Asia/Tokyo"
        ) from error
