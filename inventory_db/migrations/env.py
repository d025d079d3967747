# SPDX-License-Identifier: Apache-2.0
"""Alembic's entry: runs the migrations on the connection that `tables.open_ledger` hands over."""

from alembic import context

# importing them adds their tables to the metadata
from inventory_db import (
    account_tables,
    advisories,
    agents,
    attachments,
    audit,
    drafts,
    facilities,
    jobs,
    notices,
    pins,
    releases,
    retention_run,
    statements,
    uploads,
)
from inventory_db.tables import metadata

_TABLES = (
    agents.agents,
    statements.statements,
    attachments.attachments,
    account_tables.accounts,
    advisories.advisories,
    audit.audit,
    facilities.facilities,
    jobs.jobs,
    uploads.uploads,
    pins.pins,
    retention_run.door,
    notices.notices,
    releases.releases,
    drafts.drafts,
)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
