# SPDX-License-Identifier: Apache-2.0
"""With CI=true a skipped check is a failed one: nothing passes because it ran nothing.

Property tests have no deadline: how fast this machine is says nothing about the code.
A new ledger file is made by the migrations once in a process; after that it is copied.
Templates are compiled once in a process, though each collector has an environment of its own; what checks equal input
of routes is built once, too. Programs that a test starts know nothing of all this.
A row of one mark (`-m lab`) reads only the files that can hold it: reading all takes 20 s of processor time.
"""

import gc
import os
import re
from collections.abc import Hashable, Iterator
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any

import fastapi._compat.v2
import fastapi.dependencies.utils
import pytest
from hypothesis import settings
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from pydantic import BaseModel, ConfigDict, TypeAdapter

from collector import rendering
from inventory_db import tables
from tests.ledger_copies import copy_ledger

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
        copy_ledger(made, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_create_file", copy)
        yield


class _Compiled(BytecodeCache):
    """Keeps the code of templates; jinja2 itself looks whether their text is the same still."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._kept.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def templates_are_compiled_once() -> Iterator[None]:
    compiled, make = _Compiled(), rendering._make_environment

    def make_environment(zone: tzinfo) -> Environment:
        environment = make(zone)
        environment.bytecode_cache = compiled
        return environment

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "_make_environment", make_environment)
        yield


@pytest.fixture(scope="session", autouse=True)
def equal_inputs_are_described_once() -> Iterator[None]:
    """FastAPI builds what checks the input of each of 168 routes twice for each app: 0.25 s of processor time."""
    make_model = fastapi._compat.v2.create_body_model
    adapters, models = dict[Hashable, TypeAdapter[Any]](), dict[Hashable, type[BaseModel]]()

    def adapter(type_: Any, *, config: ConfigDict | None = None) -> TypeAdapter[Any]:
        key = (getattr(type_, "__origin__", type_), repr(type_), repr(config))
        return adapters.get(key) or adapters.setdefault(key, TypeAdapter(type_, config=config))

    def body_model(*, fields: list[Any], model_name: str, config: ConfigDict | None) -> type[BaseModel]:
        named = [(one.name, one.field_info.annotation, repr(one.field_info)) for one in fields]
        key = (model_name, *named, repr(config))
        made = models.get(key) or make_model(fields=fields, model_name=model_name, config=config)
        return models.setdefault(key, made)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastapi._compat.v2, "TypeAdapter", adapter)
        patch.setattr(fastapi.dependencies.utils, "create_body_model", body_model)
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


def pytest_collection_finish() -> None:
    """What was collected stays until the end: looking through it for garbage again and again takes a tenth of all time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):  # type: ignore[no-untyped-def]
    """A file that skips itself as a whole is skipped before there is a test of it."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"
    return report
