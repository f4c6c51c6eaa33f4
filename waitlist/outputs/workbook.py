"""workbook.xlsx: the same figures for people who work in Excel, typed and print-ready."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

import waitlist
from waitlist.calendar import next_march_end
from waitlist.outputs import sentences
from waitlist.outputs import words as say
from waitlist.outputs.planned_sheets import planned_sheets
from waitlist.outputs.recorded import past_record
from waitlist.outputs.sheets import Kind, Sheet, limited, listed
from waitlist.results import ALL, Result

BANDED = ("waiting_list", "percent_within_18_weeks", "over_18_weeks", "over_52_weeks", "over_65_weeks")
"""The measures whose 5th and 95th percentiles stand beside the middle in the trajectory."""

_WIDTHS: dict[Kind, int] = {"text": 12, "sentence": 12, "count": 11, "decimal": 11, "share": 11, "date": 12}
_TEXTS = ("text", "sentence")

_PAGE_WIDTH, _NOTE_WIDTH = 190, 130
"""Widths, in characters, of a printed page (small but readable) and of a note on the screen."""

_DAY_0 = date(1899, 12, 30)
"""The day that a spreadsheet counts dates from."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula when a text that begins so is typed again."""


def write(result: Result, path: Path) -> None:
    """Write the workbook; the same result gives the same bytes (R11). Raises OSError."""
    held = io.BytesIO()
    book = xlsxwriter.Workbook(
        held, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties(
        {
            "title": f"{result.plan.name}: elective waiting list forecast",
            "comments": "Made by waitlist",
            "created": datetime.combine(result.snapshot, time()),
        }
    )
    formats = _formats(book)
    for sheet in _sheets(result):
        _write_sheet(book.add_worksheet(sheet.name), sheet, formats)
    book.close()
    path.write_bytes(held.getbuffer())


def _sheets(result: Result) -> list[Sheet]:
    return [
        _summary(result),
        _measures_wide(
            result, "Position", "position", ["stage"], "People at the snapshot; flows are the last month's."
        ),
        _trajectory(result),
        _breakeven(result),
        _clearance(result),
        _cohorts(result),
        _demand(result),
        *planned_sheets(result),
        *([_paces(result)] if len(result.paces) else []),
        _measures_wide(
            result, "Observed", "observed", ["month_end"], "The past, as reported; empty where nothing was."
        ),
        _breaks(result),
        Sheet("Assumptions", "Assumptions", "", pd.DataFrame({"Assumption": [*result.assumptions]}), ["sentence"]),
        _about(result),
    ]


def _summary(result: Result) -> Sheet:
    tables = {name: getattr(result, name) for name in ("position", "breakeven", "clearance")}
    lines = sentences.summary(result, {n: t[t["specialty"] == ALL] for n, t in tables.items()}, "provider")
    codes = pd.Series(lines.index.astype(str), index=lines.index)
    never = (lines["p50_date"] == "") & lines["share_of_draws_cleared"].notna()
    frame = pd.DataFrame(
        {
            "Provider": codes,
            "Provider name": codes.map(lambda code: say.provider_name(code, result.provider_names)),
            **{say.MEASURES[measure]: lines[measure] for measure in sentences.SUMMARY},
            "Breakeven stops a week": lines["breakeven_per_week"],
            "Stops a week now": lines["current_per_week"],
            "Clears (middle)": lines["p50_date"]
            .astype(object)
            .mask(never, f"not by {sentences.horizon_end(result):%b %Y}"),
            "Draws that clear": lines["share_of_draws_cleared"],
        }
    )
    weeks = sentences.watched(result.plan)
    note = (
        " ".join([*past_record(result, ALL), *sentences.headline(result, ALL)])
        + f" 'Clears' is of the backlog over {weeks} weeks, in the middle of the draws."
    )
    kinds: list[Kind] = ["text", "text", *map(_kind, sentences.SUMMARY), "decimal", "decimal", "date", "share"]
    return Sheet("Summary", f"{result.plan.name}: position at {say.day(result.snapshot)}", note, frame, kinds, 2)


def _measures_wide(result: Result, name: str, table: str, by: list[str], note: str) -> Sheet:
    """One row for each list (and stage or month), one column for each measure."""
    frame, cut = limited(getattr(result, table), f"{table}.csv", rows_of=["provider", "specialty", *by])
    wide = frame.pivot(index=["provider", "specialty", *by], columns="measure", values="value")
    measures = [measure for measure in say.MEASURES if measure in wide]
    return listed(result, Sheet(name, name, note + cut, wide[measures].reset_index(), [*map(_kind, measures)]), by)


def _trajectory(result: Result) -> Sheet:
    frame, cut = limited(result.trajectory, "trajectory.csv", rows_of=["provider", "specialty", "month_end"])
    columns = [(m, q) for m in say.MEASURES for q in (("p05", "p50", "p95") if m in BANDED else ("p50",))]
    wide = frame.pivot(index=["provider", "specialty", "month_end"], columns="measure", values=["p05", "p50", "p95"])
    kept = [(m, q) for m, q in columns if (q, m) in wide]
    flat = pd.DataFrame({f"{m} {q}": wide[q, m] for m, q in kept}).reset_index()
    note = (
        "The middle forecast (50th percentile of the draws); 90% of draws lie between the 5th and the 95th. Means and "
        f"other percentiles are in trajectory.csv, weeks in trajectory_weekly.csv.{cut}"
    )
    return listed(result, Sheet("Trajectory", "Trajectory", note, flat, [_kind(m) for m, _ in kept]), ["month_end"])


def _breakeven(result: Result) -> Sheet:
    """Breakeven now, at the ends of financial years and of the forecast: the months between are in the CSV."""
    end, when = sentences.horizon_end(result), result.breakeven["as_of"].astype(str).str[:10]
    kept = [result.snapshot.isoformat(), end.isoformat()]
    march = next_march_end(result.snapshot)
    while march < end:
        kept.append(march.isoformat())
        march = next_march_end(march)
    frame, cut = limited(result.breakeven[when.isin(kept)], "breakeven.csv")
    note = (
        "Clock stops a week among those over the threshold (0: the whole list) at which their number neither rises nor "
        "falls. A gap above 0: the number grows. At the snapshot, each 31 March and the end; every month is in "
        f"breakeven.csv.{cut}"
    )
    kinds: list[Kind] = ["count", "date", *["decimal"] * 5]  # type: ignore[list-item]
    return listed(result, Sheet("Breakeven", "Breakeven, people a week", note, frame, kinds), [])


def _clearance(result: Result) -> Sheet:
    frame, cut = limited(result.clearance, "clearance.csv")
    note = (
        f"Clear: {sentences.clearance_rule(result.plan)}, and it stays so to the end of the forecast. A date is empty "
        f"where that share of draws does not clear by {say.day(sentences.horizon_end(result))}.{cut}"
    )
    kinds: list[Kind] = ["count", "count", "date", "date", "date", "date", "share"]
    return listed(result, Sheet("Clearance", "Clearance dates", note, frame, kinds), [])


def _cohorts(result: Result) -> Sheet:
    frame, cut = limited(result.cohorts, "cohorts.csv")
    note = (
        "Everyone who would be over the threshold at the deadline if not treated before it: how many remain, week by "
        f"week, and how many a week must leave from then on.{cut}"
    )
    kinds: list[Kind] = ["count", "date", "date", *["decimal"] * 6]  # type: ignore[list-item]
    return listed(result, Sheet("Cohorts", "Cohorts by deadline", note, frame, kinds), [])


def _demand(result: Result) -> Sheet:
    note = "New clock starts in the next twelve months by each way of growing."
    kinds: list[Kind] = ["text", "decimal", "decimal", "count", "text"]
    frame = result.demand.assign(
        growth=result.demand["growth"].map(say.GROWTHS),
        in_plan=result.demand["in_plan"].map({True: "yes", False: "no"}),
    )
    return listed(result, Sheet("Demand", "Growth of demand", note, frame, kinds), [])


def _paces(result: Result) -> Sheet:
    note = (
        "How fast people leave, by weeks waited, against the observed rates (1 is as observed), month by month; "
        "those of each list are in paces.csv."
    )
    kinds: list[Kind] = ["date", "text", "count", "decimal"]
    whole = result.paces[result.paces["specialty"] == ALL]
    frame = whole.assign(flow=whole["flow"].map({"all": "Everyone", "stops_admitted": "Admitted"}))
    return listed(result, Sheet("Paces", "Paces of departure", note, frame, kinds), [])


def _breaks(result: Result) -> Sheet:
    rows = [
        [
            item.provider,
            say.provider_name(item.provider, result.provider_names),
            item.specialty,
            item.month,
            item.kind.replace("_", " "),
            item.size,
            item.reason,
            item.source,
        ]
        for item in result.breaks
    ]
    columns = ["Provider", "Provider name", "Specialty", "From", "Kind", "People", "Reason", "Source"]
    frame = pd.DataFrame(rows, columns=columns)
    kinds: list[Kind] = ["text", "text", "text", "text", "text", "count", "sentence", "text"]
    note = "Changes in what is reported, kept out of every rate." if rows else "None was found or planned."
    return Sheet("Breaks", "Data breaks", note, frame, kinds)


def _about(result: Result) -> Sheet:
    rows = [
        ("Plan", result.plan.name),
        ("Snapshot", say.day(result.snapshot)),
        ("Forecast to", say.day(sentences.horizon_end(result))),
        ("Draws", say.count(result.plan.draws)),
        ("Seed", str(result.plan.seed)),
        ("Made by", f"waitlist {waitlist.__version__}"),
        *(("Data file", f"{file.name} ({file.month})") for file in result.files),
        *(("Warning", problem.sentence()) for problem in result.warnings),
        *(("What moves the figures", text) for text in sentences.flatters(result)),
        *(("What flatters", text) for text in result.remarks),
        ("Not in this forecast", _left_out(result)),
        ("Elsewhere", "report.html has the charts; the CSV files have every figure; manifest.json has the whole plan."),
    ]
    frame = pd.DataFrame(rows, columns=["What", "Value"])
    return Sheet("About", "About this workbook", "", frame, ["text", "sentence"])


def _kind(measure: str) -> Kind:
    return "decimal" if measure.startswith("percent_") or measure.endswith("_wait_weeks") else "count"


def _write_sheet(page: Worksheet, sheet: Sheet, formats: dict[str, Format]) -> None:
    page.write_string(0, 0, sheet.title, formats["title"])
    top, widths = 3, []
    for place, (heading, kind) in enumerate(zip(sheet.frame.columns, sheet.kinds, strict=True)):
        page.write_string(top, place, str(heading), formats["words" if kind in _TEXTS else "heading"])
        values = sheet.frame[heading].tolist()
        _write_column(page, top + 1, place, kind, values, formats)
        widths.append(_width(kind, values))
        page.set_column(place, place, widths[-1])
    page.set_row(top, 62)
    if "sentence" in sheet.kinds:
        _fit_rows(page, top + 1, sheet, widths)
    _write_note(page, sheet.note, widths, formats["note"])
    page.freeze_panes(top + 1, sheet.keys)
    if len(sheet.frame):
        page.autofilter(top, 0, top + len(sheet.frame), len(widths) - 1)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(math.ceil(sum(widths) / _PAGE_WIDTH), 0)
    page.repeat_rows(top)
    if sheet.keys:
        page.repeat_columns(0, sheet.keys - 1)
    page.set_footer("&L&A&RPage &P of &N")


def _left_out(result: Result) -> str:
    """What the forecast does not do."""
    planned = [] if result.scenarios is not None else ["no planned change in activity"]
    sought = [] if result.capacity is not None else ["no search for capacity"]
    return f"{'; '.join([*planned, 'no transfers', *sought]).capitalize()}."


def _fit_rows(page: Worksheet, top: int, sheet: Sheet, widths: Sequence[int]) -> None:
    for row, values in enumerate(sheet.frame.itertuples(index=False), top):
        cells = zip(values, widths, strict=True)
        page.set_row(row, 15 * max(math.ceil(1.1 * len(str(value)) / width) for value, width in cells))


def _write_note(page: Worksheet, note: str, widths: Sequence[int], style: Format) -> None:
    """The note over as many columns as a screen shows, and as many lines as it needs."""
    across, columns = widths[0], 1
    while columns < len(widths) and across + widths[columns] <= _NOTE_WIDTH:
        across += widths[columns]
        columns += 1
    if columns > 1 and note:
        page.merge_range(1, 0, 1, columns - 1, "", style)
    page.write_string(1, 0, note, style)
    page.set_row(1, 15 * max(1, math.ceil(1.1 * len(note) / across)))


def _write_column(
    page: Worksheet, top: int, place: int, kind: Kind, values: Sequence[Any], formats: dict[str, Format]
) -> None:
    style = formats[kind]
    if kind in _TEXTS:
        for row, value in enumerate(values, top):
            text = "" if say.is_none(value) else str(value)
            page.write_string(row, place, text, formats["quoted"] if text.startswith(_FORMULA_STARTS) else style)
    elif kind == "date":
        days = {value: None if str(value).startswith("not by") else say.as_date(value) for value in set(values)}
        for row, value in enumerate(values, top):
            day = days[value]
            if day is None and not say.is_none(value):
                page.write_string(row, place, value, style)
            elif day:
                page.write_number(row, place, (day - _DAY_0).days, style)
    else:
        for row, value in enumerate(values, top):
            if value is not None and math.isfinite(value):
                page.write_number(row, place, value, style)


def _width(kind: Kind, values: Sequence[Any]) -> int:
    longest = max((len(str(value)) for value in values), default=0) if kind in _TEXTS else 0
    return min(max(longest + 2, _WIDTHS[kind]), 90 if kind == "sentence" else 42)


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    heading = {"bold": True, "text_wrap": True, "valign": "vcenter", "bottom": 2, "bg_color": "#E8EDEE"}
    return {
        "title": book.add_format({"bold": True, "font_size": 14, "font_color": "#005EB8"}),
        "note": book.add_format({"valign": "top", "text_wrap": True}),
        "heading": book.add_format({**heading, "align": "right"}),
        "words": book.add_format({**heading, "align": "left"}),
        "text": book.add_format({"valign": "top"}),
        "sentence": book.add_format({"valign": "top", "text_wrap": True}),
        "quoted": book.add_format({"valign": "top", "text_wrap": True, "quote_prefix": True}),
        "count": book.add_format({"num_format": "#,##0", "valign": "top"}),
        "decimal": book.add_format({"num_format": "#,##0.0", "valign": "top"}),
        "share": book.add_format({"num_format": "0%", "valign": "top"}),
        "date": book.add_format({"num_format": "d mmm yyyy", "valign": "top", "align": "right"}),
    }
