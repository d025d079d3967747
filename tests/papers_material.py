# SPDX-License-Identifier: Apache-2.0
"""A small hospital with what people stated, and forms made of the shipped editions, for the tests of papers."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest

from collector.case import Case
from collector.documents.checklist_filling import forms_of
from collector.documents.checklist_form import Form
from collector.documents.typesetting import font_folder
from collector.dossier import Dossier
from collector.edition import load_edition
from collector.judge import judge
from collector.judged import Judgement
from collector.verdict import Finding, Judged, Text, Verdict
from inventory_db.device import Address, Confidence, Device, Evidence, RemotePath
from inventory_db.ledger import Header
from inventory_db.observations import Stored, as_stored
from inventory_db.official import official_row
from inventory_db.stated import NO, NOT_APPLICABLE, YES, Answer, Statement, Vendor
from inventory_db.statements import Stated
from probes.facts import Observation, Outcome, Sure, Vantage

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
SEEN = "2026-11-20T10:00:00+09:00"
GOLDEN = Path(__file__).parent / "golden"
RARE = "𠮷野家 髙﨑 德永 ①㈱Ⅳ㎡纊 ｱｲｳ"
VENDOR = Vendor(
    id="v1", name="髙木システム㈱", systems=("電子カルテ",), devices=("d1", "d2"), contact="03-0000-0000"
)
LOST = "\ue000\U0001f3e5\u202e"

needs_fonts = pytest.mark.skipif(
    not (font_folder() / "NotoSansJP-Bold.ttf").is_file(),
    reason="the papers' fonts are not there (bash deploy/build_frontend.sh fetches them from npm)",
)


def text_of(data: bytes) -> list[str]:
    """Give the text of each page of a PDF, places where a line may end left out."""
    pages = pypdf.PdfReader(io.BytesIO(data)).pages
    return [page.extract_text().replace("\u200b", "") for page in pages]


def bold_text(data: bytes, page: int = 0) -> str:
    """Give what stands in bold on a page: the circled words among it."""
    found: list[str] = []

    def visit(text: str, _cm: Any, _tm: Any, font: dict[str, str] | None, _size: Any) -> None:
        if font and "Bold" in font.get("/BaseFont", ""):
            found.append(text)

    pypdf.PdfReader(io.BytesIO(data)).pages[page].extract_text(visitor_text=visit)
    return "".join(found)


def compare(name: str, text: str) -> None:
    """Hold text against a golden file; a golden file that is not there is written, and the test fails."""
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path} was written; look at it and commit it")
    assert text == path.read_text(encoding="utf-8"), f"{name}: delete the golden file to write it again"


def observation(address: str, probe: str, transcript: str, *, port: int = 0, **more: Any) -> Observation:
    values: dict[str, Any] = {"outcome": Outcome.ANSWERED, "transport": "tcp" if port else "icmp"} | more
    return Observation(
        scan="s1",
        vantage="v1",
        at=NOW,
        probe=probe,
        address=address,
        port=port,
        transcript=transcript,
        **values,
    )


SAID = observation("10.1.0.1", "ike", "> b'\\x00<script>'\n< b'*strong* \\xff'\n", port=500)
SILENT = observation("10.1.0.2", "ssh", "> b'hello'\n", port=22, outcome=Outcome.SILENT)


def device(id: str, ip: str, kind: str, **given: Any) -> Device:
    values: dict[str, Any] = {"first_seen": SEEN, "last_seen": SEEN, "last_asked": SEEN} | given
    return Device(
        id=id,
        anchor=id,
        addresses=(Address(ip, None, "10.1.0.0/24", "v1", "asked"),),
        device_class=kind,
        **values,
    )


def hospital() -> tuple[Device, ...]:
    """Give four devices: a known gateway, one without a model, a server, and something unknown."""
    path = RemotePath("ipsec", "IKEv2", 500, (Evidence(SAID.id, "応答した", "answered"),))
    maker = Confidence(Sure.SURE, "名乗った", "it says so", (SAID.id,))
    return (
        device("d1", "10.1.0.1", "gateway", maker="Yamaha", model="RTX1210", remote_paths=(path,),
               firmware_version="14.01.42", confidence={"maker": maker}),
        device("d2", "10.1.0.9", "gateway", maker="Fortinet"),
        device("d3", "10.1.0.2", "server", os="Windows Server 2019", names=("HIS-DB01",),
               confidence={"os": Confidence(Sure.LIKELY, "推定", "likely", (SILENT.id,))}),
        device("d4", "10.1.0.3", "unknown", names=(RARE + LOST,)),
    )  # fmt: skip


def dossier(
    *said: Statement, devices: tuple[Device, ...] | None = None, edition: str = "R6-hospital"
) -> Dossier:
    """Make the judged dossier of a small hospital and what people stated."""
    found = hospital() if devices is None else devices
    kept = {one.id: as_stored(one) for one in (SAID, SILENT)}
    texts = {one.id: one.transcript for one in (SAID, SILENT)}
    stated: dict[str, dict[str, Stated[Statement]]] = {}
    for one in said:
        stated.setdefault(one.KIND, {})[one.key] = Stated(one, "鈴木一郎", NOW)

    def observations(ids: Any) -> tuple[Stored, ...]:
        return tuple(kept[id] for id in ids if id in kept)

    case = Case(
        now=NOW,
        devices=found,
        rows=tuple(official_row(one, number, {}) for number, one in enumerate(found, 1)),
        vantages=(
            Vantage(id="v1", host="probe1", interface="eth0", address="10.1.0.250", network="10.1.0.0/24"),
        ),
        stated=stated,
    )
    return Dossier(
        case=case,
        judgement=_steady(judge(load_edition(edition), case)),
        header=Header(NOW, "鈴木一郎"),
        name="東山台病院",
        observations=observations,
        transcripts=lambda ids: {id: texts[id] for id in ids if id in texts},
    )


def _steady(judgement: Judgement) -> Judgement:
    """Put one made-up verdict in the place of each, so that papers do not change with the rules."""
    finding = Finding(
        code="patch.affected",
        device="d1",
        text=Text("修正版が出ています。", "affected"),
        observations=(SAID.id,),
    )
    plain = Judged(
        verdict=Verdict.CANNOT_TELL,
        reason=Text("試験の理由 E-001。", "reason"),
        toward_yes=Text("試験の次の手。", "next"),
        findings=(finding,),
        observations=(SILENT.id,),
    )
    sheets = tuple(
        replace(sheet, items=tuple(replace(item, judged=plain) for item in sheet.items))
        for sheet in judgement.sheets
    )
    return replace(judgement, sheets=sheets)


def blank_form(edition: str = "R6-hospital", sheet: str = "facility") -> Form:
    """Make a sheet of a shipped edition that nobody has filled in."""
    return _form(edition, sheet)


def filled_form(edition: str = "R6-hospital", sheet: str = "facility") -> Form:
    """Make a sheet with three answers: はい, いいえ with a goal and a second round, and 対象外."""
    vendor = VENDOR.id if sheet == "vendor" else ""

    def answer(target: str, number: str, word: str, **more: Any) -> Answer:
        values: dict[str, Any] = {"on": date(2024, 7, 1), "vendor": vendor} | more
        return Answer(edition=edition, sheet=sheet, target=target, number=number, answer=word, **values)

    return _form(
        edition,
        sheet,
        answer("organisation", "1-1", YES),
        answer("network", "2-7", NO, target_date=date(2025, 1, 31), remark=f"更新を依頼 {RARE}"),
        answer("network", "2-7", YES, round=2, on=date(2025, 1, 20)),
        answer("pc", "2-9", NOT_APPLICABLE),
    )


def _form(edition: str, sheet: str, *answers: Answer) -> Form:
    forms = forms_of(dossier(VENDOR, *answers, edition=edition))
    return next(form for form in forms if bool(form.vendor) == (sheet == "vendor"))
