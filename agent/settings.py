# SPDX-License-Identifier: Apache-2.0
"""agent.toml as frozen values; an unknown key, a wrong type or an unreadable file is an error.

All sizes are packets, bytes or seconds as the field's name or comment says.
"""

import math
import tomllib
from datetime import time, timedelta, timezone, tzinfo
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agent.access_settings import AccessSection, check_access
from agent.refusal import Refusal
from agent.settings_trouble import in_japanese, line_of
from agent.ssh_settings import SshSecret, check_ssh

Profile = Literal["listen", "gentle", "standard", "deep"]
ByName = Literal["smb_interfaces", "candidate_arp", "candidate_echo"]
Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

LEAST_SPOOL = 16 * 1024 * 1024  # bytes; less holds not even one batch of uploads in comfort
MOST_WHOLE_DAYS = 28  # verdicts take no looking for fresh that is older than 31 days
_JAPAN = timezone(timedelta(hours=9), "Asia/Tokyo")  # no summer time: right even without a zone database


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A section of the file: every key known, nothing changes after reading."""


class Blackout(Strict, frozen=True, rename={"start": "from", "end": "to"}):
    """A time of the day in which nothing is sent. `end` before `start` reaches over midnight."""

    start: str  # "08:30"
    end: str  # "18:00"
    days: tuple[Weekday, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Host(Strict, frozen=True):
    """What the site allows for single hosts, with its reason."""

    address: str
    allow: tuple[Literal["fragile", "dicom", "deep", "default_community"], ...]
    reason: str


class ScopeSection(Strict, frozen=True):
    """The written scope: what may be touched at all."""

    networks: tuple[str, ...] = ()
    public: tuple[str, ...] = ()  # public addresses, one by one
    never: tuple[str, ...] = ()
    techniques: tuple[ByName, ...] = ()  # what is off unless the site allows it by name
    candidates: tuple[str, ...] = ()  # networks of which an address may be asked of a suspect's own MAC
    outside: tuple[
        str, ...
    ] = ()  # "203.0.113.5:443": does each segment reach it? At most one; off unless named
    blackout: tuple[Blackout, ...] = ()
    host: tuple[Host, ...] = ()
    allow_large: bool = False


class PaceSection(Strict, frozen=True):
    """How fast, at most. Packets count everything that leaves us, kernel acknowledgements included."""

    packets_per_host: int = 10  # in any second
    packets: int = 1000  # in any second, whole agent
    packets_per_segment: int = 300  # in any second, all hosts of one network together
    broadcasts: int = 100  # ARP requests on one segment in any second: every device there hears each
    connection_gap: float = 0.2  # seconds between two connections to one host
    packets_per_host_and_scan: int = 120
    payload_bytes_per_host_and_scan: int = 32_768
    hosts_at_once: int = 64


class SnmpSecret(Strict, frozen=True):
    """An SNMP credential of the site: a v2c community or a v3 user, for some networks."""

    hosts: tuple[str, ...]
    community: str = ""
    user: str = ""
    auth: Literal["", "md5", "sha1", "sha256", "sha512"] = ""
    auth_key: str = ""
    privacy: Literal["", "des", "aes128", "aes256"] = ""
    privacy_key: str = ""
    tables: bool = False  # also long tables (ARP, bridge, routes), as a deep scan reads them
    interface: str = ""  # only by this card of ours; needed where two networks have the same numbers

    def __repr__(self) -> str:
        """Never show the secret."""
        return f"SnmpSecret(hosts={self.hosts!r}, user={self.user!r}, …)"


class Collector(Strict, frozen=True):
    """Where uploads go."""

    url: str = ""
    ca_file: str = ""
    fingerprint: str | tuple[str, ...] = ()  # SHA-256 of the certificate; two while it is being renewed


class ScheduleSection(Strict, frozen=True):
    """When the long-running agent scans: either every so many hours, or at a time of the day."""

    every_hours: float = 0.0  # from start to start
    at: str = ""  # "02:00"
    days: tuple[Weekday, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # for `at`
    time_zone: str = "Asia/Tokyo"  # of `at`, and of the blackout windows
    jitter_minutes: float = 0.0  # spreads the agents of one site over this time
    whole_every_days: float = (
        7.0  # a stable host is asked whole so often, and confirmed between; 0: every scan
    )

    def __bool__(self) -> bool:
        """Whether a schedule is written at all."""
        return bool(self.every_hours or self.at)


class Segment(Strict, frozen=True):
    """How one network is scanned, where it is not as the rest."""

    network: str
    profile: Profile


class Settings(Strict, frozen=True):
    """All of agent.toml."""

    scope: ScopeSection = ScopeSection()
    pace: PaceSection = PaceSection()
    snmp: tuple[SnmpSecret, ...] = ()
    ssh: tuple[SshSecret, ...] = ()
    access: tuple[AccessSection, ...] = ()
    collector: Collector = Collector()
    schedule: ScheduleSection = ScheduleSection()
    profile: Profile = "standard"
    segment: tuple[Segment, ...] = ()
    listen_seconds: float = 3.0
    listen_between: bool = False  # the long-running agent also listens between its scans
    state_folder: str = ""  # "": daicho in $XDG_STATE_HOME, or in ~/.local/state
    spool_bytes: int = 2 * 1024**3  # that spool and journal may take on the agent's disk


def read_settings(path: Path) -> Settings:
    """Read agent.toml; raises Refusal naming the key or line."""
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(
            f"設定ファイル {path} を読めません。ファイルの場所と権限を確認してください。",
            f"Cannot read the settings file {path}. Check that it exists, may be read and is UTF-8.",
        ) from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # also a number of thousands of digits, and very deep brackets
        raise Refusal(
            f"設定ファイル {path} の書き方に誤りがあります（{error}）。その行を直してください。何も送信していません。",
            f"The settings file {path} is not valid TOML ({error}). Correct that line. Nothing was sent.",
        ) from error
    try:
        return settings_from(raw, str(path))
    except Refusal as refusal:
        raise on_its_line(refusal, text) from refusal


def on_its_line(refusal: Refusal, text: str) -> Refusal:
    """Name the line of this file that was refused, where it can be told."""
    line = line_of(text, refusal.en)
    if not line:
        return refusal
    return Refusal(f"{line} 行目: {refusal.ja}", f"Line {line}: {refusal.en}", permitted=refusal.permitted)


def settings_from(raw: object, where: str) -> Settings:
    """Turn parsed TOML into settings; raises Refusal naming the key."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise Refusal(
            f"{where} に知らない項目か、値の誤りがあります（{in_japanese(str(error))}）。項目名と値を直してください。何も送信していません。",
            f"{where} has an unknown key or a wrong value ({error}). Correct it. Nothing was sent.",
        ) from error
    _check_pace(settings.pace, where)
    _check_number(where, "listen_seconds", settings.listen_seconds, 0, 86_400)
    for place, secret in enumerate(settings.snmp):
        _check_snmp(secret, where, f"snmp[{place}]")
    _check_segments(settings.segment, where)
    check_ssh(settings.ssh, where)
    check_access(settings.access, where)
    _check_schedule(settings.schedule, where)
    if settings.spool_bytes < LEAST_SPOOL:
        raise _wrong(where, "spool_bytes", f"{LEAST_SPOOL} 以上の数", f"a number of at least {LEAST_SPOOL}")
    return settings


