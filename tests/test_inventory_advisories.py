# SPDX-License-Identifier: Apache-2.0
"""Advisories in the ledger: a newer feed replaces an older one, whole or not at all; on both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from inventory_db.advisories import LoadedFeed, Row, bodies, days, feeds, keep
from inventory_db.tables import writing
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def feed(name: str = "kev.json", as_of: str = "2026-11-20", kind: str = "kev") -> LoadedFeed:
    return LoadedFeed(
        kind=kind, name=name, as_of=as_of, loaded=NOW, who="山田", sha256="0" * 64, rows=1, body=b"{}"
    )


def test_a_whole_feed_replaces_what_was_held(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as connection:
        keep(
            connection,
            feed(),
            [Row("CVE-1", "2026-11-20", b"1"), Row("CVE-2", "2026-11-20", b"2")],
            whole=True,
        )
        keep(connection, feed("nvd.json", kind="nvd"), [Row("CVE-1", "2026-11-20", b"n")], whole=False)
        assert keep(connection, feed("kev2.json"), [Row("CVE-3", "2026-11-21", b"3")], whole=True) == 1
    with ledger_engine.connect() as connection:
        assert list(bodies(connection, "kev")) == [b"3"]
        assert list(bodies(connection, "nvd")) == [b"n"]
        assert [(one.kind, one.name, one.loaded) for one in feeds(connection)] == [
            ("kev", "kev2.json", NOW),
            ("nvd", "nvd.json", NOW),
        ]


def test_an_older_row_changes_nothing_and_a_row_taken_back_goes(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as connection:
        new = [Row("CVE-1", "2026-11-20", b"new"), Row("CVE-2", "2026-11-20", b"2")]
        keep(connection, feed(kind="nvd"), new, whole=False)
        old = [
            Row("CVE-1", "2026-01-01", b"old"),
            Row("CVE-2", "2026-11-21", b""),
            Row("CVE-9", "2026-11-21", b""),
        ]
        assert keep(connection, feed("old.json", kind="nvd"), old, whole=False) == 1
        assert days(connection, "nvd") == {"CVE-1": "2026-11-20"}
        assert list(bodies(connection, "nvd")) == [b"new"]


def test_many_rows_are_written_in_batches(ledger_engine: Engine) -> None:
    rows = [Row(f"CVE-{n}", "2026-11-20", b"x") for n in range(1201)]
    with writing(ledger_engine) as connection:
        assert keep(connection, feed(kind="nvd"), rows, whole=False) == 1201
        assert keep(connection, feed(kind="nvd"), rows, whole=False) == 1201
        assert len(days(connection, "nvd")) == 1201


def test_a_feed_that_breaks_off_leaves_the_old_one(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as connection:
        keep(connection, feed(), [Row("CVE-1", "2026-11-20", b"1")], whole=True)

    def broken() -> None:
        with writing(ledger_engine) as connection:
            keep(connection, feed("next.json"), [Row("CVE-2", "2026-11-21", b"2")], whole=True)
            raise RuntimeError("power failure")

    with pytest.raises(RuntimeError):
        broken()
    with ledger_engine.connect() as connection:
        assert list(bodies(connection, "kev")) == [b"1"]
        assert [one.name for one in feeds(connection)] == ["kev.json"]


def test_hostile_names_are_kept_harmless(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as connection:
        keep(connection, feed("a\x1b[31m\u202e" * 100), [Row("k" * 900, "2026-11-20", b"1")], whole=True)
        (one,) = feeds(connection)
        assert "\x1b" not in one.name
        assert len(one.name) <= 255
