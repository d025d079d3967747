# SPDX-License-Identifier: Apache-2.0
"""Import of the cloud-service ledger: no scan can see one, so every row is a person's statement."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from collector.imports.columns import cloud_form
from collector.imports.grid import Book
from collector.imports.ledger_import import Wanted, kept_columns, new_mappings
from collector.imports.table import Line, Named, Read, name_tables, read_lines
from collector.imports.table_file import read_table
from collector.imports.trouble import BadImport
from inventory_db.stated import CloudService, Statement
from inventory_db.statements import standing, state_all, withdraw
from inventory_db.typed_values import folded

FIELDS = {
    "サービス提供事業者": "provider",
    "サービス名称/用途": "service",
    "ドメイン/アドレス": "domain",
    "利用場所/アクセス経路": "path",
    "利用者/グループ": "users",
    "利用者認証方法": "authentication",
    "利用開始日": "since",
    "利用状況": "state",
}


@dataclass(frozen=True, slots=True)
class CloudRow:
    """One row of the file, and the service that stood before."""

    line: Line
    service: CloudService
    before: CloudService | None

    @property
    def changed(self) -> dict[str, tuple[str, str]]:
        """Column → what it said and says; empty for a new row or the same."""
        if self.before is None:
            return {}
        pairs = {c: (getattr(self.before, f), getattr(self.service, f)) for c, f in FIELDS.items()}
        return {column: pair for column, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(slots=True)
class CloudPlan:
    """What the import would do."""

    rows: list[CloudRow] = field(default_factory=list)
    doubled: list[CloudRow] = field(default_factory=list)  # the same service again in the file; left out
    gone: list[CloudService] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CloudImport:
    """A file that was read, and what its import would do."""

    book: Book
    tables: list[Named]
    read: Read
    plan: CloudPlan


def prepare_cloud(connection: Connection, path: Path, wanted: Wanted) -> CloudImport:
    """Read the file and work out what its import would do; changes nothing. Raises BadImport."""
    book = read_table(path)
    tables = name_tables(book, cloud_form(), kept_columns(connection), wanted.sheet, wanted.overrides)
    read = read_lines(tables)
    known = [one.said for one in standing(connection, CloudService).values()]
    plan = plan_cloud(read.lines, known)
    if not plan.rows:
        raise BadImport(
            "見出しの下に、サービスの行がありません。読み込むシートを確かめてください。何も変更していません。",
            "There is no service below the heading. Check which sheet is meant. Nothing was changed.",
        )
    return CloudImport(book, tables, read, plan)


def plan_cloud(lines: Sequence[Line], known: Sequence[CloudService]) -> CloudPlan:
    """Compare the rows with what stands: a service is told by provider, name and domain."""
    plan = CloudPlan()
    by_id = {one.id: one for one in known}
    by_key = {_key(one): one for one in known}
    used: set[str] = set()
    first: dict[tuple[str, str, str], CloudService] = {}
    for line in lines:
        values = {f: line.cells.get(column, "") for column, f in FIELDS.items()}
        made = CloudService(id="new", **values)
        if _key(made) in first:
            plan.doubled.append(CloudRow(line, made, first[_key(made)]))
            continue
        before = by_key.get(_key(made)) or _alike(made, known, used)
        service = msgspec.structs.replace(made, id=before.id if before else _id(made))
        plan.rows.append(CloudRow(line, service, before or by_id.get(service.id)))
        first[_key(made)] = service
        used.add(service.id)
    plan.gone = [one for one in known if one.id not in used]
    return plan


def write_cloud(
    connection: Connection, made: CloudImport, who: str, at: datetime, gone: str = ""
) -> Mapping[str, int]:
    """Write all of it in the caller's transaction; with a reason also take back services that left the file."""
    new: list[Statement] = [one.service for one in made.plan.rows if one.before != one.service]
    mappings = new_mappings(connection, made.tables)
    state_all(connection, [*new, *mappings], who, at)
    left = [withdraw(connection, CloudService.KIND, one.key, who, at) for one in made.plan.gone if gone]
    return {"rows": len(new), "gone": len(left), "mappings": len(mappings)}


def _key(one: CloudService) -> tuple[str, str, str]:
    return folded(one.provider), folded(one.service), folded(one.domain)


def _alike(made: CloudService, known: Sequence[CloudService], used: set[str]) -> CloudService | None:
    """Give the one service of the same provider and name, or of the same domain, that no row has taken."""
    free = [one for one in known if one.id not in used]
    named = [one for one in free if _key(one)[:2] == _key(made)[:2]]
    placed = [one for one in free if made.domain and folded(one.domain) == folded(made.domain)]
    return next((found[0] for found in (named, placed) if len(found) == 1), None)


def _id(one: CloudService) -> str:
    return hashlib.blake2b("\x00".join(_key(one)).encode(), digest_size=8).hexdigest()
