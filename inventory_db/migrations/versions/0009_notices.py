# SPDX-License-Identifier: Apache-2.0
"""News for people outside of the pages, and the messages that carry it."""

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables, each row a facility's."""
    op.create_table(
        "notices",
        sa.Column("facility", sa.Integer, nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.LargeBinary, nullable=False),
        sa.Column("bundle", sa.String(32)),
        sa.UniqueConstraint("facility", "kind", "subject", name="uq_notices_facility_kind_subject"),
    )
    op.create_index("ix_notices_facility_bundle", "notices", ["facility", "bundle"])
    op.create_table(
        "notice_messages",
        sa.Column("facility", sa.Integer, nullable=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("bundle", sa.String(32), nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("next_try", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", sa.String(255), nullable=False),
    )
    op.create_index(
        "ix_notice_messages_facility_state_next_try", "notice_messages", ["facility", "state", "next_try"]
    )
    for table in ("notices", "notice_messages"):
        protect(op.get_bind(), table)


def downgrade() -> None:
    """Take the tables away; what was not sent yet is lost."""
    op.drop_table("notice_messages")
    op.drop_table("notices")
