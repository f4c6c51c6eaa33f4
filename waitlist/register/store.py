"""Open a register, add versions to it, and read them; nothing here changes or deletes one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, func, insert, select
from sqlalchemy.exc import IntegrityError

from waitlist.errors import Refusal, refuse
from waitlist.register.migrate import migrate
from waitlist.register.tables import CELL, VERSION
from waitlist.register.troubles import name_of, told
from waitlist.register.version import Cell, Version, canonical, check, seal
from waitlist.register.where import engine_of

JSON_PARTS = ("plan", "data", "overrides", "checks", "more")
PLAIN_PARTS = ("plan_name", "year", "number", "status", "author", "created", "software", "snapshot")
CELL_PARTS = ("org", "line", "month", "value", "model_value", "status")


@contextmanager
def open_register(where: str, timeout_seconds: float = 10.0) -> Iterator[Engine]:
    """The register at a file or an address, made if missing and brought up to date, for as long as it is in use.

    Refusal where it cannot be reached, read or written, is damaged, holds something else, was written by a
    newer version, or is being written to by somebody else for longer than the timeout.
    """
    register = engine_of(str(where), timeout_seconds)
    try:
        with told(register.url), register.begin() as connection:
            migrate(connection)
        yield register
    finally:
        register.dispose()


def next_number(register: Engine, plan_name: str, year: str) -> int:
    """The number the next version of a plan's year takes. Refusal where the register cannot be read."""
    with told(register.url), register.begin() as connection:
        return _next(connection, plan_name, year)


def add(register: Engine, version: Version) -> None:
    """Store a version, whole or not at all.

    Refusal where its number is taken, where it would not come back as it is, or the register cannot be written.
    """
    check(version, name_of(register.url))
    with told(register.url):
        try:
            with register.begin() as connection:
                _insert(connection, version)
        except IntegrityError:
            taken = _taken(register, version)
            if taken is None:
                raise
            raise taken from None


def read(register: Engine, plan_name: str, year: str, number: int) -> Version:
    """One version, verified against the hash stored with it; lists within it come back as lists.

    Refusal where there is no such version, or it has been altered, or the register cannot be read.
    """
    with told(register.url), register.begin() as connection:
        rows = connection.execute(_of(select(VERSION), plan_name, year).where(VERSION.c.number == number))
        row = rows.mappings().one_or_none()
        if row is None:
            raise _unknown(register, plan_name, year, number, _numbers(connection, plan_name, year))
        return _verified(register, connection, row)


def latest(register: Engine, plan_name: str, year: str, status: str | None = None) -> Version | None:
    """The version with the highest number, of a status if one is given; None where there is none.

    Refusal where it has been altered, or the register cannot be read.
    """
    query = _of(select(VERSION), plan_name, year).order_by(VERSION.c.number.desc()).limit(1)
    if status is not None:
        query = query.where(VERSION.c.status == status)
    with told(register.url), register.begin() as connection:
        row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _verified(register, connection, row)


def listed(register: Engine, plan_name: str, year: str) -> list[tuple[int, str, str, str]]:
    """Number, status, author and time of every version, in order. Refusal where the register cannot be read."""
    wanted = select(VERSION.c.number, VERSION.c.status, VERSION.c.author, VERSION.c.created)
    with told(register.url), register.begin() as connection:
        rows = connection.execute(_of(wanted, plan_name, year).order_by(VERSION.c.number))
        return [(number, status, author, created) for number, status, author, created in rows]


def _of(query: Select[Any], plan_name: str, year: str) -> Select[Any]:
    return query.where(VERSION.c.plan_name == plan_name, VERSION.c.year == year)


def _next(connection: Connection, plan_name: str, year: str) -> int:
    highest = connection.execute(_of(select(func.max(VERSION.c.number)), plan_name, year)).scalar()
    if not isinstance(highest, int | None):
        place, remedy = f"{plan_name} {year}", "Restore the register from a copy made before."
        raise refuse(name_of(connection.engine.url), place, highest, "a version's number is a whole number", remedy)
    return (highest or 0) + 1


def _numbers(connection: Connection, plan_name: str, year: str) -> list[int]:
    return list(connection.execute(_of(select(VERSION.c.number), plan_name, year).order_by(VERSION.c.number)).scalars())


def _insert(connection: Connection, version: Version) -> None:
    row = {name: getattr(version, name) for name in PLAIN_PARTS}
    row |= {name: canonical(getattr(version, name)) for name in JSON_PARTS}
    row["content_hash"] = seal(version)
    connection.execute(insert(VERSION).values(row))
    numbered = _of(select(VERSION.c.id), version.plan_name, version.year).where(VERSION.c.number == version.number)
    key = connection.execute(numbered).scalar_one()
    cells = [{"version_id": key, "position": at, **asdict(cell)} for at, cell in enumerate(version.cells)]
    if cells:
        connection.execute(insert(CELL), cells)


def _taken(register: Engine, version: Version) -> Refusal | None:
    """Who has the number, when and as what; None if nobody has."""
    with register.begin() as connection:
        wanted = select(VERSION.c.status, VERSION.c.author, VERSION.c.created)
        query = _of(wanted, version.plan_name, version.year).where(VERSION.c.number == version.number)
        found = connection.execute(query).one_or_none()
        free = _next(connection, version.plan_name, version.year)
    if found is None:
        return None
    status, author, created = found
    did = "finalised" if status == "final" else "saved as a draft"
    rule = (
        f"version {version.number} of {version.plan_name} {version.year} was {did} by {author} on {created[:10]} "
        "while this one was being made"
    )
    return refuse(name_of(register.url), "", "", rule, f"Run again: it becomes version {free}.")


def _unknown(register: Engine, plan_name: str, year: str, number: int, there: list[int]) -> Refusal:
    have = f"those there are: {', '.join(map(str, there))}" if there else "there are none yet"
    remedy = "Ask for one of them." if there else "Check the plan's name and the year, or add a version first."
    place = f"{plan_name} {year}"
    return refuse(name_of(register.url), place, "", f"there is no version {number}; {have}", remedy)


def _verified(register: Engine, connection: Connection, row: RowMapping) -> Version:
    columns = [CELL.c[name] for name in CELL_PARTS]
    cells = connection.execute(select(*columns).where(CELL.c.version_id == row["id"]).order_by(CELL.c.position))
    try:
        version = Version(
            **{name: row[name] for name in PLAIN_PARTS},
            **{name: json.loads(row[name]) for name in JSON_PARTS},
            cells=tuple(Cell(*cell) for cell in cells),
        )
        untouched = seal(version) == row["content_hash"]
    except (TypeError, ValueError, RecursionError):
        untouched = False  # what we wrote can be read: this is not what we wrote
    if not untouched:
        rule = f"version {row['number']} has been altered since it was stored (its content hash differs)"
        remedy = "Do not use it: restore the register from a copy made before, and ask who has edited it."
        raise refuse(name_of(register.url), f"{row['plan_name']} {row['year']}", "", rule, remedy)
    return version
