"""An in-memory DuckDB that keeps to its place: little memory, no files elsewhere, and Ctrl-C is Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


@contextmanager
def database(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that spills, if it must, into ``scratch`` and not into the working folder."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2,
        "memory_limit": "1GB",
        "temp_directory": str(scratch),
    }
    try:
        with duckdb.connect(config=settings) as db:
            db.execute("set enable_progress_bar = false")  # it would print into ours
            yield db
    except RuntimeError as error:
        if "interrupt" in str(error).lower():
            raise KeyboardInterrupt from None
        raise
