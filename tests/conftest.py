# SPDX-License-Identifier: Apache-2.0
"""With CI=true a skipped check is a failed one: nothing passes because it ran nothing.

Property tests have no deadline: how fast this machine is says nothing about the code.
A new ledger file is made by the migrations once in a process; after that it is copied (SQLite's own backup).
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import settings

from inventory_db import tables

if os.environ.get("CI") != "true":  # there hypothesis loads a profile of its own, without a deadline too
    settings.register_profile("daicho", deadline=None)
    settings.load_profile("daicho")


_create_file = tables._create_file


@pytest.fixture(scope="session", autouse=True)
def new_ledgers_are_copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The migrations themselves are run whole by tests/test_migrations.py and by every started program."""
    made = tmp_path_factory.mktemp("empty") / "empty.sqlite"

    def copy(path: Path) -> None:
        if not made.exists():
            _create_file(made)
        if path.exists():  # an empty file
            _create_file(path)
            return
        with tempfile.TemporaryDirectory(
            dir=path.parent, prefix=".new"
        ) as room:  # it appears whole, as the real one
            new = Path(room, "new.sqlite")
            with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(new)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode = WAL")
            new.chmod(0o600)
            with suppress(FileExistsError):
                os.link(new, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_create_file", copy)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"
    return report
