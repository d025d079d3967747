# SPDX-License-Identifier: Apache-2.0
"""The ledger's index: its rows as tables that SQL filters, sorts and searches. Derived; filled at the next start.

With it the indexes by which the last words of people are found without looking at all of them.
"""

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CELLS = tuple(f"c{place}" for place in range(2, 13))
MARKS = ("dual", "remote", "guess", "unseen")
TABLES = ("ledger_rows", "ledger_texts", "ledger_shown", "ledger_networks", "ledger_aliases", "ledger_marks")
LAST_WORDS = (
    ("human_entries", ("facility", "entry")),
    ("human_entries", ("facility", "at")),
    ("statements", ("facility", "kind", "entry")),
)


def upgrade() -> None:
    """Make the tables and the indexes."""
    op.create_table(
        "ledger_rows",
        *_numbered(),
        sa.Column("device_id", sa.String(32), nullable=False),
        sa.Column("listed", sa.BigInteger),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        *(sa.Column(mark, sa.Boolean, nullable=False) for mark in MARKS),
        *(sa.Column(cell, sa.LargeBinary, nullable=False) for cell in CELLS),
        sa.Column("paths", sa.Integer, nullable=False),
        sa.Column("sure", sa.SmallInteger, nullable=False),
        sa.Column("seen", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("facility", "device_id", name="uq_ledger_rows_facility_device_id"),
    )
    for name in (*CELLS, "kind", "paths", "sure", "seen", *MARKS):
        op.create_index(f"ix_ledger_rows_facility_{name}_number", "ledger_rows", ["facility", name, "number"])
    op.create_table("ledger_texts", *_numbered(), sa.Column("text", sa.Text, nullable=False))
    op.create_table("ledger_shown", *_numbered(), sa.Column("body", sa.LargeBinary, nullable=False))
    op.create_table(
        "ledger_networks",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("network", sa.String(255), primary_key=True),
        _number(),
    )
    op.create_index("ix_ledger_networks_facility_number", "ledger_networks", ["facility", "number"])
    op.create_table(
        "ledger_aliases",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("device_id", sa.String(32), nullable=False),
    )
    op.create_index("ix_ledger_aliases_facility_device_id", "ledger_aliases", ["facility", "device_id"])
    op.create_table(
        "ledger_marks",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    for name in TABLES:
        protect(op.get_bind(), name)
    for table, columns in LAST_WORDS:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def downgrade() -> None:
    """Forget them: all of it is derived."""
    for table, columns in LAST_WORDS:
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
    for name in TABLES:
        op.drop_table(name)


def _number() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("number", kind, primary_key=True, autoincrement=False)


def _numbered() -> tuple[sa.Column[int], sa.Column[int]]:
    return sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False), _number()
