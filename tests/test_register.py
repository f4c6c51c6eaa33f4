"""The register of versions: what goes in comes out, unaltered, whatever happens around it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from waitlist import register as kept
from waitlist.errors import Refusal
from waitlist.register.tables import METADATA

PLAN, YEAR = "North east London", "2025-26"
FIRST = kept.Version(
    PLAN,
    YEAR,
    number=1,
    status="final",
    author="A. Planner",
    created="2026-01-02T10:00:00+00:00",
    software="0.1.0",
    snapshot="sha256:12ab",
    plan={"name": PLAN, "growth": 0.1 + 0.2, "10": None, "2": "café"},
    data=[{"file": "rtt.csv", "rows": 12}],
    overrides=[{"line": "E.B.3a", "why": 'a "reason"'}],
    checks=[],
    cells=(
        kept.Cell("R1H", "E.B.3a", "2025-04", 2**40, 7, "overridden"),
        kept.Cell("R1H", "E.B.3a", "2025-05", None, None, "blank"),
    ),
    more={"note": ["x", 1.5, None]},
)


@pytest.fixture(scope="module")
def server():
    """The address of a PostgreSQL server of our own, on a socket in a folder of our own."""
    programs = [shutil.which(name) for name in ("initdb", "pg_ctl")]
    lacking = "psycopg" if not find_spec("psycopg") else "" if all(programs) else "initdb and pg_ctl"
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"PostgreSQL cannot be tried: {lacking} not installed")
    initdb, pg_ctl = programs
    # a short path that another user may enter: the server refuses to run as root, and a socket's name is short
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    as_user = {}
    if os.geteuid() == 0:
        try:
            shutil.chown(folder, "postgres")
        except LookupError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}

    def run(*words):
        done = subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, **as_user)
        assert done.returncode == 0, words

    run(initdb, "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    run(pg_ctl, "start", "-w", "-D", f"{folder}/data", "-l", f"{folder}/log", "-o", options)
    yield f"postgresql+psycopg://postgres:secret@/postgres?host={folder}"
    run(pg_ctl, "stop", "-m", "immediate", "-D", f"{folder}/data")
    shutil.rmtree(folder)


@pytest.fixture
def database(server):
    """The address of an empty database on the server."""
    import psycopg

    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """Where a register may be made, in each database."""
    if request.param == "sqlite":
        return str(tmp_path / "a b%" / "register.db")
    return request.getfixturevalue("database")


def refusal(act, *given) -> str:
    with pytest.raises(Refusal) as caught:
        act(*given)
    return str(caught.value)


def opened(where, timeout_seconds=10.0):
    with kept.open_register(where, timeout_seconds):
        pass


def unguarded(register, statement):
    """What somebody with the database in hand can do."""
    with register.begin() as connection:
        if register.dialect.name == "sqlite":
            for guard in ("version_update", "version_delete", "cell_update", "cell_delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {guard}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(statement)


def test_what_goes_in_comes_out(where):
    draft = replace(FIRST, number=2, status="draft", cells=(), plan={2: "two", 10: "ten"})
    with kept.open_register(where) as register:
        assert kept.next_number(register, PLAN, YEAR) == 1
        assert kept.latest(register, PLAN, YEAR) is None
        kept.add(register, FIRST)
        kept.add(register, draft)
    with kept.open_register(where) as register:
        assert kept.read(register, PLAN, YEAR, 1) == FIRST
        assert kept.latest(register, PLAN, YEAR) == replace(draft, plan={"2": "two", "10": "ten"})
        assert kept.latest(register, PLAN, YEAR, "final") == FIRST
        assert kept.next_number(register, PLAN, YEAR) == 3
        assert kept.next_number(register, PLAN, "2026-27") == 1
        assert [row[:3] for row in kept.listed(register, PLAN, YEAR)] == [
            (1, "final", "A. Planner"),
            (2, "draft", "A. Planner"),
        ]


def test_the_hash_is_of_what_is_said_not_of_who_said_it():
    said_again = replace(FIRST, number=9, status="draft", author="B", created="2027-01-01", plan=dict(FIRST.plan))
    assert kept.content_hash(said_again) == kept.content_hash(FIRST)
    assert kept.content_hash(replace(FIRST, snapshot="other")) != kept.content_hash(FIRST)
    assert kept.content_hash(replace(FIRST, cells=FIRST.cells[::-1])) != kept.content_hash(FIRST)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cell SET value = 8 WHERE position = 0",
        "DELETE FROM cell WHERE position = 1",
        "INSERT INTO cell SELECT version_id, 9, org, line, month, value, model_value, status FROM cell LIMIT 1",
        "UPDATE version SET plan = 'not JSON'",
        "UPDATE version SET snapshot = 'other'",
    ],
)
def test_an_altered_version_is_refused(where, statement):
    with kept.open_register(where) as register:
        kept.add(register, FIRST)
        unguarded(register, statement)
        said = refusal(kept.read, register, PLAN, YEAR, 1)
        assert "version 1 has been altered since it was stored (its content hash differs)" in said
        assert refusal(kept.latest, register, PLAN, YEAR) == said


def test_a_final_version_can_be_neither_changed_nor_deleted(where):
    with kept.open_register(where) as register:
        kept.add(register, FIRST)
        kept.add(register, replace(FIRST, number=2, status="draft"))
        for statement in (
            "UPDATE version SET author = 'B' WHERE number = 1",
            "UPDATE version SET status = 'draft' WHERE number = 1",
            "DELETE FROM version WHERE number = 1",
            "UPDATE cell SET value = 8 WHERE version_id = 1",
            "DELETE FROM cell WHERE version_id = 1",
        ):
            with pytest.raises(DBAPIError, match="a final version is never altered"), register.begin() as connection:
                connection.exec_driver_sql(statement)
        with register.begin() as connection:
            connection.exec_driver_sql("DELETE FROM cell WHERE version_id = 2")
            connection.exec_driver_sql("DELETE FROM version WHERE number = 2")
        assert kept.read(register, PLAN, YEAR, 1) == FIRST


def test_a_number_is_taken_once_though_two_want_it_at_the_same_moment(where):
    opened(where)
    together = Barrier(2)

    def finalise(author):
        with kept.open_register(where) as register:
            number = kept.next_number(register, PLAN, YEAR)
            together.wait(timeout=20)
            try:
                kept.add(register, replace(FIRST, number=number, author=author))
            except Refusal as refused:
                return str(refused)
            return author

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(finalise, ["A. Planner", "B. Other"]))
    (won,) = {"A. Planner", "B. Other"} & set(said)
    (told,) = set(said) - {won}
    assert f"version 1 of {PLAN} {YEAR} was finalised by {won} on 2026-01-02 while this one was being made" in told
    assert told.endswith("Run again: it becomes version 2.")
    with kept.open_register(where) as register:
        assert [row[2] for row in kept.listed(register, PLAN, YEAR)] == [won]


def test_one_register_is_made_though_many_open_it_at_the_same_moment(where):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(opened, [where] * 8))
    with kept.open_register(where) as register:
        kept.add(register, FIRST)


def test_an_unknown_version_is_refused_naming_those_there_are(where):
    with kept.open_register(where) as register:
        assert "there is no version 7; there are none yet" in refusal(kept.read, register, PLAN, YEAR, 7)
        kept.add(register, FIRST)
        kept.add(register, replace(FIRST, number=2))
        assert "there is no version 7; those there are: 1, 2." in refusal(kept.read, register, PLAN, YEAR, 7)
        refusal(kept.read, register, "half a letter \ud800", YEAR, 10**30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": 0},
        {"status": "finished"},
        {"author": "A\0B"},
        {"plan": {"growth": float("nan")}},
        {"more": {"when": object()}},
        {"cells": (replace(FIRST.cells[0], value=1.0),)},
        {"cells": (replace(FIRST.cells[0], value=2**63),)},
        {"cells": (replace(FIRST.cells[0], status="guessed"),)},
    ],
)
def test_a_version_that_would_not_come_back_the_same_is_not_stored(tmp_path, wrong):
    with kept.open_register(str(tmp_path / "register.db")) as register:
        assert "nothing was stored" in refusal(kept.add, register, replace(FIRST, **wrong))
        assert kept.listed(register, PLAN, YEAR) == []


def test_the_tables_are_what_the_steps_make(where):
    with kept.open_register(where) as register, register.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_register_of_a_newer_waitlist_is_refused(where):
    with kept.open_register(where) as register:
        kept.add(register, FIRST)
        unguarded(register, "UPDATE alembic_version SET version_num = '9999'")
    said = refusal(opened, where)
    assert "this register was written by a newer version of waitlist (found 9999)" in said
    assert said.endswith("Install the newer waitlist; nothing was changed.")
    assert "secret" not in said


def test_a_file_that_is_no_register_is_refused_and_left_as_it_is(tmp_path):
    whole, other = tmp_path / "register.db", tmp_path / "other.db"
    with kept.open_register(str(whole)) as register:
        kept.add(register, replace(FIRST, cells=FIRST.cells * 2000))
    good = whole.read_bytes()
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE people (name)")
    damaged = {
        "short": b"x",
        "text": b"org,line\n" * 1000,
        "cut short": good[: len(good) // 2],
        "overwritten": good[:4096] + b"\xff" * (len(good) - 4096),
        "only a header": good[:50],
    }
    for name, content in damaged.items():
        path = tmp_path / name
        path.write_bytes(content)
        said = refusal(opened, str(path))
        assert "the register cannot be read" in said and "Restore the copy" in said and name in said
        assert path.read_bytes() == content
    content = other.read_bytes()
    assert "this database holds something else" in refusal(opened, str(other))
    assert other.read_bytes() == content
    for nowhere in (str(other / "register.db"), "a\0b"):
        assert "the register cannot be opened" in refusal(opened, nowhere)
    for other_kind in (str(tmp_path), "/dev/null"):
        assert "a register is an ordinary file" in refusal(opened, other_kind)
    said = refusal(opened, "postgresql:/planner:secret@server/waitlist")
    assert "two strokes" in said and "secret" not in said


def test_who_made_a_version_when_and_as_what_is_sealed_too(tmp_path):
    path = tmp_path / "register.db"
    with kept.open_register(str(path)) as register:
        kept.add(register, replace(FIRST, status="draft"))
    for change in ("status = 'final'", "author = 'Somebody else'", "created = '2020-01-01T00:00:00+00:00'"):
        with closing(sqlite3.connect(path)) as connection:
            before = connection.execute("SELECT status, author, created FROM version").fetchone()
            connection.execute(f"UPDATE version SET {change}")
            connection.commit()
        with kept.open_register(str(path)) as register, pytest.raises(Refusal, match="has been altered"):
            kept.read(register, PLAN, YEAR, 1)
        with closing(sqlite3.connect(path)) as connection:
            triggers = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
            for name in triggers:
                connection.execute(f'DROP TRIGGER "{name}"')
            connection.execute("UPDATE version SET status = ?, author = ?, created = ?", before)
            connection.commit()


def test_an_empty_file_is_a_new_register(tmp_path):
    path = tmp_path / "register.db"
    path.touch()
    with kept.open_register(f"sqlite:///{path}") as register:
        kept.add(register, FIRST)
        assert kept.read(register, PLAN, YEAR, 1) == FIRST


def test_a_register_somebody_else_is_writing_to_is_refused(tmp_path):
    path = tmp_path / "register.db"
    with (
        kept.open_register(str(path), timeout_seconds=0.05) as register,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        for said in (refusal(opened, str(path), 0.05), refusal(kept.add, register, FIRST)):
            assert "somebody else is writing to it" in said and said.endswith("Try again in a moment.")
        other.execute("ROLLBACK")
        kept.add(register, FIRST)


HALFWAY = """
import sys, time
from waitlist.register import open_register
with open_register(sys.argv[1]) as register, register.begin() as connection:
    connection.exec_driver_sql("PRAGMA cache_size = 1")
    for at in range(2000):
        connection.exec_driver_sql(
            "INSERT INTO cell VALUES (1, ?, 'R1H', 'E.B.3a', '2025-04', 1, 1, 'actual')", (at + 100,))
    print("halfway", flush=True)
    time.sleep(60)
