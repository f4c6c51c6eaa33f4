"""One CSV of a plan's history: its layout told by its header, and every cell checked by the dictionary (R14)."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
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
    try:
        names = set(next(csv.reader(io.StringIO(_head(path), newline="")), []))
    except csv.Error:
        return ""
    for layout, columns in history_fields().items():
        needed = {field.name for field in columns if field.needed}
        if 2 * len(needed & names) > len(needed):
            return layout
    return ""


def nearest_layout(path: Path) -> str:
    """The layout whose columns are written most like the head of ``path``, whatever separates them."""
    head = _head(path)[:2_000].casefold()
    columns = {layout: ",".join(field.name for field in of).casefold() for layout, of in history_fields().items()}
    return max(columns, key=lambda layout: difflib.SequenceMatcher(None, columns[layout], head).ratio())


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(HEADER_LIMIT).decode("utf-8-sig", errors="replace")


def read_table(path: Path, layout: str, origin: str, limit: int = SIZE_LIMIT) -> Table:
    """The rows of ``path`` until the month ``origin``; later ones are dropped unjudged.

    Raises Refusal naming every cell that breaks the rule of its field.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        rule = f"a file of the history may not be larger than {limit:,} bytes"
        raise refuse(path.name, "", f"over {limit:,} bytes", rule, FETCH)
    header, *rows = _rows(path.name, content)
    _refuse_header(path.name, layout, header)
    if not any(rows):
        raise refuse(path.name, "row 2", "", "a file of the history must hold a row at least", FETCH)
    later = _later(layout, header, origin)
    known = [(line, row) for line, row in enumerate(rows, 2) if row and not later(row)]
    even = [(line, row) for line, row in known if len(row) == len(header)]
    lines = np.array([line for line, _ in even], dtype=int)
    cells = dict(zip(header, zip(*(row for _, row in even), strict=True), strict=True)) if even else {}
    problems = _uneven(path.name, len(header), known)
    columns: dict[str, np.ndarray] = {}
    for field in history_fields()[layout]:
        if field.name in header:
            texts = cells.get(field.name, ())
            columns[field.name], broken = _values(field, texts)
            said = [(lines[r], f"{field.name} {texts[r][:40]!r}") for r in broken]
            wrong = [Problem("error", path.name, f"row {line}", value, field.rule, MEND) for line, value in said]
            problems += shown(wrong, path.name, "other rows")
    if problems:
        raise Refusal(problems)
    return Table(path.name, layout, hashlib.sha256(content).hexdigest(), lines, columns)


def _rows(file: str, content: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except UnicodeDecodeError as error:
        raise refuse(file, f"byte {error.start + 1}", "", "the file is not UTF-8 text", "Save it as UTF-8.") from None
    except csv.Error as error:
        raise refuse(file, "", "", f"the CSV cannot be read: {error}", FETCH) from None


def _uneven(file: str, width: int, rows: Sequence[tuple[int, Sequence[str]]]) -> list[Problem]:
    """Rows that do not hold ``width`` values."""
    rule = f"a row must hold {width} values, as the header does"
    odd = [(line, len(row)) for line, row in rows if len(row) != width]
    found = [Problem("error", file, f"row {line}", f"{count} values", rule, MEND) for line, count in odd]
    return shown(found, file, "other rows")


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
    dated = re.compile(next(field.allowed for field in history_fields()[layout] if field.name == name))
    variant = header.index("variant") if layout == "population_age_bands" else -1

    @cache
    def after(text: str) -> bool:
        when = f"{text}-06" if name == "year" else text[:7]  # people are estimated for the middle of a year
        return bool(dated.fullmatch(text)) and when > origin

    def later(row: Sequence[str]) -> bool:
        return len(row) > max(at, variant) and after(row[at]) and (variant < 0 or row[variant] == "v0")

    return later


def _values(field: Field, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
    """The values of ``texts``, and the positions of those that break the field's rule."""
    value = _READERS.get(field.type, str)
    allowed = re.compile(field.allowed or "(?s:.*)")
    value_of = {text: value(text) if allowed.fullmatch(text) else None for text in set(texts)}
    values = [value_of[text] for text in texts]
    broken = [r for r, found in enumerate(values) if found is None] if None in value_of.values() else []
    return np.array(values, dtype=float if value is _number else object), broken


def _number(text: str) -> float:
    return float(text) if text else math.nan


def _month(text: str) -> str:
    return text[:7]


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "month": _month,
    "date": _date,
    **dict.fromkeys(("count", "estimate", "number", "year"), _number),
}
"""What a text that keeps its field's rule says, by the field's type; None where it says nothing after all."""
