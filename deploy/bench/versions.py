# SPDX-License-Identifier: Apache-2.0
"""Version comparison in figures: `python -m deploy.bench.versions`.

Every first mended version that ships is decided at itself, after it, before it and on a far branch; real
version strings of each maker (recorded walks and command outputs beside the repository, ../shared/data)
are read and ordered against each other; 2,000 devices are judged. Wrong answers must be 0.
"""

import json
import re
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path

from collector.advisories.affected import Answer, decide
from collector.advisories.assessment import Assessor, Kind
from collector.advisories.products import Product, matches
from collector.advisories.shipped import shipped_knowledge
from collector.case import Case
from collector.rules import patches
from collector.versions import Order, compare, parse
from deploy.device_row import stored
from inventory_db.device import Address, Confidence, Device
from inventory_db.traits import traits_of
from probes.contract import Line, Malformed, Transcript
from probes.facts import Sure
from probes.login import snmp

DATA = Path(__file__).parents[3] / "shared" / "data" / "dev-core.tar.xz"
SEEN = "2026-11-28T09:00:00+09:00"
_MODEL = re.compile(r"^(?!v?\d)\S+ (?=v?\d)")  # a model's name before the version has digits of its own
_LAST = re.compile(r"\d+(?=\D*$)")
# platforms of recorded command outputs whose `version` is in one scheme
_PLATFORMS = {
    "asa": "asa", "cisco_asa": "asa", "nxos_ssh": "nxos", "cisco_nxos": "nxos", "ios": "ios", "iosxe": "ios",
    "ios/cat6k": "ios", "generic": "ios", "generic/rv1": "ios", "fortinet": "fortinet", "fortigate": "fortinet",
    "junos": "junos", "juniper_junos": "junos", "paloalto_panos": "panos", "panos": "panos", "yamaha": "yamaha",
    "fsas_sir": "fujitsu", "checkpoint_gaia": "checkpoint", "opnsense": "opnsense", "routeros": "routeros",
    "ubiquiti_edgerouter": "edgeos", "aoscx": "aruba-lettered", "aruba_aoscx": "aruba-lettered", "aosw": "arubaos",
    "aruba_os": "arubaos", "cisco_s300": "cisco-small",
}  # fmt: skip

# systems of recorded walks whose true version is in one scheme
_SYSTEMS = {
    "fortigate": "fortinet", "fortios": "fortinet", "fortiadc": "fortinet", "fortiswitch": "fortinet",
    "fortiauthenticator": "fortinet", "fortivoice": "fortinet", "fortisandbox": "fortinet", "asa": "asa",
    "ftd": "ftd", "ios": "ios", "iosxe": "ios", "nxos": "nxos", "junos": "junos", "screenos": "screenos",
    "panos": "panos", "pulse": "ivanti", "netscaler": "netscaler", "sonicwall": "sonicwall", "sophos-xg": "sfos",
    "gaia": "checkpoint", "secureplatform": "checkpoint", "zywall": "zyxel", "zynos": "zyxel", "ies52xxM": "zyxel",
    "zyxelac": "zyxel", "zyxelwlc": "zyxel", "qnap": "qts", "dsm": "dsm", "arrayos": "array", "alaxala": "alaxala",
    "awplus": "allied", "allied": "allied", "opnsense": "opnsense", "pfsense": "pfsense", "vyos": "vyos",
    "routeros": "routeros", "draytek": "draytek", "buffalo": "buffalo", "arubaos": "arubaos",
    "arubaos-cx": "aruba-lettered", "procurve": "aruba-lettered", "vmware-esxi": "esxi",
}  # fmt: skip


def main() -> int:
    """Print the figures; 1 if any answer is wrong."""
    wrong = fixes()
    if DATA.is_file():
        with tempfile.TemporaryDirectory() as folder:
            wrong += real_strings(Path(folder))
    else:
        print(f"記録がありません。 / No recorded material at {DATA}: real strings not read.")
    speed()
    print(f"wrong answers: {wrong}")
    return 1 if wrong else 0


def fixes() -> int:
    """Decide every weakness at and around its fixes; gives how many answers are wrong."""
    known = shipped_knowledge()
    products = {one.key: one for one in known.products}
    told: Counter[Answer] = Counter()
    rows, wrong = 0, 0
    for weakness in known.weaknesses:
        for product in (products[key] for key in weakness.products):
            for fix in weakness.fixed:
                rows += bool(fix.first)
                for first in fix.first:
                    ahead = Answer.AFFECTED if fix.above else Answer.SOUND
                    for step, wanted in ((0, ahead), (1, Answer.SOUND), (-1, Answer.AFFECTED)):
                        text = _beside(first, step)
                        version = parse(product.scheme, text)
                        answer = (
                            decide(product.scheme, version, weakness).answer if version else Answer.UNKNOWN
                        )
                        told[answer] += 1
                        if answer not in (wanted, Answer.UNKNOWN) and text:
                            wrong += 1
                            print(f"  wrong: {weakness.id} {product.key} {text}: {answer}, wanted {wanted}")
    print(f"fixes: {rows} branches of {sum(any(f.first for f in w.fixed) for w in known.weaknesses)} weaknesses,"
          f" {sum(told.values())} versions decided ({_listed(told)}), {wrong} wrong")  # fmt: skip
    return wrong


def _listed(counted: Counter[Answer] | Counter[Kind]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counted.most_common())


def _beside(text: str, step: int) -> str:
    match = list(_LAST.finditer(text))[-1]
    number = int(match[0]) + step
    return (
        "" if number < 0 else text[: match.start()] + str(number).zfill(len(match[0])) + text[match.end() :]
    )


