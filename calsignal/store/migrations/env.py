"""Run by Alembic for each command; the connection and its transaction come from the caller."""

from __future__ import annotations

from alembic import context

from calsignal.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
