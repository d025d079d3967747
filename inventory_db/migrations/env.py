# SPDX-License-Identifier: Apache-2.0
"""Alembic's entry: runs the migrations on the connection that `tables.open_ledger` hands over."""

from alembic import context

from inventory_db.agents import metadata  # importing it adds its tables to those of `tables`

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
