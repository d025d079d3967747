# SPDX-License-Identifier: Apache-2.0
"""How long the papers take, each beside a named alternative that ran in the same minute.

`python -m deploy.bench.papers [--devices 2000] [--rows 10000]`

Times are the wall clock and the processor time of this process; on a busy machine the second says more.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import typst
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openpyxl import Workbook

from collector.documents.checklist_filling import forms_of
from collector.documents.checklist_pdf import write_checklist_pdf
from collector.documents.checklist_xlsx import write_checklist_xlsx
from collector.documents.ledger_paper import ledger_paper
from collector.documents.pack import make_pack
from collector.documents.pack_check import check_pack
from collector.documents.paper import Paper
from collector.documents.paper_pdf import write_paper_pdf
from collector.documents.paper_xlsx import write_paper_xlsx
from collector.documents.typesetting import font_folder
from collector.dossier_reading import read_dossier
from collector.settings import Settings
from inventory_db import ledger, observations
from inventory_db.ledger import Header
from inventory_db.official import COLUMNS
from inventory_db.stated import Facility, Vendor
from inventory_db.statements import state_all
from inventory_db.tables import open_ledger, writing
from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Upload, Vantage

_NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
_ZONE = Settings().zone
_OUIS = ("00:1b:21", "00:00:4c", "00:a0:de", "00:09:0f")  # Intel, NEC, Yamaha, Fortinet


@dataclass(frozen=True, slots=True)
class Took:
    """How long something took, in seconds."""

    wall: float
    processor: float


def main() -> int:
    """Measure and print; 1 if a paper took longer than it may."""
    options = argparse.ArgumentParser(prog="python -m deploy.bench.papers")
    options.add_argument("--rows", type=int, default=10_000)
    options.add_argument("--devices", type=int, default=2_000)
    given = options.parse_args()
    slow = [name for name, took, most in _measure(given.rows, given.devices) if took.wall > most]
    if slow:
        print(f"over its limit: {', '.join(slow)}")
    return 1 if slow else 0


def _measure(rows: int, devices: int) -> Iterator[tuple[str, Took, float]]:
    empty = _time(_empty_page)
    print(f"an empty page by typst (the alternative for PDF): {_words(empty)}")
    paper = _ledger_of(rows)
    cells = _time(lambda: _openpyxl(paper))
    print(f"the same {rows:,} rows by openpyxl, write-only (the alternative for Excel): {_words(cells)}")
    took = _time(lambda: write_paper_xlsx(paper))
    yield _told(f"ledger of {rows:,} rows as xlsx", took, 5, "openpyxl", cells)
    bare = _time(lambda: _bare_table(paper), times=1)  # typst remembers what it set once: no second run
    print(f"the same rows as one bare typst table (the alternative for a long PDF): {_words(bare)}")
    took = _time(lambda: write_paper_pdf(paper), times=1)
    yield _told(f"ledger of {rows:,} rows as PDF", took, 10, "a bare table", bare)
    with TemporaryDirectory() as folder:
        yield from _measure_hospital(Path(folder) / "bench.sqlite", devices, empty, bare)


def _measure_hospital(path: Path, devices: int, empty: Took, bare: Took) -> Iterator[tuple[str, Took, float]]:
    engine = open_ledger(path)
    with writing(engine) as connection:
        seen = observations.append(connection, _upload(devices))
        ledger.refresh(connection)
        own = tuple(device.id for device in ledger.devices(connection)[:50])
        said = (Facility(name="測定病院"), Vendor(id="v1", name="事業者", devices=own))
        state_all(connection, said, "bench", _NOW)
    print(f"a hospital of {devices:,} devices, {seen.observations_new:,} observations")
    with engine.connect() as connection:
        dossier = read_dossier(connection, "", _ZONE, _NOW)
        form = forms_of(dossier)[0]
        took = _time(lambda: write_checklist_pdf(form), times=1)
        yield _told("checklist as PDF", took, 1, "empty page", empty)
        took = _time(lambda: write_checklist_xlsx(form))
        yield _told("checklist as xlsx", took, 1, "empty page", empty)
        key, packs = Ed25519PrivateKey.generate(), []
        took = _time(lambda: packs.append(make_pack(read_dossier(connection, "", _ZONE, _NOW), key)), times=1)
        yield _told(f"inspection pack ({len(packs[0].data) / 2**20:.1f} MiB)", took, 30, "a bare table", bare)
        took = _time(lambda: check_pack(packs[0].data), times=1)
        yield _told("checking that pack", took, 30, "a bare table", bare)
    engine.dispose()


def _told(name: str, took: Took, most: float, than: str, other: Took) -> tuple[str, Took, float]:
    ratio = took.processor / max(other.processor, 1e-6)
    print(f"{name}: {_words(took)}, {ratio:.2f} times {than} (may take {most:g} s)", flush=True)
    return name, took, most


def _words(took: Took) -> str:
    return f"{took.wall:.2f} s ({took.processor:.2f} s of processor)"


def _time(work: Callable[[], object], times: int = 2) -> Took:
    """Give the best of some runs, the first of which also loads what is loaded once."""
    best = Took(float("inf"), float("inf"))
    for _ in range(times):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        took = Took(time.perf_counter() - wall, time.process_time() - processor)
        best = min(best, took, key=lambda one: one.wall)
    return best


def _empty_page() -> bytes | list[bytes] | None:
    fonts = typst.Fonts(False, False, [str(font_folder())])
    return typst.compile(b"", font_paths=fonts, ignore_system_fonts=True, format="pdf")


def _bare_table(paper: Paper) -> bytes | list[bytes] | None:
    """Set the same cells with nothing of ours: no letterhead, no repeated heading, no check of glyphs."""
    source = (
        b'#set page(paper: "a4", flipped: true)\n'
        b'#set text(font: ("BIZ UDGothic", "Noto Sans JP"), size: 7.5pt)\n'
        b"#table(columns: (1fr,) * 12, ..json(bytes(sys.inputs.rows)).flatten())"
    )
    rows = json.dumps([list(row) for row in paper.parts[0].rows], ensure_ascii=False)
    fonts = typst.Fonts(False, False, [str(font_folder())])
    return typst.compile(
        source,
        font_paths=fonts,
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"rows": rows},
        pdf_tags=False,
    )


def _openpyxl(paper: Paper) -> bytes:
    book, file = Workbook(write_only=True), io.BytesIO()
    page = book.create_sheet("台帳")
    for row in paper.parts[0].rows:
        page.append(row)
    book.save(file)
    return file.getvalue()


def _ledger_of(rows: int) -> Paper:
    values = [
        (
            f"{n:05d}",
            ("Fujitsu", "NEC", "ヤマハ", "髙木産業㈱")[n % 4],
            "Windows 10 Pro 22H2",
            "Microsoft Terminal Services、電子カルテ",
            "10.0.19045、2.0",
            f"10.{n // 62500}.{n // 250 % 250}.{n % 250}",
            f"HIS-PC-{n:05d}",
            f"{n % 9 + 1}階 病棟",
            "看護部 𠮷田",
            "2020/12/1",
            "稼働",
            "",
        )
        for n in range(1, rows + 1)
    ]
    assert len(values[0]) == len(COLUMNS)
    return ledger_paper(values, Header(_NOW, "鈴木一郎"), "測定病院", "hospital", _NOW, _ZONE)


def _upload(devices: int) -> Upload:
    scan = Scan(
        id="s1",
        started=_NOW,
        ended=_NOW,
        scope=("10.0.0.0/16",),
        state="complete",
        planned=devices,
        finished=devices,
    )
    place = Vantage(id="v1", host="probe", interface="eth0", address="10.0.255.254", network="10.0.0.0/16")
    seen = tuple(one for n in range(devices) for one in _seen(n))
    return Upload(scans=(scan,), vantages=(place,), observations=seen)


def _seen(number: int) -> Iterator[Observation]:
    """What one device of the hospital showed: its MAC, a name, an SSH banner or an RDP port."""
    ip = f"10.0.{number // 250}.{number % 250 + 1}"
    mac = f"{_OUIS[number % 4]}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"

    def told(probe: str, port: int, transport: str, said: str, *facts: Fact) -> Observation:
        return Observation(
            scan="s1", vantage="v1", at=_NOW, probe=probe, address=ip, mac=mac, network="10.0.0.0/16",
            port=port, transport=transport, outcome=Outcome.ANSWERED, facts=facts, transcript=said,
        )  # fmt: skip

    name = Fact(FactKind.NAME, f"HIS-{number:05d}")
    yield told("packets.arp", 0, "arp", "", Fact(FactKind.MAC, mac), Fact(FactKind.ADDRESS, ip))
    yield told("nbns", 137, "udp", "> b'\\x80CKAAAA'\n< b'HIS'\n", name)
    if number % 3 == 0:
        banner = f"SSH-2.0-OpenSSH_9.{number % 8}p1 Debian-2"
        facts = (Fact(FactKind.SERVICE, "ssh"), Fact(FactKind.SSH_BANNER, banner))
        yield told("ssh", 22, "tcp", f"> b'SSH-2.0-daicho'\n< b'{banner}'\n", *facts)
    else:
        yield told(
            "rdp",
            3389,
            "tcp",
            "> b'\\x03'\n< b'\\x03'\n",
            Fact(FactKind.SERVICE, "rdp"),
            Fact(FactKind.REMOTE_PATH, "rdp"),
        )


if __name__ == "__main__":
    raise SystemExit(main())
