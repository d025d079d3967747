# SPDX-License-Identifier: Apache-2.0
"""Which observations hang together, so that a refresh looks only at what has to do with what came.

What came before has no parts: the devices are derived from everything once more, at the next start.
"""

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_PARTS = ("kept_observations", "devices", "kept_keys")


def upgrade() -> None:
    """Make the table of keys, the number of its part beside each row, and the indices by which they are found."""
    op.create_table(
        "kept_keys",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("part", sa.BigInteger, nullable=False),
    )
    op.add_column("kept_observations", sa.Column("part", sa.BigInteger))
    op.add_column("devices", sa.Column("part", sa.BigInteger))
    for name in _PARTS:
        op.create_index(f"ix_{name}_facility_part", name, ["facility", "part"])
    op.create_index("ix_numbers_facility_anchor", "numbers", ["facility", "anchor"])
    protect(op.get_bind(), "kept_keys")


def downgrade() -> None:
    """Forget them: all of it is derived."""
    op.drop_index("ix_numbers_facility_anchor", "numbers")
    for name in _PARTS:
        op.drop_index(f"ix_{name}_facility_part", name)
    op.drop_column("devices", "part")
    op.drop_column("kept_observations", "part")
    op.drop_table("kept_keys")
