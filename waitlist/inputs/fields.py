"""The dictionary of fields: what each column of the published files is, and may hold.

``fields.csv`` (the extract) and ``history_fields.csv`` (the history) are read by the readers, by the checks
and by the docs: a column is described once.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from waitlist.bands import BANDS

BAND_COLUMNS = tuple(f"Gt {b:02d} To {b + 1:02d} Weeks SUM 1" for b in range(BANDS - 1)) + ("Gt 104 Weeks SUM 1",)
UNKNOWN, TOTAL = "Patients with unknown clock start date", "Total All"
COUNT_COLUMNS = (*BAND_COLUMNS, UNKNOWN, TOTAL)


@dataclass(frozen=True)
class Field:
    """One column. allowed: a regular expression its whole value matches (empty: anything), blank being '';
    rule: that in words; needed: whether a file without it is refused; unit: of its values, empty for none.
    """

    name: str
    type: str
    unit: str
    needed: bool
    allowed: str
    rule: str
    description: str
    source: str


@cache
def fields() -> tuple[Field, ...]:
    """Every field of the extract, in the order of its columns."""
    return tuple(Field(row.pop("name"), needed=row.pop("needed") == "yes", **row) for row in _rows("fields.csv"))


@cache
def history_fields() -> Mapping[str, tuple[Field, ...]]:
    """The fields of each layout that a plan's history may hold, in the order of its columns."""
    found: dict[str, list[Field]] = {}
    for row in _rows("history_fields.csv"):
        layout, needed = row.pop("layout"), row.pop("needed") == "yes"
        found.setdefault(layout, []).append(Field(needed=needed, **row))
    return {layout: tuple(columns) for layout, columns in found.items()}


@cache
def treatment_functions() -> Mapping[str, str]:
    """The published treatment functions: name by code without ``C_``, the total left out."""
    return {row["specialty"]: row["name"] for row in _rows("treatment_functions.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("waitlist.inputs") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
