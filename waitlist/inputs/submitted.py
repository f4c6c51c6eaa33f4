"""A written submission taken back in: submission.csv in NHS planning's long layout, every fault refused (R14)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from waitlist.inputs.submitted_cells import NUMERATOR, Cell, Faults, clipped, expected
from waitlist.inputs.submitted_rows import Row, Sheet, nearest
from waitlist.inputs.submitted_rules import judge
from waitlist.planning_year import PlanningYear
from waitlist.submitted import LAYOUT, OTHER

SIZE_LIMIT = 1 << 24
"""Bytes of a file: a submission of England's trusts together is a third of it."""
MOST_TIMES = 4
"""A file with so many times the rows it should have is another file."""
SAVE = "Save it as CSV UTF-8, parted by commas."


def read_submitted(path: Path, year: PlanningYear, orgs: Sequence[str]) -> pd.DataFrame:
    """org, ref, month (YYYY-MM), value of a written submission of ``year``: a row for each reference's own count, NaN
    where it is blank or *.

    orgs: its providers, then the ICB that is their sum. On the commissioner basis the file may have rows of OTHER,
    which is then one of those summed. Raises Refusal naming every fault, each cause once; a figure that one fault puts
    in doubt is not judged by other rules.
    """
    faults = Faults(path.name)
    text = _text(path, faults)
    faults.refuse()
    rows = _rows(text, faults)
    faults.refuse()
    there = list(orgs)
    if OTHER not in there and any(row.texts.get("OrgCode") == OTHER for row in rows):
        there.insert(len(there) - 1, OTHER)
    least = len(list(expected(year, there)))
    if len(rows) > MOST_TIMES * least:
        rule = f"the file has far more rows than the {least:,} of these organisations in {year.year}"
        faults.add("the file", "", f"{len(rows):,} rows", rule, "Check that it is the one.")
        faults.refuse()
    sheet = Sheet(year, there, faults)
    sheet.read(rows)
    judge(sheet.values, year, there, faults, sheet.unsummed)
    faults.refuse()
    found = []
    for org in there:
        for metric in year.submitted:
            for month in year.months:
                value = sheet.values[Cell(org, month, metric.ref, NUMERATOR)]
                found.append((org, metric.ref, month, float(value) if isinstance(value, int) else math.nan))
    return pd.DataFrame(found, columns=["org", "ref", "month", "value"])


def _text(path: Path, faults: Faults) -> str:
    """The file's text; empty, and a fault, where it has none that can be read."""

    def wrong(rule: str, remedy: str, place: str = "", value: str = "") -> str:
        faults.add("the file", place, value, rule, remedy)
        return ""

    try:
        if not path.is_file():  # a device or pipe may never end
            rule = "this is not an ordinary file" if path.exists() else "there is no such file"
            return wrong(rule, "Name the submission's CSV file.")
        if path.stat().st_size > SIZE_LIMIT:
            size = f"{path.stat().st_size / (1 << 20):,.1f} MB"
            return wrong(f"the file is larger than {SIZE_LIMIT >> 20} MB", "Check that it is the one.", value=size)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return wrong("the file is not UTF-8 text", SAVE, f"byte {error.start + 1}")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return wrong(f"the file cannot be read: {reason}", "Check the path.")
    if not text.strip():
        return wrong("the file is empty", "Write the submission anew.")
    if "\0" in text:
        number = text[: text.index("\0")].count("\n") + 1
        faults.add("the file", number, "NUL", "the file holds a byte that is no text (NUL)", SAVE)
    return text


def _rows(text: str, faults: Faults) -> list[Row]:
    """The rows by number, the header being row 1, without empty ones; what is wrong with the header is a fault."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        stripped = ((reader.line_num, [cell.strip() for cell in row]) for row in reader if row)
        filled = [(number, row) for number, row in stripped if any(row)]
    except csv.Error as error:
        faults.add("the file", f"row {reader.line_num}", "", f"the CSV cannot be read: {error}", SAVE)
        return []
    if not filled:
        faults.add("the file", "", "", "the file is empty", "Write the submission anew.")
        return []
    (_, head), *rest = filled
    _header(head, faults)
    if not rest:
        faults.add("the file", "", "", "the file holds no rows below its header", "Write the submission anew.")
    return [Row(number, dict(zip(LAYOUT, row, strict=False)), len(row)) for number, row in rest]


def _header(head: Sequence[str], faults: Faults) -> None:
    there = [name for name in LAYOUT if name in head]
    others = [name for name in head if name not in LAYOUT]
    sort, place = "the header", "header"
    if not there:
        mark = next((mark for mark in ";\t|" if head[0].count(mark) >= len(LAYOUT) - 1), None)
        if mark:
            shown = {"\t": "tabs"}.get(mark, mark)
            faults.add(sort, place, shown, "the columns must be parted by commas", SAVE)
            return
        rule = f"the first row must hold the columns' names: {', '.join(LAYOUT)}"
        faults.add(sort, place, ", ".join(head[:3]), rule, "Add the header.")
        return
    for name in LAYOUT:
        if head.count(name) > 1:
            rule = f"the column {name} may be there once"
            faults.add(sort, place, f"{head.count(name)} times", rule, "Keep one of them.")
        if name not in head:
            near = nearest(name, tuple(other for other in others if other))
            if near:
                others.remove(near)
            hint = f"; is it {clipped(near)}?" if near else ""
            faults.add(sort, place, near or "", f"the column {name} is missing{hint}", "Add or rename it.")
    for name in others:
        rule = "a column that the layout does not have"
        faults.add(sort, place, name or "a column without a name", rule, "Leave it out.")
    if len(head) == len(there) == len(LAYOUT) and list(head) != list(LAYOUT):
        rule = "the columns must stand in the layout's order"
        moved = next(name for name, right in zip(head, LAYOUT, strict=True) if name != right)
        faults.add(sort, place, moved, f"{rule}: {', '.join(LAYOUT)}", "Put them in order.")
