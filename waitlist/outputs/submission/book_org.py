"""An organisation's sheet: its figures month by month, with live formulas for all that is a sum or a percentage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from xlsxwriter.utility import xl_range, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from waitlist.outputs import words as say
from waitlist.outputs.submission.book_page import BLUE, GREY, NUMBERS, ORANGE, YELLOW, Pages
from waitlist.outputs.submission.book_rows import (
    FIRST_COLUMN,
    FIRST_ROW,
    PIECES,
    QUARTERS,
    SHARES,
    Held,
    Row,
    line_name,
    metrics_of,
    piece_key,
)
from waitlist.outputs.submission.long import SUPPRESSED
from waitlist.planning_year import Metric
from waitlist.submission import R4_FLOWS as FLOWS
from waitlist.submission import R4_SIGNS as SIGNS
from waitlist.submission import STOCKS

WIDTHS = (11, 50, 14, *(10,) * 18)
LEGEND: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Bold on orange: a planner's own figure", {"bold": True, "bg_color": ORANGE}),
    ("Italic on yellow: follows from a planner's figure", {"italic": True, "bg_color": YELLOW}),
    ("Row “Changed by a planner” says yes over both; empty: not known, see the foot", {}),
)
LOOKS = {"overridden": LEGEND[0][1], "adjusted": LEGEND[1][1]}
MOST_NAMED = 60
"""Sheets that a formula names; the ICB's sums over more are values, as no spreadsheet takes a formula so long."""
SPLIT = " · "


def organisation(pages: Pages, held: Held, org: str) -> None:
    """The sheet of one organisation; the ICB's figures are sums of its providers' sheets."""
    made = held.made
    name = say.provider_name(org, made.names)
    whole = " (the sum of its providers)" if org == made.icb else ""
    sheet = pages.page(held.sheets[org], f"{org}: {name}{whole}")
    for place, width in enumerate(WIDTHS):
        sheet.set_column(place, place, width)
    said = (made.plan.name, f"planning year {made.year.year}", "provider basis", made.version_words())
    pages.text(sheet, 1, 0, SPLIT.join([*said, f"actual to {say.day(made.snapshot)}, then forecast"]))
    _legend(pages, sheet)
    _headings(pages, held, sheet, org)
    for place, row in enumerate(held.rows):
        _Line(pages, held, sheet, org, row, FIRST_ROW + place).write()
    _foot(pages, held, sheet, org)
    sheet.freeze_panes(FIRST_ROW, FIRST_COLUMN)
    sheet.repeat_rows(FIRST_ROW - 3, FIRST_ROW - 1)
    sheet.repeat_columns(0, FIRST_COLUMN - 1)


def address(held: Held, org: str, key: str, name: str) -> str:
    """``R1H!F10``: where a figure stands, for reading."""
    sheet = held.sheets[org]
    return f"{sheet}!{_cell(held, key, name)}" if sheet.isalnum() else quoted(held, org, key, name)


def quoted(held: Held, org: str, key: str, name: str) -> str:
    """``'R1H'!F10``: the same in a formula."""
    return f"'{held.sheets[org]}'!{_cell(held, key, name)}"


def check_range(held: Held, org: str, key: str) -> str:
    """The months of a check's row, in a formula."""
    first, last = min(held.columns.values()), max(held.columns.values())
    return f"'{held.sheets[org]}'!{xl_range(held.place[key], first, held.place[key], last)}"


def _cell(held: Held, key: str, name: str) -> str:
    return xl_rowcol_to_cell(held.place[key], held.columns[name])


def _legend(pages: Pages, sheet: Worksheet) -> None:
    for (text, how), (first, last) in zip(LEGEND, ((0, 1), (2, 6), (7, 14)), strict=True):
        sheet.merge_range(2, first, 2, last, "", pages.style(**how))
        pages.text(sheet, 2, first, text, **how)


def _headings(pages: Pages, held: Held, sheet: Worksheet, org: str) -> None:
    """Three rows: the month, actual or forecast, and whether a planner changed anything of it."""
    top = FIRST_ROW - 3
    changed = {
        name for (who, _, name), status in held.status.items() if who == org and status in ("overridden", "adjusted")
    }
    look: dict[str, Any] = {"bold": True, "bg_color": GREY}
    for place, text in enumerate(("Reference", "Figure", "Unit")):
        pages.text(sheet, top, place, text, **look)
    for row, text in ((top + 1, "Actual or forecast"), (top + 2, "Changed by a planner")):
        for place in range(FIRST_COLUMN):
            pages.text(sheet, row, place, text if place == 1 else "", bg_color=GREY, bottom=int(row == top + 2))
    for name, column in held.columns.items():
        right: dict[str, Any] = {"align": "right", "bg_color": GREY}
        pages.text(sheet, top, column, _heading(held, name), bold=True, **right)
        pages.text(sheet, top + 1, column, _known(held, name), **right)
        pages.text(sheet, top + 2, column, "yes" if name in changed else "", bottom=1, **right)


