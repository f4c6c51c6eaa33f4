"""One CSV of a plan's history: its layout told by its header, and every cell checked by the dictionary (R14)."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from waitlist.bands import Floats
from waitlist.errors import Problem, Refusal, refuse
from waitlist.inputs.fields import Field, history_fields
from waitlist.inputs.month import MEND, shown

SIZE_LIMIT = 1 << 26
"""Bytes of one file of a history: the largest published one is 2 MB."""
HEADER_LIMIT = 1 << 16
FETCH = "Fetch the file again, or take it out of the history."
KEYS = {"rtt_flows_icb": "month", "strike_days_england": "date", "population_age_bands": "year"}
"""The column that dates a row, where it is not ``month``."""


@dataclass(frozen=True)
class Table:
    """One file as read, without rows after the origin. columns: values by name, blank numbers NaN; lines: row numbers.

    Months are YYYY-MM text, dates are dates, counts, shares and years are floats.
    """

    file: str
    layout: str
    sha256: str
    lines: np.ndarray
    columns: dict[str, np.ndarray]

    def numbers(self, column: str) -> Floats:
        """The numbers in ``column``; NaN where the file has none."""
        found = self.columns.get(column)
        return np.full(len(self.lines), np.nan) if found is None else found

    def refused(self, broken: np.ndarray, value: Callable[[int], str], rule: str, remedy: str = MEND) -> list[Problem]:
        """A problem for each of the first few rows ``broken``, of which ``value`` tells what stands there."""
        found = [
            Problem("error", self.file, f"row {self.lines[r]}", value(int(r)), rule, remedy)
            for r in np.flatnonzero(broken)
        ]
        return shown(found, self.file, "other rows")


def layout_of(path: Path) -> str:
    """The layout of the CSV ``path`` by its header: the one more than half of whose columns are there, or none.

    Raises OSError where the file cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(HEADER_LIMIT).decode("utf-8-sig", errors="replace")
    try:
        names = set(next(csv.reader(io.StringIO(head, newline="")), []))
    except csv.Error:
        return ""
    for layout, columns in history_fields().items():
        needed = {field.name for field in columns if field.needed}
        if 2 * len(needed & names) > len(needed):
            return layout
    return ""


def read_table(path: Path, layout: str, origin: str, limit: int = SIZE_LIMIT) -> Table:
    """The rows of ``path`` until the month ``origin``; later ones are dropped unjudged.

    Raises Refusal naming every cell that breaks the rule of its field.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        rule = f"a file of the history may not be larger than {limit:,} bytes"
        raise refuse(path.name, "", f"over {limit:,} bytes", rule, FETCH)
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1}"
        raise refuse(path.name, place, "", "the file is not UTF-8 text", "Save it as UTF-8.") from None
    except csv.Error as error:
        raise refuse(path.name, "", "", f"the CSV cannot be read: {error}", FETCH) from None
    header = rows[0]
    _refuse_header(path.name, layout, header)
    later = _later(layout, header, origin)
    kept = [(line, row) for line, row in enumerate(rows[1:], 2) if row and not later(row)]
    odd = [(line, row) for line, row in kept if len(row) != len(header)]
    rule = f"a row must hold {len(header)} values, as the header does"
    short = [Problem("error", path.name, f"row {line}", f"{len(row)} values", rule, MEND) for line, row in odd]
    problems = shown(short, path.name, "other rows")
    kept = [(line, row) for line, row in kept if len(row) == len(header)]
    lines = np.array([line for line, _ in kept], dtype=int)
    columns: dict[str, np.ndarray] = {}
    for field in history_fields()[layout]:
        if field.name in header:
            at = header.index(field.name)
            columns[field.name], broken = _values(field, [row[at] for _, row in kept])
            said = [(lines[r], f"{field.name} '{kept[r][1][at][:40]}'") for r in broken]
            wrong = [Problem("error", path.name, f"row {line}", value, field.rule, MEND) for line, value in said]
            problems += shown(wrong, path.name, "other rows")
    if problems:
        raise Refusal(problems)
    return Table(path.name, layout, hashlib.sha256(content).hexdigest(), lines, columns)


def _refuse_header(file: str, layout: str, header: Sequence[str]) -> None:
    problems = []
    for field in history_fields()[layout]:
        if header.count(field.name) > 1:
            rule = f"the column '{field.name}' may be there once"
            problems.append(Problem("error", file, "header", f"{header.count(field.name)} times", rule, "Keep one."))
        if field.needed and field.name not in header:
            rule = f"the column '{field.name}' is needed in a file of the layout {layout}"
            problems.append(Problem("error", file, "header", "", rule, FETCH))
    if problems:
        raise Refusal(problems)


def _later(layout: str, header: Sequence[str], origin: str) -> Callable[[Sequence[str]], bool]:
    """What tells whether a row is after the month ``origin``; a projection of a later year is not.

    A row whose date cannot be read is not later: it is judged, and refused for it.
    """
    name = KEYS.get(layout, "month")
    at = header.index(name)
    dated = re.compile(next(field.allowed for field in history_fields()[layout] if field.name == name) or r"\d{4}.*")
    variant = header.index("variant") if layout == "population_age_bands" else -1

    def later(row: Sequence[str]) -> bool:
        if len(row) <= max(at, variant) or not dated.fullmatch(row[at]):
            return False
        return row[at][:7] > origin[: len(row[at])] and (variant < 0 or row[variant] == "v0")

    return later


def _values(field: Field, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
    """The values of ``texts``, and the positions of those that break the field's rule."""
    value_of: dict[str, Any] = {text: _value(field, text) for text in set(texts)}
    values = [value_of[text] for text in texts]
    broken = [] if None not in value_of.values() else [r for r, value in enumerate(values) if value is None]
    number = field.type in ("count", "estimate", "number", "year")
    return np.array(values, dtype=float if number else object), broken


def _value(field: Field, text: str) -> Any:
    """What ``text`` says; None where it breaks the field's rule."""
    if field.allowed and not re.fullmatch(field.allowed, text):
        return None
    if field.type == "month":
        return text[:7]
    if field.type == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    if field.type in ("count", "estimate", "number", "year"):
        return float(text) if text else np.nan
    return text
