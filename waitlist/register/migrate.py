"""Bring a register up to date inside the transaction it is opened with, or refuse and leave it as it is."""

from __future__ import annotations

from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from waitlist.errors import refuse
from waitlist.register.tables import METADATA
from waitlist.register.troubles import damaged, name_of

ONE_AT_A_TIME = Lock()  # alembic keeps what it works on in one place for the whole process
WAITING = 8_210_477  # any number, but the same for all who may make the tables at once


def migrate(connection: Connection) -> None:
    """Make or update the tables of a register; the connection's transaction is the caller's to commit.

    Refusal where the file is damaged, holds something else or was written by a newer version.
    """
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise damaged(connection.engine.url, str(found))
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WAITING})")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "waitlist.register:migrations")
    if not _is_current(connection, ScriptDirectory.from_config(config)):
        with ONE_AT_A_TIME:
            command.upgrade(config, "head")


def _is_current(connection: Connection, script: ScriptDirectory) -> bool:
    stands_at = set(MigrationContext.configure(connection).get_current_heads())
    known = {step.revision for step in script.walk_revisions()}
    name = name_of(connection.engine.url)
    if stands_at - known:
        rule = "this register was written by a newer version of waitlist"
        found = ", ".join(sorted(stands_at - known))
        raise refuse(name, "", found, rule, "Install the newer waitlist; nothing was changed.")
    if not stands_at:
        tables = set(inspect(connection).get_table_names())
        # a file is a register's own; a server's database may be shared, so long as our names are free
        others = tables if connection.dialect.name == "sqlite" else tables & set(METADATA.tables)
        if others:
            rule = "this database holds something else, and nothing was changed"
            found = ", ".join(sorted(others)[:3])
            raise refuse(name, "", found, rule, "Name another file or database for the register.")
    return stands_at == set(script.get_heads())
