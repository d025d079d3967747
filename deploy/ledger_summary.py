# SPDX-License-Identifier: Apache-2.0
"""The ledger in a few lines: how many of what, 2枚挿し, ways in, what was held back and why, where to look next."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from collector.translation import Words, load_words
from deploy.ledger_table import (
    DeviceJson,
    addresses_of,
    by_network,
    held_codes,
    ledger_table,
    name_of,
    path_words,
    unseen_table,
)
from deploy.terminal import called, plain, shell_word

MOST_UNSEEN = 50  # listed devices in the table
MOST_NAMED = 8  # devices named in one line
_HELD = {
    "fragile": ("触れなかった", "（壊れやすい種類とみられる）", "left alone (seem to be of a fragile kind)"),
    "unclassified": (
        "聞くだけにした",
        "（尋ねてよい種類か分からなかった）",
        "only listened to (not known whether they bear a question)",
    ),
    "printer": ("SNMP でだけ尋ねた", "（プリンタ）", "asked by SNMP only (printers)"),
    "never_answers": ("途中でやめた", "（接続しても答えない）", "given up (take connections, never answer)"),
    "budget": ("上限で止めた", "（1台に送る数の上限）", "stopped at the most packets per host"),
    "blackout": ("止めた", "（調べない時間帯に入った）", "stopped (a blackout window began)"),
}


def print_ledger(console: Console, document: Mapping[str, Any], language: str) -> None:
    """Print table and summary; an empty ledger says what to do next."""
    if document["devices"]:
        console.print(ledger_table(document, language, console.width))
        console.print()
    print_unseen(console, document, language)
    print_summary(console, document, language)


def print_unseen(console: Console, document: Mapping[str, Any], language: str) -> None:
    """Print the devices that the facility's own ledger lists and no scan has seen."""
    found = [one for one in document["listed"] if one["device"] is None]
    if not found:
        return
    console.print(unseen_table(found[:MOST_UNSEEN], language, console.width))
    if len(found) > MOST_UNSEEN:
        more = len(found) - MOST_UNSEEN
        console.print(
            plain(
                f"ほか {more} 台（--format csv で全部）"
                if language == "ja"
                else f"and {more} more (--format csv)"
            )
        )
    console.print()


def print_summary(console: Console, document: Mapping[str, Any], language: str) -> None:
    """Print the few lines that a person should read even when the table is long."""
    for line in summary(document, language):
        console.print(plain(line))


def print_next(console: Console, ledger: Path, language: str) -> None:
    """Say where to look next."""
    file, daicho = shell_word(ledger), called()
    steps = (
        (f"{daicho} serve --ledger {file}", "画面で見る（機器ごとの根拠も）", "pages, with the evidence"),
        (f"{daicho} ledger --ledger {file} --format xlsx --out daicho.xlsx", "Excel にする", "as Excel"),
        (f"{daicho} check --ledger {file}", "立入検査の項目ごとの判定", "verdicts on the checklist"),
        (f"{daicho} journal --ledger {file}", "送ったものの記録", "everything that was sent"),
    )
    console.print(plain("次に:" if language == "ja" else "Next:", "dim"))
    for command, ja, en in steps:
        console.print(plain(f"  {command}  # {ja if language == 'ja' else en}", "dim"), soft_wrap=True)


def summary(document: Mapping[str, Any], language: str) -> list[str]:
    """Give the lines: counts by class, machines on two networks, ways in, what was held back."""
    words, devices = load_words(language), by_network(document)
    if not devices:
        return _nothing(words, scanned=bool(document["vantages"]))
    lines = [
        _counts(devices, words),
        *_unseen(document, words),
        *_duals(devices, words),
        *_ways(devices, words),
    ]
    return lines + [line for code in _HELD for line in _held(code, devices, words)]


def _nothing(words: Words, *, scanned: bool) -> list[str]:
    """What an empty ledger means, and what to do next."""
    if not scanned:
        return [words("ledger.empty_title"), words("ledger.empty_next"), "  daicho scan 192.168.1.0/24"]
    if words.language == "ja":
        return [
            "調べましたが、機器と言える答えはありませんでした。範囲が合っているか、機器の電源が入っているかを"
            "確かめてください。何を送ったかは daicho journal で見られます。"
        ]
    return [
        "Scanned, but nothing answered as a device does. Check the scope and that the devices are switched on; "
        "daicho journal shows what was sent."
    ]


def _unseen(document: Mapping[str, Any], words: Words) -> list[str]:
    count = sum(one["device"] is None for one in document["listed"])
    if not count:
        return []
    ja, en = f"元の台帳にあり調査では未確認 {count} 台", f"{count} in your own ledger, not seen by a scan"
    return [_line(words, ja, en, "上の表" if words.language == "ja" else "see the table above")]


def _counts(devices: list[DeviceJson], words: Words) -> str:
    counted = Counter(words.choose("kind", device["device_class"]) for device in devices)
    return _line(words, f"{len(devices)} 台", f"{len(devices)} devices", _tell(counted, words))


def _duals(devices: list[DeviceJson], words: Words) -> list[str]:
    found = [device for device in devices if device["dual_homed"]]
    if not found:
        return []
    told = [_dual(device, words) for device in found]
    return [_line(words, f"2枚挿し {len(told)} 台", f"{len(told)} on two networks", _comma(words).join(told))]


def _dual(device: DeviceJson, words: Words) -> str:
    ja = words.language == "ja"
    passes = {True: ("中継あり", "forwards"), False: ("中継なし", "does not forward")}
    notes = [" + ".join(device["dual_homed"]["networks"])]
    if device["forwards"] is not None:
        notes.append(passes[device["forwards"]][0 if ja else 1])
    if device["dual_homed"]["declared"]:
        notes.append("届出済" if ja else "declared")
    return f"{name_of(device)} [{', '.join(notes)}]"


def _ways(devices: list[DeviceJson], words: Words) -> list[str]:
    with_ways = [device for device in devices if device["remote_paths"]]
    counted = Counter(
        word
        for device in with_ways
        for word in path_words((path["kind"] for path in device["remote_paths"]), words)
    )
    if not with_ways:
        return []
    many = len(with_ways)
    return [
        _line(words, f"遠隔接続を受ける {many} 台", f"{many} that take remote access", _tell(counted, words))
    ]


def _held(code: str, devices: list[DeviceJson], words: Words) -> list[str]:
    found = [(addresses_of(device) or ["?"])[0] for device in devices if code in held_codes(device)]
    if not found:
        return []
    ja, why, en = _HELD[code]
    return [_line(words, f"{ja} {len(found)} 台{why}", f"{len(found)} {en}", _some(found, words))]


def _line(words: Words, ja: str, en: str, rest: str) -> str:
    return f"・{ja}: {rest}" if words.language == "ja" else f"- {en}: {rest}"


def _tell(counted: Mapping[str, int], words: Words) -> str:
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return _comma(words).join(f"{word} {count}" for word, count in ordered)


def _some(found: Iterable[str], words: Words) -> str:
    names = list(found)
    more = len(names) - MOST_NAMED
    rest = "" if more <= 0 else f" ほか {more} 台" if words.language == "ja" else f" and {more} more"
    return _comma(words).join(names[:MOST_NAMED]) + rest


def _comma(words: Words) -> str:
    return ", " if words.language == "ja" else "; "
