# SPDX-License-Identifier: Apache-2.0
"""What differs between two moments, and what was checked and is still the same."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection

from inventory_db import ledger, people
from inventory_db.device import Device, RemotePath
from inventory_db.observations import microseconds
from inventory_db.official import OfficialRow, day_text
from inventory_db.path_words import say_path

NO_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType({})
_QUIET = ("unchanged", "not_checked")  # kinds in which nothing happened
_FIELDS = {
    "maker": "メーカー",
    "model": "機種",
    "os": "OS",
    "os_version": "OS のバージョン",
    "firmware_version": "ファームウェア",
    "device_class": "種別",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of one device.

    `kind`: new, silent, not_checked, address_new, address_gone, field_changed, service_new,
    service_gone, service_changed, remote_path_new, remote_path_gone, remote_path_changed,
    dual_homed_new, dual_homed_gone, forwards_new, forwards_gone, unchanged.
    """

    kind: str
    device_id: str
    number: str
    before: str
    after: str
    ja: str
    en: str
    name: str = ""  # of the device: its computer name, else its address


def changes(connection: Connection, since: datetime, until: datetime | None) -> tuple[Change, ...]:
    """Compare the ledger as known at `since` with that at `until` (None: as it stands), by 管理番号."""
    before = {row.device.id: row.device for row in ledger.official_rows(connection, since)}
    found: list[Change] = []
    for row in ledger.official_rows(connection, until):
        found += _of_row(row, before.get(row.device.id), since)
    return tuple(found)


def changed_since(connection: Connection, since: datetime) -> frozenset[str]:
    """Give the ids of the devices of which something changed, a person's word included."""
    found = {one.device_id for one in changes(connection, since, None) if one.kind not in _QUIET}
    return frozenset(found | people.touched_since(connection, since))


def _of_row(row: OfficialRow, before: Device | None, since: datetime) -> Iterator[Change]:
    device = row.device
    if before is None:
        ips = _ips(device)
        yield _change(row, "new", "", ips, f"新しい機器です（{ips}）。", f"A new device ({ips}).")
        yield from _paths_changed(row, replace(device, remote_paths=()))
        yield from _roles(row, replace(device, dual_homed=None, forwards=None))
        return
    if not _after(device.last_seen, since):
        yield _unseen(row, since)
        return
    found = [*_fields(row, before), *_sets(row, before), *_roles(row, before)]
    if not device.answered_last and _after(device.last_asked, datetime.fromisoformat(device.last_seen)):
        found.append(_silent(row))
    yield from found or [_unchanged(row)]


def _unchanged(row: OfficialRow) -> Change:
    """Say that nothing changed, and where a part only was looked at, since when the rest was not."""
    device, day = row.device, day_text(datetime.fromisoformat(row.device.last_seen))
    if not (whole := _moment(device.whole_since)):
        ja, en = f"変わりありません（{day} に確認）。", f"Still the same, checked on {day}."
    else:
        since = day_text(whole)
        ja = f"変わりありません（{day} に一部の応答で確認、全部を尋ねたのは {since}）。"
        en = f"Still the same: some answers checked on {day}, asked everything on {since}."
    return _change(row, "unchanged", "", day, ja, en)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # an agent's word, not ours
        return None
    return moment if moment.tzinfo else None


def _unseen(row: OfficialRow, since: datetime) -> Change:
    if _after(row.device.last_asked, since):
        return _silent(row)
    day = day_text(datetime.fromisoformat(row.device.last_seen))
    return _change(
        row,
        "not_checked",
        day,
        "",
        f"この期間には調べていません（最後は {day}）。",
        f"Not checked; last seen on {day}.",
    )


def _silent(row: OfficialRow) -> Change:
    day = day_text(datetime.fromisoformat(row.device.last_seen))
    ja, en = f"応答しなくなりました（最後は {day}）。", f"No longer answers; last seen on {day}."
    return _change(row, "silent", day, "", ja, en)


def _after(moment: str, since: datetime) -> bool:
    return microseconds(datetime.fromisoformat(moment)) > microseconds(since)


def _ips(device: Device) -> str:
    return "、".join(address.ip or address.mac or "" for address in device.addresses)


