"""An organisation's own workbook, filled: its cells as a mapping names them, all else as it was.

openpyxl reads the template to check the mapping; the cells are put into the file's own parts, because openpyxl would
leave out pictures, shapes, form controls and newer data validations on saving.

Everything that is wrong is found before anything is written, and told together (R14).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from waitlist.errors import Problem, Refusal
from waitlist.outputs.submission.long import Submitted, submitted
from waitlist.outputs.submission.template_mapping import MappingFile, Told, mapping_of
from waitlist.outputs.submission.template_safe import problems_of, read
from waitlist.outputs.submission.template_xml import column_of, filled, letters_of
from waitlist.plan_words import shown
from waitlist.submitted import Submission

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
"""Where a sheet ends."""


@dataclass(frozen=True)
class Target:
    """One cell to be written: a count in digits, ``*`` where it is suppressed, or empty to leave the cell as it is."""

    entry: int
    sheet: str
    row: int
    column: int
    value: str

    @property
    def place(self) -> str:
        """``Sheet!D10``."""
        return f"{self.sheet}!{letters_of(self.column)}{self.row}"


def fill(made: Submission, template: Path, mapping: Path, target: Path) -> None:
    """Write to ``target`` the ``template`` filled as the ``mapping`` says; a blank figure leaves its cell as it is.

    The figures are those of submission.csv, on its basis. Raises Refusal for a template that is no safe .xlsx, for
    a mapping that is wrong or does not fit it; nothing is written then. Raises OSError.
    """
    asked, problems = mapping_of(mapping)
    problems += problems_of(template)
    if target.exists() and template.exists() and target.samefile(template):
        rule = "the template itself is never overwritten"
        problems.append(Problem("error", template.name, "", "", rule, "Choose another place for the filled one."))
    if problems or asked is None:
        raise Refusal(problems)
    book = read(template)
    files = Files(template.name, mapping.name)
    held = submitted(made)
    targets = _targets(made, held, asked)
    found = [
        *_unknown(made, held, asked, files),
        *_misplaced(book, asked, targets, files),
        *_mislabelled(made, book, asked, files),
    ]
    if found:
        raise Refusal(_together(found))
    cells: dict[str, dict[tuple[int, int], str]] = {}
    for cell in targets:
        if cell.value:
            cells.setdefault(cell.sheet, {})[cell.row, cell.column] = cell.value
    title = f"{made.plan.name}: trajectory submission {made.year.year}" if made.status == "draft" else ""
    target.write_bytes(filled(template, cells, title))


@dataclass(frozen=True)
class Files:
    """The names of the two files, for what is told of them."""

    template: str
    mapping: str


def _targets(made: Submission, held: Submitted, asked: MappingFile) -> list[Target]:
    """Every cell that the mapping names, in order, those outside a sheet's limits too."""
    refs, found = {metric.ref for metric in made.year.submitted}, []
    for number, entry in enumerate(asked.cells):
        line = entry.line or (made.year.line_of(entry.ref) if entry.ref in refs else "")
        row, column = _at(entry.start)
        for place, month in enumerate(made.year.months):
            ahead = (place + (place // 3 if entry.skip_quarters else 0)) * entry.step
            down, right = (ahead, 0) if entry.direction == "down" else (0, ahead)
            value = held.cells.get((entry.org, line, month), "")
            found.append(Target(number, entry.sheet, row + down, column + right, value))
    return found


def _unknown(made: Submission, held: Submitted, asked: MappingFile, files: Files) -> Iterator[Problem]:
    """Organisations and figures that the submission does not have."""
    refs = [metric.ref for metric in made.year.submitted]
    for number, entry in enumerate(asked.cells, 1):
        place = f"cells.no. {number}"
        if entry.org not in held.orgs:
            rule = "the submission has no such organisation"
            yield Problem("error", files.mapping, f"{place}.org", entry.org, rule, _choose(entry.org, held.orgs))
        if entry.ref is not None and entry.ref not in refs:
            rule = f"the planning year {made.year.year} has no such reference"
            yield Problem("error", files.mapping, f"{place}.ref", entry.ref, rule, _choose(entry.ref, refs))
        if entry.line is not None and entry.line not in held.lines:
            rule = "the submission has no such measure"
            yield Problem("error", files.mapping, f"{place}.line", entry.line, rule, _choose(entry.line, held.lines))


def _misplaced(book: Workbook, asked: MappingFile, targets: list[Target], files: Files) -> Iterator[Problem]:
    """Cells that are not there, must not be written, or would be written twice."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    for name in dict.fromkeys(entry.sheet for entry in asked.cells):
        if name not in sheets:
            yield Problem("error", files.template, name, "", "the template has no such sheet", _choose(name, sheets))
    taken: dict[tuple[str, int, int], int] = {}
    blocked = {name: _blocked(sheets[name]) for name in {cell.sheet for cell in targets} & set(sheets)}
    for cell in targets:
        first = taken.setdefault((cell.sheet, cell.row, cell.column), cell.entry)
        if first != cell.entry:
            both = f"entries no. {first + 1} and no. {cell.entry + 1}"
            rule, remedy = f"{both} of the mapping write the same cell", "Mend start, step or direction of one."
            yield Problem("error", files.mapping, cell.place, "", rule, remedy)
        if cell.row > LAST_ROW or cell.column > LAST_COLUMN:
            rule, remedy = "the cell is outside the sheet", f"Mend start or step of entry no. {cell.entry + 1}."
            yield Problem("error", files.mapping, cell.place, "", rule, remedy)
        elif cell.sheet in sheets:
            yield from _written_over(sheets[cell.sheet], cell, blocked[cell.sheet], files)


def _blocked(sheet: Worksheet) -> list[tuple[str, str, tuple[int, int, int, int]]]:
    """Ranges of which no cell but perhaps the first may be written: (what, as a range, first column and row, last)."""
    merged = [("a merged range", str(span.coord), span.bounds) for span in sheet.merged_cells.ranges]
    arrays = [("an array formula", str(ref), _bounds(str(ref))) for ref in sheet.array_formulae.values()]
    return merged + arrays


def _written_over(
    sheet: Worksheet, cell: Target, blocked: list[tuple[str, str, tuple[int, int, int, int]]], files: Files
) -> Iterator[Problem]:
    for what, span, (left, top, right, bottom) in blocked:
        inside = left <= cell.column <= right and top <= cell.row <= bottom
        if inside and (cell.column, cell.row) != (left, top):
            rule = f"the cell lies in {what}, {span}, and is not its first"
            remedy = f"Mend start or step of entry no. {cell.entry + 1}."
            yield Problem("error", files.template, cell.place, "", rule, remedy)
            return
    there = sheet._cells.get((cell.row, cell.column))
    if there is not None and there.data_type == "f":
        formula = there.value if isinstance(there.value, str) else "a formula"
        rule = "the cell holds a formula of the template, which is never overwritten"
        remedy = (
            f"Mend start or step of entry no. {cell.entry + 1}; skip_quarters leaves out a cell after each quarter."
        )
        yield Problem("error", files.template, cell.place, shown(formula), rule, remedy)


def _mislabelled(made: Submission, book: Workbook, asked: MappingFile, files: Files) -> Iterator[Problem]:
    """Labels and the year's cell that do not say what the mapping expects."""
    for number, entry in enumerate(asked.cells, 1):
        if entry.label is not None and (entry.label.sheet or entry.sheet in book.sheetnames):  # else told already
            rule = "the label is another one, so the row or column may be wrong"
            remedy = f"Mend start or label of entry no. {number}."
            yield from _differs(book, entry.label, entry.label.sheet or entry.sheet, rule, remedy, files)
    told = asked.year_cell
    if told is None:
        return
    rule, remedy = "the template is for another year", "Take the template and the mapping of the year."
    yield from _differs(book, told, told.sheet or asked.cells[0].sheet, rule, remedy, files)
    if not _says(told.text, made.year.year):
        rule = f"the mapping is for another year than the submission, {made.year.year}"
        yield Problem("error", files.mapping, "year_cell.text", told.text, rule, remedy)


def _differs(book: Workbook, told: Told, name: str, rule: str, remedy: str, files: Files) -> Iterator[Problem]:
    sheet = {sheet.title: sheet for sheet in book.worksheets}.get(name)
    row, column = _at(told.cell)
    place = f"{name}!{told.cell}"
    if sheet is None or row > LAST_ROW or column > LAST_COLUMN:
        rule = "the template has no such cell, where a label is looked for"
        yield Problem("error", files.template, place, "", rule, _choose(name, [s.title for s in book.worksheets]))
        return
    there = sheet._cells.get((row, column))
    value = "" if there is None or there.value is None else str(there.value).strip()
    if value != told.text.strip():
        said = f"{rule} (expected {told.text.strip()})"
        yield Problem("error", files.template, place, shown(value) or "nothing", said, remedy)


def _says(text: str, year: str) -> bool:
    """Whether a text names the planning year: 2025-26, 2025/26, 2025-2026 or 25/26, with any dash."""
    first, last = year[:4], year[5:]
    pattern = rf"(?<!\d)({first}|{first[2:]})\s*[-/\u2010-\u2015]\s*({first[:2]})?{last}(?!\d)"
    return re.search(pattern, text) is not None


def _together(found: Iterable[Problem]) -> list[Problem]:
    """One problem for all cells of an entry that break the same rule: the first, and how many more there are."""
    alike: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in found:
        alike.setdefault((problem.file, problem.rule, problem.remedy), []).append(problem)
    return [
        replace(same[0], place=f"{same[0].place} and {len(same) - 1} more") if len(same) > 1 else same[0]
        for same in alike.values()
    ]


def _choose(name: str, known: Iterable[object]) -> str:
    """The nearest of those known, or all of them."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Choose one of {', '.join(names[:20])}."


def _at(cell: str) -> tuple[int, int]:
    """``D10`` → row 10, column 4."""
    return int(cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")), column_of(cell)


def _bounds(span: str) -> tuple[int, int, int, int]:
    first, _, last = span.replace("$", "").partition(":")
    (top, left), (bottom, right) = _at(first), _at(last or first)
    return left, top, right, bottom
