# SPDX-License-Identifier: Apache-2.0
"""The journal as a table that reads at 80 columns: one heading per day, one line per thing we sent."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table

from deploy.terminal import plain
from probes.facts import Sent

_ZONE = ZoneInfo("Asia/Tokyo")  # as in the papers, whatever the machine's own zone
_WIDE = 110  # columns of a terminal that shows the bytes too
_NARROW_MOST = {1: 15, 2: 19}  # cells of address and action on a narrow terminal
_HEADS = {
    "ja": ("時刻", "宛先", "何を", "ポート", "数", "バイト", "なぜ"),
    "en": ("At", "To", "What", "Port", "Pkts", "Bytes", "Why"),
}
ACTIONS = {
    "tcp connect": "TCP接続",
    "icmp echo": "ping",
    "arp request": "ARP",
    "udp question": "UDPの問い",
    "snmp question": "SNMPの問い",
    "neighbour solicitation": "IPv6近隣要請",
    "kernel neighbour frames": "OSの近隣確認",
    "forwarding test": "中継の確認",
    "held back": "控えた",
}
_WHYS = {
    "is anybody there": "誰かいるか",
    "is this service there, and who is it": "このサービスがあるか、何者か",
    "listen only: the host is not classified yet": "種類が不明なので聞くだけ",
    "does it still answer": "まだ答えるか",
    "a way in from outside": "外から入れる道か",
    "does it answer names, and with what": "名前解決をするか、何で動いているか",
    "identity by one datagram": "1通で分かる身元",
    "names and addresses by two datagrams": "2通で分かる名前とアドレス",
    "the site gave a credential": "施設が認証情報を渡した",
    "is the old SMB 1 still accepted": "古い SMB 1 を受けるか",
    "are old TLS versions still accepted": "古い TLS を受けるか",
    "DICOM allowed by the site": "施設が DICOM を許可",
    "the port is open and the host bears a question": "開いていて、尋ねてもよい機器",
    "the port does not speak TLS": "TLS ではなかった",
    "who stands behind it": "この先に何があるか",
    "who answered behind it": "この先で何が答えたか",
    "does this segment reach an address outside": "この網から外へ届くか（接続だけ）",
    "does it pass packets on (one frame, TTL 1, to TEST-NET)": "中継するか（1枚だけ、TTL 1）",
}


def journal_table(lines: Sequence[Sent], language: str, width: int) -> Table:
    """Give the table; `lines` are oldest first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    wide = width >= _WIDE
    for place, head in enumerate(_HEADS[language]):
        if place == 5 and not wide:
            continue
        last = place == 6
        table.add_column(
            head,
            justify="right" if place in (4, 5) else "left",
            max_width=None if wide else _NARROW_MOST.get(place),
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if last else None,
        )
    table.expand = True
    for day, group in groupby(lines, key=lambda line: line.at.astimezone(_ZONE).date()):
        table.add_row(plain("", "bold"), plain(day.isoformat(), "bold cyan"))
        for line in group:
            cells = _cells(line, language)
            style = "yellow" if line.action == "held back" else ""
            table.add_row(*(plain(cell, style) for cell in (cells if wide else (*cells[:5], cells[6]))))
        table.add_section()
    return table


def _cells(line: Sent, language: str) -> tuple[str, ...]:
    action = ACTIONS.get(line.action, line.action) if language == "ja" else line.action
    known_by_port = line.action in ("tcp connect", "udp question", "snmp question")
    what = f"{action} {line.probe}" if line.probe and known_by_port else action
    return (
        _clock(line.at),
        line.address,
        what,
        f"{line.port}/{line.transport}" if line.port else "",
        str(line.packets),
        str(line.payload_bytes),
        why_in(line.why, language),
    )


def _clock(at: datetime) -> str:
    return f"{at.astimezone(_ZONE):%H:%M:%S}"


def why_in(why: str, language: str) -> str:
    """Say it in one language; a reason of the guard carries both, `code: Japanese / English`."""
    if " / " in why:
        ja, _, en = why.partition(": ")[2].rpartition(" / ")
        return ja if language == "ja" else en
    return _WHYS.get(why, why) if language == "ja" else why