def find_zone(name: str) -> tzinfo:
    """Give the time zone of this name; raises KeyError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        if name == "Asia/Tokyo":
            return _JAPAN
        raise KeyError(name) from error


def _check_schedule(schedule: ScheduleSection, where: str) -> None:
    """Refuse a schedule that says two things, or nothing that a clock could show."""
    if schedule.every_hours and schedule.at:
        raise _wrong(
            where, "schedule", "every_hours か at のどちらか一方だけ", "either every_hours or at, not both"
        )
    hours, minutes = schedule.every_hours, schedule.jitter_minutes
    if not (hours == 0 or 0.25 <= hours <= 24 * 366):  # false for nan, too
        raise _wrong(where, "schedule.every_hours", "0.25 から 8784 までの数", "a number from 0.25 to 8784")
    if not (math.isfinite(minutes) and 0 <= minutes < 24 * 60):
        raise _wrong(
            where, "schedule.jitter_minutes", "0 以上 1440 未満の数", "a number from 0 to below 1440"
        )
    _check_number(where, "schedule.whole_every_days", schedule.whole_every_days, 0, MOST_WHOLE_DAYS)
    if schedule.at and not _is_clock_time(schedule.at):
        raise _wrong(where, "schedule.at", "02:00 の形の時刻", "a time like 02:00")
    if not schedule.days:
        raise _wrong(where, "schedule.days", "曜日を1つ以上（Mon など）", "at least one weekday, like Mon")
    try:
        find_zone(schedule.time_zone)
    except KeyError as error:
        raise _wrong(
            where, "schedule.time_zone", "Asia/Tokyo のような時間帯の名前", "a name like Asia/Tokyo"
        ) from error


def _is_clock_time(text: str) -> bool:
    try:
        return text == time.fromisoformat(text).strftime("%H:%M")
    except ValueError:
        return False


def _wrong(where: str, key: str, ja: str, en: str) -> Refusal:
    return Refusal(
        f"{where} の {key} の値は使えません。{ja}を書いてください。何も送信していません。",
        f"{where}: the value of {key} cannot be used. Write {en}. Nothing was sent.",
    )


# The ceilings are far above any reasonable pace: what lies beyond is a slip of the pen, and would do harm.
_BOUNDS: dict[str, tuple[float, float]] = {
    "packets_per_host": (6, 200),  # one connection takes up to 6 packets
    "packets": (6, 20_000),
    "packets_per_segment": (6, 20_000),
    "broadcasts": (1, 1_000),
    "connection_gap": (0, 60),
    "packets_per_host_and_scan": (6, 10_000),
    "payload_bytes_per_host_and_scan": (100, 1_000_000),
    "hosts_at_once": (1, 1_024),
}


def _check_pace(pace: PaceSection, where: str) -> None:
    for name, (least, most) in _BOUNDS.items():
        _check_number(where, f"pace.{name}", getattr(pace, name), least, most)


def _check_number(where: str, key: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # so written, it refuses nan as well
        raise _wrong(where, key, f"{least:g} から {most:g} までの数", f"a number from {least:g} to {most:g}")


def _check_snmp(secret: SnmpSecret, where: str, key: str) -> None:
    """Refuse a credential that could go nowhere, or to somewhere else than the site meant."""
    for text in secret.hosts:
        if not _is_network(text):
            raise _wrong(
                where,
                f"{key}.hosts",
                f"「{text[:80]}」の代わりに 192.168.1.1 や 192.168.1.0/24 の形",
                (f"addresses or networks like 192.168.1.0/24 instead of “{text[:80]}”"),
            )
    if not secret.hosts:
        raise _wrong(where, f"{key}.hosts", "対象のアドレスを1つ以上", "at least one address")
    if bool(secret.community) == bool(secret.user):
        raise _wrong(
            where, f"{key}.community", "community か user のどちらか一方", "either community or user"
        )
    if bool(secret.auth) != bool(secret.auth_key):
        raise _wrong(where, f"{key}.auth_key", "auth と auth_key の両方", "both auth and auth_key")
    if bool(secret.privacy) != bool(secret.privacy_key) or (secret.privacy and not secret.auth):
        raise _wrong(
            where, f"{key}.privacy_key", "privacy と privacy_key と auth", "privacy with privacy_key and auth"
        )


def _check_segments(segments: tuple[Segment, ...], where: str) -> None:
    """Refuse segments that are no networks, or of which one address would have two profiles."""
    for place, segment in enumerate(segments):
        if not _is_network(segment.network):
            raise _wrong(
                where, f"segment[{place}].network", "192.168.1.0/24 の形の網", "a network like 192.168.1.0/24"
            )
        here = ip_network(segment.network, strict=False)
        others = (ip_network(other.network, strict=False) for other in segments[:place])
        if any(here.version == other.version and here.overlaps(other) for other in others):
            raise _wrong(
                where,
                f"segment[{place}].network",
                "ほかの segment と重ならない網",
                "one that overlaps no other",
            )


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
