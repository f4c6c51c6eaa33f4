"""schedule.xlsx: a weekly sheet for each pair that two booking teams work from, and a page for each trust's board.

Numbers by specialty, stage and weeks waited; no patient is in it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from waitlist.calendar import month_of
from waitlist.outputs import words as say
from waitlist.outputs.aid import by_pair
from waitlist.outputs.parts import lines
from waitlist.results import ALL, Aid

NAME_LIMIT = 31
"""Characters of a sheet's name."""
COLUMNS = (
    ("Offer in week ending", 14),
    ("Move in week ending", 14),
    ("Code", 7),
    ("Specialty", 30),
    ("Stage", 12),
    ("Waited at least, weeks", 12),
    ("And less than", 10),
    ("Offer to", 9),
    ("Expected to accept", 11),
    ("Expected to move", 11),
    ("Happened", 11),
)
FIRST_ROW = 4
"""Of a pair's table, below its title, its note and its headings."""


def write(
    aid: Aid, path: Path, title: str, snapshot: Any, providers: Mapping[str, str], specialties: Mapping[str, str]
) -> None:
    """Write the workbook; the same tables give the same bytes (R11). Raises OSError."""
    held = io.BytesIO()
    book = xlsxwriter.Workbook(
        held, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    created = datetime.combine(snapshot, time())
    named = {"title": f"{title}: schedule of transfers", "comments": "Made by waitlist", "created": created}
    book.set_properties(named)
    styles = {
        "title": book.add_format({"bold": True, "font_size": 15, "font_color": "#003087"}),
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
        "head": book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1, "bg_color": "#E8EDEE"}),
        "date": book.add_format({"num_format": "d mmm yyyy", "align": "left"}),
        "count": book.add_format({"num_format": "#,##0"}),
        "decimal": book.add_format({"num_format": "#,##0.0"}),
        "total": book.add_format({"bold": True, "num_format": "#,##0", "top": 1}),
        "fill": book.add_format({"bg_color": "#FFF9C4", "num_format": "#,##0", "border": 1, "border_color": "#B0B0B0"}),
    }
    names = {code: say.provider_name(code, providers) for code in {*aid.mutual_aid["provider"], *providers}}
    taken: set[str] = set()
    _front(book.add_worksheet(_sheet_name("Read me", taken)), aid, title, names, styles)
    for (sender, receiver), rows in aid.transfers.groupby(["from_provider", "to_provider"], sort=True):
        sheet = book.add_worksheet(_sheet_name(say.pair(str(sender), str(receiver), {}), taken))
        _pair(sheet, say.pair(str(sender), str(receiver), names), rows, specialties, styles)
    for code in sorted(set(aid.effects["provider"]) - {ALL}):
        _board(book.add_worksheet(_sheet_name(f"Board {code}", taken)), aid, code, names, styles)
    book.close()
    path.write_bytes(held.getbuffer())


def _sheet_name(wanted: str, taken: set[str]) -> str:
    """A sheet's name that Excel takes and no other sheet has."""
    name = re.sub(r"[\[\]:*?/\\']", " ", wanted)[:NAME_LIMIT].strip() or "Sheet"
    found, number = name, 2
    while found.lower() in taken:
        end = f" {number}"
        found, number = name[: NAME_LIMIT - len(end)] + end, number + 1
    taken.add(found.lower())
    return found


