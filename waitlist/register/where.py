"""Where a register is: a file, or a server's address, made ready to connect to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from waitlist.errors import Refusal, refuse
from waitlist.register.troubles import damaged, failed, name_of

SHAPES = "Give a file, or an address like postgresql+psycopg://name:password@server/database."
HEADER = b"SQLite format 3\0"
SQLITE = ("sqlite", "sqlite+pysqlite")
POSTGRESQL = ("postgresql", "postgresql+psycopg")


def engine_of(where: str, timeout_seconds: float) -> Engine:
    """The engine of a register; its folder is made if missing. Refusal where it cannot be one."""
    if "://" not in where and re.match(r"[a-z0-9+]{2,}:/", where):
        raise _no_address("an address has two strokes after its colon")
    url = _address(where) if "://" in where else URL.create("sqlite", database=where)
    return _file(url, timeout_seconds) if url.get_backend_name() == "sqlite" else _server(url, timeout_seconds)


def _address(where: str) -> URL:
    try:
        url = make_url(where)
    except (SQLAlchemyError, ValueError):
        raise _no_address("the address cannot be read") from None
    if url.drivername in SQLITE:
        if not url.database or url.database == ":memory:" or url.query:
            raise _no_address("a SQLite register is a file, and takes no options")
        return url
    if url.drivername not in POSTGRESQL:
        raise _no_address(f"a register is kept in SQLite or in PostgreSQL by psycopg, not by {url.drivername}")
    if "@" in f"{url.host}{url.database}":
        # a password with @ or / in it ends too soon, and its rest would be shown as the server's name
        raise _no_address("in a password, @ is written %40 and / is written %2F")
    return url.set(drivername="postgresql+psycopg")


def _no_address(rule: str) -> Refusal:
    # never with what was given: it may hold a password
    return refuse("the register's address", "", "", rule, SHAPES)


def _file(url: URL, timeout_seconds: float) -> Engine:
    # made absolute so that no name has a meaning of its own to SQLite
    path = Path(str(url.database)).absolute()
    url = URL.create("sqlite", database=str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            rule, remedy = "a register is an ordinary file, or a database by its address", "Name a file."
            raise refuse(path.name or str(path), "", "", rule, remedy)
        is_other = path.exists() and _is_other(path)
    except (OSError, ValueError) as error:
        raise failed(url, error) from None
    if is_other:
        raise damaged(url, "")
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": timeout_seconds})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        # the driver would commit before each CREATE: it begins nothing itself, we do below
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # the write lock from the start: asked for later, two readers could each wait for the other
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _is_other(path: Path) -> bool:
    """Whether a file is no database at all; SQLite itself would write over a short one."""
    if path.with_name(path.name + "-journal").exists():
        return False  # left in the middle of being made: SQLite puts it right, or says that it cannot
    with path.open("rb") as file:
        return file.read(len(HEADER)) not in (b"", HEADER)


def _server(url: URL, timeout_seconds: float) -> Engine:
    patience = {"connect_timeout": max(2, round(timeout_seconds))}
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=patience)
    except ImportError:
        rule = "a register on PostgreSQL needs psycopg, which is not installed"
        raise refuse(name_of(url), "", "", rule, "Run: pip install psycopg[binary]") from None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(timeout_seconds * 1000))}")

    return engine
