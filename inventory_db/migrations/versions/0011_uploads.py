# SPDX-License-Identifier: Apache-2.0
"""The uploads that came, the jobs that they leave behind; one index less on the observations.

No question of ours looks for observations by address alone, and every insert paid for that index.
"""

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_UNUSED = "ix_observations_facility_address_at"


def upgrade() -> None:
    """Make the two tables; on PostgreSQL each facility sees its own rows only."""
    op.create_table(
        "uploads",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("agent", sa.String(255), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("sequence", "received", "size")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("observations", "sent", "known")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("devices", sa.Integer),
        sa.Column("reason_ja", sa.Text, nullable=False),
        sa.Column("reason_en", sa.Text, nullable=False),
        sa.Column("finished", sa.BigInteger),
    )
    for column in ("state", "received"):
        op.create_index(f"ix_uploads_facility_{column}", "uploads", ["facility", column])
    op.create_table(
        "jobs",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("wanted", sa.BigInteger, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("urgent", sa.Integer, nullable=False),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("leased_by", sa.String(64), nullable=False),
        sa.Column("leased_until", sa.BigInteger, nullable=False),
        sa.Column("trouble_ja", sa.Text, nullable=False),
        sa.Column("trouble_en", sa.Text, nullable=False),
    )
    for table in ("uploads", "jobs"):
        protect(op.get_bind(), table)
    op.drop_index(_UNUSED, "observations")


def downgrade() -> None:
    """Take them away: observations that wait are derived at the next start, as before."""
    op.create_index(_UNUSED, "observations", ["facility", "address", "at"])
    op.drop_table("jobs")
    op.drop_table("uploads")
