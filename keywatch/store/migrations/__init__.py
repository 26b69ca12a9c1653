"""Alembic's scripts. `versions/` holds one module a change of the schema, in order."""
