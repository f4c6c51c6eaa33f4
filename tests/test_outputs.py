"""What is written: the folder whole or not at all, the same bytes, safe text in every place."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from waitlist.bands import THRESHOLDS
from waitlist.calendar import horizon
from waitlist.errors import Problem, Refusal
from waitlist.history import Break, DataFile
from waitlist.models.backtest import FANS, record
from waitlist.outputs import aside, folder, report, sheets, terminal, workbook
from waitlist.outputs.words import MEASURES
from waitlist.plan import Plan
from waitlist.results import Result

SNAPSHOT = date(2025, 8, 31)
NAMES = {
    "QA1": "NORTHMARSH AND EASTWICK <script>alert(1)</script> NHS TRUST",
    "QA2": '=HYPERLINK("http://example.invalid","ST ELSWITH\'S")',
    "QA3": "UPPER THRIMBLE UNIVERSITY HOSPITALS NHS FOUNDATION TRUST",
}
SPECIALTIES = {"110": "Trauma and Orthopaedics", "130": "Ophthalmology", "X02": "+Other & Medical"}
QUANTILES = ("mean", "p05", "p10", "p25", "p50", "p75", "p90", "p95")
SPREAD = np.array([0.0, -1.64, -1.28, -0.67, 0.0, 0.67, 1.28, 1.64])
SIZES = {
    "waiting_list": 40_000, "within_18_weeks": 24_000, "over_18_weeks": 16_000, "over_52_weeks": 1_400,
    "over_65_weeks": 260, "over_78_weeks": 30, "over_104_weeks": 1, "percent_within_18_weeks": 60,
    "percent_over_52_weeks": 3.5, "median_wait_weeks": 14, "p92_wait_weeks": 43,
}  # fmt: skip


def keys() -> list[tuple[str, str, float]]:
    """Every list and total, with its share of the whole."""
    return [
        (provider, specialty, (1 if provider == "ALL" else 1 / (2 + n)) * (1 if m == 3 else 0.5 - m / 10))
        for n, provider in enumerate([*NAMES, "ALL"])
        for m, specialty in enumerate([*SPECIALTIES, "ALL"])
    ]


def size(measure: str, share: float) -> float:
    """A believable figure for one list."""
    whole = SIZES.get(measure, 3_000.0)
    return whole if measure.startswith(("percent", "median", "p92")) else whole * share


def over_time(times: list[str], column: str, slope: float) -> pd.DataFrame:
    """Percentiles for each list, time and measure, fanning out."""
    rows = []
    for provider, specialty, share in keys():
        for measure in MEASURES:
            middle = size(measure, share) * (1 + slope * np.arange(1, len(times) + 1))[:, None]
            values = middle * (1 + 0.01 * np.sqrt(np.arange(len(times)))[:, None] * SPREAD)
            frame = pd.DataFrame(values, columns=list(QUANTILES))
            frame.insert(0, "measure", measure)
            frame.insert(0, column, times)
            frame.insert(0, "specialty", specialty)
            frame.insert(0, "provider", provider)
            rows.append(frame)
    return pd.concat(rows, ignore_index=True)


def made_up(months: int = 36) -> Result:
    """A run of three made-up trusts by three specialties, as the engine would give it."""
    span = horizon(SNAPSHOT, months)
    ahead = [str(end.day) for end in span.month_ends]
    weekly = [str(day) for day in span.week_ends[1:105]]
    past = [str(day.date()) for day in pd.date_range("2024-05-31", "2025-08-31", freq="ME")]
    lists = keys()
    observed = over_time(past, "month_end", 0.001).rename(columns={"mean": "value"})
    position, breakeven, clearance, waits = [], [], [], []
    for provider, specialty, share in lists:
        position += [(provider, specialty, "ALL", m, size(m, share)) for m in MEASURES]
        for stage, part in (("outpatient", 0.8), ("admission", 0.2)):
            position += [(provider, specialty, stage, m, size(m, share * part)) for m in MEASURES]
            weeks = np.arange(105)
            people = 40_000 * share * part * np.exp(-weeks / 18) / 18.5
            waits += [(provider, specialty, stage, *row) for row in zip(weeks, people, strict=True)]
        for t in (0, *THRESHOLDS):
            flow = 900 * share * np.exp(-t / 30)
            breakeven += [
                (provider, specialty, t, when, flow, flow * 0.1, flow * 0.9, flow * 0.8, flow * 0.1)
                for when in (str(SNAPSHOT), *ahead)
            ]
            dates = {52: ("2026-07-31", "2027-03-31", ""), 104: (str(SNAPSHOT),) * 3}.get(t, ("", "", ""))
            shares = {52: 0.874, 104: 1.0, 18: 0.123}.get(t, 0.0)
            if t:
                now = size(f"over_{t}_weeks", share)
                clearance.append((provider, specialty, t, now, "2028-01-12", *dates, shares))
    cohorts = []
    for provider, specialty, share in lists:
        for t in THRESHOLDS:
            start = 20_000 * share * np.exp(-t / 25)
            for n in range(31):
                left = start * (1 - 0.028 * n)
                week = "2026-03-31" if n == 30 else str(span.week_ends[n])
                row = (left * 0.9, left, left * 1.1, left / max(30 - n, 1), 2.0, start * 0.03)
                cohorts.append((provider, specialty, t, "2026-03-31", week, *row))
    key = ["provider", "specialty"]
    return Result(
        plan=Plan(name="Made-up <b>system</b>", inputs=Path("sample"), horizon_months=months),
        snapshot=SNAPSHOT,
        provider_names=NAMES,
        specialty_names=SPECIALTIES,
        files=(DataFile("august.csv", "2025-08", "ab" * 32),),
        position=pd.DataFrame(position, columns=[*key, "stage", "measure", "value"]),
        trajectory=over_time(ahead, "month_end", -0.004),
        trajectory_weekly=over_time(weekly, "week_ending", -0.001),
        observed=observed[[*key, "month_end", "measure", "value"]],
        breakeven=pd.DataFrame(
            breakeven,
            columns=[*key, "threshold_weeks", "as_of", "inflow_per_week", "other_removals_per_week",
                     "breakeven_per_week", "current_per_week", "gap_per_week"],
        ),
        clearance=pd.DataFrame(
            clearance,
            columns=[*key, "threshold_weeks", "waiting_now", "straight_line_date", "p10_date", "p50_date",
                     "p90_date", "share_of_draws_cleared"],
        ),
        demand=pd.DataFrame(
            [
                (provider, "ALL", kind, 1.5 if kind == "fitted" else 0.0, 0.6, 12_000.0, kind == "fitted")
                for provider in (*NAMES, "ALL") for kind in ("fitted", "stated")
            ],
            columns=COLUMNS["demand"].split(","),
        ),
        paces=pd.DataFrame(
            [
                (provider, "ALL", when, "all" if weeks else "stops_admitted", weeks, 1.1)
                for provider in NAMES for when in ahead[:3] for weeks in (0, 9, 26, 52, 68)
            ],
            columns=COLUMNS["paces"].split(","),
        ),
        cohorts=pd.DataFrame(
            cohorts,
            columns=[*key, "threshold_weeks", "deadline", "week_ending", "p10", "p50", "p90",
                     "required_per_week", "joined", "left"],
        ),
        waits=pd.DataFrame(waits, columns=[*key, "stage", "weeks_waited", "waiting"]),
        rates=pd.DataFrame(columns=[*key, "stage", "flow", "own_weight"]),
        breaks=(Break("QA1", "ALL", "2025-05", "step", 11_921.0, "@a step in what is reported"),),
        assumptions=("Demand stays at its recent level.", "<img src=x onerror=alert(2)>"),
        warnings=(Problem("warning", "august.csv", "QA3", "7", "a small thing <i>", "Have a look."),),
    )  # fmt: skip


def looked_back_on(result: Result) -> Result:
    """``result`` with the record of one origin, poor for one trust whose reporting changed."""
    said = np.array([1.0, 0.9, 0.95, 1.0, 1.05, 1.1, 1.02])  # mean, five percentiles, the last value
    lines = [
        ("2025-05", provider, month, measure, people, *(people * said), "step 2025-06" if provider == "QA1" else "")
        for provider, share in (("ALL", 1.0), ("QA1", 0.5))
        for measure in ("waiting_list", "over_52_weeks")
        for month, people in ((1, size(measure, share)), (2, size(measure, share * 1.01)))
    ]
    fans = pd.DataFrame(lines, columns=FANS)
    fans.loc[fans["provider"] == "QA1", ["p05", "p95"]] = 0.0
    return dataclasses.replace(result, fans=fans, record=record(fans))


@pytest.fixture(scope="module")
def result() -> Result:
    return looked_back_on(made_up())


@pytest.fixture(scope="module")
def written(result, tmp_path_factory) -> Path:
    return folder.write(result, tmp_path_factory.mktemp("runs") / "made-up")


def test_the_report_opens_with_its_record_and_says_where_it_is_poor_and_why(written):
    page = (written / "report.html").read_text(encoding="utf-8")
    opening = page.index("Forecasts made this way at the last origin: 100% of the 90% intervals held the waiting list")
    assert page.index("In short") < opening < page.index('class="summary"')
    assert "average error 0.0% against 2.0% for doing nothing" in page
    poor = "The record is poor for the waiting list and the number over 52 weeks. What is reported changed"
    assert page.count(f"{poor} in that time (restated in June 2025)") == 1
    assert "Past forecasts of the waiting list and what came: All providers" in page
    assert "0 of 2 of the 90% intervals held what came" in page


FILES = [
    "breakeven.csv", "clearance.csv", "cohorts.csv", "demand.csv", "manifest.json", "observed.csv", "paces.csv",
    "position.csv", "report.html", "trajectory.csv", "trajectory_weekly.csv", "workbook.xlsx",
]  # fmt: skip
COLUMNS = {
    "position": "provider,specialty,stage,measure,value",
    "trajectory": "provider,specialty,month_end,measure,mean,p05,p10,p25,p50,p75,p90,p95",
    "trajectory_weekly": "provider,specialty,week_ending,measure,mean,p05,p10,p25,p50,p75,p90,p95",
    "observed": "provider,specialty,month_end,measure,value",
    "breakeven": "provider,specialty,threshold_weeks,as_of,inflow_per_week,other_removals_per_week,"
    "breakeven_per_week,current_per_week,gap_per_week",
    "clearance": "provider,specialty,threshold_weeks,waiting_now,straight_line_date,p10_date,p50_date,p90_date,"
    "share_of_draws_cleared",
    "cohorts": "provider,specialty,threshold_weeks,deadline,week_ending,p10,p50,p90,required_per_week,joined,left",
    "demand": "provider,specialty,growth,percent_per_year,standard_error,starts_per_year,in_plan",
    "paces": "provider,specialty,month_end,flow,weeks_waited,pace",
}


def names(place: Path) -> list[str]:
    """What lies in a folder, hidden things too."""
    return sorted(path.name for path in place.iterdir())


def refusal(*arguments) -> str:
    """What a place is refused for."""
    with pytest.raises(Refusal) as refused:
        folder.check_place(*arguments)
    return str(refused.value)


# The CSV files


@pytest.mark.parametrize("name", COLUMNS)
def test_a_csv_has_its_columns_and_every_row_in_order(written, result, name):
    frame = result.tables()[name]
    text = (written / f"{name}.csv").read_bytes()
    assert text.startswith(COLUMNS[name].encode() + b"\n") and b"\r" not in text
    read = pd.read_csv(written / f"{name}.csv", dtype={"provider": str, "specialty": str})
    pd.testing.assert_frame_equal(read, frame.replace("", np.nan), check_dtype=False, rtol=0, atol=0.000_501)


def test_a_csv_says_none_by_nothing_and_counts_to_three_decimals(result, tmp_path):
    value = [1234.56789, -0.0001, np.nan, np.inf, 1e12]
    frame = result.observed.head(5).assign(value=value, flag=[True, False, True, False, True])
    out = folder.write(dataclasses.replace(result, observed=frame), tmp_path / "out", only="observed")
    ends = [line.split(",")[4:] for line in (out / "observed.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert [end[0] for end in ends] == ["1234.568", "0.000", "", "", "1000000000000.000"]
    assert [end[1] for end in ends] == ["true", "false", "true", "false", "true"]
    assert names(out) == ["manifest.json", "observed.csv"]


def test_the_same_result_gives_the_same_bytes(written, result, tmp_path):
    again = folder.write(result, tmp_path / "again")
    assert names(again) == names(written) == FILES
    assert all((again / name).read_bytes() == (written / name).read_bytes() for name in FILES)


def test_the_manifest_names_every_file_and_no_machine(written, result):
    text = (written / "manifest.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert {item["name"] for item in record["files"]} == set(FILES) - {"manifest.json"}
    for item in record["files"]:
        content = (written / item["name"]).read_bytes()
        assert (item["sha256"], item["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert record["plan"]["draws"] == record["draws"] == 500 and record["plan"]["inputs"] == "sample"
    assert record["data"][0]["sha256"] == "ab" * 32 and record["breaks"][0]["size"] == 11_921.0
    assert str(Path.cwd()) not in text and str(written.parent) not in text


# The folder appears whole or not at all


def test_a_folder_of_ours_is_replaced_whole(result, tmp_path):
    out = folder.write(result, tmp_path / "new" / "out", only="position")
    (out / "old.csv").write_text("old")
    folder.write(result, out, only="clearance")
    assert names(out) == ["clearance.csv", "manifest.json"] and names(tmp_path / "new") == ["out"]


def test_places_that_are_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_text('{"tool": "another"}')
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "a file of this name" in refusal(tmp_path / "file")
    assert "file is a file, not a folder" in refusal(tmp_path / "file" / "below" / "out")
    assert "no run wrote" in refusal(tmp_path / "mine")
    assert "a link" in refusal(tmp_path / "link") and "a link" in refusal(tmp_path / "dangling")
    assert "holds the data" in refusal(tmp_path / "data", tmp_path / "data")
    assert "holds the data" in refusal(tmp_path / "data", tmp_path / "data" / "2025")
    assert "holds the data" in refusal(tmp_path / "data", tmp_path / "elsewhere", tmp_path / "data" / "history.csv")
    monkeypatch.chdir(tmp_path / "mine")
    assert "holds the data or the place you work in" in refusal(tmp_path)
    assert "holds the data or the place you work in" in refusal(Path("."))
    (tmp_path / "empty").mkdir()
    folder.check_place(tmp_path / "empty")
    folder.check_place(tmp_path / "not" / "yet")
    assert names(tmp_path) == ["dangling", "empty", "file", "link", "mine"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where nobody may make a folder")
def test_a_place_that_cannot_be_made_is_refused_in_words(result):
    with pytest.raises(Refusal, match=r"/proc/out: the folder cannot be written, and nothing was .*--out"):
        folder.write(result, Path("/proc/out"), only="clearance")


WRITE = """
import pickle, resource, sys
from pathlib import Path
from waitlist import cli
from waitlist.outputs.folder import write

