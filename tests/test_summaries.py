"""A plan's history: published summaries, strikes and population are read, checked and known until the origin."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import waitlist as wl
from tests import extracts
from tests.conftest import ROOT
from waitlist.errors import Refusal
from waitlist.history import STOCKS, Summaries
from waitlist.inputs.past import merge_summaries, summaries_until
from waitlist.inputs.sample import write_sample
from waitlist.inputs.summaries import FLOW_COLUMNS, NATIONAL_STOCKS, read_summaries
from waitlist.models.record import record_of
from waitlist.outputs.manifest import write as write_manifest
from waitlist.plan import Successor

SUMMARY = "month,level,code,name,region,incomplete_total,within_18wk,gt52wk,gt65wk,gt78wk,gt104wk"
NATIONAL = ",".join(["month", *NATIONAL_STOCKS, *FLOW_COLUMNS])
STRIKES = "date,staff_group,fraction_of_day"
PEOPLE = "area_code,area_name,variant,year,age_band,females,males,persons"


def summary_row(month="2025-05-01", level="provider", code="ZZA", counts="100,60,20,10,5,1"):
    return f"{month},{level},{code},A name,Here,{counts}"


def written(folder: Path, name: str, header: str, *rows: str) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def told(summaries: Summaries) -> list:
    """All that ``summaries`` tell, in a form that compares; of a file its name and month."""
    people = summaries.population
    return [
        summaries.months,
        summaries.providers,
        *(array.tolist() for array in map(np.nan_to_num, (summaries.stocks, summaries.england))),
        np.nan_to_num(summaries.england_flows).tolist(),
        summaries.strikes,
        people and (people.areas, people.years, people.last_estimate, people.people.tolist()),
        [(file.name, file.month) for file in summaries.files],
    ]


def all_layouts(folder: Path, *, wild: bool) -> list[Path]:
    """One small file of each layout until May 2025; ``wild``: with senseless rows after it too."""
    later = {
        "summary": ["2025-06-01,nowhere,?,,,-1,9,9,9,9,9", summary_row("2025-07-01", counts="1,900,-5,x,,")],
        "national": ["2025-06-01,-7,9,9,9,9,9,-1,-1,-1"],
        "strikes": ["2025-06-01,,7"],
        "people": ["?,,v0,2025,?,1,1,-9"],  # its middle is June
    }
    rows = {
        "summary": [summary_row("2025-04-01"), summary_row(), summary_row(level="national", code="ENG")],
        "national": ["2025-03-01,7.4,90,50,,,,30,10,20.5", "2025-05-01,1000,40,20,10,5,1,31,11,21"],
        "strikes": ["2025-05-31,doctors,0.5"],
        "people": ["E00000001,Here,v0,2024,85+,1,2,3", "E00000001,Here,v1,2026,85+,2,2,4"],
    }
    headers = {"summary": SUMMARY, "national": NATIONAL, "strikes": STRIKES, "people": PEOPLE}
    folder.mkdir()
    return [
        written(folder, name, header, *rows[name], *(later[name] if wild else ())) for name, header in headers.items()
    ]


def test_the_published_totals_are_read_and_agree_with_the_extracts(shared):
    data = shared / "data"
    plan = wl.Plan.load(ROOT / "models" / "england.toml", inputs=data / "rtt_full_extract")
    history = wl.read(plan.inputs, plan)
    found = history.summaries
    assert found.england[STOCKS.index("waiting_list"), -1] == 7_312_356
    assert found.england[STOCKS.index("over_52_weeks"), -1] == 188_702
    assert (found.months[0], found.months[-1], len(found.strikes)) == ("2007-04", "2025-08", 88)
    assert found.population is not None and found.population.people.shape == (10, 44, 9)
    assert not np.isnan(found.population.people).any()
    alone = record_of(dataclasses.replace(history, summaries=Summaries()))
    at = found.months.index(alone.months[0])
    counted = {code: own for code, own in zip(alone.providers, alone.own, strict=True) if np.isfinite(own).any()}
    assert set(counted) <= set(found.providers)
    for p, provider in enumerate(found.providers):
        nothing = np.full((4, len(alone.months)), np.nan)
        assert np.array_equal(counted.get(provider, nothing), found.stocks[p, :4, at:], equal_nan=True), provider


def test_the_national_series_and_the_summary_tell_the_same_england(shared):
    folder = shared / "data" / "history"
    both = [
        read_summaries(list(folder.glob(f"{name}*.csv")), "2025-08")[0]
        for name in ("england_rtt_overview", "rtt_incomplete_summary")
    ]
    national, summary = (item.england[:, item.months.index("2022-04") :] for item in both)
    there = both[1].months.index("2024-02") != np.arange(national.shape[1])  # the series has no row of that month
    assert np.array_equal(national[:, there], summary[:, there])


def test_nothing_after_the_origin_is_known_or_judged(tmp_path):
    plain, _ = read_summaries(all_layouts(tmp_path / "plain", wild=False), "2025-05")
    wild, _ = read_summaries(all_layouts(tmp_path / "wild", wild=True), "2025-05")
    assert told(wild) == told(plain)
    assert plain.months == ("2025-03", "2025-04", "2025-05")
    assert plain.population is not None and plain.population.years == (2024, 2026)


def test_a_past_cut_short_is_as_it_was_read_then(tmp_path):
    paths = all_layouts(tmp_path / "files", wild=False)
    then, _ = read_summaries(paths, "2025-04")
    cut = summaries_until(read_summaries(paths, "2025-05")[0], "2025-04")
    assert told(cut)[:6] == told(then)[:6]


def test_england_is_the_summarys_and_in_people_where_the_series_is_in_millions(tmp_path):
    found, _ = read_summaries(all_layouts(tmp_path / "files", wild=False), "2025-05")
    assert found.england[0].tolist()[::2] == [7_400_000, 100]
    assert found.england_flows[:, 2].tolist() == [31, 11, 21]
    assert np.isnan(found.england_flows[:, 1]).all()


REFUSED = [
    (SUMMARY, summary_row(counts="100,60,20,10,5,-1"), ("row 2", "gt104wk '-1'", "whole number of people")),
    (SUMMARY, summary_row(counts="100.5,60,20,10,5,1"), ("row 2", "100.5", "whole number of people")),
    (SUMMARY, summary_row(counts="1e9,60,20,10,5,1"), ("row 2", "1e9", "whole number of people")),
    (SUMMARY, summary_row(counts="100,101,0,0,0,0"), ("101 of 100", "may not be more than incomplete_total")),
    (
        SUMMARY,
        summary_row(counts="100,60,41,10,5,1"),
        ("41 of 40", "gt52wk may not be more than those who"),
    ),
    (SUMMARY, summary_row(counts="100,60,20,10,,11"), ("11 of 10", "gt104wk may not be more than those")),
    (SUMMARY, summary_row(month="2025-05-02"), ("'2025-05-02'", "as its first day")),
    (SUMMARY, summary_row(month="2025-13-01"), ("'2025-13-01'", "as its first day")),
    (SUMMARY, summary_row(level="trust"), ("'trust'", "provider, icb or national")),
    (SUMMARY, summary_row(code="z z\x1b"), (r"'z z\x1b'", "capital letters and digits")),
    (SUMMARY, f"{summary_row()}\n{summary_row()}", ("row 3", "first in it.csv row 2", "Remove the repeated row")),
    (SUMMARY, f"{summary_row()},7", ("row 2", "12 values", "must hold 11 values")),
    (SUMMARY.replace("gt52wk", "over_a_year"), summary_row(), ("header", "'gt52wk' is needed")),
    (f"{SUMMARY},month", f"{summary_row()},2025-05-01", ("2 times", "'month' may be there once")),
    (NATIONAL, "2025-05-01,1000,40,41,10,5,1,31,11,21", ("41 of 40", "No. > 52 weeks may not be more")),
    (NATIONAL, "2025-05-01,1000,40,20,10,5,1,-31,11,21", ("'-31'", "a flow must be a number")),
    (STRIKES, "2025-05-01,nurses,1.5", ("'1.5'", "from 0 to 1")),
    (STRIKES, "2025-02-30,nurses,1", ("'2025-02-30'", "a date must be a day")),
    (STRIKES, "2025-05-01, ,1", ("staff_group ' '", "not blank")),
    (STRIKES, "2025-05-01,\x1b[31mnurses,1", ("none of them a control character",)),
    (PEOPLE, "E00000001,Here,v0,2020,85+,1,2,4", ("1 + 2 against 4", "must add up to persons")),
    (PEOPLE, "E00000001,\x1b[31mHere,v0,2020,85+,1,2,3", ("none of them a control character",)),
    (PEOPLE, "E00000001,Here,v2,2020,85+,1,2,3", ("'v2'", "v0, estimates, or v1")),
    ("one,two", "1,2", ("header", "must have the header of one of rtt_incomplete_summary")),
    (STRIKES.upper().replace(",", ";"), "2025-05-01;nurses;1", ("header", "The nearest is strike_days_england")),
]


@pytest.mark.parametrize(("header", "row", "words"), REFUSED)
def test_what_cannot_be_is_refused_with_its_row_value_and_rule(header, row, words, tmp_path):
    with pytest.raises(Refusal) as refusal:
        read_summaries([written(tmp_path, "it", header, row)], "2025-05")
    said = str(refusal.value)
    assert said.startswith("it.csv") and all(word in said for word in words), said


def test_all_problems_of_all_files_are_told_at_once(tmp_path):
    paths = [
        written(tmp_path, "a", SUMMARY, summary_row(counts="x,60,20,10,5,1"), summary_row(level="?")),
        written(tmp_path, "b", STRIKES, *[f"2025-01-0{day},nurses,9" for day in range(1, 9)]),
    ]
    with pytest.raises(Refusal) as refusal:
        read_summaries(paths, "2025-05")
    found = [(problem.file, problem.place, problem.value) for problem in refusal.value.problems]
    assert [(file, place) for file, place, _ in found[:2]] == [("a.csv", "row 3"), ("a.csv", "row 2")]
    assert len(found) == 8 and found[-1] == ("b.csv", "other rows", "3 more")


def test_a_hostile_file_is_refused_in_plain_words(tmp_path):
    path = written(tmp_path, "it", SUMMARY, summary_row())
    with pytest.raises(Refusal, match="may not be larger than 20 bytes"):
        read_summaries([path], "2025-05", limit=20)
    senseless = {SUMMARY.encode() + b"\n\xff": "not UTF-8", b"": "header", b"\x00\xff\n": "header"}
    for content, words in (senseless | {SUMMARY.encode() + b"\n\n": "hold a row"}).items():
        path.write_bytes(content)
        with pytest.raises(Refusal, match=words):
            read_summaries([path], "2025-05")
    rows = [f"2025-05-01,provider,A{n:04},,,1,1,0,0,0,0" for n in range(1000)]
    rows += [f"{1900 + n // 12}-{n % 12 + 1:02}-01,provider,ZZA,,,1,1,0,0,0,0" for n in range(1400)]
    written(tmp_path, "it", SUMMARY, *rows, *(row.replace(",A", ",B") for row in rows[:1000]))
    with pytest.raises(Refusal, match="too many different month, code"):
        read_summaries([path], "2025-05")


def test_a_folder_is_searched_and_what_is_not_known_left_aside(tmp_path):
    known = written(tmp_path, "known", SUMMARY, summary_row())
    written(tmp_path, "unknown", "one,two", "1,2")
    written(tmp_path, "flows", "provider_icb_code,month,completed_adm_plus_nonadm_incl_nonc,new_rtt_periods_incl_nonc")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder.csv").mkdir()
    written(tmp_path, ".hidden", SUMMARY, "not,ours")
    found, problems = read_summaries([tmp_path, known], "2025-05")
    assert ([file.name for file in found.files], found.providers) == (["known.csv"], ("ZZA",))
    assert [(p.severity, p.value) for p in problems] == [("note", "empty.csv, flows.csv, unknown.csv")]
    assert len(found.files[0].sha256) == 64


def test_a_file_that_tells_nothing_until_the_origin_is_a_warning(tmp_path):
    found, (warning,) = read_summaries([written(tmp_path, "late", SUMMARY, summary_row("2025-06-01"))], "2025-05")
    assert (warning.severity, warning.file, found.files) == ("warning", "late.csv", ())


def test_a_history_that_counts_otherwise_than_the_extracts_is_a_warning(tmp_path):
    for month in ("2025-04", "2025-05"):
        extracts.write(tmp_path, month)  # 600 people wait
    rows = [summary_row("2025-04-01", counts="600,600,0,0,0,0"), summary_row(counts="590,590,0,0,0,0")]
    history = written(tmp_path, "history", SUMMARY, *rows)
    history = history.rename(tmp_path / "it")
    plan = wl.Plan(name="Two counts", inputs=tmp_path, history=(history,))
    (found,) = [p for p in wl.read(tmp_path, plan, cache=False).problems if p.file == "the history"]
    assert (found.severity, found.value) == ("warning", "ZZA 2025-05: 590 waiting against 600")


def test_mergers_merge_the_summaries_and_a_missing_part_is_not_zero(tmp_path):
    rows = [summary_row("2025-03-01"), summary_row("2025-03-01", code="ZZB"), summary_row("2025-04-01", code="ZZB")]
    rows += [summary_row("2025-02-01"), summary_row("2025-02-01", code="ZZB"), summary_row("2025-01-01")]
    found, _ = read_summaries([written(tmp_path, "it", SUMMARY, *rows)], "2025-05")
    merger = Successor.model_validate({"from": "ZZA", "to": "ZZB", "date": date(2025, 4, 1)})
    merged = merge_summaries(found, [merger])
    assert merged.providers == ("ZZB",)
    assert np.array_equal(merged.stocks[0, 0], [np.nan, 200, 200, 100], equal_nan=True)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A plan whose history is not beside it, and a data folder that has one beside it."""
    monkeypatch.setenv("WAITLIST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "models").mkdir()
    (tmp_path / "data").mkdir()
    keys = 'name = "Made-up"\ninputs = "../inputs/extracts"\nhistory = ["../inputs/history"]\n'
    few = 'providers = ["MADE1"]\nspecialties = ["110"]\ndraws = 2\nhorizon_months = 2\n'
    (tmp_path / "models" / "it.toml").write_text(keys + few)
    return tmp_path


def test_history_is_looked_for_beside_the_inputs_that_replace_the_plans(desk):
    plan = desk / "models" / "it.toml"
    moved = {"inputs": desk / "data" / "extracts"}
    assert wl.Plan.load(plan, **moved).history == (desk / "models" / "../inputs/history",)
    (desk / "data" / "history").mkdir()
    assert wl.Plan.load(plan, **moved).history == (desk / "data" / "history",)
    assert wl.Plan.load(plan, **moved, history=[desk / "other"]).history == (desk / "other",)
    (desk / "inputs" / "history").mkdir(parents=True)
    assert wl.Plan.load(plan, **moved).history == (desk / "models" / "../inputs/history",)


def test_the_run_says_what_it_lost_without_and_lists_the_files_of_the_history_with(desk):
    for path in sorted(write_sample(desk / "data" / "extracts").glob("*.zip"))[:-9]:
        path.unlink()  # the last months are enough
    without = wl.Plan.load(desk / "models" / "it.toml", inputs=desk / "data" / "extracts")
    poor = wl.read(without.inputs, without, "2025-05")
    assert [(p.severity, p.value) for p in poor.problems if p.place == "history"] == [("warning", "history")]
    all_layouts(desk / "data" / "history", wild=True)
    plan = wl.Plan.load(desk / "models" / "it.toml", inputs=desk / "data" / "extracts")
    known = wl.read(plan.inputs, plan, "2025-05")
    assert not [p for p in known.problems if p.place == "history"]
    lost = "without the long record"
    assert [any(lost in said for said in wl.run(plan, past).assumptions) for past in (poor, known)] == [True, False]
    rich = wl.run(plan, known)
    (desk / "out").mkdir()
    write_manifest(rich, desk / "out")
    manifest = json.loads((desk / "out" / "manifest.json").read_text())
    assert [file["name"] for file in manifest["data"][-4:]] == [
        "national.csv", "people.csv", "strikes.csv", "summary.csv"]  # fmt: skip
    assert manifest["plan"]["history"] == ["history"]
    assert str(desk) not in json.dumps(manifest)
