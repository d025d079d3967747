# SPDX-License-Identifier: Apache-2.0
"""Which observations devices are derived from, what is known of the others, and what waits to be taken up.

What came before has no digest: the devices are derived from everything once more, at the next start.
"""

import sqlalchemy as sa
from alembic import op

from inventory_db.binding import protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("arrivals", "kept_observations", "digests")
_INDEX = "ix_observations_facility_received"


def upgrade() -> None:
    """Make the tables, and the index by which what came together is found."""
    op.create_table(
        "arrivals",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("scans", sa.Text, nullable=False),
    )
    op.create_table(
        "kept_observations",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("passed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "digests",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.add_column("devices", sa.Column("made_of", sa.String(32)))
    op.create_index(_INDEX, "observations", ["facility", "received"])
    for name in TABLES:
        protect(op.get_bind(), name)


def downgrade() -> None:
    """Forget them: all of it is derived."""
    op.drop_index(_INDEX, "observations")
    op.drop_column("devices", "made_of")
    for name in TABLES:
        op.drop_table(name)