result = pickle.loads(Path(sys.argv[1]).read_bytes())
limit = int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
out = Path(sys.argv[2])

@cli.app.command()
def keep() -> None:
    write(result, out)

sys.argv[1:] = ["keep"]
cli.main()
"""
"""The command line with one more command, that only writes."""


@pytest.fixture(scope="module")
def kept(result, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "result.pickle"
    path.write_bytes(pickle.dumps(result))
    return path


def test_a_place_that_fills_up_leaves_the_old_folder_as_it_was(result, kept, tmp_path):
    out = folder.write(result, tmp_path / "out", only="clearance")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    command = [sys.executable, "-c", WRITE, kept, out, "300000"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert re.fullmatch(r"Refused: \S+/out: the folder cannot be written, .*file too large.*--out\.\n", ended.stderr)
    assert names(tmp_path) == ["out"] and {p.name: p.read_bytes() for p in out.iterdir()} == before


@pytest.mark.parametrize("after", ["", "trajectory_weekly.csv", "cohorts.csv"])
def test_ctrl_c_while_writing_leaves_nothing(kept, tmp_path, after):
    out = tmp_path / "parent" / "out"
    with subprocess.Popen(
        [sys.executable, "-c", WRITE, kept, out, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not list(tmp_path.glob(f"parent/.out-*/{after}")):
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "Stopped; nothing was written.\n")
    assert names(tmp_path) == []


# The report


@pytest.mark.parametrize("python", [None, "fails/python3", "nowhere/python3", "a-program", ""])
def test_the_report_is_the_same_whether_a_second_process_drew_it_or_could_not(result, monkeypatch, tmp_path, python):
    (tmp_path / "fails").mkdir()
    (tmp_path / "fails" / "python3").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "fails" / "python3").chmod(0o700)
    monkeypatch.chdir(tmp_path)
    expected = report.render(result)
    if python is None:  # it did
        monkeypatch.setattr(report, "render", lambda result: "")
    else:
        monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(sys, "path", [*sys.path, Path("no text")])
    with aside.report_of(result) as page:
        assert page() == expected


def test_a_second_process_is_not_left_behind(result, monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with pytest.raises(KeyboardInterrupt), aside.report_of(result):
        raise KeyboardInterrupt
    assert [process.returncode is None for process in started] == [False]
    with pytest.raises(KeyboardInterrupt), aside.made_ready():
        raise KeyboardInterrupt
    with aside.made_ready(), aside.report_of(result) as page:  # the one made ready draws it
        assert page() == report.render(result)
    assert [process.returncode is None for process in started] == [False] * 3


def test_the_page_escapes_what_the_data_say_and_fetches_nothing(written):
    page = (written / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<img" not in page and "Made-up <b>" not in page and "thing <i>" not in page
    assert "&lt;script&gt;" in page and "&lt;img src=x" in page
    assert set(re.findall(r"https?://[^\s\"'<&]+", page)) <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://example.invalid",
    }  # fmt: skip
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_the_page_has_a_table_beside_every_chart_and_says_what_flatters(written):
    page = (written / "report.html").read_text(encoding="utf-8")
    figures = re.findall(r"<figure>.*?</figure>", page, re.S)
    assert len(figures) == 4 * (1 + 4 + 5) + 2 + 2  # and the record's: two measures of all, two poor ones of a trust
    assert all("<svg" in figure and "<table" in figure and 'role="img"' in figure for figure in figures)
    assert "All providers: 40,000 waiting at 31 August 2025; 1,400 over 52 weeks (3.5%); 60.0% within" in page
    assert "clears in March 2027, between July 2026 and some time after August 2028." in page
    assert "Other removals are not treatment" in page and "a step in what is reported" in page


def test_a_list_of_nobody_has_no_percentage(result):
    empty = {}
    for name, column in (("position", ["value"]), ("observed", ["value"]), ("trajectory", ["p05", "p50", "p95"])):
        frame = getattr(result, name).copy()
        gone = frame["measure"].str.startswith(("percent_", "median_", "p92_"))
        frame.loc[gone & frame["provider"].eq("QA3"), column] = np.nan
        empty[name] = frame
    empty["breakeven"] = result.breakeven.iloc[:0]
    page = report.render(dataclasses.replace(result, **empty))
    assert "over 52 weeks (no data); no data within 18 weeks" in page and "nan" not in page.lower().split("<main")[1]


def test_a_missing_month_breaks_the_line(result):
    frame = result.observed[result.observed["month_end"] != "2025-03-31"]
    page = report.render(dataclasses.replace(result, observed=frame))
    drawn = re.search(r'id="provider-ALL-waiting_list.*?</svg>', page, re.S).group()
    (line,) = re.findall(r'<path[^>]*d="([^"]*)"[^>]*stroke="#212B32"', drawn)
    assert line.count("M") == 2


# The workbook


def test_the_workbook_is_typed_and_ready_to_print(written):
    book = openpyxl.load_workbook(written / "workbook.xlsx")
    assert book.sheetnames == [
        "Summary", "Position", "Trajectory", "Breakeven", "Clearance", "Cohorts",
            "Demand", "Paces", "Observed", "Breaks", "Assumptions",
        "About",
    ]  # fmt: skip
    for page in book:
        assert page.freeze_panes and page.print_title_rows == "$4:$4" and page.page_setup.paperSize == 9
        assert page.page_setup.orientation == "landscape" and page.page_setup.fitToHeight == 0
        assert not [cell for row in page for cell in row if cell.data_type == "f"]
    assert book.properties.created == datetime(2025, 8, 31)
    heads = [cell.value for cell in book["Clearance"][4]]
    row = next(r for r in book["Clearance"].iter_rows(min_row=5, values_only=True) if r[0] == "ALL" and r[4] == 52)
    cells = dict(zip(heads, row, strict=True))
    assert cells["Clears, middle (50th)"] == datetime(2027, 3, 31) and cells["Clears, 90th percentile"] is None
    assert cells["Provider name"] == "All providers" and isinstance(cells["Waiting now"], int | float)
    assert '=HYPERLINK("http://example.invalid","ST ELSWITH\'S")' in [c.value for c in book["Summary"]["B"]]
    assert "@a step in what is reported" in [c.value for c in book["Breaks"]["G"]]


def test_a_table_too_long_for_a_sheet_keeps_its_totals_and_says_so(result, tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_ROWS", 100)
    workbook.write(result, tmp_path / "short.xlsx")
    page = openpyxl.load_workbook(tmp_path / "short.xlsx")["Cohorts"]
    assert "every list is in cohorts.csv" in page["A2"].value
    rows = list(page.iter_rows(min_row=5, max_col=3, values_only=True))
    assert rows and all("ALL" in (provider, specialty) for provider, _, specialty in rows)


# The terminal


def test_the_headline_fits_eighty_columns(result, monkeypatch):
    monkeypatch.setattr(terminal, "_width", lambda: 80)
    text = terminal.headline(result)
    assert max(map(len, text.splitlines())) <= 80
    assert "Mar 2027" in text and "40,000" in text


def test_a_table_too_wide_for_its_terminal_moves_keys_into_headings(result, monkeypatch):
    frame = result.cohorts.head(60)
    wide = terminal.table(frame, "Cohorts").splitlines()
    monkeypatch.setattr(terminal, "_width", lambda: 80)
    narrow = terminal.table(frame, "Cohorts").splitlines()
    assert len(wide) == 3 + 60 and max(map(len, wide)) > 80 >= max(map(len, narrow))
    assert "provider QA1, specialty 110, threshold weeks 18" in "\n".join(narrow)


def test_json_is_an_array_of_records_with_null_for_none(result):
    frame = result.breakeven.head(2).assign(gap_per_week=[np.nan, 1.23456])
    first, second = json.loads(terminal.as_json(frame))
    assert (first["provider"], first["gap_per_week"], second["gap_per_week"]) == ("QA1", None, 1.235)


# The command line


def command(*arguments: str, code: str = "from waitlist.cli import main; main()") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_help_is_light_and_wrong_usage_exits_2():
    code = """
import sys
from waitlist.cli import main
try:
    main()
finally:
    print(sorted({"pandas", "statsmodels", "numba", "duckdb", "altair"} & set(sys.modules)))
"""
    helped = command("--help", code=code)
    assert helped.returncode == 0 and helped.stdout.endswith("[]\n")
    assert all(name in helped.stdout for name in ("sample", "check", "run", "position", "breakeven", "cohort"))
    wrong = command("run", "plan.toml", "--draws", "none")
    assert wrong.returncode == 2 and "--draws" in wrong.stderr
    assert command("no-such-command").returncode == 2


def test_a_refused_place_exits_1_before_the_data_are_read(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text("name = 'Made-up'\ninputs = 'nowhere'\n")
    ended = command("run", str(plan), "--out", str(plan))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "there is a file of this name" in ended.stderr and "Traceback" not in ended.stderr


def test_a_reader_that_leaves_is_no_error():
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-c", "from waitlist.cli import main; main()", "--help"],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert "Traceback" not in ended.stderr
