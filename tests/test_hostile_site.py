# SPDX-License-Identifier: Apache-2.0
"""A hostile lab, hostile people and hostile files through every GET of the permissions table.

Nothing executes, nothing breaks, everything is text: pages, every export opened, every line of the log.
"""

import csv
import io
import json
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openpyxl
import pypdf
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.documents.papers import paper_kinds
from collector.export_formats import format_names
from collector.logs import JsonLines
from collector.permissions import TABLE
from collector.settings import Settings
from inventory_db import agents, attachments, invitations, statements
from inventory_db.account_tables import changing
from inventory_db.accounts import Role
from inventory_db.ledger import devices, edit, refresh
from inventory_db.notes import Whence
from inventory_db.observations import append
from inventory_db.releases import list_releases
from inventory_db.stated import (
    KINDS,
    Answer,
    CloudService,
    Confirmation,
    Document,
    Facility,
    RemoteAccess,
    Vendor,
)
from inventory_db.tables import open_ledger, writing
from tests.browser.material import BIDI, EVIL, FORMULA, IMAGE, SCRIPT, hostile_upload
from tests.papers_material import needs_fonts
from tests.signed_in import COOKIE, as_role, sign_in

pytestmark = needs_fonts

NOW = datetime.now(UTC)
UNTIL = (NOW + timedelta(days=20)).date()
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OUR_SCRIPTS = ("/static/webauthn.js", "/static/editing.js", "/static/vendor/htmx.min.js")
HEAVIEST = 300 * 1024  # bytes of a page
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass
class Lab:
    """A running collector that holds nothing but malice."""

    app: FastAPI
    client: TestClient
    cookies: dict[Role, str]
    ids: dict[str, str]
    lines: list[str]
    released: tuple[str, ...]  # paths of the released pack's files


