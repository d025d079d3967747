# SPDX-License-Identifier: Apache-2.0
"""What was understood of a configuration, for eyes: device, ways in, VPN, what is missing."""

from collections.abc import Iterator
from datetime import date

from rich.console import Console
from rich.table import Table

from collector.imports.configurations.reading import ANY, Reading, Service
from deploy.terminal import plain
from inventory_db.device import Device

_RESTRICTED = {True: "限定 / limited", False: "無制限 / open", None: "不明 / unknown"}
_WAN = {True: "届く / yes", False: "届かない / no", None: "不明 / unknown"}


def print_reading(console: Console, file: str, reading: Reading, on: date, owner: Device | None) -> None:
    """Print one reading."""
    version = " ".join(word for word in (reading.maker, reading.model, reading.os, reading.version) if word)
    names = ", ".join(owner.names[:1]) if owner else ""
    whose = f"{owner.id} {names}".strip() if owner else "台帳に見つかりません / not found in the ledger"
    console.print(plain(f"{file}: {version or '?'}（{on.isoformat()} 取得 / taken）"))
    console.print(plain(f"  機器 / device: {whose}"))
    services = [*reading.services, *reading.also]
    if services:
        console.print(_table(services))
    for sentence in _sentences(reading):
        console.print(plain(f"  {sentence}"))
    console.print()


def _table(services: list[Service]) -> Table:
    table = Table(box=None, pad_edge=True)
    for title in (
        "管理の入口 / way in",
        "場所 / where",
        "接続元 / sources",
        "制限 / limit",
        "外側から / from outside",
        "行 / line",
    ):
        table.add_column(plain(title))
    for one in services:
        table.add_row(
            plain(_name(one)),
            plain(one.interface),
            plain(_sources(one)),
            plain(_RESTRICTED[one.restricted]),
            plain(_WAN[one.wan]),
            plain(str(one.line or "-")),
        )
    return table


def _name(one: Service) -> str:
    extra = [one.version, "rw" if one.rw else "", one.community, f"port {one.port}" if one.port else ""]
    told = " ".join(word for word in extra if word)
    return f"{one.service} ({told})" if told else one.service


def _sources(one: Service) -> str:
    if one.sources is None:
        return "-"
    if one.sources == ANY:
        return "どこからでも / anywhere"
    shown = ", ".join(one.sources[:4]) or "なし / nobody"
    return f"{shown} …" if len(one.sources) > 4 else shown


def _sentences(reading: Reading) -> Iterator[str]:
    for one in reading.vpn[:20]:
        yield f"VPN: {one.as_json()['summary']} {one.interface}（{one.line} 行目 / line {one.line}）"
    if reading.plaintext:
        yield f"平文のサービス / in the clear: {', '.join(reading.plaintext)}"
    if reading.default_communities:
        yield f"SNMP の初期コミュニティ / default communities: {', '.join(reading.default_communities)}"
    if reading.disabled:
        yield f"止めてあるもの / switched off: {', '.join(reading.disabled)}"
    if reading.unstated:
        yield f"書かれていないもの（初期値は版による） / not stated, defaults differ: {', '.join(reading.unstated)}"
    for problem in reading.problems[:10]:
        yield f"{problem.ja} / {problem.en}"
