# SPDX-License-Identifier: Apache-2.0
"""Running the real command in a process of its own, and every bad input that it must refuse before any socket."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from inventory_db.tables import open_ledger
from tests import forked

DAICHO = (sys.executable, "-m", "deploy")
ROOT = Path(__file__).parent.parent
HERE = "127.0.0.2/32"  # a scope that is always in reach and is never asked anything in these tests


class Case(NamedTuple):
    """One bad input: its arguments in a folder made for it, the exit code, words of both sentences."""

    name: str
    arguments: Callable[[Path], list[str]]
    code: int
    ja: str
    en: str


def environment(**more: str) -> dict[str, str]:
    """The environment of a test's own, without what the user's terminal says."""
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **more}


def daicho(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `daicho …` and wait for it."""
    return forked.run(arguments, cwd, environment(**(env or {})))


def assert_two_sentences(told: str, ja: str = "", en: str = "") -> None:
    """What went wrong is said in Japanese and in English, with no traceback and no raw exception."""
    assert "Traceback" not in told, told
    assert "Error:" not in told, told
    assert re.search(r"[ぁ-ん].*。", told), told
    assert re.search(r"^  [^ぁ-ん]*[a-z]{3}[^ぁ-ん]*\.$", told, re.MULTILINE), told
    assert ja in told, told
    assert en in told, told


def _scan(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda _: ["scan", *arguments]


def _config(content: bytes) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "agent.toml").write_bytes(content)
        return ["scan", HERE, "--config", str(folder / "agent.toml")]

    return make


def text_file(folder: Path) -> Path:
    """A file that is no database."""
    (folder / "notes.sqlite").write_text("これは日記です\n" * 50, encoding="utf-8")
    return folder / "notes.sqlite"


def other_database(folder: Path) -> Path:
    """A database of somebody else."""
    with closing(sqlite3.connect(folder / "other.sqlite")) as raw:
        raw.execute("CREATE TABLE patients (name TEXT)")
        raw.commit()
    return folder / "other.sqlite"


def newer_ledger(folder: Path) -> Path:
    """A ledger of a version to come."""
    open_ledger(folder / "newer.sqlite").dispose()
    with closing(sqlite3.connect(folder / "newer.sqlite")) as raw:
        raw.execute("PRAGMA user_version = 9999")
    return folder / "newer.sqlite"


def a_folder(folder: Path) -> Path:
    """A folder where a file should be."""
    (folder / "folder.sqlite").mkdir(exist_ok=True)
    return folder / "folder.sqlite"


def unwritable(_: Path) -> Path:
    """A place where nobody, root included, can make a file."""
    return Path("/proc/daicho.sqlite")


def _scan_into(make: Callable[[Path], Path]) -> Callable[[Path], list[str]]:
    return lambda folder: ["scan", HERE, "--ledger", str(make(folder))]


def _show(command: str, make: Callable[[Path], Path]) -> Callable[[Path], list[str]]:
    return lambda folder: [command, "--ledger", str(make(folder))]


