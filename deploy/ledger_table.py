# SPDX-License-Identifier: Apache-2.0
"""The ledger as a table: by network and address; a narrow terminal drops columns, it never folds letters."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import groupby
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from collector.translation import Words, load_words
from deploy.terminal import plain

DeviceJson = Mapping[str, Any]  # a device of daicho/ledger/1
_Row = tuple[str, list[Text]]  # the network that it stands under, its cells

NARROW, WIDE, WIDEST = 60, 110, 160  # columns of the terminal from which more is shown
_GAP, _LEAST = 2, 8  # cells between two columns; cells that an elastic column keeps
_SHORT_KIND = {
    "ja": {"network": "NW機器", "gateway": "VPN装置", "iot": "IoT"},
    "en": {"gateway": "Gateway", "iot": "IoT"},
}
_SHORT_PATH = {
    "ja": {"rdp": "RDP", "softether": "SoftEther", "ipsec": "IPsec", "web_admin": "Web管理"},
    "en": {"rdp": "RDP", "softether": "SoftEther", "ipsec": "IPsec", "web_admin": "web admin"},
}
_HELD = {
    "ja": {
        "fragile": "触れず",
        "unclassified": "聞くだけ",
        "printer": "SNMPのみ",
        "never_answers": "中止",
        "budget": "上限まで",
    },
    "en": {
        "fragile": "untouched",
        "unclassified": "heard only",
        "printer": "SNMP only",
        "never_answers": "given up",
        "budget": "cap",
    },
}

_UNSEEN_JA = (
    "番号",
    "元の番号",
    "IPアドレス",
    "コンピュータ名",
    "設置場所",
    "利用者",
    "メーカー",
    "OS",
    "状態",
)
_UNSEEN_EN = ("No.", "Own no.", "IP address", "Name", "Place", "User", "Maker", "OS", "State")
_UNSEEN_NARROW = (0, 2, 3, 4)  # columns that a narrow terminal shows too


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading in both languages, its cell, the terminals that show it, its most cells."""

    ja: str
    en: str
    cell: Callable[[DeviceJson, Words, int], str]
    most: int = 60  # cells; what is longer ends in …
    least_terminal: int = 0
    most_terminal: int = 100_000
    elastic: bool = False  # gives way when the terminal is narrow
    wraps: bool = False
    style: str = ""

    def fits(self, width: int) -> bool:
        """Whether a terminal of this width shows the column."""
        return self.least_terminal <= width < self.most_terminal


def ledger_table(document: Mapping[str, Any], language: str, width: int) -> Table:
    """Give the ledger for a terminal `width` columns wide; hostile names are text, never markup."""
    words = load_words(language)
    columns = [column for column in _COLUMNS if column.fits(width)]
    rows = [
        (network_of(d), [_cell(column, d, words, width) for column in columns]) for d in by_network(document)
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column, cells in zip(columns, _widths(columns, rows, language, width), strict=True):
        table.add_column(
            getattr(column, language),
            width=cells,
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
        )
    for network, group in groupby(rows, key=lambda row: row[0]):
        found = [row for _, row in group]
        count = f"{len(found)} 台" if language == "ja" else f"{len(found)} found"
        table.add_row(plain(network or words("cell.unknown"), "bold cyan"), Text(count, "cyan"))
        for row in found:
            table.add_row(*row)
        table.add_section()
    return table


def _widths(columns: list[Column], rows: list[_Row], language: str, width: int) -> list[int]:
    """Give each column the cells it needs; what is too much is taken from the elastic ones, widest first."""
    wide = [cell_len(getattr(column, language)) for column in columns]
    for network, cells in rows:
        wide[0] = max(wide[0], len(network))
        for place, cell in enumerate(cells):
            needed = max(cell_len(line) for line in cell.plain.split("\n"))
            wide[place] = max(wide[place], min(needed, columns[place].most))
    elastic = [place for place, column in enumerate(columns) if column.elastic]
    while sum(wide) + _GAP * (len(columns) - 1) > width:
        place = max(elastic, key=lambda place: wide[place])
        if wide[place] <= _LEAST:
            break
        wide[place] -= 1
    return wide


def unseen_table(found: Iterable[Mapping[str, Any]], language: str, width: int) -> Table:
    """Make the table of devices that are listed and that no scan has seen."""
    ja = language == "ja"
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title_justify="left",
        title="調査では未確認（元の台帳による）" if ja else "Not seen by a scan (from your own ledger)",
    )
    heads = _UNSEEN_JA if ja else _UNSEEN_EN
    columns = [place for place in range(len(heads)) if width >= WIDE or place in _UNSEEN_NARROW]
    for place in columns:
        table.add_column(heads[place], overflow="ellipsis", no_wrap=True)
    for one in found:
        cells = (
            one["number"],
            one["own_number"] or "",
            *(one["cells"].get(name, "") for name in _UNSEEN_JA[2:]),
        )
        table.add_row(*(plain(_one_line(cells[place])) for place in columns))
    return table


def by_network(document: Mapping[str, Any]) -> list[DeviceJson]:
    """Give the devices by network, then by IP address."""
    return sorted(document["devices"], key=_place)


def network_of(device: DeviceJson) -> str:
    """The network that the device's row stands under, "" if none is known."""
    address = _first(device)
    return str(address["network"] or "") if address else ""