def real_strings(folder: Path) -> int:
    """Read and order real strings; gives how many pairs contradict their plain digits."""
    with tarfile.open(DATA) as packed:
        wanted = [one for one in packed if one.name.startswith(("librenms/", "cli/", "vuls"))]
        packed.extractall(folder, wanted, filter="data")
    by_scheme: dict[str, dict[str, None]] = defaultdict(dict)
    named: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for product, text in _of_walks(folder):
        named[product.title] += 1
        read[product.title] += parse(product.scheme, text) is not None
        by_scheme[product.scheme][text] = None
    for scheme, text in (*truths(folder), *_of_commands(folder)):
        by_scheme[scheme][text] = None
    print("real strings of recorded walks, as our reader gives them (read / seen):")
    for title in sorted(named):
        print(f"  {title}: {read[title]} / {named[title]}")
    print("all real strings by scheme (read / different strings; unread ones):")
    wrong = 0
    for scheme, texts in sorted(by_scheme.items()):
        unread = [text for text in texts if parse(scheme, text) is None]
        print(f"  {scheme}: {len(texts) - len(unread)} / {len(texts)} {unread[:4] or ''}")
        wrong += _contradictions(scheme, [text for text in texts if text not in unread])
    return wrong


def _contradictions(scheme: str, texts: list[str]) -> int:
    wrong = 0
    for one, other in combinations(texts, 2):
        order = compare(scheme, one, other)
        left, right = parse(scheme, one), parse(scheme, other)
        if order in (Order.LESS, Order.GREATER) and left and right:
            plain = _digits(one, other)
            if plain is not None and plain != order:
                wrong += 1
                print(f"  wrong: {scheme} {one!r} {order} {other!r}")
    return wrong


def _digits(one: str, other: str) -> Order | None:
    """The order of the plain digits, an oracle that knows no scheme; None where they say nothing."""
    left, right = (tuple(map(int, re.findall(r"\d+", _MODEL.sub("", text)))) for text in (one, other))
    if left == right:
        return None
    return Order.LESS if left < right else Order.GREATER


def _of_walks(folder: Path) -> Iterator[tuple[Product, str]]:
    base = folder / "librenms" / "dev"
    for line in (base / "expected.jsonl").read_text("utf-8").splitlines():
        walk = (base / "walks" / json.loads(line)["file"]).read_bytes()
        try:
            facts = snmp.read(Transcript(tuple(Line("<", one) for one in walk.splitlines())))
        except Malformed:
            continue
        found = traits_of((stored(facts),), (), ())
        device = _device("walk", {**found.values}, dict(found.confidence))
        for one in matches(device, shipped_knowledge().products):
            if one.version:
                yield one.product, one.version


def truths(folder: Path) -> Iterator[tuple[str, str]]:
    """The versions that the walks truly are, as their collectors write them."""
    for line in (folder / "librenms" / "dev" / "expected.jsonl").read_text("utf-8").splitlines():
        truth = json.loads(line)["expected"]
        scheme = _SYSTEMS.get(truth.get("os"))
        if scheme and truth.get("version"):
            yield scheme, truth["version"]


def _of_commands(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / "cli" / "dev" / "cases.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        scheme = _PLATFORMS.get(row.get("platform") or "")
        if scheme:
            yield from ((scheme, text) for text in _versions(row) if len(text) < 60 and "\n" not in text)


def _versions(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if (
                key in ("version", "os_version", "sw_version", "firmware_version")
                and isinstance(inner, str)
                and inner
            ):
                yield inner
            elif key != "text":
                yield from _versions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _versions(inner)


def speed(count: int = 2000) -> None:
    """Judge a hospital of this many devices, each of three classes, on what ships."""
    kinds = [
        {"maker": "Fortinet", "os": "FortiOS", "model": "FortiGate 60F", "device_class": "gateway"},
        {"os": "Windows 10 22H2", "os_version": "10.0.19045", "device_class": "pc"},
        {"os": "Windows 10 1809 / Windows Server 2019", "os_version": "10.0.17763", "device_class": "server"},
        {"maker": "Cisco", "os": "Cisco IOS", "model": "C1100", "device_class": "network"},
    ]
    devices = []
    for number in range(count):
        values: dict[str, str | None] = dict(kinds[number % len(kinds)])
        if values.get("maker"):
            values["firmware_version"] = (
                f"7.{number % 5}.{number % 17}" if number % 4 == 0 else f"15.2(4)M{number % 12}"
            )
        told = {name: Confidence(Sure.SURE, "", "") for name in values}
        devices.append(_device(f"d{number}", values, told))
    case = Case(now=datetime(2026, 11, 29, tzinfo=UTC), devices=tuple(devices))
    began, busy = time.perf_counter(), time.process_time()
    judged = [patches.judge(case, target) for target in ("server", "pc", "network")]
    spent, busy = time.perf_counter() - began, time.process_time() - busy
    findings = sum(len(one.findings) for one in judged)
    print(f"judging {count} devices for 3 classes: {spent:.3f} s ({busy:.3f} s of CPU), {findings} findings")
    assessor = Assessor(shipped_knowledge(), date(2026, 11, 29))
    kinds_seen = Counter(one.kind for device in devices[:200] for one in assessor.assess(device))
    print(f"  of 200 devices: {_listed(kinds_seen)}")


def _device(name: str, values: dict[str, str | None], confidence: dict[str, Confidence]) -> Device:
    address = Address("192.0.2.1", None, "192.0.2.0/24", None, "asked")
    device = Device(
        id=name, anchor="a", addresses=(address,), confidence=confidence, first_seen=SEEN, last_seen=SEEN, last_asked=SEEN
    )  # fmt: skip
    return replace(device, **{key: value for key, value in values.items() if value is not None})  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
