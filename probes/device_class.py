# SPDX-License-Identifier: Apache-2.0
"""Decides the ledger's device class from what a host said, its open ports and its maker.

Pure. Order: what it said of itself, then what its system and services mean together, then
telling ports, then the maker of its interface. Reasons are "日本語 / English".
"""

import re
from collections.abc import Iterable

from probes.facts import Sure
from probes.fragility import class_by_maker, makes_computers
from probes.recognise import Recognition

CLASSES = ("medical", "printer", "phone", "gateway", "network", "server", "iot", "pc", "unknown")
_RANK = {Sure.SURE: 0, Sure.LIKELY: 1, Sure.GUESS: 2}

# Open ports that say: others are served from here.
_SERVED = {
    25: "SMTP", 53: "DNS", 80: "HTTP", 88: "Kerberos", 104: "DICOM", 110: "POP3", 143: "IMAP", 389: "LDAP",
    443: "HTTPS", 636: "LDAPS", 1433: "SQL Server", 1521: "Oracle", 1972: "InterSystems", 2049: "NFS",
    3268: "AD", 3306: "MySQL", 4242: "DICOM", 5432: "PostgreSQL", 6379: "Redis", 8000: "HTTP",
    8042: "Orthanc", 8080: "HTTP", 8443: "HTTPS", 8530: "WSUS", 11112: "DICOM", 27017: "MongoDB", 50000: "DB2",
}  # fmt: skip
_PRINTING = frozenset({515, 631, *range(9100, 9108)})
_DICOM = frozenset({104, 2761, 2762, 4242, 11112})
_PORTS = (
    (frozenset({2575}), "medical", "HL7"),
    (_DICOM, "medical", "DICOM"),
    (frozenset({5060, 5061}), "phone", "SIP"),
    (frozenset({1723, 1194, 500, 4500, 1701}), "gateway", "VPN"),
    (frozenset({554, 37777}), "iot", "RTSP"),
    (frozenset({102, 502, 1911, 4911, 20000, 44818, 47808}), "iot", "PLC/BMS"),
)
_SERVER_NAME = re.compile(r"windows (?:\w+ )?server|windows nt|esxi|hyper-v|proxmox|exchange", re.IGNORECASE)
_CLIENT_NAME = re.compile(r"windows (?:xp|vista|7|8|8\.1|10|11)\b", re.IGNORECASE)
_UNIX = re.compile(
    r"linux|debian|ubuntu|red hat|rhel|centos|rocky|alma|suse|fedora|amazon|bsd|solaris|aix|hp-ux|samba",
    re.IGNORECASE,
)

Answer = tuple[str, Sure, str]


def class_of(recognitions: Iterable[Recognition], maker: str | None, open_ports: Iterable[int]) -> Answer:
    """Give (device class, how sure, reason); ("unknown", guess, …) when nothing says it."""
    said, ports = tuple(recognitions), frozenset(open_ports)
    answers = (
        _by_answer(said, (Sure.SURE, Sure.LIKELY)),
        _by_printing(ports, said),
        _by_system(said, ports, class_by_maker(maker) if maker else None),
        _by_answer(said, (Sure.GUESS,)),
        _by_ports(ports),
        _by_windows_ports(ports),
        _by_maker(maker, ports),
    )
    unknown = ("unknown", Sure.GUESS, "種類を示すものがありません / Nothing says what it is")
    return next((answer for answer in answers if answer), unknown)


def _by_answer(said: tuple[Recognition, ...], marks: tuple[Sure, ...]) -> Answer | None:
    """The surest class that it said; of equally sure ones the more special class."""
    named = [one for one in said if one.device_class in CLASSES and one.sure in marks]
    if not named:
        return None
    best = min(named, key=lambda one: (_RANK[one.sure], CLASSES.index(one.device_class or "unknown")))
    what = one_name(best)
    return (
        best.device_class or "unknown",
        best.sure,
        f"応答（{best.channel}: {what}） / It said {what} ({best.channel})",
    )


def one_name(one: Recognition) -> str:
    """Shortest name for what was recognised, for a reason."""
    return " ".join(part for part in (one.maker, one.model or one.product or one.os) if part) or one.pattern


