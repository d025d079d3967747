# SPDX-License-Identifier: Apache-2.0
"""What people see on the terminal: sentences in Japanese and English, the ledger as a table."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

errors = Console(stderr=True, highlight=False)


def say(ja: str, en: str = "") -> None:
    """Tell a person something, beside the output proper."""
    errors.print(Text(ja))
    if en:
        errors.print(Text(en, style="dim"))


def complain(ja: str, en: str) -> None:
    """Tell a person what went wrong, what it means and what to do."""
    errors.print(Text("✗ " + ja, style="bold red"))
    errors.print(Text("  " + en, style="dim"))


def ledger_table(document: Mapping[str, Any]) -> Table:
    """The ledger for a terminal; hostile names are text, never markup."""
    table = Table(
        title="機器台帳 / device ledger", title_style="bold", row_styles=["", "dim"], pad_edge=False
    )
    for name in (
        "IPアドレス",
        "名前",
        "区分",
        "メーカー",
        "機種・OS",
        "版",
        "開いている口",
        "外からの道",
        "2枚挿し",
    ):
        table.add_column(name, overflow="fold")
    for device in document["devices"]:
        table.add_row(*(Text(cell) for cell in _row(device)))
    return table


def _row(device: Mapping[str, Any]) -> Sequence[str]:
    what = device["model"] or device["os"] or ""
    version = device["firmware_version"] or device["os_version"] or ""
    return (
        "\n".join(dict.fromkeys(a["ip"] for a in device["addresses"] if a["ip"])),
        device["names"][0] if device["names"] else "",
        device["device_class"],
        device["maker"] or "不明",
        what,
        version,
        _services(device),
        "\n".join(dict.fromkeys(path["kind"] for path in device["remote_paths"])),
        _two_networks(device),
    )


def _services(device: Mapping[str, Any]) -> str:
    return " ".join(f"{s['port']}/{s['name'] or '?'}" for s in device["services"])


def _two_networks(device: Mapping[str, Any]) -> str:
    if not device["dual_homed"]:
        return ""
    passes = {True: "・中継あり", False: "・中継なし", None: ""}[device["forwards"]]
    return f"{len(device['dual_homed']['networks'])}網{passes}"


def print_ledger(document: Mapping[str, Any]) -> None:
    """Print the ledger on stdout."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(ledger_table(document))
    console.print(f"{len(document['devices'])} 台 / devices")
