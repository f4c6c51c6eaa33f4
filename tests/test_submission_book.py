"""The workbook and the CSV of a submission: identities hold as written and as recalculated, nothing is made up."""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils import get_column_letter

import waitlist as wl
from waitlist.models.submission.disclosed import disclosed
from waitlist.outputs.submission import book, long
from waitlist.outputs.submission.book_rows import CHECKS, FLOWS, PIECES, QUARTERS, SIGNS, Held, piece_key
from waitlist.planning_round import submission
from waitlist.planning_year import years
from waitlist.submission import STOCKS
from waitlist.submitted import Submission

RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>"""
OVERRIDES = [
    {"measure": "over_52_weeks", "provider": "MADE1", "month": "2026-03", "value": 1000,
     "reason": "an extra clinic every Saturday from January", "author": "B. Board"},
    {"measure": "stops_admitted", "provider": "MADE2", "month": "2025-12", "value": 1400,
     "reason": "=a second theatre", "author": "B. Board"},
]  # fmt: skip
RATIOS = {
    "first_outpatient_per_non_admitted_stop": 1.0,
    "follow_up_per_non_admitted_stop": 0.4,
    "admissions_per_admitted_stop": 1.0,
    "day_case_share": 0.8,
}


def plan_of(place: Path, year: str, overrides: list[dict] = OVERRIDES, **more: object) -> wl.Plan:
    """A small plan with a submission of that year."""
    settings = {
        "year": year,
        "icb": "MADEQ",
        "icb_name": "Made-up Shire ICB",
        "region": "MADER",
        "author": "A. Planner",
    }
    return wl.Plan.model_validate(
        {
            "name": "Made-up Shire",
            "inputs": str(place / "sample"),
            "providers": "all",
            "horizon_months": 7,
            "draws": 20,
            "seed": 1,
            "submission": settings | {"ratios": RATIOS} | more,
            "override": overrides,
        }
    )


@pytest.fixture(scope="module")
def made(place, history) -> Submission:
    """A draft of the made-up system's submission, with two overrides."""
    return submission(plan_of(place, "2025-26"), history)


@pytest.fixture(scope="module")
def written(made, tmp_path_factory) -> Path:
    """Its workbook."""
    path = tmp_path_factory.mktemp("book") / "submission.xlsx"
    book.write(made, path)
    return path


def as_written(path: Path, folder: Path) -> Path:
    """The workbook with the values that were written beside its formulas."""
    return path


