# SPDX-License-Identifier: Apache-2.0
"""The [[access]] sections of agent.toml: which service is asked from which address, and who consented."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address
from typing import Literal

import msgspec

from agent.refusal import Refusal

MOST_PORTS = 8  # of one device in one section, so that each pair stays within its minute
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class AccessSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One device whose source limits are tested."""

    device: str
    ports: tuple[int, ...]
    part: Literal["both", "allowed", "not_allowed"] = "both"  # one half only: another agent makes the other
    allowed_from: str = ""  # an address of ours; "" = the ordinary one
    not_allowed_from: str = ""  # an address of ours, or one made for the test
    control: tuple[str, ...] = ()  # "192.168.1.5:80": what the not allowed source may surely reach
    seen_as: str = ""  # how the device sees us where addresses are translated on the way
    make_address: bool = False  # add not_allowed_from to our own interface for the test
    make_mac: str = ""  # also ask from not_allowed_from with this MAC, on a macvlan of our own
    consent: str = ""  # who allowed that an address or MAC is made, and when

    @property
    def makes(self) -> bool:
        """Whether an address or MAC is made for the test."""
        return self.make_address or bool(self.make_mac)


def check_access(sections: Iterable[AccessSection], where: str) -> None:
    """Raise Refusal naming the first key that cannot be meant so."""
    for place, section in enumerate(sections):
        for key, ja, en in _problems(section):
            name = f"access[{place}].{key}"
            raise Refusal(
                f"{where} の {name} の値は使えません。{ja}何も送信していません。",
                f"{where}: the value of {name} cannot be used. {en} Nothing was sent.",
            )


def _problems(section: AccessSection) -> Iterable[tuple[str, str, str]]:
    """Give (key, what to write instead in Japanese, in English)."""
    one = ("IPv4 アドレスを1つ書いてください。", "Write one IPv4 address.")
    if not _is_ipv4(section.device):
        yield ("device", *one)
    for key in ("allowed_from", "not_allowed_from", "seen_as"):
        if getattr(section, key) and not _is_ipv4(getattr(section, key)):
            yield (key, *one)
    if not 1 <= len(set(section.ports)) == len(section.ports) <= MOST_PORTS:
        yield (
            "ports",
            f"1 つから {MOST_PORTS} つまで、重ならないように書いてください。",
            "Write 1 to 8, each once.",
        )
    if not all(0 < port < 65536 for port in section.ports):
        yield "ports", "1 から 65535 までの番号を書いてください。", "Write numbers from 1 to 65535."
    for text in section.control:
        if read_control(text) is None:
            yield "control", "192.168.1.5:80 の形で書いてください。", "Write it like 192.168.1.5:80."
    yield from _problems_of_sources(section)
    yield from _problems_of_making(section)


def _problems_of_sources(section: AccessSection) -> Iterable[tuple[str, str, str]]:
    if section.part == "both" and not section.not_allowed_from:
        yield (
            "not_allowed_from",
            "許可していない側の送信元アドレスを書くか、片方だけ調べるなら part を書いてください。",
            "Write the not allowed source address, or set part where only one half is made here.",
        )
    if section.not_allowed_from and section.not_allowed_from in (section.allowed_from, section.device):
        yield "not_allowed_from", "ほかとは別のアドレスを書いてください。", "Write an address of its own."


def _problems_of_making(section: AccessSection) -> Iterable[tuple[str, str, str]]:
    if section.makes and len(section.consent.strip()) < 4:
        yield (
            "consent",
            "アドレスや MAC を作るには、承諾した人の所属・氏名・日付が要ります。",
            "To make an address or MAC, write who consented (name, department, date).",
        )
    if section.makes and (section.part == "allowed" or not section.not_allowed_from):
        yield (
            "not_allowed_from",
            "作るアドレスをここに書いてください。",
            "Write here the address that is to be made.",
        )
    if section.make_mac and not is_local_mac(section.make_mac):
        yield (
            "make_mac",
            "02:00:5e:10:00:01 のような、ローカル管理の MAC（2桁目が 2・6・a・e）を小文字で書いてください。",
            "Write a locally administered MAC in lower case, like 02:00:5e:10:00:01.",
        )


def is_local_mac(text: str) -> bool:
    """Whether it is the address of one host and no maker's: no real card can have it."""
    return bool(_MAC.fullmatch(text)) and int(text[:2], 16) & 3 == 2


def read_control(text: str) -> tuple[str, int] | None:
    """Read "address:port"; None if it is not that."""
    address, _, port = text.rpartition(":")
    if not _is_ipv4(address) or not port.isdecimal() or not 0 < int(port[:6]) < 65536:
        return None
    return address, int(port)


def _is_ipv4(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv4Address)
    except ValueError:
        return False