def _by_printing(ports: frozenset[int], said: tuple[Recognition, ...]) -> Answer | None:
    """A print port, and nothing of a computer beside it (copiers do serve SMB)."""
    raw = any(port >= 9100 for port in ports & _PRINTING)
    computer = bool(ports & {135, 3389}) or (445 in ports and not raw)
    computer = computer or any(one.product == "OpenSSH" for one in said)
    found = sorted(ports & _PRINTING)
    if not found or computer:
        return None
    sure = Sure.LIKELY if len(found) > 1 or found[0] >= 9100 else Sure.GUESS
    return ("printer", sure, f"印刷ポート {found[0]} / Printing port {found[0]} is open")


def _by_system(said: tuple[Recognition, ...], ports: frozenset[int], sold: str | None) -> Answer | None:
    """Server or PC, by the name of its system, by what it serves, and by what its maker sells."""
    for one in said:
        system = one.os or (one.product or "")
        server, client = bool(_SERVER_NAME.search(system)), bool(_CLIENT_NAME.search(system))
        if server and not client:
            return ("server", one.sure, f"OSが {system} / Its system is {system}")
        if client and not server:
            return _client(one, system, ports)
        if server or system.lower().startswith("windows"):
            return _ambiguous(system, ports)
    system = next(
        (one.os or one.product or "" for one in said if _UNIX.search(one.os or one.product or "")), ""
    )
    managed = any(one.channel.startswith("snmp") for one in said)
    return _unix(system, ports, sold, managed=managed) if system else None


def _client(one: Recognition, system: str, ports: frozenset[int]) -> Answer:
    """A client system is a PC, unless it is a DICOM node: then it may be a modality's console."""
    if ports & _DICOM:
        return ("medical", Sure.GUESS, f"{system} とDICOMポート / {system} with a DICOM port")
    return ("pc", one.sure, f"OSが {system} / Its system is {system}")


def _ambiguous(system: str, ports: frozenset[int]) -> Answer:
    """One build number stands for a client and a server: its services decide."""
    served = _served(ports)
    if served:
        return ("server", Sure.LIKELY, f"{system}、{served} を提供 / {system}, serving {served}")
    return ("pc", Sure.GUESS, f"{system}、サーバー機能は見えない / {system}, serving nothing that we see")


def _unix(system: str, ports: frozenset[int], sold: str | None, *, managed: bool) -> Answer:
    served = _served(ports)
    if served:
        return ("server", Sure.LIKELY, f"{system}、{served} を提供 / {system}, serving {served}")
    if managed and sold in (None, "pc", "server", "gateway"):
        return ("server", Sure.LIKELY, f"{system}、SNMP で管理 / {system}, managed by SNMP")
    if 3389 in ports or ports & set(range(5900, 5904)):
        return ("pc", Sure.GUESS, f"{system} の画面共有 / {system} sharing its screen")
    if sold not in (None, "server"):  # an embedded system, or a PC that only shares files
        return (sold, Sure.GUESS, f"{system}、製造元からみて / {system}, by what its maker sells")
    return ("server", Sure.GUESS, f"{system} / {system}")


def _served(ports: frozenset[int]) -> str:
    return ", ".join(dict.fromkeys(_SERVED[port] for port in sorted(ports & _SERVED.keys())))


def _by_ports(ports: frozenset[int]) -> Answer | None:
    for telling, device_class, name in _PORTS:
        if ports & telling:
            port = min(ports & telling)
            return (device_class, Sure.GUESS, f"{name} のポート {port} / Port {port} of {name} is open")
    databases = ports & {1433, 1521, 3306, 5432, 1972}
    if databases:
        return (
            "server",
            Sure.LIKELY,
            f"データベース（{_served(databases)}） / It serves {_served(databases)}",
        )
    return None


def _by_windows_ports(ports: frozenset[int]) -> Answer | None:
    """Windows without a name or build: its ports are all there is."""
    if not ({135, 445} <= ports or 3389 in ports):
        return None
    return _ambiguous("Windows", ports)


def _by_maker(maker: str | None, ports: frozenset[int]) -> Answer | None:
    if maker is None:
        return None
    device_class = class_by_maker(maker)
    computer = device_class == "pc" or makes_computers(maker)
    if computer and _served(ports - {80, 443, 8000, 8080, 8443}):
        device_class = "server"
    if device_class is None:
        return None
    return (device_class, Sure.GUESS, f"MACアドレスの登録者が {maker} / Its MAC belongs to {maker}")
