# SPDX-License-Identifier: Apache-2.0
"""Several facilities in one ledger: every row that is a facility's says whose it is.

What a ledger of one facility held becomes that of facility 1. On PostgreSQL row-level security
keeps facilities apart in the server too.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LOG = ("at", "received", "agent", "scan", "address")
_SHORT, _LONG = sa.String(32), sa.String(255)
_BIG = sa.BigInteger
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# table → columns after the facility; the first is the rest of the primary key
KEYED: dict[str, tuple[tuple[str, Any, bool], ...]] = {
    "transcripts": (("id", _SHORT, False), ("data", sa.LargeBinary, False)),
    "observations": (
        ("id", _SHORT, False),
        *((name, _BIG if name in ("at", "received") else _LONG, False) for name in _LOG),
        ("transcript", _SHORT, True),
        ("body", sa.LargeBinary, False),
    ),
    "journal": (
        ("id", _SHORT, False),
        *((name, _BIG if name in ("at", "received") else _LONG, False) for name in _LOG),
        ("body", sa.LargeBinary, False),
    ),
    "scans": (
        ("id", _LONG, False),
        ("started", _BIG, False),
        ("agent", _LONG, False),
        ("body", sa.LargeBinary, False),
    ),
    "vantages": (("id", _LONG, False), ("agent", _LONG, False), ("body", sa.LargeBinary, False)),
    "numbers": (
        ("number", _COUNTER, False),
        ("device_id", _SHORT, False),
        ("anchor", _SHORT, False),
        ("assigned", _BIG, False),
    ),
    "devices": (("device_id", _SHORT, False), ("number", _COUNTER, False), ("body", sa.LargeBinary, False)),
    "attachments": (
        ("id", sa.String(64), False),
        ("name", _LONG, False),
        ("media_type", sa.String(127), False),
        ("size", _BIG, False),
        ("who", _LONG, False),
        ("at", _BIG, False),
        ("data", sa.LargeBinary, False),
    ),
}
UNIQUE = {"numbers": "device_id", "devices": "number"}
PLAIN: dict[str, tuple[tuple[str, Any, bool], ...]] = {  # their key is unique over all facilities
    "human_entries": (
        ("entry", _COUNTER, False),
        ("device_id", _SHORT, False),
        ("column", sa.String(64), False),
        ("value", sa.Text, True),
        ("who", _LONG, False),
        ("at", _BIG, False),
    ),
    "statements": (
        ("entry", _COUNTER, False),
        ("kind", _SHORT, False),
        ("key", sa.String(1000), False),
        ("body", sa.LargeBinary, True),
        ("who", _LONG, False),
        ("at", _BIG, False),
    ),
    "enrolments": (
        ("code_hash", sa.String(64), False),
        ("name", _LONG, False),
        ("created", _BIG, False),
        ("expires", _BIG, False),
        ("agent", _SHORT, True),
    ),
    "agents": (
        ("id", _SHORT, False),
        ("name", _LONG, False),
        ("public_key", sa.LargeBinary, False),
        ("enrolled", _BIG, False),
        ("revoked", _BIG, True),
        ("sequence", _BIG, False),
        ("last_seen", _BIG, True),
        ("skew", _BIG, True),
    ),
}
INDEXES = {
    "observations": (("at", "id"), ("address", "at"), ("scan", "at")),
    "journal": (("at", "id"), ("address", "at"), ("scan", "at")),
    "human_entries": (("device_id",),),
    "statements": (("kind", "key"),),
}
APPEND_ONLY = ("transcripts", "observations", "journal", "attachments", "human_entries", "statements")


def upgrade() -> None:
    """Add the facility to every row, its key and its indexes."""
    op.create_table(
        "facilities",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger),
    )
    connection = op.get_bind()
    connection.execute(
        sa.text("INSERT INTO facilities (id, key, name, created) VALUES (1, 'facility-1', '', 0)")
    )
    if connection.dialect.name == "sqlite":
        _upgrade_file()
    else:
        connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('facilities', 'id'), 1)"))
        _upgrade_server()
    for name, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(f"ix_{name}_facility_{'_'.join(columns)}", name, ["facility", *columns])
    for name in (*KEYED, *PLAIN):
        protect(connection, name)


def _upgrade_file() -> None:
    """Make each table anew beside the old one, so that no column keeps a default that nobody may rely on."""
    for name in PLAIN:
        for indexed in INDEXES.get(name, ()):
            op.drop_index(f"ix_{name}_{'_'.join(indexed)}", name)
    made = {**KEYED, **PLAIN}
    for name in sorted(made, key=_AFTER.__contains__):
        columns = ", ".join(f'"{column}"' for column, *_ in made[name])
        _make_table(f"{name}_new", name, made[name])
        op.execute(f"INSERT INTO {name}_new (facility, {columns}) SELECT 1, {columns} FROM {name}")  # noqa: S608
    for name in sorted(made, key=_AFTER.__contains__, reverse=True):
        _swap(name, f"{name}_new")


_AFTER = (
    "observations",
    "enrolments",
)  # they refer to transcripts and agents: made after them, dropped before


def _swap(name: str, made: str) -> None:
    op.drop_table(name)
    op.rename_table(made, name)
    for verb in ("UPDATE", "DELETE") if name in APPEND_ONLY else ():
        op.execute(
            f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name} "
            f"BEGIN SELECT RAISE(ABORT, 'daicho: {name} is append-only'); END"
        )


def _make_table(made: str, name: str, columns_of: Iterable[tuple[str, Any, bool]]) -> None:
    columns = [sa.Column(column, kind, nullable=empty) for column, kind, empty in columns_of]
    op.create_table(
        made,
        sa.Column("facility", sa.Integer, nullable=False),
        *columns,
        *(_constraints(name) if name in KEYED else _plain_constraints(name)),
    )


def _constraints(name: str) -> Iterable[sa.Constraint]:
    yield sa.PrimaryKeyConstraint("facility", KEYED[name][0][0], name=f"pk_{name}")
    if name in UNIQUE:
        yield sa.UniqueConstraint("facility", UNIQUE[name], name=f"uq_{name}_facility_{UNIQUE[name]}")
    if name == "observations":
        yield sa.ForeignKeyConstraint(
            ["facility", "transcript"],
            ["transcripts_new.facility", "transcripts_new.id"],
            name="fk_observations_facility_transcript",
        )


def _plain_constraints(name: str) -> Iterable[sa.Constraint]:
    yield sa.PrimaryKeyConstraint(PLAIN[name][0][0], name=f"pk_{name}")
    if name == "agents":
        yield sa.UniqueConstraint("public_key", name="uq_agents_public_key")
    if name == "enrolments":
        yield sa.ForeignKeyConstraint(["agent"], ["agents_new.id"], name="fk_enrolments_agent")


def _upgrade_server() -> None:
    op.drop_constraint("fk_observations_transcript", "observations", type_="foreignkey")
    for name in (*KEYED, *PLAIN):
        op.add_column(name, sa.Column("facility", sa.Integer, nullable=False, server_default="1"))
        op.alter_column(name, "facility", server_default=None)
        for columns in INDEXES.get(name, ()):
            op.drop_index(f"ix_{name}_{'_'.join(columns)}", name)
    for name, columns_of in KEYED.items():
        op.drop_constraint(f"pk_{name}", name, type_="primary")
        if name in UNIQUE:
            column = UNIQUE[name]
            op.drop_constraint(f"uq_{name}_{column}", name, type_="unique")
            op.create_unique_constraint(f"uq_{name}_facility_{column}", name, ["facility", column])
        op.create_primary_key(f"pk_{name}", name, ["facility", columns_of[0][0]])
    op.create_foreign_key(
        "fk_observations_facility_transcript",
        "observations",
        "transcripts",
        ["facility", "transcript"],
        ["facility", "id"],
    )
    op.execute("ALTER TABLE numbers ALTER COLUMN number DROP DEFAULT")


def downgrade() -> None:
    """Back to a ledger of one facility; refused while there are others, which no earlier form keeps apart."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT count(*) FROM facilities WHERE id <> 1")).scalar_one():
        raise NotImplementedError("several facilities: restore the copy that was made before")
    for name, indexes in INDEXES.items():
        for columns in indexes:
            op.drop_index(f"ix_{name}_facility_{'_'.join(columns)}", name)
    if connection.dialect.name == "sqlite":
        _downgrade_file()
    else:
        _downgrade_server()
    for name, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))
    op.drop_table("facilities")


