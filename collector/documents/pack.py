# SPDX-License-Identifier: Apache-2.0
"""The inspection pack: one signed zip of papers, data and pages that open without a server.

Every file but three stands in MANIFEST.sha256 with its SHA-256, in `sha256sum` form; MANIFEST.sig is the Ed25519
signature of that file; public.pem is the key to check it with. The same dossier gives the same files in the same
order.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.documents.annex_numbers import Numbers
from collector.documents.checklist_filling import forms_of
from collector.documents.checklist_form import Form
from collector.documents.checklist_pdf import write_checklist_pdf
from collector.documents.checklist_xlsx import write_checklist_xlsx
from collector.documents.drawing_files import write_drawing
from collector.documents.pack_data import checks_json, ledger_json
from collector.documents.pack_key import fingerprint, public_pem
from collector.documents.pack_pages import Shown, Site
from collector.documents.paper import paper_json
from collector.documents.paper_pdf import write_paper_pdf
from collector.documents.paper_xlsx import write_paper_xlsx
from collector.documents.papers import load_kind, paper_kinds
from collector.documents.typesetting import font_folder, printable_characters
from collector.dossier import Dossier
from collector.safe_text import visible
from collector.settings import in_zone

MANIFEST, SIGNATURE, PUBLIC = "MANIFEST.sha256", "MANIFEST.sig", "public.pem"
_DRAWN = {"svg": "SVG", "drawio": "draw.io"}
READ_ME = "確かめ方.txt"
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*#%\ufffd\s]+')
_SETTERS = 2  # PDFs set at the same time, outside Python's lock
Later = Callable[[Callable[[], bytes]], "Future[bytes]"]
Entry = tuple[str, "bytes | Future[bytes]"]


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack with what a person notes down about it."""

    data: bytes
    fingerprint: str
    files: int


def make_pack(dossier: Dossier, key: Ed25519PrivateKey, *, fonts: Path | None = None) -> Pack:
    """Make the pack; raises collector.documents.typesetting.PaperError when fonts are missing."""
    mark = fingerprint(key.public_key())
    printable_characters(fonts or font_folder())  # refuse before the work
    with ThreadPoolExecutor(max_workers=_SETTERS) as setters:
        given = list(_contents(dossier, mark, fonts, setters.submit))
        contents = {
            name: one if isinstance(one, bytes) else one.result() for name, one in sorted(given, key=_name)
        }
    manifest = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items()
    ).encode()
    contents |= {MANIFEST: manifest, SIGNATURE: key.sign(manifest), PUBLIC: public_pem(key.public_key())}
    return Pack(_zip(contents, in_zone(dossier.case.now, dossier.zone)), mark, len(contents))


def safe_name(text: str, most: int = 60) -> str:
    """Give text as part of a file name that Windows, macOS and Linux accept."""
    name = _UNSAFE.sub("_", visible(text)).strip("._ ")[:most]
    return name or "_"


def _name(entry: tuple[str, object]) -> str:
    return entry[0]


def _contents(dossier: Dossier, mark: str, fonts: Path | None, later: Later) -> Iterator[Entry]:
    """Give every file; a PDF is set meanwhile, beside the work on the others."""
    numbers = Numbers(dossier)
    shown: list[Shown] = []
    for kind in paper_kinds():
        paper = load_kind(kind).make(dossier)
        name = safe_name(paper.title)
        yield f"書類/{name}.pdf", later(partial(write_paper_pdf, paper, fonts=fonts))
        yield f"書類/{name}.xlsx", write_paper_xlsx(paper)
        yield f"data/{kind}.json", _json(paper_json(paper))
        files = _files(name, kind)
        for ending in ("svg", "drawio") if paper.drawing else ():
            yield f"書類/{name}.{ending}", write_drawing(paper, ending)
            files = (*files, (_DRAWN[ending], f"書類/{name}.{ending}"))
        shown.append(Shown(paper.title, f"{kind}.html", files, paper=paper))
    for place, form in enumerate(forms_of(dossier, numbers)):
        name = _form_name(form, place)
        yield f"書類/{name}.pdf", later(partial(write_checklist_pdf, form, fonts=fonts))
        yield f"書類/{name}.xlsx", write_checklist_xlsx(form)
        title = f"{form.form_name}　{form.vendor}".strip()
        shown.insert(place, Shown(title, f"checks-{place}.html", _files(name, ""), form=form))
    yield "data/devices.json", _json(ledger_json(dossier))
    yield "data/checks.json", _json(checks_json(dossier, numbers))
    yield READ_ME, _how_to_check(mark).encode()
    yield from Site(dossier, tuple(shown), mark).files()


def _files(name: str, kind: str) -> tuple[tuple[str, str], ...]:
    """Give what a page links to: label and path from the top."""
    links = (("PDF", f"書類/{name}.pdf"), ("Excel", f"書類/{name}.xlsx"))
    return (*links, ("JSON", f"data/{kind}.json")) if kind else links


def _form_name(form: Form, place: int) -> str:
    if not form.vendor_field:
        return safe_name(f"チェックリスト_{form.form_name}")
    return safe_name(f"チェックリスト_{form.form_name}_{place:02d}_{form.vendor}")


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _zip(contents: dict[str, bytes], at: datetime) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(
                name, (max(at.year, 1980), at.month, at.day, at.hour, at.minute, at.second)
            )
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # the mode above is a Unix one
            packed = name.endswith((".pdf", ".xlsx"))  # those are packed already
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return file.getvalue()


def _how_to_check(mark: str) -> str:
    return f"""この資料が作られたときのままかを確かめる方法 / How to check that nothing was changed

1. daicho のある機械で / where daicho is installed:

    daicho pack --verify この.zip

2. openssl（3.0 以降）と sha256sum だけで / with openssl (3.0 and later) and sha256sum alone:

    unzip この.zip -d 資料 && cd 資料
    openssl pkeyutl -verify -pubin -inkey {PUBLIC} -rawin -in {MANIFEST} -sigfile {SIGNATURE}
    sha256sum --check --strict --quiet {MANIFEST}

   1行目が署名、2行目が一つ一つのファイルを確かめます。
   The first checks the signature, the second every file.

3. 誰の署名か / whose signature it is:
   {PUBLIC} の指紋を、施設から別の方法（電話や書面）で聞いた指紋と比べてください。資料の中の指紋だけでは、作り直した
   資料と見分けられません。
   Compare the fingerprint of {PUBLIC} with the one that the facility tells you by other means (telephone, paper):
   the pack alone cannot tell you who made it.

    openssl pkey -pubin -in {PUBLIC} -outform DER | sha256sum

   この資料の指紋 / fingerprint of this pack:
   {mark}
"""
