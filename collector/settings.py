# SPDX-License-Identifier: Apache-2.0
"""collector.toml as one frozen value; anything unknown or impossible in it is an error that names it."""

import difflib
import ipaddress
import tomllib
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
    host: str = "127.0.0.1"  # address to listen on; loopback only, as long as there is no login
    port: int = 8000
    language: str = "ja"  # of a visitor whose browser asks for neither Japanese nor English
    time_zone: str = "Asia/Tokyo"
    facility: str = ""  # name shown above the ledger
    state_folder: str = ""  # of the key that signs packs; "" is daicho in XDG_STATE_HOME or ~/.local/state
    host_names: tuple[str, ...] = ()  # further names under which a browser may ask for the pages
    scan_days: int = 31  # days that a scan supports はい in the checklist

    def __post_init__(self) -> None:
        """Refuse values that cannot be right."""
        _check_types(self)
        _check_host(self.host)
        if not 1 <= self.port <= 65535:
            raise _wrong("port", self.port, "1 から 65535 までの数", "a number from 1 to 65535")
        if self.language not in LANGUAGES:
            raise _wrong("language", self.language, '"ja" か "en"', '"ja" or "en"')
        if not 1 <= self.scan_days <= 3660:
            raise _wrong(
                "scan_days", self.scan_days, "1 から 3660 までの日数", "a number of days from 1 to 3660"
            )
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
    known = [field.name for field in fields(Settings)]
    for key in table:
        if key not in known:
            raise _unknown(key, known)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Settings(**values)  # type: ignore[arg-type]  # __post_init__ checks every type


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Give the moment on the clock of the facility; one without an offset counts as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)


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
    for name in ("ledger", "host", "language", "time_zone", "facility", "state_folder"):
        if not isinstance(getattr(settings, name), str):
            raise _wrong(name, getattr(settings, name), "文字列", "a text in quotes")
    if not isinstance(settings.port, int) or isinstance(settings.port, bool):
        raise _wrong("port", settings.port, "1 から 65535 までの数", "a number from 1 to 65535")
    if not isinstance(settings.scan_days, int) or isinstance(settings.scan_days, bool):
        raise _wrong(
            "scan_days", settings.scan_days, "1 から 3660 までの日数", "a number of days from 1 to 3660"
        )
    names = settings.host_names
    if not isinstance(names, tuple) or not all(isinstance(name, str) and name for name in names):
        raise _wrong("host_names", names, "文字列の一覧", "a list of texts")


def _check_host(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            f"host に {host!r} は使えません。まだログインの仕組みがないため、"
            "ページはこの機械の中（127.0.0.1 か ::1）だけで開けます。",
            f"{host!r} cannot be used as host. There is no login yet, so the pages are served on this "
            "machine only (127.0.0.1 or ::1).",
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
