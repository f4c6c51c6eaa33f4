"""A workbook's sheet as data: a title, a note, and a table whose columns each have a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from waitlist.outputs import words as say
from waitlist.results import ALL, Result

MOST_ROWS = 20_000
"""Rows on a sheet; a longer table keeps its totals only (Excel ends at 1,048,576, patience sooner)."""

Kind = Literal["text", "sentence", "count", "decimal", "share", "date"]


@dataclass(frozen=True)
class Sheet:
    """One sheet: a title, what should be known beside it, and a table with the kind of each column."""

    name: str
    title: str
    note: str
    frame: pd.DataFrame
    kinds: Sequence[Kind]
    keys: int = 0
    """Columns at the left that stay in view."""


def limited(frame: pd.DataFrame, file: str, rows_of: list[str] | None = None) -> tuple[pd.DataFrame, str]:
    """The table, or its totals where it has more than MOST_ROWS, and the note that says so."""
    rows = len(frame.drop_duplicates(rows_of)) if rows_of else len(frame)
    if rows <= MOST_ROWS:
        return frame, ""
    totals = frame[(frame["provider"] == ALL) | (frame["specialty"] == ALL)]
    note = f" This sheet has the totals of each provider and of each specialty; every list is in {file}."
    if not rows_of and len(totals) > 10 * MOST_ROWS:
        return totals.head(10 * MOST_ROWS), note + f" It stops after {10 * MOST_ROWS:,} rows."
    return totals, note


def listed(result: Result, sheet: Sheet, by: list[str]) -> Sheet:
    """The sheet with names beside the codes of provider and specialty, and words for headings."""
    frame = sheet.frame
    names = {code: say.provider_name(code, result.provider_names) for code in frame["provider"].unique()}
    functions = {code: say.specialty_name(code, result.specialty_names) for code in frame["specialty"].unique()}
    rest = frame.drop(columns=["provider", "specialty"])
    named = pd.DataFrame(
        {
            "Provider": frame["provider"],
            "Provider name": frame["provider"].map(names),
            "Specialty": frame["specialty"],
            "Specialty name": frame["specialty"].map(functions),
            **{heading(str(column)): rest[column] for column in rest},
        }
    )
    dated: list[Kind] = ["date" if column == "month_end" else "text" for column in by]
    return Sheet(
        sheet.name, sheet.title, sheet.note, named, ["text", "text", "text", "text", *dated, *sheet.kinds], 4 + len(by)
    )


def heading(column: str) -> str:
    """A table's column in words; what follows a space is the quantile."""
    measure, _, quantile = column.partition(" ")
    words = say.MEASURES.get(measure) or say.COLUMNS.get(measure) or measure.replace("_", " ").capitalize()
    more = {"p05": ", 5th percentile", "p95": ", 95th percentile", "difference": ", against the plan"}
    return words + more.get(quantile, "")
