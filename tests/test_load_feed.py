# SPDX-License-Identifier: Apache-2.0
"""`daicho load feed` as people run it, and what `daicho check` then makes of it."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.case_file import read_case
from deploy.loading import feed
from inventory_db.tables import open_ledger
from tests import feed_cases as cases
from tests.cli_cases import assert_two_sentences, daicho

DONE, REFUSED = 0, 2
TODAY = datetime.now(UTC).date()
FRESH = (TODAY - timedelta(days=3)).isoformat()


def days(ledger: Path) -> dict[str, str]:
    with open_ledger(ledger).connect() as connection:
        known = read_case(connection, datetime.now(UTC)).knowledge
    return {one.kind: one.as_of for one in known.feeds if not one.shipped}


def test_a_file_is_loaded_and_its_age_told(tmp_path: Path) -> None:
    (tmp_path / "kev.json.gz").write_bytes(gzip.compress(cases.kev(FRESH)))
    done = daicho("load", "feed", "kev.json.gz", "--who", "山田", cwd=tmp_path)
    assert done.returncode == DONE, done.stderr
    assert "3 日前" in done.stderr
    assert days(tmp_path / "daicho.sqlite") == {"kev": FRESH}


def test_old_data_is_taken_but_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "kev.json").write_bytes(cases.kev("2026-08-30"))
    done = daicho("load", "feed", "kev.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "「はい」の根拠にはなりません" in done.stderr


def test_one_bad_file_keeps_all_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "kev.json").write_bytes(cases.kev(FRESH))
    (tmp_path / "nvd.json").write_bytes(cases.nvd([cases.nvd_row()])[:-30])
    done = daicho("load", "feed", "kev.json", "nvd.json", cwd=tmp_path)
    assert done.returncode == REFUSED
    assert_two_sentences(done.stderr)
    assert "nvd.json" in done.stderr
    assert days(tmp_path / "daicho.sqlite") == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("none.json",),
        ("junk.txt",),
        ("junk.txt", "--kind", "x"),
        ("junk.txt", "--as-of", "1.1."),
        ("ftp://x/y",),
    ],
)
def test_what_cannot_be_loaded_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "junk.txt").write_bytes(b"\x00\xff hello")
    done = daicho("load", "feed", *arguments, cwd=tmp_path)
    assert done.returncode == REFUSED
    assert_two_sentences(done.stderr)


def test_pages_of_a_mirror_are_followed(tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with cases.mirror() as server:
        server.pages["/cves/2.0"] = cases.nvd([cases.nvd_row("CVE-2025-10001")], total=3)
        server.pages["/cves/2.0?1"] = cases.nvd([cases.nvd_row("CVE-2025-10002")], total=3, start=1)
        server.pages["/cves/2.0?2"] = cases.nvd([cases.nvd_row("CVE-2025-10003")], total=3, start=2)
        feed.command([f"{server.url}/cves/2.0"], kind="nvd", ledger=ledger, as_of=FRESH, who="")
        assert [path for path, _ in server.asked] == [
            "/cves/2.0",
            "/cves/2.0?startIndex=1",
            "/cves/2.0?startIndex=2",
        ]
    with open_ledger(ledger).connect() as connection:
        known = read_case(connection, datetime.now(UTC)).knowledge
    assert {"CVE-2025-10001", "CVE-2025-10002", "CVE-2025-10003"} <= {one.id for one in known.weaknesses}
    assert not list((tmp_path / "l.sqlite.feeds").iterdir())