def _heading(held: Held, name: str) -> str:
    month = held.made.months[0] if name == "opening" else name
    return name.capitalize() if name in (*QUARTERS, "year") else f"{say.as_date(f'{month}-01'):%b %Y}"


def _known(held: Held, name: str) -> str:
    """Actual, Forecast, or both in a quarter or year that has some of each."""
    if name == "opening":
        return "Opening"
    months = held.made.year.months
    if name in QUARTERS:
        months = months[3 * QUARTERS.index(name) :][:3]
    found = {held.is_actual(month) for month in (months if name in (*QUARTERS, "year") else (name,))}
    return "Both" if len(found) > 1 else "Actual" if True in found else "Forecast"


@dataclass(frozen=True)
class _Line:
    """One row of an organisation's sheet, being written in ``at``."""

    pages: Pages
    held: Held
    sheet: Worksheet
    org: str
    row: Row
    at: int

    def write(self) -> None:
        """The row's reference, name, unit and figures."""
        if self.row.kind == "head":
            head: dict[str, Any] = {"bold": True, "font_color": BLUE, "top": 1, "valign": "bottom"}
            self.sheet.set_row(self.at, 21)
            self.pages.text(self.sheet, self.at, 0, self.row.name, **head)
            for column in range(1, len(WIDTHS)):
                self.sheet.write_blank(self.at, column, None, self.pages.style(top=1))
            return
        for place, text in enumerate((self.row.ref, self.row.name, self.row.unit)):
            self.pages.text(self.sheet, self.at, place, text, text_wrap=place == 1)
        if len(self.row.name) > WIDTHS[1]:
            self.sheet.set_row(self.at, 30)
        for name, column in self.held.columns.items():
            self._figure(name, column)

    def _figure(self, name: str, column: int) -> None:
        status = self.held.status_of(self.org, self.row, name)
        look: dict[str, Any] = {"num_format": NUMBERS["share" if self.row.kind == "percent" else "count"]}
        look |= LOOKS.get(status, {})
        if name in (*QUARTERS, "year"):
            look |= {"left": 1, "left_color": "#AEB7BD", "bg_color": "#F4F6F7", "bold": True}
        value = self.held.values.get((self.org, self.row.key, name), math.nan)
        formula = "" if self.held.made.disclosed else self._formula(name)
        if status == "suppressed":
            self.pages.text(self.sheet, self.at, column, SUPPRESSED, align="right", **look)
        elif formula:
            self.pages.formula(self.sheet, self.at, column, formula, value, **look)
        else:
            self.pages.number(self.sheet, self.at, column, value, **look)

    def _formula(self, name: str) -> str:
        """The cell's formula; empty where a value stands there, or nothing."""
        row, period = self.row, name in (*QUARTERS, "year")
        if row.kind == "check":
            return "" if period or name == "opening" else self._check(name)
        if name == "opening" and not (row.kind == "percent" or row.key in (*STOCKS, *map(piece_key, PIECES))):
            return ""
        if row.kind == "percent":
            return self._percent(name)
        if period:
            return _guarded(self._of_period(name))
        if row.kind == "sum":
            return _guarded([_cell(self.held, key, name) for key in row.of])
        return self._over_sheets(name) if self.org == self.held.made.icb else ""

    def _of_period(self, name: str) -> list[str]:
        """What a quarter or the year is the sum of: a stock's last month, a flow's months or quarters."""
        months, year = self.held.made.year.months, name == "year"
        parts = QUARTERS if year else months[3 * QUARTERS.index(name) :][:3]
        return [_cell(self.held, self.row.key, part) for part in (parts[-1:] if self.row.stock else parts)]

    def _percent(self, name: str) -> str:
        part, whole = (_cell(self.held, key, name) for key in (SHARES[self.row.key], "waiting_list"))
        return f'=IF(COUNT({part},{whole})=2,IF({whole}=0,"",{part}/{whole}),"")'

    def _over_sheets(self, name: str) -> str:
        """The sum of the providers' cells, blank where one of them is."""
        providers = self.held.made.providers
        if len(providers) > MOST_NAMED:
            return ""
        return _guarded([quoted(self.held, org, self.row.key, name) for org in providers])

    def _check(self, name: str) -> str:
        if self.row.key == "check_r4":
            return self._r4(name)
        if self.row.key == "check_nesting":
            cells = _span([_cell(self.held, piece_key(piece), name) for piece in PIECES])
            return f'=IF(COUNT({cells})={len(PIECES)},COUNTIF({cells},"<0"),"")'
        return self._sum_check(name) if self.org == self.held.made.icb else ""

    def _r4(self, name: str) -> str:
        names = ("opening", *self.held.made.year.months)
        before, after = (_cell(self.held, "waiting_list", when) for when in (names[names.index(name) - 1], name))
        flows = [_cell(self.held, flow, name) for flow in FLOWS]
        signed = "".join(("-" if sign > 0 else "+") + cell for sign, cell in zip(SIGNS, flows, strict=True))
        return f'=IF(COUNT({before},{after},{_span(flows)})={2 + len(FLOWS)},{after}-{before}{signed},"")'

    def _sum_check(self, name: str) -> str:
        """How far the ICB's thresholds, added up from its own pieces, are from its providers'."""
        providers = self.held.made.providers
        if len(providers) > MOST_NAMED:
            return ""
        own = _span([_cell(self.held, line, name) for line in STOCKS])
        off = []
        for line in STOCKS:
            theirs = ",".join(quoted(self.held, org, line, name) for org in providers)
            off.append(f"ABS({_cell(self.held, line, name)}-SUM({theirs}))")
        return f'=IF(COUNT({own})={len(STOCKS)},{"+".join(off)},"")'


