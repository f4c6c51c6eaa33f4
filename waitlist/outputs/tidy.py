"""The tidy CSV files: UTF-8, counts to three decimals, ISO dates, empty for none, the same bytes each time."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def write(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as ``folder/<name>.csv``, its columns and rows in their order (R4, R11).

    DuckDB writes four million rows in about two seconds, pandas in minutes. Raises OSError.
    """
    import duckdb  # noqa: PLC0415

    with duckdb.connect(config={"temp_directory": ""}) as connection:
        for name, frame in tables.items():
            connection.register("answer", frame)
            path = str(folder / f"{name}.csv").replace("'", "''")
            query = f"COPY (SELECT {_columns(frame)} FROM answer) TO '{path}' (FORMAT csv, HEADER)"
            try:
                connection.execute(query)
            except duckdb.IOException as error:
                number = re.search(r'"errno":"(\d+)"', str(error))
                code = int(number.group(1)) if number else errno.EIO
                raise OSError(code, os.strerror(code)) from None
            except RuntimeError as error:
                if "interrupted" not in str(error):
                    raise
                raise KeyboardInterrupt from None  # how DuckDB tells of a Ctrl-C
            connection.unregister("answer")


def _columns(frame: pd.DataFrame) -> str:
    """The columns as SQL: a number that is not whole takes three decimals, one that is none is empty."""
    return ", ".join(_three_decimals(str(name)) if frame[name].dtype.kind == "f" else f'"{name}"' for name in frame)


def _three_decimals(name: str) -> str:
    return f'CASE WHEN isfinite("{name}") THEN CAST("{name}" AS DECIMAL(18, 3)) END AS "{name}"'
