# SPDX-License-Identifier: Apache-2.0
"""With CI=true a skipped check is a failed one: nothing passes because it ran nothing.

Property tests have no deadline: how fast this machine is says nothing about the code.
A new ledger file is made by the migrations once in a process; after that it is copied (SQLite's own backup).
A row of one mark (`-m lab`) reads only the files that can hold it: reading all takes 20 s of processor time.
"""

import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
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


_HERE = Path(__file__).parent
_OF_ONE_MARK = re.compile(r"(lab|browser|postgres)( and not \w+)*")
_IMPORTED = re.compile(r"^\s*(?:(?:from|import) tests\.|from tests import )([\w.]+)", re.MULTILINE)


@cache
def _reached(path: Path) -> frozenset[Path]:
    """Give the file and all of our test modules that it imports, however far."""
    found, left = set[Path](), [path]
    while left:
        file = left.pop()
        if file not in found and file.is_file():
            found.add(file)
            names = _IMPORTED.findall(file.read_text("utf-8"))
            left += [_HERE.joinpath(*name.split(".")).with_suffix(".py") for name in names]
    return frozenset(found)


@cache
def can_hold(path: Path, mark: str) -> bool:
    """Say whether a test of this file can have the mark: the file, or one that it imports, names it."""
    return any(f"mark.{mark}" in file.read_text("utf-8") for file in _reached(path))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    expression = _OF_ONE_MARK.fullmatch(config.option.markexpr)
    if expression is None or collection_path.suffix != ".py":
        return None
    return None if can_hold(collection_path, expression[1]) else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever collects everything sees whether a row of one mark would miss a test."""
    for mark in ("lab", "browser", "postgres"):
        missed = {item.path for item in items if item.get_closest_marker(mark)} - {
            item.path for item in items if can_hold(item.path, mark)
        }
        assert not missed, f"{missed} must name mark.{mark}, or import a module that does"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"
    return report
