# SPDX-License-Identifier: Apache-2.0
"""The rule that keeps facilities apart on PostgreSQL, said so that the server can tell how many rows it lets through.

It lets the same rows through as before. Where one side of a comparison names the other, PostgreSQL takes one row of two
hundred for granted, and read all rows of a class to sort them where fifty were asked for.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_SAID = "current_setting('daicho.facility', true)"
_BEFORE = f"(facility = CASE {_SAID} WHEN '' THEN NULL WHEN 'every' THEN facility ELSE {_SAID}::integer END)"
_AFTER = (
    f"(facility = CASE WHEN {_SAID} IN ('', 'every') THEN NULL ELSE {_SAID}::integer END "
    f"OR {_SAID} = 'every')"
)


def upgrade() -> None:
    """Say it the new way."""
    _say(_AFTER)


def downgrade() -> None:
    """Say it as before."""
    _say(_BEFORE)


def _say(rule: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    known = (
        "SELECT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'facility'"
    )
    for table in sorted(connection.execute(sa.text(known)).scalars()):
        op.execute(f"ALTER POLICY facility ON {table} USING {rule} WITH CHECK {rule}")
