# SPDX-License-Identifier: Apache-2.0
"""Alembic's entry: runs the migrations on the connection that `tables.open_ledger` hands over."""

from alembic import context

from inventory_db import agents, attachments, statements  # importing them adds their tables to the metadata
from inventory_db.tables import metadata

_TABLES = (agents.agents, statements.statements, attachments.attachments)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