def _guarded(cells: Sequence[str]) -> str:
    """The sum of ``cells``, blank unless every one has a number: a blank figure is not none."""
    terms = _span(cells)
    return f'=IF(COUNT({terms})={len(cells)},SUM({terms}),"")'


def _span(cells: Sequence[str]) -> str:
    """Neighbouring cells as a range, others one by one."""
    rows = [(_letters(cell), int(cell[len(_letters(cell)) :])) for cell in cells if "!" not in cell]
    down = [(rows[0][0], rows[0][1] + i) for i in range(len(rows))] if rows else []
    return f"{cells[0]}:{cells[-1]}" if len(cells) > 1 and len(rows) == len(cells) and rows == down else ",".join(cells)


def _letters(cell: str) -> str:
    return cell.rstrip("0123456789")


def _foot(pages: Pages, held: Held, sheet: Worksheet, org: str) -> None:
    """What is blank and why, and what else a reader of the sheet should know."""
    at = FIRST_ROW + len(held.rows) + 1
    notes = [*_blanks(held, org), *_unasked(held)]
    if held.made.disclosed:
        notes.insert(0, DISCLOSED)
    for text in notes:
        pages.note(sheet, at, 14, WIDTHS, text)
        at += 1


DISCLOSED = (
    "* is a count of 1 to 7, or one withheld so that no such count can be worked out; all others are rounded to the "
    "nearest 5. Percentages, the list by weeks waited and checks are left out, because they would tell what is hidden, "
    "and there are no formulas."
)


def _blanks(held: Held, org: str) -> Iterable[str]:
    months = held.made.year.months
    for row in held.rows:
        line = row.key
        empty = [m for m in months if held.status.get((org, line, m)) == "blank"]
        if not empty:
            continue
        name = f"{row.ref} {line_name(held.made.year, line)}".strip()
        when = "every month" if len(empty) == len(months) else say.list_join([say.month(f"{m}-01") for m in empty])
        yield f"Blank: {name}, in {when}: {_why(held, org, line)}."


def _why(held: Held, org: str, line: str) -> str:
    asked = metrics_of(held.made.year, line)
    given = asked[0].given_by if asked else ""
    reasons = {
        "supplementary": "asked for as a supplementary input, which no file of submission.supplementary gives",
        "ratio": "no ratio is stated in the plan, and no supplementary file gives it",
        "sum": "one of its parts is blank",
        "none": asked[0].source if asked else "",
    }
    if org == held.made.icb and given != "supplementary":
        return "it is blank for one of the providers or more"
    return reasons.get(given, "it is not in the extracts of those months")


def _unasked(held: Held) -> Iterable[str]:
    """The year's figures that have no reference, and so no row."""
    without: list[Metric] = [metric for metric in held.made.year.metric if not metric.ref]
    return [f"No row: {m.name}{' (check)' if m.sure == 'check' else ''}: {m.source}." for m in without]