def _page(sheet: Worksheet, heading: str, note: str, styles: Mapping[str, Format], width: int) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)
    sheet.write_string(0, 0, heading, styles["title"])
    sheet.merge_range(1, 0, 1, width - 1, "", styles["text"])
    sheet.write_string(1, 0, note, styles["text"])
    sheet.set_row(1, 15 * (1 + len(note) // 110))


def _front(sheet: Worksheet, aid: Aid, title: str, names: Mapping[str, str], styles: Mapping[str, Format]) -> None:
    note = (
        "A sheet for each pair of trusts says whom to offer a move, week by week: how many people of which specialty, "
        "stage and weeks waited, the longest waiting first. It names no patient: who they are is the booking teams' "
        "and the clinicians' to say. Fill in the yellow column with how many moved. A sheet for each board says what "
        "the transfers do there."
    )
    _page(sheet, f"{title}: schedule of transfers", note, styles, 5)
    row = 3
    for sentence in aid.sentences:
        sheet.merge_range(row, 0, row, 4, "", styles["text"])
        sheet.write_string(row, 0, sentence, styles["text"])
        sheet.set_row(row, 15 * (1 + len(sentence) // 100))
        row += 1
    row += 1
    for column, (head, width) in enumerate((("From", 52), ("To", 52), ("Offered", 11), ("Accept", 11), ("Move", 11))):
        sheet.write_string(row, column, head, styles["head"])
        sheet.set_column(column, column, width)
    first = row + 1
    pairs = by_pair(aid)
    for line in lines(pairs):
        row += 1
        sheet.write_string(row, 0, names.get(line.from_provider, line.from_provider))
        sheet.write_string(row, 1, names.get(line.to_provider, line.to_provider))
        for column, value in enumerate((line.offered, line.accepted, line.moved)):
            sheet.write_number(row, 2 + column, value, styles["count" if column < 2 else "decimal"])
    if len(pairs):
        sheet.write_string(row + 1, 0, "All pairs", styles["total"])
        sheet.write_string(row + 1, 1, "", styles["total"])
        for column, letter in enumerate("CDE"):
            total = f"=SUM({letter}{first + 1}:{letter}{row + 1})"
            sheet.write_formula(row + 1, 2 + column, total, styles["total"], float(pairs.iloc[:, 2 + column].sum()))


def _pair(
    sheet: Worksheet, pair: str, rows: pd.DataFrame, specialties: Mapping[str, str], styles: Mapping[str, Format]
) -> None:
    note = (
        "Offers by week, the longest waiting first among those named. Nobody is named here; refusals stay on the list."
    )
    _page(sheet, pair, note, styles, len(COLUMNS))
    for column, (head, width) in enumerate(COLUMNS):
        sheet.write_string(FIRST_ROW - 1, column, head, styles["head"])
        sheet.set_column(column, column, width)
    sheet.set_row(FIRST_ROW - 1, 32)
    row = FIRST_ROW
    for line in lines(rows.sort_values(["offer_week", "specialty", "stage"], kind="stable")):
        for column, day in enumerate((line.offer_week, line.week_ending)):
            sheet.write_datetime(row, column, datetime.combine(_day(day), time()), styles["date"])
        sheet.write_string(row, 2, str(line.specialty))
        sheet.write_string(row, 3, say.specialty_name(str(line.specialty), specialties))
        sheet.write_string(row, 4, str(line.stage))
        sheet.write_number(row, 5, line.min_weeks_waited, styles["count"])
        if line.below_weeks_waited < 105:
            sheet.write_number(row, 6, line.below_weeks_waited, styles["count"])
        for column, value in ((7, line.offered), (8, line.accepted), (9, line.moved)):
            sheet.write_number(row, column, value, styles["count" if column < 9 else "decimal"])
        sheet.write_blank(row, 10, None, styles["fill"])
        row += 1
    sheet.write_string(row, 0, "In all", styles["total"])
    for column in range(1, 7):
        sheet.write_blank(row, column, None, styles["total"])
    for column, letter in ((7, "H"), (8, "I"), (9, "J"), (10, "K")):
        known = 0.0 if column == 10 else float(rows[("offered", "accepted", "moved")[column - 7]].sum())
        sheet.write_formula(row, column, f"=SUM({letter}{FIRST_ROW + 1}:{letter}{row})", styles["total"], known)
    sheet.freeze_panes(FIRST_ROW, 2)
    sheet.repeat_rows(FIRST_ROW - 1)
    sheet.autofilter(FIRST_ROW - 1, 0, row - 1, len(COLUMNS) - 1)


def _board(sheet: Worksheet, aid: Aid, code: str, names: Mapping[str, str], styles: Mapping[str, Format]) -> None:
    note = (
        "Without and with the transfers, by the simulation: the middle of the draws, and 80% of them. People sent keep "
        "their clocks; those received are kept apart from the trust's own patients."
    )
    _page(sheet, f"{names.get(code, code)}: what the transfers do", note, styles, 8)
    heads = ("What", "On", "Without", "10th", "90th", "With", "10th", "90th")
    for column, head in enumerate(heads):
        sheet.write_string(3, column, head, styles["head"])
        sheet.set_column(column, column, 52 if column == 0 else 13)
    mine = aid.effects[(aid.effects["provider"] == code) & (aid.effects["specialty"] == ALL)]
    row = 4
    for line in lines(mine):
        dated = str(line.measure).startswith("clearance")
        sheet.write_string(row, 0, _words(str(line.measure)))
        sheet.write_string(row, 1, say.short_day(line.date) if line.date else "")
        for column, name in enumerate(f"{side}_{q}" for side in ("before", "after") for q in ("p50", "p10", "p90")):
            value = getattr(line, name)
            if dated:
                sheet.write_string(row, 2 + column, say.short_day(value) if value else "not in the forecast")
            elif not say.is_none(value):
                whole = not str(line.measure).startswith("own")
                sheet.write_number(row, 2 + column, value, styles["count" if whole else "decimal"])
        row += 1
    row += 1
    for title, mine_, other in (
        ("Sends", "from_provider", "to_provider"),
        ("Receives", "to_provider", "from_provider"),
    ):
        rows = aid.transfers[aid.transfers[mine_] == code]
        sheet.write_string(row, 0, f"{title}, by month of the move", styles["head"])
        sheet.write_string(row, 1, "Move", styles["head"])
        row += 1
        months = rows.assign(month=[month_of(_day(day)) for day in rows["week_ending"]])
        for (partner, month), part in months.groupby([other, "month"], sort=True):
            sheet.write_string(row, 0, f"{names.get(str(partner), str(partner))}, {say.month(f'{month}-01')}")
            sheet.write_number(row, 1, float(part["moved"].sum()), styles["decimal"])
            row += 1
        if not len(rows):
            sheet.write_string(row, 0, "Nobody")
            row += 1
        row += 1


def _words(measure: str) -> str:
    """A measure of the effects, in words."""
    weeks = re.fullmatch(r"clearance_(\d+)_weeks", measure)
    if weeks:
        return f"Nobody over {weeks[1]} weeks from"
    own = {"longest_wait_weeks": "Longest wait, weeks", "own_mean_wait_weeks": "Own patients' mean wait so far, weeks"}
    return own.get(measure) or say.MEASURES.get(measure) or measure.replace("_", " ")


def _day(value: Any) -> Any:
    return say.as_date(value)