SCOPES = (
    Case("a word", _scan("hospital"), 2, "ネットワークの書き方ではありません", "is not a network"),
    Case("no such address", _scan("300.1.2.0/24"), 2, "ネットワークの書き方", "is not a network"),
    Case("too long", _scan("1" * 5000), 2, "ネットワークの書き方", "is not a network"),
    Case("nothing", _scan(), 3, "範囲が書かれていません", "No scope is written"),
    Case(
        "wholly on the never-list",
        _scan("10.9.0.0/25", "--exclude", "10.9.0.0/24"),
        3,
        "触れてはいけない一覧",
        "never-list",
    ),
    Case("very large", _scan("10.0.0.0/8"), 2, "--yes-large", "more than a /16"),
    Case("public", _scan("203.0.113.0/24"), 3, "グローバル", "public addresses"),
    Case("multicast", _scan("224.0.0.1"), 2, "機器1台を指す", "not the address of a device"),
    Case("bad exclude", _scan(HERE, "--exclude", "mri"), 2, "ネットワークの書き方", "is not a network"),
)
SETTINGS = (
    Case("unknown key", _config(b"[scope]\nnetwrks = []\n"), 2, "知らない項目", "unknown key"),
    Case("not TOML", _config(b"scope = [\n"), 2, "その行を直して", "not valid TOML"),
    Case("not UTF-8", _config("範囲 = 1".encode("cp932")), 2, "読めません", "Cannot read"),
    Case("no file", lambda f: ["scan", "--config", str(f / "none.toml")], 2, "読めません", "Cannot read"),
    Case(
        "a folder as settings",
        lambda f: ["scan", "--config", str(a_folder(f))],
        2,
        "読めません",
        "Cannot read",
    ),
    Case("too slow", _scan(HERE, "--max-pps-host", "1"), 2, "6 から", "from 6"),
    Case("no such profile", _scan(HERE, "--profile", "loud"), 2, "gentle", "no profile"),
)
LEDGERS = (
    Case("text as ledger", _scan_into(text_file), 2, "台帳ではありません", "not a daicho ledger"),
    Case("other database", _scan_into(other_database), 2, "台帳ではありません", "not a daicho ledger"),
    Case("newer ledger", _scan_into(newer_ledger), 2, "新しい版", "newer version"),
    Case("a folder as ledger", _scan_into(a_folder), 2, "台帳を開けません", "cannot be opened"),
    Case("read-only place", _scan_into(unwritable), 2, "台帳を開けません", "cannot be opened"),
    Case("show a text", _show("ledger", text_file), 2, "台帳ではありません", "not a daicho ledger"),
    Case("show another", _show("ledger", other_database), 2, "台帳ではありません", "not a daicho ledger"),
    Case("show a newer one", _show("ledger", newer_ledger), 2, "新しい版", "newer version"),
    Case("show a folder", _show("ledger", a_folder), 2, "台帳を開けません", "cannot be opened"),
    Case("show none", _show("ledger", lambda f: f / "no"), 2, "台帳がありません", "There is no ledger"),
    Case(
        "journal of none", _show("journal", lambda f: f / "no"), 2, "台帳がありません", "There is no ledger"
    ),
    Case(
        "serve a text",
        lambda folder: [
            "serve",
            "--ledger",
            str(text_file(folder)),
            "--port",
            "18765",
        ],  # 8000 is often taken
        2,
        "台帳ではありません",
        "not a daicho ledger",
    ),
)
USES = (
    Case("unknown command", lambda _: ["scna"], 2, "scan のことですか", "Did you mean scan"),
    Case("unknown option", lambda _: ["scan", HERE, "--stealth"], 2, "誤りがあります", "--stealth"),
    Case("option without value", lambda _: ["ledger", "--at"], 2, "誤りがあります", "--at"),
    Case("word for a number", _scan(HERE, "--max-pps", "fast"), 2, "誤りがあります", "--max-pps"),
    Case("no such form", lambda _: ["ledger", "--format", "docx"], 2, "形式「docx」", "no format"),
    Case("table to a file", lambda _: ["ledger", "--out", "x"], 2, "表は画面用", "for the terminal"),
    Case("no such day", lambda _: ["ledger", "--at", "yesterday"], 2, "2026-04-01", "2026-04-01"),
    Case("no such language", lambda _: ["ledger", "--lang", "fr"], 2, "言語「fr」", "no language"),
    Case("not an address", lambda _: ["journal", "--address", "mri"], 2, "IP アドレスでは", "not an IP"),
    Case("no such port", lambda _: ["serve", "--port", "70000"], 2, "65535", "65535"),
    Case("JSON nowhere", _scan(HERE, "--json", "no/folder/x"), 2, "書けません", "Cannot write"),
)
REFUSED = (*SCOPES, *SETTINGS, *LEDGERS, *USES)