"""


def test_a_process_killed_halfway_leaves_the_versions_before_it(tmp_path):
    path = tmp_path / "register.db"
    with kept.open_register(str(path)) as register:
        kept.add(register, FIRST)
    before = path.read_bytes()
    with subprocess.Popen([sys.executable, "-c", HALFWAY, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() != before, "it was killed before it wrote anything"
    with kept.open_register(str(path)) as register:
        assert kept.read(register, PLAN, YEAR, 1) == FIRST
        assert kept.next_number(register, PLAN, YEAR) == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://planner:secret@127.0.0.1:1/lists",
        "postgresql://planner@127.0.0.1:1/lists?password=secret",
        "postgresql+psycopg://planner:x@secret@127.0.0.1:1/lists",
        "postgresql+psycopg://planner:12/secret@127.0.0.1:1/lists",
        "mysql://planner:secret@127.0.0.1/lists",
        "postgresql://planner:secret@127.0.0.1:port/lists",
    ],
)
def test_a_server_that_cannot_be_had_is_refused_without_its_password(address):
    assert "secret" not in refusal(opened, address)


def test_psycopg_is_asked_for_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    said = refusal(opened, "postgresql://planner:secret@127.0.0.1/lists")
    assert said.endswith("Run: pip install psycopg[binary]") and "secret" not in said


def test_a_server_somebody_else_is_writing_to_is_refused(database):
    with kept.open_register(database, timeout_seconds=0.1) as register, register.connect() as other:
        with other.begin():
            other.exec_driver_sql("LOCK TABLE version")
            assert "somebody else is writing to it" in refusal(kept.next_number, register, PLAN, YEAR)
        kept.next_number(register, PLAN, YEAR)
