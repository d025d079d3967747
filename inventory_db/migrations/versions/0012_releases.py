# SPDX-License-Identifier: Apache-2.0
"""Releases to an inspection, append-only by triggers, and forms begun by vendors."""

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

APPEND_ONLY = ("releases", "release_ends")


def upgrade() -> None:
    """Make the tables and what refuses to change them."""
    op.create_table(
        "releases",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("edition", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(100), nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("pack", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "release_ends",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("form", sa.String(255), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    for table in (*APPEND_ONLY, "drafts"):
        protect(op.get_bind(), table)
    for table in APPEND_ONLY:
        _refuse_changes(table)


def downgrade() -> None:
    """Take the tables away; download the packs before."""
    for table in ("drafts", "release_ends", "releases"):
        op.drop_table(table)


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'daicho: {table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION daicho_append_only()"
    )
