"""Read months, and tables that took long, kept in the user's cache folder by what they were made from.

The cache only saves time: one that is missing, corrupt or cannot be written is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import platformdirs

from waitlist.errors import Problem
from waitlist.inputs.database import database
from waitlist.inputs.month import COUNTS, Month

PARSER = 1
"""Raised whenever the same file would be read differently."""
COLUMNS = ["provider", "provider_name", "part", "specialty", "specialty_name", *COUNTS]


def folder() -> Path:
    """The cache folder: WAITLIST_CACHE, or the user's own."""
    return Path(os.environ.get("WAITLIST_CACHE") or platformdirs.user_cache_dir("waitlist", appauthor=False))


def load(db: duckdb.DuckDBPyConnection, sha256: str, file: str) -> Month | None:
    """The month read from the content ``sha256``, its notes naming ``file``; None where it is not kept."""
    path = _path(sha256)
    try:
        if not path.is_file():
            return None
        rows = db.execute("select * from read_parquet(?)", [str(path)]).df()
        kept = db.execute("select key, value from parquet_kv_metadata(?)", [str(path)]).fetchall()
        said = {bytes(key): bytes(value) for key, value in kept}
        facts = json.loads(said[b"waitlist"])
        if list(rows.columns) != COLUMNS or int(rows[list(COUNTS)].to_numpy().sum()) != facts["people"]:
            return None
        notes = tuple(Problem(**{**note, "file": file}) for note in facts["notes"])
        return Month(facts["month"], rows, notes)
    except (OSError, duckdb.Error, KeyError, TypeError, ValueError):
        return None


def store(sha256: str, month: Month) -> None:
    """Keep ``month`` for the content ``sha256``, whole or not at all."""
    path = _path(sha256)
    rows = month.rows
    facts = {
        "month": month.month,
        "people": int(rows[list(COUNTS)].to_numpy().sum()),
        "notes": [note.as_dict() for note in month.notes],
    }
    said = json.dumps(facts).replace("'", "''")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as scratch:
            whole = Path(scratch) / path.name
            with database(Path(scratch)) as db:
                target = str(whole).replace("'", "''")
                db.register("month", rows)
                db.execute(f"copy month to '{target}' (format parquet, kv_metadata {{waitlist: '{said}'}})")
            os.replace(whole, path)
    except (OSError, duckdb.Error):
        return


def load_table(key: str, columns: Sequence[str]) -> pd.DataFrame | None:
    """The table kept under ``key``; None where there is none, or it is not whole or has other ``columns``."""
    try:
        said, _, text = _table_path(key).read_text(encoding="utf-8").partition("\n")
        if said != hashlib.sha256(text.encode()).hexdigest():
            return None
        found = pd.DataFrame(json.loads(text))
    except (OSError, ValueError):
        return None
    return found if list(found) == list(columns) else None


def store_table(key: str, table: pd.DataFrame) -> None:
    """Keep ``table`` under ``key``, whole or not at all."""
    path, text = _table_path(key), json.dumps(table.to_dict(orient="list"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as scratch:
            whole = Path(scratch) / path.name
            whole.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", encoding="utf-8", newline="\n")
            os.replace(whole, path)
    except OSError:
        return


def _table_path(key: str) -> Path:
    return folder() / "tables" / f"{key}.json"


def _path(sha256: str) -> Path:
    return folder() / "months" / f"{sha256}-{PARSER}.parquet"
