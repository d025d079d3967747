# SPDX-License-Identifier: Apache-2.0
"""The audit log, append-only by triggers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INDEXES = (["at"], ["account", "number"], ["name", "number"], ["action", "number"], ["key", "number"])


def upgrade() -> None:
    """Make the table and what refuses to change it."""
    texts = {"account": 64, "name": 255, "role": 32, "origin": 64, "action": 32, "kind": 32, "key": 1000}
    op.create_table(
        "audit",
        sa.Column("facility", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("at", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.String(most), nullable=False) for name, most in texts.items()),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    for columns in _INDEXES:
        op.create_index(f"ix_audit_facility_{'_'.join(columns)}", "audit", ["facility", *columns])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'daicho: audit is append-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION daicho_append_only()"
        )


def downgrade() -> None:
    """Take the table away; export the log before."""
    op.drop_table("audit")
