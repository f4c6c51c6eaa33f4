"""What a database says when something is wrong, told as refusals; no password is ever shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from waitlist.errors import Refusal, refuse

BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
WAITED = {"55P03", "40001", "40P01"}  # PostgreSQL: a lock not had in time, or two writers in each other's way


def name_of(url: URL) -> str:
    """The register's name in a message: its file, or its address without password or options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def told(url: URL) -> Iterator[None]:
    """Whatever the database says in here comes out as a Refusal."""
    try:
        yield
    except DBAPIError as error:
        raise _refusal(url, error.orig) from None
    except (SQLAlchemyError, CommandError, OSError, sqlite3.Error, ValueError, OverflowError) as error:
        # the last two: a name or a number asked for that no database can hold
        raise failed(url, error) from None


def damaged(url: URL, found: str) -> Refusal:
    """The refusal of a file that is no register, or no longer a whole one."""
    rule = "the register cannot be read: it is not a SQLite database, or it is damaged; nothing was changed"
    return refuse(name_of(url), "", found, rule, "Restore the copy of it from your last backup, or name another file.")


def failed(url: URL, error: object) -> Refusal:
    """The refusal of what has no better words than the database's own."""
    rule = "the register cannot be opened, read or written, and nothing was changed"
    remedy = "See that it is there, that it is a register, and that you may write to it and its folder."
    return refuse(name_of(url), "", _without_secrets(url, error), rule, remedy)


def _refusal(url: URL, error: object) -> Refusal:
    code = getattr(error, "sqlite_errorcode", None)
    state = getattr(error, "sqlstate", None)
    # the extended codes of SQLite keep the plain one in their last byte
    if (code is not None and code & 0xFF in BUSY) or state in WAITED:
        rule = "somebody else is writing to it, and nothing was changed"
        return refuse(name_of(url), "", "", rule, "Try again in a moment.")
    if code is not None and code & 0xFF in DAMAGED:
        return damaged(url, str(error))
    if url.get_backend_name() == "postgresql" and state is None:
        remedy = "Check the address, the name and the password, and that the server is running."
        found = _without_secrets(url, error)
        return refuse(name_of(url), "", found, "the register's server cannot be reached", remedy)
    return failed(url, error)


def _without_secrets(url: URL, error: object) -> str:
    said = (str(error).strip().splitlines() or [""])[0]
    secrets = [str(url.password or ""), *(str(value) for key, value in url.query.items() if "pass" in key)]
    for secret in filter(None, secrets):
        said = said.replace(secret, "***")
    return said
