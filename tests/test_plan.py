"""A plan that cannot be meant is refused by key, value, rule and remedy, in plain words (R14)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import waitlist as wl
from waitlist.unplannable import code_problems, deadline_problems

BREAK = "[[break]]\nprovider = 'ZZA'\nmonth = '2025-05'\n"


def plan(**keys) -> wl.Plan:
    return wl.Plan.model_validate({"name": "Made-up", "inputs": Path("inputs"), **keys})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("horizon_month = 3", ("horizon_month", "Did you mean horizon_months?")),
        ("horizon_months = 0", ("horizon_months", "found 0", "greater than or equal to 1")),
        ("horizon_months = 600", ("horizon_months", "found 600", "less than or equal to 120")),
        ("[[deadline]]\nthreshold_week = 52\ndate = 2026-03-31", ("Did you mean threshold_weeks?",)),
        ("draws = 'many'", ("draws", "found many")),
        ("draws = ", ("not valid TOML",)),
        ("[[successor]]\nfrom = 'ZZA'\nto = 'ZZB'\ndate = 2025-01-01\n"
         "[[successor]]\nfrom = 'ZZB'\nto = 'ZZA'\ndate = 2025-01-01", ("circle",)),
        ("horizon_months = true", ("horizon_months", "found true", "whole number")),
        ("draws = '6'", ("draws", "found 6", "whole number")),
        ("providers = []", ("providers", "an empty list", "leave the key out for all")),
        ("specialties = ['110', ' ']", ("specialties (no. 2)", "may not be blank")),
        ('providers = ["ZZ\\u001bA"]', ("providers (no. 1)", "control characters")),
        ("thresholds_weeks = []", ("thresholds_weeks", "an empty list")),
        ("thresholds_weeks = [52, 52]", ("thresholds_weeks may hold 52 once",)),
        ("[clearance]\ntolerance = nan", ("clearance.tolerance", "found nan", "not infinite or nan")),
        ("[clearance]\ntolerance = 0\ntolerance_share = 0.1", ("not both",)),
        ("[demand]\npercent_per_year = 2", ("demand.percent_per_year", 'write growth = "stated"')),
        ("[demand.specialty]\n110 = 2", ("demand.specialty", 'write growth = "stated"')),
        ("[demand]\ngrowth = 'stated'\nspecialty = { 110 = 51 }", ("demand.specialty.110", "found 51", "equal to 50")),
        ("[demand]\narea = 'E1'", ("demand.area", 'write growth = "population"')),
        ("[demand]\nover_months = 6", ("demand.over_months", 'write scenario = "suppressed"')),
        ("[demand]\nscenario = 'trend_2019'", ("needs demand.reached_by",)),
        ("[demand]\nscenario = 'trend_2019'\nreached_by = 2027-03-31\ngrowth = 'stated'", ("a growth of its own",)),
        (f"{BREAK}size = -inf", ("break.size (no. 1)", "found -inf", "not infinite or nan")),
        (f"{BREAK}size = 1e8", ("break.size (no. 1)", "less than or equal to 10000000")),
        (f"{BREAK}size = 5\nignore = true", ("may not have a size",)),
        (f"{BREAK}{BREAK}", ("one [[break]] of ZZA, ALL in 2025-05",)),
        ("[[break]]\nprovider = 'ZZA'\nmonth = 'May'", ("break.month (no. 1)", "found May", "such as 2025-08")),
        ("[deadline]\nthreshold_weeks = 52\ndate = 2026-03-31", ("[[deadline]], in double brackets",)),
        ("[[deadline]]\nthreshold_weeks = 52\ndate = 2026-03-31T09:00:00", ("such as 2026-03-31, without a time",)),
    ],
)  # fmt: skip
def test_a_plans_keys(tmp_path, text, words):
    path = tmp_path / "plan.toml"
    path.write_text(f"name = 'Made-up'\ninputs = '.'\n{text}\n")
    with pytest.raises(wl.Refusal) as refused:
        wl.Plan.load(path)
    sentences = str(refused.value)
    assert not any(raw in sentences for raw in ("<class", "pathlib", "{", "Input", "datetime"))
    for word in ("plan.toml", *words):
        assert any(word in problem.sentence() for problem in refused.value.problems)


@pytest.mark.parametrize("lines", ["name = 'Made-up'\ninputs = 3", "name = ' '\ninputs = ' '", "name = 3"])
def test_a_name_and_a_folder_are_needed_as_text(tmp_path, lines):
    path = tmp_path / "plan.toml"
    path.write_text(lines)
    with pytest.raises(wl.Refusal) as refused:
        wl.Plan.load(path)
    assert "inputs" in {problem.place for problem in refused.value.problems}
    assert "pathlib" not in str(refused.value)


def test_a_deadline_lies_after_the_snapshot_and_within_the_forecast():
    days = ("2025-08-31", "2025-09-01", "2026-08-31", "2026-09-01")
    asked = plan(deadline=[{"threshold_weeks": 52, "date": day} for day in days])
    found = deadline_problems(asked, date(2025, 8, 31), date(2026, 8, 31))
    assert [problem.value for problem in found] == ["2025-08-31", "2026-09-01"]
    assert "after the snapshot, 2025-08-31, and no later than the forecast's end, 2026-08-31" in found[0].sentence()


def test_codes_of_mergers_breaks_and_growth_are_in_the_data():
    asked = plan(
        successor=[{"from": "ZZC", "to": "ZZD", "date": "2025-06-01"}],
        breaks=[{"provider": "ZZA", "specialty": s, "month": "2025-05"} for s in ("ALL", "110", "111")],
        demand={"growth": "stated", "specialty": {"110": 1.0, "102": 2.0}},
    )
    found = code_problems(asked, {"ZZA": "MADE-UP ZZA", "ZZB": "MADE-UP ZZB"}, {"110": "Made-up Service"})
    assert [(problem.place, problem.value) for problem in found] == [
        ("successor.to", "ZZD"),
        ("break.specialty", "111"),
        ("demand.specialty", "102"),
    ]
    assert "ZZA (MADE-UP ZZA)" in found[0].remedy and "110 (Made-up Service)" in found[1].remedy