def _fields(row: OfficialRow, before: Device) -> Iterator[Change]:
    for field, label in _FIELDS.items():
        old, new = getattr(before, field) or "", getattr(row.device, field) or ""
        if old != new:
            ja = f"{label}が「{old or '不明'}」から「{new or '不明'}」に変わりました。"
            en = f"{field.replace('_', ' ')} changed from {old or 'unknown'} to {new or 'unknown'}."
            yield _change(row, "field_changed", old, new, ja, en)


def _sets(row: OfficialRow, before: Device) -> Iterator[Change]:
    old, new = before, row.device
    yield from _difference(
        row,
        "address",
        "アドレス",
        {a.ip: a.ip for a in old.addresses if a.ip},
        {a.ip: a.ip for a in new.addresses if a.ip},
    )
    yield from _difference(row, "service", "サービス", _services(old), _services(new))
    yield from _paths_changed(row, before)


def _paths_changed(row: OfficialRow, before: Device) -> Iterator[Change]:
    said = {_path_key(p): say_path(p.kind, p.port) for p in (*before.remote_paths, *row.device.remote_paths)}
    return _difference(row, "remote_path", "遠隔接続の経路", _paths(before), _paths(row.device), said)


def _roles(row: OfficialRow, before: Device) -> Iterator[Change]:
    """Say where a device began or ceased to stand on several networks, or to pass packets between them."""
    old, new = before, row.device
    if new.dual_homed and not old.dual_homed:
        nets = "、".join(new.dual_homed.networks)
        ja, en = (
            f"2系統のネットワークにつながりました（{nets}）。",
            f"Now stands on several networks ({nets}).",
        )
        yield _change(row, "dual_homed_new", "", nets, ja, en)
    if old.dual_homed and not new.dual_homed:
        nets = "、".join(old.dual_homed.networks)
        ja = f"2系統のネットワークにつながっているとは、もう見えません（以前は {nets}）。"
        yield _change(
            row, "dual_homed_gone", nets, "", ja, f"No longer seen on several networks (was {nets})."
        )
    if new.forwards and not old.forwards:
        ja, en = (
            "ネットワークの間で通信を中継すると分かりました。",
            "Now known to pass packets between networks.",
        )
        yield _change(row, "forwards_new", "", "yes", ja, en)
    if old.forwards and new.forwards is False:
        ja, en = "通信を中継しなくなりました。", "No longer passes packets between networks."
        yield _change(row, "forwards_gone", "yes", "no", ja, en)


def _services(device: Device) -> dict[str, str]:
    return {
        f"{s.port}/{s.transport}": " ".join(filter(None, (s.name, s.product, s.version)))
        for s in device.services
    }


def _paths(device: Device) -> dict[str, str]:
    return {_path_key(p): p.product or "" for p in device.remote_paths}


def _path_key(path: RemotePath) -> str:
    return f"{path.kind} {path.port}"


def _difference(
    row: OfficialRow,
    kind: str,
    label: str,
    old: dict[str, str],
    new: dict[str, str],
    said: Mapping[str, tuple[str, str]] = NO_WORDS,
) -> Iterator[Change]:
    """Say what came, went and changed; `said` has the words for keys that are not for people."""
    for key in _sorted(new.keys() - old.keys()):
        ja, en = said.get(key, (key, key))
        ja, en = f"{label} {ja} が増えました。", f"New {kind.replace('_', ' ')}: {en}."
        yield _change(row, f"{kind}_new", "", f"{key} {new[key]}".strip(), ja, en)
    for key in _sorted(old.keys() - new.keys()):
        ja, en = said.get(key, (key, key))
        ja, en = f"{label} {ja} がなくなりました。", f"Gone {kind.replace('_', ' ')}: {en}."
        yield _change(row, f"{kind}_gone", f"{key} {old[key]}".strip(), "", ja, en)
    for key in _sorted(k for k in old.keys() & new.keys() if old[k] != new[k]):
        ja, en = said.get(key, (key, key))
        ja = f"{label} {ja} が「{old[key] or '不明'}」から「{new[key] or '不明'}」に変わりました。"
        en = f"{kind.replace('_', ' ')} {en} changed from {old[key] or 'unknown'} to {new[key] or 'unknown'}."
        yield _change(row, f"{kind}_changed", old[key], new[key], ja, en)


def _sorted(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=lambda key: (len(key), key))


def _change(row: OfficialRow, kind: str, before: str, after: str, ja: str, en: str) -> Change:
    device = row.device
    name = device.names[0] if device.names else next((one.ip for one in device.addresses if one.ip), "")
    return Change(kind, device.id, row.number, before, after, ja, en, name or "")