def recalculated(path: Path, folder: Path) -> Path:
    """The workbook as LibreOffice works it out anew."""
    program = shutil.which("soffice")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("LibreOffice is not installed: it is needed here")
        pytest.skip("LibreOffice (soffice) is not installed, so nothing works the formulas out")
    (folder / "profile" / "user").mkdir(parents=True)
    (folder / "profile" / "user" / "registrymodifications.xcu").write_text(RECALCULATE, encoding="utf-8")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [program, profile, "--headless", "--convert-to", "xlsx", "--outdir", str(folder / "out"), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return folder / "out" / path.name


@pytest.fixture(scope="module", params=[as_written, recalculated], ids=["written", "recalculated"])
def values(request, written, tmp_path_factory) -> openpyxl.Workbook:
    """The workbook's values, as written and as worked out anew."""
    return openpyxl.load_workbook(request.param(written, tmp_path_factory.mktemp("office")), data_only=True)


def at(values: openpyxl.Workbook, held: Held, org: str, key: str, name: str) -> float | None:
    """What a cell of an organisation's sheet says; None for blank."""
    found = values[held.sheets[org]].cell(held.place[key] + 1, held.columns[name] + 1).value
    return None if found == "" else found


def test_identities_hold_in_the_workbook(made, values):
    held, months = Held(made), made.year.months
    for org in made.orgs:
        cell = partial(at, values, held, org)
        before = cell("waiting_list", "opening")
        for month in months:
            flows = sum(sign * cell(flow, month) for sign, flow in zip(SIGNS, FLOWS, strict=True))
            assert cell("waiting_list", month) == before + flows, (org, month)
            before = cell("waiting_list", month)
            assert before == sum(cell(piece_key(piece), month) for piece in PIECES)
            chain = [cell(line, month) for line in ("waiting_list", *STOCKS[2:])]
            assert chain == sorted(chain, reverse=True)
            assert cell("within_18_weeks", month) == before - cell("over_18_weeks", month)
            assert cell("percent_over_52_weeks", month) == pytest.approx(cell("over_52_weeks", month) / before)
            assert cell("E.M.10", month) == cell("E.M.10a", month) + cell("E.M.10b", month)
            assert (cell("check_r4", month), cell("check_nesting", month)) == (0, 0)
        for line in (*STOCKS, *FLOWS, "E.M.8", "E.M.10"):
            by_month = [cell(line, month) for month in months]
            quarters = [by_month[q : q + 3] for q in range(0, 12, 3)]
            expected = [three[-1] if line in STOCKS else sum(three) for three in quarters]
            assert [cell(line, q) for q in QUARTERS] == expected
            assert cell(line, "year") == (expected[-1] if line in STOCKS else sum(expected))
    for key in (*STOCKS, *FLOWS, *map(piece_key, PIECES), "E.M.8", "E.M.9", "E.M.10"):
        for month in months:
            parts = [at(values, held, org, key, month) for org in made.providers]
            assert at(values, held, made.icb, key, month) == sum(parts), (key, month)
    assert {at(values, held, made.icb, "check_sum", month) for month in months} == {0}
    assert [row for row in texts(values["Checks"]) if "It adds up." in row]


def test_every_figure_is_where_its_address_says(made, values):
    where = book.cells_of(made)
    periods = made.periods.set_index(["org", "line"])
    months = {made.months[0]: "opening"}
    seen = set()
    for row in made.figures.itertuples():
        key = (row.org, row.line, months.get(row.month, row.month))
        sheet, _, cell = where[key].partition("!")
        there = values[sheet][cell].value
        assert (None if there in ("", None) else there) == (None if math.isnan(row.value) else row.value), key
        seen.add(key)
    for org, line, name in set(where) - seen:
        sheet, _, cell = where[org, line, name].partition("!")
        if line.startswith("percent_"):
            assert 0 < values[sheet][cell].value < 1
        else:
            expected, there = periods.loc[(org, line), name], values[sheet][cell].value
            assert (None if there in ("", None) else there) == (None if math.isnan(expected) else expected)


def test_no_cell_is_an_error(values):
    for sheet in values:
        for row in sheet.iter_rows(values_only=True):
            assert not [value for value in row if isinstance(value, str) and value.startswith("#")]


def test_what_libreoffice_works_out_is_what_was_written(written, tmp_path):
    cached = openpyxl.load_workbook(written, data_only=True)
    anew = openpyxl.load_workbook(recalculated(written, tmp_path), data_only=True)
    assert cached.sheetnames == anew.sheetnames
    for sheet in cached:
        for row in sheet.iter_rows():
            for cell in row:
                there, other = cell.value, anew[sheet.title][cell.coordinate].value
                if there in (None, ""):
                    assert other in (None, ""), (sheet.title, cell.coordinate)
                else:
                    assert other == pytest.approx(there), (sheet.title, cell.coordinate)


def test_a_wrong_figure_is_found_by_the_live_checks(made, written, tmp_path):
    held, wrong = Held(made), openpyxl.load_workbook(written)
    wrong["MADE2"].cell(held.place["clock_starts"] + 1, held.columns["2025-11"] + 1).value += 7
    wrong["MADE3"].cell(held.place["piece_65_to_78"] + 1, held.columns["2025-12"] + 1).value = -1
    wrong["MADE3"].cell(held.place["E.M.8"] + 1, held.columns["2025-05"] + 1).value = None
    wrong.save(tmp_path / "wrong.xlsx")
    values = openpyxl.load_workbook(recalculated(tmp_path / "wrong.xlsx", tmp_path), data_only=True)
    cell = partial(at, values, held)
    assert (cell("MADE2", "check_r4", "2025-11"), cell("MADEQ", "check_r4", "2025-11")) == (-7, -7)
    assert cell("MADE3", "check_nesting", "2025-12") == 1
    assert [cell("MADEQ", "E.M.8", name) for name in ("2025-05", "q1", "year")] == [None, None, None]
    assert [row for row in texts(values["Checks"]) if any("It does not add up" in text for text in row)]


def texts(sheet) -> list[list[str]]:
    """Every row's texts."""
    rows = ([str(value) for value in row if value is not None] for row in sheet.iter_rows(values_only=True))
    return [row for row in rows if row]


def test_a_draft_is_one_on_every_sheet_and_on_paper(made, written, tmp_path):
    for sheet in openpyxl.load_workbook(written):
        assert str(sheet["A1"].value).startswith("DRAFT: ") and "DRAFT" in sheet.oddHeader.center.text
        assert sheet.page_setup.orientation == "landscape" and str(sheet.page_setup.paperSize) == "9"
        assert sheet.freeze_panes and sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.print_title_rows
    book.write(made.as_version(3, "final"), tmp_path / "final.xlsx")
    final = openpyxl.load_workbook(tmp_path / "final.xlsx")
    for sheet in final:
        assert "Version 3, final" in str(sheet["A1"].value) and "Version 3, final" in sheet.oddHeader.center.text
        assert not [row for row in texts(sheet) if any("DRAFT" in text for text in row)]
    assert "DRAFT" not in final.properties.title


def test_overrides_stand_beside_what_the_model_says(made, written):
    sheets = openpyxl.load_workbook(written)
    shown = [row for row in texts(sheets["Overrides"]) if row[0] in made.providers]
    for row, item in zip(shown, made.overrides.itertuples(), strict=True):
        assert row[4:6] == [str(int(item.model_value)), str(item.value)] and row[6].startswith("our draws put this at ")
        assert row[-2:] == [item.author, item.reason]
    held = Held(made)
    changed = sheets["MADE1"].cell(held.place["over_52_weeks"] + 1, held.columns["2026-03"] + 1)
    plain = sheets["MADE1"].cell(held.place["over_52_weeks"] + 1, held.columns["2026-02"] + 1)
    assert changed.fill.fgColor.rgb != plain.fill.fgColor.rgb and changed.font.bold
    said = {name: sheets["MADE1"].cell(6, column + 1).value for name, column in held.columns.items()}
    assert [name for name, value in said.items() if value == "yes"] == ["2026-03"]
    known = [sheets["MADE1"].cell(5, held.columns[month] + 1).value for month in made.year.months]
    assert known == ["Actual"] * 5 + ["Forecast"] * 7


def test_blank_figures_stay_blank_and_say_why(made, written):
    held, sheets = Held(made), openpyxl.load_workbook(written, data_only=True)
    for org in made.orgs:
        row = [at(sheets, held, org, "E.B.24", name) for name in held.columns]
        assert row == [None] * len(held.columns)
        (said,) = [text for text in sum(texts(sheets[org]), []) if text.startswith("Blank: ")]
        assert "E.B.24" in said and "supplementary input" in said


@pytest.fixture(scope="module", params=years())
def of_year(request, place, history) -> Submission:
    """A submission of each planning year."""
    return submission(plan_of(place, request.param, []), history)


def test_every_metric_of_every_year_is_in_the_csv_and_on_the_sheets(of_year, tmp_path):
    year, table = of_year.year, long.long_table(of_year)
    assert list(table.columns) == list(long.LAYOUT)
    numerators = table[table["MeasureType"] == "Numerator"]
    months = [f"{month}-01" for month in year.months]
    expected = [(o, metric.ref, m) for o in of_year.orgs for metric in year.submitted for m in months]
    assert (
        list(zip(numerators["OrgCode"], numerators["PlanningRef"], numerators["DimDateStart"], strict=True)) == expected
    )
    held = {(r.org, r.line, r.month): r.value for r in of_year.figures.itertuples()}
    for row in table.itertuples():
        metric = year.metric_of(row.PlanningRef)
        ref = metric.ref if row.MeasureType == "Numerator" else metric.denominator
        value = held[row.OrgCode, year.line_of(ref), row.DimDateStart[:7]]
        assert row.Value == ("" if math.isnan(value) else f"{value:.0f}")
    assert set(table.loc[table["MeasureType"] == "Denominator", "PlanningRef"]) == {
        metric.ref for metric in year.submitted if metric.denominator
    }
    book.write(of_year, tmp_path / "submission.xlsx")
    sheets = openpyxl.load_workbook(tmp_path / "submission.xlsx")
    for org in of_year.orgs:
        named = {row[0]: row[1] for row in texts(sheets[org]) if len(row) > 1}
        for metric in year.submitted:
            assert named[metric.ref] == metric.name + (" (check)" if metric.sure == "check" else "")
    listed = [row[1].removesuffix(" (check)") for row in texts(sheets["Metrics"])[3:]]
    assert listed == [metric.name for metric in year.metric]
    assert len(texts(sheets["Standards"])) == 3 + len(of_year.standards)


def test_the_commissioner_basis_has_those_elsewhere_and_its_activity_too(place, history, tmp_path):
    made = submission(plan_of(place, "2025-26", [], basis="commissioner"), history)
    table = long.long_table(made)
    assert list(dict.fromkeys(table["OrgCode"])) == [*made.providers, "OTHER", made.icb]
    own = table[table["MeasureType"] == "Numerator"].set_index("PlanningRef")["Value"]
    assert set(own["E.B.24"]) == {""} and "" not in set(own.drop("E.B.24"))
    lists = table[(table["PlanningRef"] == "E.B.3a")].set_index(["OrgCode", "DimDateStart"])["Value"].astype(int)
    assert (lists[made.icb] == sum(lists[org] for org in (*made.providers, "OTHER"))).all()
    book.write(made, tmp_path / "submission.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "submission.xlsx")["Commissioner basis"]
    assert "provider basis × the share commissioned in August 2025, held" in sheet["A1"].value
    assert {row[0] for row in texts(sheet)[3:]} == {*made.providers, "OTHER", made.icb}
    withheld = long.long_table(replace(made, commissioner=None))
    assert set(withheld.loc[withheld["PlanningRef"] == "E.B.3a", "Value"]) == {"*"}


def test_the_same_submission_gives_the_same_bytes(made, written, tmp_path):
    book.write(made, tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == written.read_bytes()
    content = long.as_csv(made)
    assert content == long.as_csv(made) and b"\r" not in content
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"))))
    assert rows[0] == list(long.LAYOUT) and rows[1][:5] == ["2025-04-01", "MADER", "MADE1", "E.B.3a", "EB3a"]


def test_no_name_becomes_a_formula(made, tmp_path):
    names = dict(made.names) | {"MADE1": '=HYPERLINK("http://example.invalid","X")', "MADE2": "<b>&C</b> TRUST"}
    plan = made.plan.model_copy(update={"name": "=1+1 & <i>plan</i>"})
    book.write(replace(made, names=names, plan=plan, author="=cmd|' /C calc'!A0"), tmp_path / "names.xlsx")
    sheets, said = openpyxl.load_workbook(tmp_path / "names.xlsx"), set()
    for sheet in sheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert cell.value.startswith(("=IF(", "=SUM(", "=COUNTIF(")), cell.value
                elif str(cell.value).startswith("="):
                    assert cell.quotePrefix
                    said.add(cell.value)
    assert '=HYPERLINK("http://example.invalid","X")' in said and "=a second theatre" in said


def test_a_disclosed_workbook_has_values_alone(made, tmp_path):
    hidden = disclosed(made)
    book.write(hidden, tmp_path / "disclosed.xlsx")
    sheets = openpyxl.load_workbook(tmp_path / "disclosed.xlsx")
    assert not [c for sheet in sheets for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    assert "Ranges" not in sheets.sheetnames and "Commissioner basis" not in sheets.sheetnames
    held = Held(hidden)
    for row in hidden.figures.itertuples():
        name = "opening" if row.month == hidden.months[0] else row.month
        value = at(sheets, held, row.org, row.line, name)
        expected = "*" if row.status == "suppressed" else None if math.isnan(row.value) else row.value
        assert value == expected
    assert (hidden.figures["status"] == "suppressed").any()
    for row in hidden.periods.itertuples():
        for name in filter(None, row.suppressed.split(",")):
            assert at(sheets, held, row.org, row.line, name) == "*"
    every = " ".join(text for sheet in sheets for row in texts(sheet) for text in row)
    assert "* is a count of 1 to 7" in every
    assert not {*CHECKS, "percent_within_18_weeks", "piece_18_to_52"} & set(held.place)
    figures = hidden.figures.copy()
    figures.loc[0:1, ["value", "status"]] = [math.nan, "suppressed"]
    assert long.long_table(replace(hidden, figures=figures))["Value"].tolist()[0] == "*"


def test_a_code_that_is_the_name_of_another_sheet(made, tmp_path):
    def called(table: pd.DataFrame, column: str = "org") -> pd.DataFrame:
        return table.assign(**{column: table[column].replace({"MADEQ": "NOTES"})})

    tables = {
        name: called(getattr(made, name)) for name in ("figures", "periods", "commissioner", "ranges", "standards")
    }
    orgs = (*made.providers, "NOTES")
    book.write(replace(made, orgs=orgs, **tables), tmp_path / "notes.xlsx")
    sheets = openpyxl.load_workbook(tmp_path / "notes.xlsx")
    assert "Notes" in sheets.sheetnames and "NOTES org" in sheets.sheetnames
    assert book.cells_of(replace(made, orgs=orgs, **tables))["NOTES", "waiting_list", "year"].startswith("'NOTES org'!")
    assert get_column_letter(21) in book.cells_of(made)["MADE1", "waiting_list", "year"]
