"""A sheet of the submission's workbook as a page: its title, its print set-up, its notes and its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from waitlist.outputs import words as say
from waitlist.outputs.submission.long import FORMULA_STARTS
from waitlist.submitted import Submission

Kind = Literal["text", "sentence", "count", "decimal", "share", "ratio"]
BLUE, GREY, ORANGE, YELLOW = "#005EB8", "#E8EDEE", "#FFD79A", "#FFF9C4"
NUMBERS = {"count": "#,##0", "decimal": "#,##0.0", "share": "0.0%", "ratio": "0.0000"}
LINE = 15
"""Height of a line of text."""


@dataclass(frozen=True)
class Column:
    """One column of a table: its heading, its kind, its width in characters."""

    heading: str
    kind: Kind
    width: int


@dataclass(frozen=True)
class Table:
    """A sheet of one table below a title and a note. A text in a column of numbers stands as it is; "=…" beside a value
    is a formula (a pair: formula, value)."""

    name: str
    title: str
    note: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    keys: int = 0
    """Columns at the left that stay in view."""


@dataclass
class Pages:
    """A workbook being made of ``made``, and the styles in it."""

    book: xlsxwriter.Workbook
    made: Submission
    styles: dict[tuple[tuple[str, Any], ...], Format] = field(default_factory=dict)

    def style(self, **how: Any) -> Format:
        """The style of those properties; asked for twice, it is the same."""
        key = tuple(sorted(how.items()))
        if key not in self.styles:
            self.styles[key] = self.book.add_format({"valign": "top", **how})
        return self.styles[key]

    def page(self, name: str, title: str) -> Worksheet:
        """A new sheet with its title and print set-up. A draft says so in both (a final says which version it is)."""
        made, sheet = self.made, self.book.add_worksheet(name)
        draft = made.status == "draft"
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.8, bottom=0.6)
        sheet.hide_gridlines(2)
        said = "DRAFT" if draft else made.version_words()
        plan = made.plan.name[:100].replace("&", "&&")
        sheet.set_header(f'&L{plan}&C&"Arial,Bold"{said}&R{made.year.year}')
        sheet.set_footer("&L&A&RPage &P of &N")
        shown = f"DRAFT: {title}" if draft else f"{title} ({made.version_words()})"
        self.text(sheet, 0, 0, shown, bold=True, font_size=14, font_color=BLUE)
        sheet.set_row(0, 21)
        return sheet

    def text(self, sheet: Worksheet, row: int, column: int, text: object, **how: Any) -> None:
        """A text that can never be a formula."""
        said = "" if say.is_none(text) else str(text)
        if said.startswith(FORMULA_STARTS):
            how["quote_prefix"] = True
        sheet.write_string(row, column, said, self.style(**how))

    def number(self, sheet: Worksheet, row: int, column: int, value: float, **how: Any) -> None:
        """A number; a blank cell of the same looks for NaN."""
        if math.isnan(value):
            sheet.write_blank(row, column, None, self.style(**how))
        else:
            sheet.write_number(row, column, _whole(value), self.style(**how))

    def formula(self, sheet: Worksheet, row: int, column: int, formula: str, value: float, **how: Any) -> None:
        """A formula and what it comes to; NaN where it comes to nothing."""
        sheet.write_formula(row, column, formula, self.style(**how), "" if math.isnan(value) else _whole(value))

    def note(self, sheet: Worksheet, row: int, last: int, widths: Sequence[int], text: str, **how: Any) -> None:
        """A sentence over the columns up to ``last``, as high as it needs."""
        look = {"text_wrap": True, **how}
        if text.startswith(FORMULA_STARTS):
            look["quote_prefix"] = True
        if last:
            sheet.merge_range(row, 0, row, last, "", self.style(**look))
        sheet.write_string(row, 0, text, self.style(**look))
        sheet.set_row(row, LINE * lines_of(text, sum(widths[: last + 1])))

    def table(self, table: Table) -> None:
        """A whole sheet of one table."""
        sheet = self.page(table.name, table.title)
        widths = [column.width for column in table.columns]
        for place, column in enumerate(table.columns):
            sheet.set_column(place, place, column.width)
        row = 1
        if table.note:
            self.note(sheet, row, across(widths), widths, table.note)
            row += 1
        top = self.rows(sheet, row + 1, table)
        sheet.freeze_panes(top, table.keys)
        sheet.repeat_rows(top - 1)

    def rows(self, sheet: Worksheet, top: int, table: Table) -> int:
        """The table's headings in row ``top`` and its rows below; the first of these."""
        for place, column in enumerate(table.columns):
            head: Mapping[str, Any] = {"bold": True, "text_wrap": True, "bottom": 2, "bg_color": GREY}
            self.text(sheet, top, place, column.heading, **head, **_set(table.columns, place))
        sheet.set_row(top, LINE * max(lines_of(c.heading, c.width) for c in table.columns))
        for row, values in enumerate(table.rows, top + 1):
            high = 1
            for place, (column, value) in enumerate(zip(table.columns, values, strict=True)):
                self._cell(sheet, row, place, table.columns, value)
                if isinstance(value, str):
                    high = max(high, lines_of(value, column.width))
            if high > 1:
                sheet.set_row(row, LINE * high)
        if table.rows:
            sheet.autofilter(top, 0, top + len(table.rows), len(table.columns) - 1)
        return top + 1

    def _cell(self, sheet: Worksheet, row: int, place: int, columns: Sequence[Column], value: Any) -> None:
        number = NUMBERS.get(columns[place].kind)
        if isinstance(value, tuple):
            self.formula(sheet, row, place, *value, num_format=number)
        elif number and not isinstance(value, str):
            self.number(sheet, row, place, math.nan if value is None else float(value), num_format=number)
        else:
            self.text(sheet, row, place, value, text_wrap=True, **_set(columns, place))


def _set(columns: Sequence[Column], place: int) -> dict[str, Any]:
    """How a text is set: to the right where numbers are, and not hard against those on its left."""
    if columns[place].kind in NUMBERS:
        return {"align": "right"}
    return {"align": "left", "indent": int(place > 0 and columns[place - 1].kind in NUMBERS)}


def title_of(made: Submission) -> str:
    """What the workbook is called: the plan's name, with the year unless it is in it."""
    name = made.plan.name
    return name if made.year.year in name else f"{name}: trajectory submission {made.year.year}"


def across(widths: Sequence[int], most: int = 130) -> int:
    """The last of the columns that a note may go over: what a screen shows."""
    last = 0
    while last + 1 < len(widths) and sum(widths[: last + 2]) <= most:
        last += 1
    return last


def lines_of(text: str, width: int) -> int:
    """How many lines a text takes in so many characters: words do not fill a narrow column's lines."""
    if len(text) <= width:
        return 1
    return math.ceil((1.0 if width > 40 else 1.15) * len(text) / max(width, 1))


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value
