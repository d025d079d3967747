# SPDX-License-Identifier: Apache-2.0
"""The inspection pack: complete, signed, checkable with ordinary tools; what was changed afterwards is found."""

import hashlib
import io
import json
import re
import subprocess
import zipfile
from pathlib import Path
from shutil import which
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from collector.documents.pack import MANIFEST, PUBLIC, READ_ME, SIGNATURE, Pack, make_pack, safe_name
from collector.documents.pack_check import check_pack
from collector.documents.pack_key import KEY_FILE, find_key, fingerprint, key_folder, public_pem
from collector.documents.typesetting import PaperError
from tests.papers_material import LOST, RARE, VENDOR, dossier, needs_fonts

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def pack() -> Pack:
    return make_pack(dossier(VENDOR), KEY)


def rewritten(pack: Pack, **changes: bytes | None) -> bytes:
    """Give the pack with some files changed, added, or (None) left out."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pack.data)) as old, zipfile.ZipFile(file, "w") as new:
        contents: dict[str, bytes | None] = {name: old.read(name) for name in old.namelist()}
        for name, data in (contents | changes).items():
            if data is not None:
                new.writestr(name, data)
    return file.getvalue()


@needs_fonts
def test_a_pack_holds_papers_data_and_pages(pack: Pack) -> None:
    names = zipfile.ZipFile(io.BytesIO(pack.data)).namelist()
    for wanted in (
        "index.html",
        "daicho.css",
        READ_ME,
        "data/devices.json",
        "data/checks.json",
        "data/annex.json",
        "書類/機器台帳.pdf",
        "書類/機器台帳.xlsx",
        "書類/証拠一覧.pdf",
        "書類/チェックリスト_医療機関確認用.pdf",
        "書類/チェックリスト_医療機関確認用.xlsx",
        "書類/チェックリスト_事業者確認用_01_髙木システム㈱.pdf",
        MANIFEST,
        SIGNATURE,
        PUBLIC,
    ):
        assert wanted in names
    assert len(names) == len(set(names)) == pack.files


@needs_fonts
def test_the_same_dossier_gives_the_same_pack(pack: Pack) -> None:
    again = make_pack(dossier(VENDOR), KEY)
    with zipfile.ZipFile(io.BytesIO(pack.data)) as one, zipfile.ZipFile(io.BytesIO(again.data)) as other:
        assert one.namelist() == other.namelist()
        for name in one.namelist():
            if not name.endswith(".xlsx") and name not in (MANIFEST, SIGNATURE):
                assert one.read(name) == other.read(name), name
    assert again.data == pack.data


@needs_fonts
def test_a_good_pack_checks_and_names_its_key(pack: Pack) -> None:
    checked = check_pack(pack.data, public_pem(KEY.public_key()))
    assert not checked.problems
    assert checked.fingerprint == pack.fingerprint == fingerprint(KEY.public_key())


@needs_fonts
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"index.html": b"other"}, "書き換えられています: index.html"),
        ({"data/checks.json": None}, "ファイルがありません: data/checks.json"),
        ({"extra.html": b"x"}, "目録にないファイルがあります: extra.html"),
        ({MANIFEST: b"0" * 64 + b"  index.html\n"}, "署名が合いません"),
        ({SIGNATURE: b"0" * 64}, "署名が合いません"),
        ({SIGNATURE: b""}, "署名が合いません"),
        ({PUBLIC: b"no key"}, "署名が合いません"),
        ({PUBLIC: None}, "ファイルがありません: public.pem"),
    ],
)
def test_a_change_is_found(pack: Pack, changes: dict[str, bytes | None], said: str) -> None:
    problems = check_pack(rewritten(pack, **changes)).problems
    assert said in " ".join(problem.ja for problem in problems)


@needs_fonts
def test_a_pack_made_anew_with_another_key_is_found_by_the_trusted_one(pack: Pack) -> None:
    forged = make_pack(dossier(VENDOR), Ed25519PrivateKey.generate())
    assert not check_pack(forged.data).problems  # by itself it cannot be told apart …
    [problem] = check_pack(forged.data, public_pem(KEY.public_key())).problems
    assert "別の鍵" in problem.ja  # … with the facility's key it can


@needs_fonts
@pytest.mark.parametrize("name", ["../up", "/abs", "a/../../b", "C:\\x", "a\\b", "c:/x", "a//b"])
def test_dangerous_names_are_refused_before_unpacking(pack: Pack, name: str) -> None:
    [problem] = check_pack(rewritten(pack, **{name: b"x"})).problems
    assert "危険な名前" in problem.ja


@given(st.binary(max_size=400))
def test_no_file_makes_the_check_fall_over(data: bytes) -> None:
    assert check_pack(data).problems
    assert check_pack(b"PK\x03\x04" + data).problems


@needs_fonts
@pytest.mark.parametrize("cut", [10, 1000, 100_000])
def test_a_pack_cut_off_is_said(pack: Pack, cut: int) -> None:
    assert "zip として読めません" in check_pack(pack.data[:-cut]).problems[0].ja


@needs_fonts
def test_ordinary_tools_check_it_too(pack: Pack, tmp_path: Path) -> None:
    if which("openssl") is None or which("sha256sum") is None:
        pytest.skip("openssl or sha256sum is not installed")
    with zipfile.ZipFile(io.BytesIO(pack.data)) as archive:
        archive.extractall(tmp_path)
        told = archive.read(READ_ME).decode()
    lines = [line.strip() for line in told.splitlines() if line.startswith("    ")]
    commands = [line for line in lines if line.startswith(("openssl", "sha256sum"))]
    assert len(commands) == 3
    for command in commands:
        run = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, command + run.stdout + run.stderr
    assert pack.fingerprint.replace(" ", "") in run.stdout
    (tmp_path / "index.html").write_text("x")
    run = subprocess.run(commands[1], shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode != 0


@needs_fonts
def test_pages_have_relative_links_that_lead_somewhere_and_no_script(pack: Pack) -> None:
    with zipfile.ZipFile(io.BytesIO(pack.data)) as archive:
        names = set(archive.namelist())
        pages = {name: archive.read(name).decode() for name in names if name.endswith(".html")}
    assert len(pages) >= 7
    for name, text in pages.items():
        assert "<script" not in text
        assert "style=" not in text
        assert "://" not in text.replace("file:", "")
        folder = name.rpartition("/")[0]
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            path, _, anchor = unquote(link).partition("#")
            parts = [*folder.split("/"), *path.split("/")] if folder else path.split("/")
            while ".." in parts:
                at = parts.index("..")
                del parts[at - 1 : at + 1]
            assert "/".join(parts) in names, link
            if anchor:
                assert f'id="{anchor}"' in pages["/".join(parts)]


@needs_fonts
def test_evidence_links_lead_to_what_was_said_and_it_is_dead_text(pack: Pack) -> None:
    with zipfile.ZipFile(io.BytesIO(pack.data)) as archive:
        annex = archive.read("pages/annex.html").decode()
        checks = archive.read("pages/checks-0.html").decode()
        data = json.loads(archive.read("data/annex.json"))
    assert 'href="annex.html#E-001"' in checks
    assert "&lt;script&gt;" in annex
    assert "<script>" not in annex
    rows = data["parts"][0]["rows"]
    assert [row["番号"] for row in rows] == ["E-001", "E-002"]
    assert any("答えなし" in row["答え"] for row in rows)
    assert any("*strong*" in row["答え"] for row in rows)


@needs_fonts
def test_the_manifest_names_every_file_with_its_sum(pack: Pack) -> None:
    with zipfile.ZipFile(io.BytesIO(pack.data)) as archive:
        lines = archive.read(MANIFEST).decode().splitlines()
        assert [line[66:] for line in lines] == sorted(line[66:] for line in lines)
        for line in lines:
            assert hashlib.sha256(archive.read(line[66:])).hexdigest() == line[:64]
        assert {line[66:] for line in lines} == set(archive.namelist()) - {MANIFEST, SIGNATURE, PUBLIC}


def test_no_pack_without_fonts(tmp_path: Path) -> None:
    with pytest.raises(PaperError):
        make_pack(dossier(), KEY, fonts=tmp_path)


def test_names_are_safe_everywhere() -> None:
    assert safe_name(f"a/b\\c:{LOST}*?.") == "a_b_c_\ue000\U0001f3e5"
    assert safe_name(RARE) == "𠮷野家_髙﨑_德永_①㈱Ⅳ㎡纊_ｱｲｳ"
    assert safe_name("..") == "_"
    assert len(safe_name("名" * 500)) == 60


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    folder = key_folder("", {"XDG_STATE_HOME": str(tmp_path)})
    first, second = find_key(folder), find_key(folder)
    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_a_broken_key_is_said_and_stays(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("broken")
    with pytest.raises(PaperError) as told:
        find_key(tmp_path)
    assert "壊れています" in told.value.ja
    assert (tmp_path / KEY_FILE).read_text() == "broken"


def test_a_place_that_cannot_hold_the_key_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PaperError) as told:
        find_key(tmp_path / "file")
    assert "使えません" in told.value.ja