def _downgrade_file() -> None:
    for name in PLAIN:
        op.execute(f"ALTER TABLE {name} DROP COLUMN facility")
    for name in sorted(KEYED, key=_AFTER.__contains__):
        key, columns_of = KEYED[name][0][0], KEYED[name]
        columns = ", ".join(column for column, *_ in columns_of)
        constraints: list[sa.Constraint] = [sa.PrimaryKeyConstraint(key, name=f"pk_{name}")]
        if name in UNIQUE:
            constraints.append(sa.UniqueConstraint(UNIQUE[name], name=f"uq_{name}_{UNIQUE[name]}"))
        if name == "observations":
            refers = sa.ForeignKeyConstraint(
                ["transcript"], ["transcripts_old.id"], name="fk_observations_transcript"
            )
            constraints.append(refers)
        op.create_table(
            f"{name}_old",
            *(sa.Column(one, kind, nullable=empty) for one, kind, empty in columns_of),
            *constraints,
        )
        op.execute(f"INSERT INTO {name}_old ({columns}) SELECT {columns} FROM {name}")  # noqa: S608
    for name in sorted(KEYED, key=_AFTER.__contains__, reverse=True):
        _swap(name, f"{name}_old")


def _downgrade_server() -> None:
    op.drop_constraint("fk_observations_facility_transcript", "observations", type_="foreignkey")
    for name in (*KEYED, *PLAIN):
        op.execute(f"DROP POLICY facility ON {name}")
        op.execute(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY")
    for name, columns_of in KEYED.items():
        op.drop_constraint(f"pk_{name}", name, type_="primary")
        if name in UNIQUE:
            op.drop_constraint(f"uq_{name}_facility_{UNIQUE[name]}", name, type_="unique")
            op.create_unique_constraint(f"uq_{name}_{UNIQUE[name]}", name, [UNIQUE[name]])
        op.create_primary_key(f"pk_{name}", name, [columns_of[0][0]])
    for name in (*KEYED, *PLAIN):
        op.drop_column(name, "facility")
    op.create_foreign_key("fk_observations_transcript", "observations", "transcripts", ["transcript"], ["id"])
    op.execute("ALTER TABLE numbers ALTER COLUMN number SET DEFAULT nextval('numbers_number_seq')")
    op.execute("SELECT setval('numbers_number_seq', max(number)) FROM numbers HAVING count(*) > 0")
