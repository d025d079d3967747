# SPDX-License-Identifier: Apache-2.0
"""Ports and device classes that get no bytes. Pure; binds every probe, and nmap as well.

The guard belongs to the port, not to the probe. The table restates what is known to harm:
raw print ports print any byte, serial servers pass bytes on to an analyser, controllers and
interface engines stop or store garbage (sources beside each row).
"""

import enum
from dataclasses import dataclass

from probes.fragility import Judgement, Temper


class Permit(enum.IntEnum):
    """How far we may go with a port; each step includes the ones before."""

    NOTHING = 0  # not even a connection
    CONNECT = 1  # TCP handshake and full close, no byte
    LISTEN = 2  # read what the server says by itself
    SEND = 3  # one gentle question


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: ports `first..last`, what is permitted, which allowance of the site lifts it, and why."""

    transport: str
    first: int
    last: int
    permit: Permit
    code: str
    ja: str
    en: str
    lifted_by: str = ""


_PRINT = (
    "印刷用の口。送ったものがすべて紙に出る",
    "raw print port: any byte is printed",
)  # nmap Exclude T:9100-9107
_LPD = ("LPD。制御文字1つで印刷が始まる", "LPD: one control byte starts a job")
_HL7 = ("HL7の口。余計な1文字が電文として取り込まれる", "HL7: a stray byte may be stored as a message")
_DICOM = (
    "画像装置の口は数が少ない。許可のある機器だけに尋ねる",
    "few association slots; only where the site allows",
)
_SERIAL = (
    "直列変換器。文字がそのまま検査機器へ届く",
    "serial device server: bytes reach the instrument behind it",
)
_CONTROL = (
    "設備制御。想定外の入力で止まることがある",
    "building or process control: known to stop on unexpected input",
)
_MONITOR = ("生体情報モニタのデータ口", "patient monitor data export")
_BANNER = ("名乗りを読むだけで、何も送らない", "banner is read, nothing is sent")

RULES: tuple[Rule, ...] = (
    *(
        Rule("tcp", a, b, Permit.CONNECT, "raw_print", *_PRINT)
        for a, b in ((9100, 9107), (6101, 6101), (9200, 9200))
    ),
    Rule("tcp", 515, 515, Permit.CONNECT, "lpd", *_LPD),
    Rule("tcp", 2575, 2575, Permit.CONNECT, "hl7", *_HL7),
    *(Rule("tcp", p, p, Permit.NOTHING, "dicom", *_DICOM, "dicom") for p in (104, 2761, 2762, 4242, 11112)),
    *(
        Rule("tcp", a, b, Permit.NOTHING, "serial_server", *_SERIAL)
        for a, b in ((771, 771), (2101, 2132), (4001, 4016), (10001, 10001), (30718, 30718))
    ),
    *(Rule("udp", p, p, Permit.NOTHING, "serial_server", *_SERIAL) for p in (4800, 30718)),
    *(Rule("tcp", p, p, Permit.NOTHING, "control", *_CONTROL) for p in (102, 502, 1911, 4911, 20000, 44818)),
    *(Rule("udp", p, p, Permit.NOTHING, "control", *_CONTROL) for p in (20000, 44818, 47808)),
    *(Rule("udp", p, p, Permit.NOTHING, "patient_monitor", *_MONITOR) for p in (24005, 24105)),
    *(Rule("tcp", p, p, Permit.LISTEN, "banner_only", *_BANNER) for p in (21, 23)),
)

MOST_IKE = 2  # well-formed SA_INIT messages per host and run


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is permitted, and the reason code with a sentence ("" where everything is)."""

    permit: Permit
    reason: str = ""


def rule_on(transport: str, port: int, allowed: frozenset[str] = frozenset()) -> Ruling:
    """Say how far we may go with this port of a host for which the site allows `allowed`."""
    for rule in RULES:
        if rule.transport == transport and rule.first <= port <= rule.last and rule.lifted_by not in allowed:
            return Ruling(rule.permit, f"{rule.code}: {rule.ja} / {rule.en}")
    return Ruling(Permit.SEND)


def rule_on_host(judgement: Judgement, allowed: frozenset[str] = frozenset()) -> Ruling:
    """Say how far we may go with a host of this temper. An unclassified host hears nothing from us first."""
    if judgement.temper is Temper.FRAGILE and "fragile" not in allowed:
        return Ruling(Permit.NOTHING, f"fragile: {judgement.reason}")
    if judgement.temper is Temper.UNKNOWN and "fragile" not in allowed:
        return Ruling(Permit.LISTEN, f"unclassified: {judgement.reason}")
    return Ruling(Permit.SEND)