class _Keep(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def fill(ledger: Path) -> dict[str, str]:
    """Fill a ledger; gives the ids for the routes' placeholders."""
    engine = open_ledger(ledger)
    with writing(engine) as c:
        append(c, hostile_upload())
        refresh(c)
        device = next(one for one in devices(c) if any(a.ip == "10.20.1.67" for a in one.addresses))
        for column, word in (("設置場所", SCRIPT), ("利用者", FORMULA), ("説明", f"{IMAGE}{BIDI}")):
            edit(c, device.id, column, word, IMAGE, NOW)
        file = attachments.attach(
            c, SCRIPT.encode(), f"{IMAGE}\r\nSet-Cookie: a=b.txt", "text/html", SCRIPT, NOW
        )
        today = date.today()  # noqa: DTZ011 - a local day
        said = (
            Facility(name=SCRIPT, networks=("10.10.1.0/24", "10.20.1.0/24")),
            Vendor(id="v1", name=IMAGE, systems=(SCRIPT,), contact=FORMULA, devices=(device.id,)),
            RemoteAccess(id="r1", vendor="v1", device=device.id, means="vnc", product=SCRIPT, where=IMAGE, purpose=FORMULA),
            Confirmation(vendor="v1", path="r1", state="corrected", by=SCRIPT, on=today, evidence=FORMULA, correction=IMAGE),
            Document(id="d1", type="mds", title=SCRIPT, vendor="v1", version=FORMULA, on=today, attachments=(file,)),
            CloudService(id="c1", provider=SCRIPT, service=IMAGE, domain=FORMULA, state=BIDI),
            Answer(edition="R7-hospital", sheet="facility", target="organisation", number="1-1", answer="はい", on=today, remark=f"{SCRIPT}{FORMULA}"),
        )  # fmt: skip
        statements.state_all(c, said, SCRIPT, NOW)
        agents.create_enrolment(c, SCRIPT, timedelta(hours=1), now=NOW)
        observation = next(iter(device.observations))
    with changing(engine) as c:
        more: dict[str, Any] = {"name": FORMULA, "bound_to": IMAGE, "email": SCRIPT}
        who = Whence(SCRIPT, IMAGE, "", FORMULA)
        name, bound, email = more["name"], more["bound_to"], more["email"]
        word = invitations.create_invitation(c, 1, Role.VENDOR, name, NOW, who, bound_to=bound, email=email)
    engine.dispose()
    return {"device": device.id, "observation": observation, "file": file, "word": word}


def release(app: Any) -> tuple[str, tuple[str, ...]]:
    """Release the pack with a hostile note; gives its id and the paths of its files."""
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    as_role(client, app.state.engine, Role.ADMINISTRATOR, name=SCRIPT)
    until, note = UNTIL.isoformat(), f"{SCRIPT}{IMAGE}"
    page = client.get("/releases/new", params={"until": until, "note": note}).text
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    form = {"token": found[1], "until": until, "note": note, "edition": ""}
    made = client.post("/releases", data=form, headers={"Origin": "http://127.0.0.1"})
    assert made.status_code == 303, made.text
    with app.state.engine.connect() as c:
        id = list_releases(c)[0].id
    with zipfile.ZipFile(io.BytesIO(client.get(f"/releases/{id}/pack.zip").content)) as pack:
        return id, tuple(pack.namelist())


@contextmanager
def hostile_lab(folder: Path) -> Iterator[Lab]:
    """Make the collector in this folder, its people and their links, and keep its log while the block runs."""
    ids = fill(folder / "l.sqlite")
    settings = Settings(ledger=str(folder / "l.sqlite"), facility=SCRIPT, state_folder=str(folder / "state"))
    app, kept = create_app(settings), _Keep()
    logger = logging.getLogger("collector")
    logger.addHandler(kept)
    before = logger.level
    logger.setLevel(logging.INFO)
    ids["release"], released = release(app)
    vendor = as_role(
        TestClient(app, base_url="http://127.0.0.1"), app.state.engine, Role.VENDOR, bound_to="v1"
    )
    (ids["path"], *_) = re.findall(r'/vendor/paths/([^"?]+)', vendor.get("/vendor").text)
    bound = {Role.VENDOR: "v1", Role.INSPECTOR: ids["release"]}
    cookies = {
        role: sign_in(app.state.engine, role, name=f"{word}{role}", bound_to=bound.get(role, ""))
        for role, word in zip(Role, EVIL, strict=False)
    }
    client = TestClient(
        app, base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False
    )
    yield Lab(app, client, cookies, ids, kept.lines, released)
    logger.removeHandler(kept)
    logger.setLevel(before)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with hostile_lab(tmp_path_factory.mktemp("hostile")) as made:
        yield made


def addresses(lab: Lab) -> Iterator[tuple[Role | None, str]]:
    """Give every GET of the table with every fitting placeholder, and the role that asks."""
    for key, rule in TABLE.items():
        method, _, path = key.partition(" ")
        if method == "GET":
            role = None if rule.who is None else sorted(rule.who)[0]
            yield from ((role, one) for one in filled(lab, path))


def filled(lab: Lab, path: str) -> list[str]:
    """Fill a route's placeholders with ids that exist, and free ones with malice."""
    ids, evil = lab.ids, quote(IMAGE, "")
    if path.startswith("/inspection/{"):
        depth = path.count("/") - 2
        return ["/inspection/" + quote(name) for name in lab.released if name.count("/") == depth]
    if path.startswith("/papers/"):
        return [f"/papers/{kind}.{form}" for kind in paper_kinds() for form in ("pdf", "xlsx", "json")] + [
            f"/papers/diagram.{form}" for form in ("svg", "drawio")
        ]
    if "{format}" in path:
        return [path.format(format=name) for name in format_names()]
    if path.endswith("statements/{kind}"):
        return [path.format(kind=kind) + "?history=true" for kind in KINDS]
    known = {
        "edition": "R7-hospital",
        "form": "xlsx",
        "word": ids["word"],
        "observation": ids["observation"],
        "file": ids["file"],
        "membership": "x",
        "key": "c8",
        "id": ids["device"],
    }
    if path.startswith(("/vendors/", "/vendor/paths")):
        known["id"] = ids["path"] if "paths" in path else "v1"
    if path.startswith("/releases/"):
        known["id"] = ids["release"]
    if "attachments" in path or path.startswith("/vendor/files"):
        known["id"] = ids["file"]
    asked = {"/inspection/search": "?q=script", "/releases/new": f"?until={UNTIL}&note={evil}"}
    here = path.format_map(known)
    return [here + asked.get(path, ""), f"{here}?{'&'.join(f'{n}={evil}' for n in QUESTIONS)}"]


OUR_SCRIPTS = ("/static/webauthn.js", "/static/editing.js", "/static/vendor/htmx.min.js")
QUESTIONS = ("q", "next", "message", "address", "since", "person", "by", "device", "item", "vendor", "only", "note", "invitation")  # fmt: skip


class _Looker(HTMLParser):
    """Names every element and attribute of a page that could run or come from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        source = given.get("src", "")
        ours = (tag == "script" and source in OUR_SCRIPTS) or (
            tag == "img" and source.startswith("/inspection/")
        )
        if tag in ("script", "img", "iframe", "object", "embed", "base") and not ours:
            self.wrong.append(f"{tag} {source[:80]}")
        self.wrong += [
            f"{tag} {name}"
            for name in given
            if name.startswith(("on", "hx-on", "hx-vals")) or name == "style"
        ]
        leads = (given.get("href", ""), given.get("action", ""), given.get("formaction", ""))
        self.wrong += [one[:80] for one in leads if re.match(r"(?i)\s*(javascript|data|vbscript):|//", one)]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_every_page_and_export_of_a_hostile_lab_is_text(lab: Lab) -> None:
    trouble: list[str] = []
    pages, files, shown = 0, 0, ""
    for role, address in addresses(lab):
        lab.client.cookies.clear()
        if role is not None:
            lab.client.cookies.set(COOKIE, lab.cookies[role])
        answer = lab.client.get(address)
        kind = answer.headers.get("content-type", "")
        if answer.status_code >= 500:
            trouble.append(f"{answer.status_code} {address}")
        elif kind.startswith("text/html"):
            if len(answer.content) > HEAVIEST:
                trouble.append(f"{len(answer.content)} bytes {address[:80]}")
            looker = _Looker()
            looker.feed(answer.text)
            pages, shown = pages + 1, shown + "".join(looker.text)
            trouble += [f"{address[:80]}: {one}" for one in looker.wrong]
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        elif answer.status_code == 200:
            files += 1
            assert answer.headers["x-content-type-options"] == "nosniff", address
            trouble += [f"{address[:80]}: {what}" for what in wrong_in(address, kind, answer.content)]
    assert trouble == [], "\n".join(trouble)
    assert pages > 60
    assert files > 60
    assert "<script>" in shown
    assert "=cmd|" in shown
    assert CONTROL.search(shown) is None


def wrong_in(address: str, kind: str, data: bytes) -> list[str]:
    """Open a file that was taken along, files in it too, and name what is not harmless."""
    ending = address.partition("?")[0].rpartition(".")[2]
    if data[:4] == b"PK\x03\x04" and "xl/workbook.xml" not in zipfile.ZipFile(io.BytesIO(data)).namelist():
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            named = [(name, inner.read(name)) for name in inner.namelist()]
        unsafe = [name for name, _ in named if name.startswith("/") or ".." in name or CONTROL.search(name)]
        return unsafe + [f"{name}: {what}" for name, one in named for what in wrong_in(name, "", one)]
    if data[:4] == b"PK\x03\x04":
        return wrong_in_xlsx(data)
    if data[:5] == b"%PDF-":
        return wrong_in_pdf(data)
    if ending == "sig" or kind == "application/octet-stream":
        return []
    readers: dict[str, Callable[[str], list[str]]] = {
        "csv": wrong_in_csv,
        "svg": wrong_in_svg,
        "html": wrong_in_html,
    }
    text = data.decode("utf-8-sig")
    if "json" in kind or ending in ("json", "jsonl"):  # data as it is; JSON itself allows no raw control
        for line in text.splitlines() if "jsonl" in kind else [text]:
            json.loads(line)
        return []
    wrong = readers[ending](text) if ending in readers else []
    return wrong + [f"control {found[0]!r}" for found in [CONTROL.search(text)] if found]


def wrong_in_xlsx(data: bytes) -> list[str]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    wrong = [
        f"{cell.coordinate} {cell.data_type} {str(cell.value)[:40]}"
        for cell in cells
        if cell.data_type == "f"
    ]
    wrong += [f"link {cell.hyperlink.target}" for cell in cells if cell.hyperlink and cell.hyperlink.target]
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        texts = {name: parts.read(name) for name in parts.namelist()}
    wrong += [f"{name}: formula" for name, text in texts.items() if "sheets/" in name and b"<f>" in text]
    return wrong + [name for name in texts if "vba" in name.lower() or "externalLink" in name]


def wrong_in_pdf(data: bytes) -> list[str]:
    book = pypdf.PdfReader(io.BytesIO(data))
    names = ("/JavaScript", "/JS", "/Launch", "/EmbeddedFile", "/SubmitForm")
    wrong = [name for name in names if name.encode() in data]
    text = "".join(str(page.extract_text()) for page in book.pages)
    return wrong + [f"control {found[0]!r}" for found in [CONTROL.search(text)] if found]


def wrong_in_csv(text: str) -> list[str]:
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    return [cell[:40] for cell in cells if cell.startswith(FORMULAS) and not re.fullmatch(r"-?\d+", cell)]


def _found(pattern: str, text: str) -> list[str]:
    return [one[0] for one in re.finditer(pattern, text)]


def wrong_in_svg(text: str) -> list[str]:
    return _found(r"(?i)<script|<foreignobject|\son\w+\s*=\s*[\"']|javascript:[^<]*[\"'][^<]*>", text)


def wrong_in_html(text: str) -> list[str]:
    return _found(r"(?i)<script|<iframe|<[^>]*\son\w+\s*=", text)


def test_every_line_of_the_log_is_one_record(lab: Lab) -> None:
    """Runs after the walk: thousands of requests of hostile names, one line each, no word of theirs raw."""
    assert len(lab.lines) > 100
    for line in lab.lines:
        assert CONTROL.search(line) is None
        assert "\n" not in line
        record = json.loads(line)
        assert "script" not in record["message"]
        assert lab.ids["word"] not in line