def addresses_of(device: DeviceJson, *, link_local: bool = False) -> list[str]:
    """The IP addresses, the one of the row's place first; link-local ones only where wanted, or alone."""
    first = _first(device)
    found = [first["ip"]] if first else []
    found += [a["ip"] for a in device["addresses"] if a["ip"]]
    routable = [ip for ip in found if not ip_address(ip).is_link_local]
    return list(dict.fromkeys(found if link_local or not routable else routable))


def name_of(device: DeviceJson) -> str:
    """What people would call the device: its name, else its address."""
    return str((device["names"] or addresses_of(device) or ["?"])[0])


def path_words(kinds: Iterable[str], words: Words) -> list[str]:
    """The ways in, in short words."""
    short = _SHORT_PATH[words.language]
    return [short.get(kind) or words.choose("path", kind) for kind in dict.fromkeys(kinds)]


def held_codes(device: DeviceJson) -> list[str]:
    """The codes of what was held back: fragile, unclassified …"""
    return list(dict.fromkeys(reason.partition(":")[0] for reason in device["touched"]["held_back"]))


def _first(device: DeviceJson) -> Mapping[str, Any] | None:
    known = [a for a in device["addresses"] if a["ip"]]
    return min(known, key=_address_order, default=None)


def _address_order(address: Mapping[str, Any]) -> tuple[bool, bool, int, int]:
    ip = ip_address(address["ip"])
    return address["vantage"] is None, ip.is_link_local, ip.version, int(ip)


def _place(device: DeviceJson) -> tuple[int, int, int, int, int]:
    address = _first(device)
    if address is None:
        return 9, 0, 0, 0, 0
    ip = ip_address(address["ip"])
    if not address["network"]:
        return 8, 0, 0, ip.version, int(ip)
    network = ip_network(address["network"], strict=False)
    return network.version, int(network.network_address), network.prefixlen, ip.version, int(ip)


def _cell(column: Column, device: DeviceJson, words: Words, width: int) -> Text:
    text = column.cell(device, words, width)
    unknown = text == words("cell.unknown")
    lines = Text("\n").join(plain(line) for line in text.split("\n"))
    lines.stylize("dim" if unknown else column.style)
    return lines


def _addresses(device: DeviceJson, _words: Words, width: int) -> str:
    return "\n".join(addresses_of(device, link_local=width >= WIDEST))


def _cards(device: DeviceJson, _words: Words, _width: int) -> str:
    return "\n".join(dict.fromkeys(a["mac"] for a in device["addresses"] if a["mac"]))


def _name(device: DeviceJson, words: Words, _width: int) -> str:
    return _one_line(device["names"][0]) if device["names"] else words("cell.unknown")


def _kind(device: DeviceJson, words: Words, width: int) -> str:
    kind = device["device_class"]
    short = _SHORT_KIND[words.language].get(kind) if width < WIDE else None
    return short or words.choose("kind", kind)


def _maker(device: DeviceJson, words: Words, _width: int) -> str:
    return _one_line(device["maker"] or words("cell.unknown"))


def _what(device: DeviceJson, words: Words, width: int) -> str:
    """Model or system with its version; on a narrow terminal the maker where neither is known."""
    what = device["model"] or device["os"] or ""
    version = device["firmware_version"] or device["os_version"] or ""
    shown = what if version in what else f"{what} {version}".strip()
    spare = device["maker"] if width < WIDE else None
    return _one_line(shown or spare or words("cell.unknown"))


def _services(device: DeviceJson, words: Words, _width: int) -> str:
    if not device["services"]:
        return "-"
    ports: dict[int, list[str]] = {}
    for service in device["services"]:
        ports.setdefault(service["port"], []).append(service["name"] or words("cell.unknown"))
    return " ".join(f"{port}/{'+'.join(dict.fromkeys(names))}" for port, names in ports.items())


def _paths(device: DeviceJson, words: Words, _width: int) -> str:
    return "\n".join(path_words((path["kind"] for path in device["remote_paths"]), words)) or "-"


def _marks(device: DeviceJson, words: Words, _width: int) -> str:
    ja = words.language == "ja"
    marks = []
    if device["dual_homed"]:
        marks.append("2枚挿し" if ja else "dual-homed")
        passes = {True: ("中継あり", "forwards"), False: ("中継なし", "no forward"), None: ("", "")}
        marks.append(passes[device["forwards"]][0 if ja else 1])
    marks += [_HELD[words.language][code] for code in held_codes(device) if code in _HELD[words.language]]
    return "\n".join(mark for mark in marks if mark)


def _one_line(text: str) -> str:
    return " ".join(text.split())


_COLUMNS = (
    Column("IPアドレス", "IP address", _addresses),
    Column("MAC", "MAC", _cards, least_terminal=WIDEST),
    Column("名前", "Name", _name, most=24, elastic=True),
    Column("種類", "Class", _kind),
    Column("メーカー", "Maker", _maker, most=40, elastic=True, least_terminal=WIDE),
    Column("機種・OS・版", "Model, OS, version", _what, most=44, elastic=True, least_terminal=NARROW),
    Column(
        "開いているポート", "Open ports", _services, most=48, elastic=True, least_terminal=WIDEST, wraps=True
    ),
    Column("遠隔接続", "Remote", _paths, least_terminal=NARROW),
    Column("目印", "Marks", _marks, least_terminal=NARROW, style="yellow"),
)
