"""A submission's supplementary files: what published extracts do not hold, by provider, month and reference (R14)."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from waitlist.errors import Problem, Refusal

SIZE_LIMIT = 1 << 24
"""Bytes of one file: ten years of England's trusts are a tenth of it."""
COLUMNS = ("provider", "month", "planning_ref", "value")
MOST_SHOWN = 5
MEND = "Mend the row and run again."


def read_supplementary(
    paths: Sequence[Path], providers: Collection[str], refs: Collection[str]
) -> dict[tuple[str, str, str], float]:
    """(provider, planning reference, month) → whole number of the files together.

    Rows of providers outside ``providers`` are left aside. Raises Refusal naming every file and row that is wrong: a
    column that is not there, a reference outside ``refs``, no month, no whole number from 0, a figure given twice.
    """
    problems: list[Problem] = []
    found: dict[tuple[str, str, str], float] = {}
    for path in paths:
        for line, row in _rows(path, problems):
            provider, month, ref, text = (row[column] for column in COLUMNS)
            wrong = _wrong(month, ref, text, refs)
            if provider not in providers and provider.upper() in providers:
                wrong = provider, f"a provider's code is written as in the data: {provider.upper()}"
            if not wrong and (provider, ref, month) in found:
                wrong = f"{provider} {ref} {month}", "each figure may be given once"
            if wrong:
                problems.append(Problem("error", path.name, f"row {line}", wrong[0][:40], wrong[1], MEND))
            elif provider in providers:
                found[provider, ref, month] = float(text.replace(",", ""))
    if problems:
        raise Refusal(_few(problems))
    return found


def _wrong(month: str, ref: str, text: str, refs: Collection[str]) -> tuple[str, str] | None:
    """What stands in a row that should not, and the rule."""
    if ref not in refs:
        near = difflib.get_close_matches(ref, sorted(refs), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return ref, f"planning_ref must be a reference of the year that extracts do not give{hint}"
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        return month, "month must be YYYY-MM"
    if not re.fullmatch(r"[0-9]{1,9}|[0-9]{1,3}(,[0-9]{3}){1,2}", text):
        return text, "value must be a whole number, 0 or more"
    return None


def _rows(path: Path, problems: list[Problem]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV by number, the header being row 1; none, and a problem, where it is none."""

    def wrong(rule: str, value: str = "", remedy: str = "Check the path.") -> list[tuple[int, dict[str, str]]]:
        problems.append(Problem("error", path.name, "", value, rule, remedy))
        return []

    try:
        if not path.is_file():
            return wrong("the supplementary file must be a file that exists")
        if path.stat().st_size > SIZE_LIMIT:
            return wrong("the supplementary file is larger than 16 MB", remedy="Keep to the submission's providers.")
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        there = [str(name).strip().lower() for name in reader.fieldnames or []]
        missing = [column for column in COLUMNS if column not in there]
        if missing:
            named = ", ".join(missing)
            return wrong(f"the file needs the columns {', '.join(COLUMNS)}", f"no {named}", "Add the column.")
        twice = [column for column in COLUMNS if there.count(column) > 1]
        if twice:
            return wrong("a column may be there once", ", ".join(twice), "Keep one.")
        reader.fieldnames = there
        found = []
        for row in reader:
            if len(there) != sum(value is not None for value in row.values()) or None in row:
                if any(str(value or "").strip() for value in row.values()):
                    rule = f"a row has {len(there)} fields, as the header; a value with a comma in it stands in quotes"
                    problems.append(Problem("error", path.name, f"row {reader.line_num}", "", rule, MEND))
                continue
            if any(str(value).strip() for value in row.values()):
                found.append((reader.line_num, {column: str(row[column]).strip() for column in COLUMNS}))
        return found
    except UnicodeDecodeError:
        return wrong("the file must be UTF-8 text", remedy="Save it as CSV UTF-8.")
    except csv.Error as error:
        return wrong(f"the CSV cannot be read: {error}", remedy="Save it as CSV again.")
    except OSError as error:
        return wrong(f"the file cannot be read: {error.strerror}")


def _few(problems: list[Problem]) -> list[Problem]:
    """The first problems of each file, and how many more."""
    found: list[Problem] = []
    for file in dict.fromkeys(problem.file for problem in problems):
        of_file = [problem for problem in problems if problem.file == file]
        found += of_file[:MOST_SHOWN]
        if len(of_file) > MOST_SHOWN:
            last = of_file[-1]
            more = f"{len(of_file) - MOST_SHOWN} more"
            found.append(Problem("error", file, "other rows", more, last.rule, last.remedy))
    return found
