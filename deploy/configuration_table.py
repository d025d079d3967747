# SPDX-License-Identifier: Apache-2.0
"""What was understood of a configuration, for eyes: device, ways in, VPN, what is missing."""

from collections.abc import Iterator
from datetime import date

from rich.console import Console
from rich.table import Table

from collector.imports.configurations.reading import ANY, Reading, Service
from deploy.terminal import plain
from deploy.wrapping import wrap
from inventory_db.device import Device

_HEADS = {
    "ja": ("管理の入口", "場所", "接続元", "制限", "外側から", "行"),
    "en": ("Way in", "Where", "Sources", "Limit", "From outside", "Line"),
}
_RESTRICTED = {
    "ja": {True: "限定", False: "無制限", None: "不明"},
    "en": {True: "limited", False: "open", None: "unknown"},
}
_WAN = {
    "ja": {True: "届く", False: "届かない", None: "不明"},
    "en": {True: "yes", False: "no", None: "unknown"},
}
_WORDS = {
    "ja": {
        "taken": "{file}: {version}（{on} 取得）",
        "device": "機器: {whose}",
        "nobody": "台帳に見つかりません",
        "anywhere": "どこからでも",
        "none": "なし",
        "vpn": "VPN: {what} {where}（{line} 行目）",
        "plain": "平文のサービス: {list}",
        "communities": "SNMP の初期コミュニティ: {list}",
        "disabled": "止めてあるもの: {list}",
        "unstated": "書かれていないもの（初期値は版による）: {list}",
    },
    "en": {
        "taken": "{file}: {version} (taken {on})",
        "device": "Device: {whose}",
        "nobody": "not found in the ledger",
        "anywhere": "anywhere",
        "none": "nobody",
        "vpn": "VPN: {what} {where} (line {line})",
        "plain": "In the clear: {list}",
        "communities": "Default SNMP communities: {list}",
        "disabled": "Switched off: {list}",
        "unstated": "Not stated, defaults differ by version: {list}",
    },
}


def print_reading(
    console: Console, file: str, reading: Reading, on: date, owner: Device | None, language: str
) -> None:
    """Print one reading."""
    words = _WORDS[language]
    version = " ".join(word for word in (reading.maker, reading.model, reading.os, reading.version) if word)
    names = ", ".join(owner.names[:1]) if owner else ""
    whose = f"{_address(owner)} {names}".strip() if owner else words["nobody"]
    console.print(plain(words["taken"].format(file=file, version=version or "?", on=on.isoformat())))
    console.print(plain(f"  {words['device'].format(whose=whose)}"))
    services = [*reading.services, *reading.also]
    if services:
        console.print(_table(services, language))
    for sentence in _sentences(reading, language):
        for line in wrap(sentence, console.width - 2, "  "):
            console.print(plain(f"  {line}"), no_wrap=True)
    console.print()


def _address(owner: Device) -> str:
    return next((one.ip for one in owner.addresses if one.ip), owner.id)


def _table(services: list[Service], language: str) -> Table:
    table = Table(box=None, pad_edge=True)
    for title in _HEADS[language]:
        table.add_column(plain(title), overflow="fold")
    for one in services:
        table.add_row(
            plain(_name(one)),
            plain(one.interface),
            plain(_sources(one, language)),
            plain(_RESTRICTED[language][one.restricted]),
            plain(_WAN[language][one.wan]),
            plain(str(one.line or "-")),
        )
    return table


def _name(one: Service) -> str:
    extra = [one.version, "rw" if one.rw else "", one.community, f"port {one.port}" if one.port else ""]
    told = " ".join(word for word in extra if word)
    return f"{one.service} ({told})" if told else one.service


def _sources(one: Service, language: str) -> str:
    if one.sources is None:
        return "-"
    if one.sources == ANY:
        return _WORDS[language]["anywhere"]
    shown = ", ".join(one.sources[:4]) or _WORDS[language]["none"]
    return f"{shown} …" if len(one.sources) > 4 else shown


def _sentences(reading: Reading, language: str) -> Iterator[str]:
    words = _WORDS[language]
    for one in reading.vpn[:20]:
        yield words["vpn"].format(what=one.as_json()["summary"], where=one.interface, line=one.line)
    lists = {
        "plain": reading.plaintext,
        "communities": reading.default_communities,
        "disabled": reading.disabled,
        "unstated": reading.unstated,
    }
    for name, told in lists.items():
        if told:
            yield words[name].format(list=", ".join(told))
    for problem in reading.problems[:10]:
        yield problem.ja if language == "ja" else problem.en
