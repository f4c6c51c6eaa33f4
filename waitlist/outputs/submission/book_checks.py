"""The workbook's first sheet: what it is, whether it adds up, and what was found."""

from __future__ import annotations

import math

from xlsxwriter.utility import xl_range, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from waitlist.outputs import words as say
from waitlist.outputs.parts import lines
from waitlist.outputs.submission.book_org import DISCLOSED, check_range
from waitlist.outputs.submission.book_page import GREY, Column, Pages, Table, across, title_of
from waitlist.outputs.submission.book_rows import CHECKS, FIXED, Held

COLUMNS = (
    Column("Result", "text", 12),
    Column("Severity", "text", 12),
    Column("Check", "text", 24),
    Column("Organisation", "text", 14),
    Column("Month", "text", 17),
    Column("Figures", "sentence", 44),
    Column("What was found", "sentence", 84),
)
WIDTHS = [column.width for column in COLUMNS]
RESULTS, SEVERITIES = ("fails", "note", "passes"), ("blocks", "warns", "note")
"""In the order in which they are to be read."""
HOW = (
    "One sheet for each organisation, named by its code. Its finest figures are values: the list by weeks waited, "
    "starts, stops, removals, transfers and activity. All else on it is a formula: the list and each threshold, "
    "percentages, quarters and the year; the ICB's finest figures are sums of its providers' sheets.",
    "A quarter of a list is its last month; a quarter of a flow is the sum of its months. An empty cell is a figure "
    "that is not known, which no formula takes for none.",
    "“(check)” after a name says that its reference, definition or standard was recalled and not sourced.",
)
HOW_PLAIN = ("One sheet for each organisation, named by its code; every figure is a value.", DISCLOSED)


def checks(pages: Pages, held: Held) -> None:
    """The sheet ``Checks``: it comes first in the workbook."""
    made = held.made
    sheet = pages.page(FIXED[0], title_of(made))
    for place, width in enumerate(WIDTHS):
        sheet.set_column(place, place, width)
    row = _about(pages, held, sheet, 2)
    pages.text(sheet, row, 0, "How to read it", bold=True)
    for text in HOW_PLAIN if made.disclosed else HOW:
        row += 1
        pages.note(sheet, row, across(WIDTHS), WIDTHS, text)
    row += 2
    if not made.disclosed:
        row = _rolled_up(pages, held, sheet, row)
    pages.text(sheet, row, 0, "What was checked: those that fail first", bold=True)
    table = Table(FIXED[0], "", "", COLUMNS, _rows(held))
    top = pages.rows(sheet, row + 1, table)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(top - 1)


def _about(pages: Pages, held: Held, sheet: Worksheet, row: int) -> int:
    """Whose submission of what this is; the row below it."""
    made = held.made
    basis = "provider basis: everyone waiting at these providers; the ICB is their sum"
    if made.settings.basis == "commissioner":
        basis += "; submission.csv is on the commissioner basis"
    for name, text in (
        ("Plan", made.plan.name),
        ("Planning year", f"{made.year.year} ({made.year.title})"),
        ("Basis", basis),
        ("Version", made.version_words()),
        ("Snapshot", f"{say.day(made.snapshot)}: actual until then, forecast after it"),
        ("Author", made.author or "not said"),
    ):
        pages.text(sheet, row, 0, name, bold=True)
        pages.text(sheet, row, 2, text)
        row += 1
    return row + 1


def _rolled_up(pages: Pages, held: Held, sheet: Worksheet, row: int) -> int:
    """How many months of each sheet's check rows are not 0, counted by formulas; the row below it."""
    made = held.made
    pages.text(
        sheet, row, 0, "Does the workbook add up? Months in which an identity is broken, counted live", bold=True
    )
    row += 1
    for place, text in enumerate(("Sheet", "R4", "Nesting", "ICB is the sum")):
        pages.text(sheet, row, place, text, bold=True, bg_color=GREY, align="right" if place else "left")
    first, total = row + 1, dict.fromkeys(CHECKS, 0)
    for row, org in enumerate(made.orgs, first):  # noqa: B007 - the last row is used below
        pages.text(sheet, row, 0, held.sheets[org])
        for place, key in enumerate(CHECKS, 1):
            if key == "check_sum" and org != made.icb:
                continue
            where = check_range(held, org, key)
            broken = sum(_broken(held.values.get((org, key, month), math.nan)) for month in made.year.months)
            total[key] += broken
            pages.formula(sheet, row, place, f'=COUNTIF({where},">0")+COUNTIF({where},"<0")', broken, num_format="0")
    last = row
    look = {"bold": True, "top": 1, "num_format": "0"}
    pages.text(sheet, last + 1, 0, "In all", **look)
    for place, key in enumerate(CHECKS, 1):
        pages.formula(sheet, last + 1, place, f"=SUM({xl_range(first, place, last, place)})", total[key], **look)
    count, whole = xl_rowcol_to_cell(last + 2, 3), sum(total.values())
    pages.text(sheet, last + 2, 0, "Broken identities in this workbook (0 expected)", bold=True)
    summed = f"=SUM({xl_range(last + 1, 1, last + 1, len(CHECKS))})"
    pages.formula(sheet, last + 2, 3, summed, whole, bold=True, num_format="0")
    said = [f'"{text}"' for text in ("It adds up.", "It does not add up: look for check rows that are not 0.")]
    sheet.write_formula(
        last + 2,
        4,
        f"=IF({count}=0,{said[0]},{said[1]})",
        pages.style(bold=True, indent=1),
        said[min(whole, 1)].strip('"'),
    )
    return last + 4


def _broken(value: float) -> int:
    return int(not math.isnan(value) and value != 0)


def _rows(held: Held) -> list[list[str]]:
    """The checks made, failures first, the worst of them before others; their order is kept beside that."""
    rows = [
        [
            str(line.result),
            str(line.severity),
            str(line.check).replace("-", " "),
            str(line.org),
            "" if say.is_none(line.month) else say.month(f"{line.month}-01"),
            "" if say.is_none(line.figures) else str(line.figures),
            "" if say.is_none(line.sentence) else str(line.sentence),
        ]
        for line in lines(held.made.checks)
    ]
    return sorted(rows, key=lambda row: (_place(RESULTS, row[0]), _place(SEVERITIES, row[1])))


def _place(order: tuple[str, ...], word: str) -> int:
    return order.index(word) if word in order else len(order)
