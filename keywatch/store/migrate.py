"""Bringing the tables up to date, in one transaction: a kill leaves the old schema or the new one."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from keywatch.model.errors import StoreError
from keywatch.store.database import reading
from keywatch.store.schema import REVISIONS

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(engine: Engine, path: Path) -> None:
    """
    Apply the migrations that are missing.

    Raises:
        StoreError: the database was written by a newer keywatch, or is not keywatch's at all.
    """
    with reading(engine) as connection:
        if _is_current(connection, path):
            return
    with engine.begin() as connection:
        # Looked at again under the write lock: another process may have been faster.
        if not _is_current(connection, path):
            _upgrade(connection)


def _is_current(connection: Connection, path: Path) -> bool:
    revision = _revision(connection, path)
    if revision is not None and revision not in REVISIONS:
        raise StoreError(
            f"{path} was written by a newer keywatch (schema {revision}; this version knows {REVISIONS[-1]})",
            hint="install that version again, or restore the backup that was made before the upgrade",
        )
    return revision == REVISIONS[-1]


def _revision(connection: Connection, path: Path) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        value: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return value
    if tables:
        raise StoreError(
            f"{path} is a database of some other program", hint="choose another state directory for keywatch"
        )
    return None


def _upgrade(connection: Connection) -> None:
    # Imported here: needed on the first start and after an upgrade only.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
