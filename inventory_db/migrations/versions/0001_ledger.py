# SPDX-License-Identifier: Apache-2.0
"""The first tables: what was seen, what was sent, which devices, what people typed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("transcripts", "observations", "journal", "human_entries")
_counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table of revision 0001 and the triggers that keep the log append-only."""
    op.create_table(
        "daicho_marks",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO daicho_marks (key, value) VALUES ('product', 'daicho')")
    _create_log()
    _create_state()
    _create_ledger()
    _refuse_changes()


def downgrade() -> None:
    """Drop every table: an empty database is left."""
    for table in ("human_entries", "devices", "numbers", "vantages", "scans", "journal", "observations"):
        op.drop_table(table)
    op.drop_table("transcripts")  # observations refer to it
    op.drop_table("daicho_marks")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION daicho_append_only()")


def _create_log() -> None:
    op.create_table(
        "transcripts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    for name in ("observations", "journal"):
        op.create_table(
            name,
            sa.Column("id", sa.String(32), primary_key=True),
            sa.Column("at", sa.BigInteger, nullable=False),
            sa.Column("received", sa.BigInteger, nullable=False),
            sa.Column("agent", sa.String(255), nullable=False),
            sa.Column("scan", sa.String(255), nullable=False),
            sa.Column("address", sa.String(255), nullable=False),
            *_transcript_of(name),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )
        op.create_index(f"ix_{name}_at_id", name, ["at", "id"])
        op.create_index(f"ix_{name}_address_at", name, ["address", "at"])


def _transcript_of(name: str) -> list[sa.Column[str]]:
    if name != "observations":
        return []
    return [sa.Column("transcript", sa.String(32), sa.ForeignKey("transcripts.id"))]


def _create_state() -> None:
    op.create_table(
        "scans",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("agent", sa.String(255), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "vantages",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("agent", sa.String(255), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _create_ledger() -> None:
    op.create_table(
        "numbers",
        sa.Column("number", _counter, primary_key=True),
        sa.Column("device_id", sa.String(32), nullable=False, unique=True),
        sa.Column("anchor", sa.String(32), nullable=False),
        sa.Column("assigned", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "devices",
        sa.Column("device_id", sa.String(32), primary_key=True),
        sa.Column("number", _counter, nullable=False, unique=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "human_entries",
        sa.Column("entry", _counter, primary_key=True),
        sa.Column("device_id", sa.String(32), nullable=False),
        sa.Column("column", sa.String(64), nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_human_entries_device_id", "human_entries", ["device_id"])


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'daicho: {table} is append-only'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION daicho_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'daicho: % is append-only', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION daicho_append_only()"
        )
