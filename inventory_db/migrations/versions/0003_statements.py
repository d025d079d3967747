# SPDX-License-Identifier: Apache-2.0
"""What people state, the files they attach, and indexes by scan."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("statements", "attachments")


def upgrade() -> None:
    """Make the tables of statements and attachments, append-only by triggers, and the indexes by scan."""
    op.create_table(
        "statements",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.String(1000), nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_statements_kind_key", "statements", ["kind", "key"])
    op.create_table(
        "attachments",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    for table in ("observations", "journal"):
        op.create_index(f"ix_{table}_scan_at", table, ["scan", "at"])
    _refuse_changes()


def downgrade() -> None:
    """Drop what people stated and attached, and the indexes by scan."""
    for table in ("observations", "journal"):
        op.drop_index(f"ix_{table}_scan_at", table)
    op.drop_table("attachments")
    op.drop_table("statements")


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'daicho: {table} is append-only'); END"
                )
        return
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION daicho_append_only()"
        )
