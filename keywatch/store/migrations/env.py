"""What Alembic runs: always inside the transaction that `keywatch.store.migrate` has opened."""

from alembic import context

from keywatch.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll back CREATE TABLE; Alembic assumes otherwise because Python's sqlite3 used to commit before it.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
