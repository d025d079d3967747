# SPDX-License-Identifier: Apache-2.0
"""What may be let go by rule: pins, and a narrow door in the tables that refuse DELETE.

A transcript that was let go leaves its observations as they are, so they no longer refer to it by a foreign key.
"""

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FK = "fk_observations_facility_transcript"
_OLD = "d.facility = OLD.facility AND OLD.at < d.before"
_PINNED = "EXISTS (SELECT 1 FROM pins p WHERE p.facility = OLD.facility AND p.observation = OLD.id)"
_ANCHOR = "EXISTS (SELECT 1 FROM numbers n WHERE n.facility = OLD.facility AND n.anchor = OLD.id)"
_SPOKEN = "EXISTS (SELECT 1 FROM pins p WHERE p.facility = OLD.facility AND p.transcript = OLD.id)"
# table → when its open door lets a row go, and what keeps it shut even then
RULES = {
    "observations": (_OLD, f"{_PINNED} OR {_ANCHOR}"),
    "journal": (_OLD, "1 = 0"),
    "transcripts": ("d.facility = OLD.facility", _SPOKEN),
}


def upgrade() -> None:
    """Make the tables, take the foreign key away, put the door in."""
    file = op.get_bind().dialect.name == "sqlite"
    _make_tables()
    if file:
        with op.batch_alter_table("observations", recreate="always") as observations:
            observations.drop_constraint(_FK, type_="foreignkey")
        for verb in ("UPDATE", "DELETE"):
            _refuse("observations", verb)
    else:
        op.drop_constraint(_FK, "observations", type_="foreignkey")
    for table in RULES:
        (_door_of_file if file else _door_of_server)(table)


def downgrade() -> None:
    """Shut the door for good; refused by the database itself where a transcript is gone."""
    file = op.get_bind().dialect.name == "sqlite"
    for table in RULES:
        if file:
            op.execute(f"DROP TRIGGER {table}_no_delete")
            _refuse(table, "DELETE")
        else:
            op.execute(f"DROP TRIGGER {table}_by_rule ON {table}")
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            op.execute(f"DROP FUNCTION daicho_{table}_by_rule()")
            _shut_of_server(table, "UPDATE OR DELETE OR TRUNCATE")
    with op.batch_alter_table("observations") as observations:
        observations.create_foreign_key(_FK, "transcripts", ["facility", "transcript"], ["facility", "id"])
    if file:
        for verb in ("UPDATE", "DELETE"):
            _refuse("observations", verb)
    op.drop_table("retention_door")
    op.drop_table("pins")


def _make_tables() -> None:
    op.create_table(
        "pins",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("why", sa.String(64), primary_key=True),
        sa.Column("observation", sa.String(32), primary_key=True),
        sa.Column("transcript", sa.String(32)),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    for column in ("observation", "transcript"):
        op.create_index(f"ix_pins_facility_{column}", "pins", ["facility", column])
    op.create_table(
        "retention_door",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("xact", sa.String(32), nullable=False),
    )
    for table in ("pins", "retention_door"):
        protect(op.get_bind(), table)
    if op.get_bind().dialect.name == "sqlite":
        _refuse("pins", "UPDATE")
        _refuse("pins", "DELETE")
    else:
        _shut_of_server("pins", "UPDATE OR DELETE OR TRUNCATE")


def _refuse(table: str, verb: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'daicho: {table} is append-only'); END"
    )


def _shut_of_server(table: str, verbs: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION daicho_append_only()"
    )


def _door_of_file(table: str) -> None:
    open_, shut = RULES[table]
    found = f"SELECT 1 FROM retention_door d WHERE d.kind = '{table}' AND {open_}"  # noqa: S608
    op.execute(f"DROP TRIGGER {table}_no_delete")
    op.execute(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT EXISTS ({found}) OR {shut} "
        f"BEGIN SELECT RAISE(ABORT, 'daicho: {table} is append-only'); END"
    )


def _door_of_server(table: str) -> None:
    open_, shut = RULES[table]
    now = "d.xact = pg_current_xact_id()::text"
    found = f"SELECT 1 FROM retention_door d WHERE d.kind = '{table}' AND {now} AND {open_}"  # noqa: S608
    op.execute(
        f"CREATE FUNCTION daicho_{table}_by_rule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NOT EXISTS ({found}) OR {shut} THEN "
        "RAISE EXCEPTION 'daicho: % is append-only', TG_TABLE_NAME; END IF; RETURN OLD; END $$"
    )
    op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    _shut_of_server(table, "UPDATE OR TRUNCATE")
    op.execute(
        f"CREATE TRIGGER {table}_by_rule BEFORE DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION daicho_{table}_by_rule()"
    )
