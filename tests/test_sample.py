"""The synthetic sample: in the published layout, with a truth that can be recovered from it."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import binom

import waitlist as wl
from tests.conftest import ROOT
from waitlist.bands import over
from waitlist.calendar import month_end, months_after, working_days
from waitlist.inputs.fields import fields
from waitlist.inputs.sample import MONTHS, month_files, write_sample
from waitlist.inputs.sample_draw import CONVERTED, Simulated, simulate
from waitlist.inputs.sample_truth import COMMISSIONERS, SYSTEM, Hazards, ListTruth, Truth, two_stages
from waitlist.models import rates

DAYS = {m: working_days(month_end(months_after(m, -1)), month_end(m)) for m in MONTHS}


def published(folder: Path, happened: Simulated, months: tuple[str, ...]) -> wl.History:
    """``months`` of ``happened``, written as published and read back: all that a forecaster may know."""
    folder.mkdir()
    for name, content in month_files(happened, months).items():
        (folder / name).write_bytes(content)
    return wl.read(folder, cache=False)


def one_list(outpatient: Hazards, **more: float) -> Truth:
    """A single list of 40 clock starts a day, with one commissioner."""
    alone = ListTruth("MADE1", "110", 40.0, 0.0, outpatient, **more)
    return Truth((alone,), {"MADE1": "MADE UP"}, (replace(COMMISSIONERS[0], share=1.0),))


def run(history: wl.History, months: int, draws: int) -> wl.Result:
    plan = wl.Plan(name="Made up", inputs=Path("."), horizon_months=months, draws=draws, thresholds_weeks=(52,))
    return wl.run(plan, history)


def conversions(result: wl.Result, truth: Truth) -> np.ndarray:
    """Those of the last twelve months as recovered, by list."""
    seen = result.observed[result.observed["measure"] == "conversions"]
    seen = seen[seen["month_end"].astype(str) > "2024-08-31"].groupby(["provider", "specialty"])["value"].sum()
    return np.array([seen[item.provider, item.specialty] for item in truth.lists])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_sample(tmp_path_factory.mktemp("inputs") / "sample", seed=1)


@pytest.fixture(scope="module")
def truth(folder) -> dict:
    return json.loads((folder / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def history(folder) -> wl.History:
    return wl.read(folder, cache=False)


def rows_of(folder: Path, month: str) -> list[list[str]]:
    with zipfile.ZipFile(folder / f"RTT-{month}-full-extract.zip") as archive:
        (member,) = archive.namelist()
        assert member == f"{month_end(month):%Y%m%d}-RTT-{month_end(month):%B-%Y}-full-extract-revised.csv"
        return list(csv.reader(io.StringIO(archive.read(member).decode("ascii"))))


def test_a_month_is_laid_out_as_the_published_ones_traps_included(folder):
    header, *rows = rows_of(folder, "2025-08")
    assert header == [field.name for field in fields()]
    assert {len(row) for row in rows} == {121}
    assert {row[0] for row in rows} == {"RTT-August-2025"}
    assert {row[9] for row in rows} == {"Part_1A", "Part_1B", "Part_2", "Part_2A", "Part_3"}
    assert {"C_999", "C_110"} <= {row[11] for row in rows}
    assert "NONC" in {row[7] for row in rows}
    for row in rows:
        bands, total, unknown, everyone = row[13:118], row[118], row[119], row[120]
        completed = row[9] in ("Part_1A", "Part_1B")
        assert (total == everyone) == completed
        assert completed or (total, unknown) == ("", "")
        assert row[9] != "Part_3" or set(bands) == {""}
        assert row[9] == "Part_3" or sum(int(count or 0) for count in bands) == int(everyone)
    assert any("" in row[13:118] for row in rows if row[9] == "Part_2")


def test_the_header_is_the_real_one_and_nothing_in_the_sample_has_a_real_name_or_code(folder, shared):
    real = shared / "data" / "rtt_full_extract" / "RTT-2025-08-full-extract.zip"
    header, *rows = rows_of(folder, "2025-08")
    with zipfile.ZipFile(real) as archive, archive.open(archive.namelist()[0]) as file:
        lines = csv.reader(io.TextIOWrapper(file, encoding="utf-8"))
        assert header == next(lines)
        known = {row[column] for row in lines for column in range(1, 9)} - {""}
    for name in ("rtt_providers.csv", "ods_nhs_trusts.csv"):
        with (shared / "data" / "reference" / name).open(encoding="utf-8") as file:
            known |= {value for row in csv.reader(file) for value in row[:2]}
    assert {row[column] for row in rows for column in range(1, 9)} & known == {"NONC"}


def test_the_system_is_of_a_realistic_size_and_has_small_lists_and_one_without_part_2a(history):
    last = history.waiting[:, -1].sum(axis=0)
    assert 60_000 < last.sum() < 100_000
    assert 0.55 < 1 - over(last, 18) / last.sum() < 0.70
    assert 0.01 < over(last, 52) / last.sum() < 0.04
    assert over(last, 65) > 0
    assert history.waiting[:, -1].sum(axis=1).min() < 300
    assert [key for key, alone in zip(history.lists, history.one_stage, strict=True) if alone] == [("MADE3", "330")]
    assert history.breaks == ()


def test_r4_closes_with_the_true_other_removals(history, truth):
    assert history.observed_flows[:, 1:].all()
    for n, item in enumerate(truth["lists"]):
        assert (item["provider"], item["specialty"]) == history.lists[n]
        true = np.add(item["removals_outpatient"], item["removals_admission"])
        np.testing.assert_allclose(history.other_removals[n, 1:], true[1:], atol=1e-6)


def test_people_are_published_by_days_waited_as_r1_says(tmp_path):
    """Everyone leaves on the first working day on which they have waited over 126 days."""
    happened = simulate(one_list(Hazards(non_admitted=((0, 0.0), (18, 1.0)))), MONTHS[:12], seed=3)
    seen = published(tmp_path / "one", happened, MONTHS[:12])
    stops = seen.counts.non_admitted.sum(axis=(0, 1))
    assert stops[18] == stops.sum() > 0
    at_work = [n for n, m in enumerate(MONTHS[:12]) if month_end(m).weekday() < 5 and m != "2023-12"]
    assert over(seen.waiting[0, at_work], 18).sum() == 0


def test_no_week_has_more_admitted_stops_than_its_theatres(tmp_path):
    everyone = Hazards(admitted=((0, 0.05),))
    happened = simulate(one_list(everyone, theatres=100.0), MONTHS, seed=3)
    for month, stops in zip(MONTHS, happened.left[0, :, 0, 0].sum(axis=-1), strict=True):
        assert abs(stops - 20 * DAYS[month]) <= 100  # a week that straddles the month's ends
    assert happened.left[0, :, 0, 0].sum() == pytest.approx(20 * sum(DAYS.values()), rel=0.01)


def test_demand_its_growth_and_its_season_are_recovered_within_sampling_error(history, truth):
    """A log-linear model of the published clock starts; sampling error is what the model itself estimates."""
    lists, months = history.counts.clock_starts.shape
    years = np.array([(month_end(m) - date(2025, 8, 31)).days / 365.25 for m in MONTHS])
    middle = years - np.array([month_end(m).day for m in MONTHS]) / 2 / 365.25
    number = np.array([int(m[5:]) - 1 for m in MONTHS])
    which = np.kron(np.eye(lists), np.ones((months, 1)))
    seasons = np.tile(np.eye(12)[number, 1:], (lists, 1))
    design = np.hstack([which, which * np.tile(middle, lists)[:, None], seasons])
    model = sm.GLM(
        history.counts.clock_starts.ravel(),
        design,
        family=sm.families.Poisson(),
        offset=np.log(np.tile([DAYS[m] for m in MONTHS], lists)),
    ).fit(scale="X2")
    factors = np.log(truth["month_factors"])
    level = [np.log(item["demand"]) + factors[0] for item in truth["lists"]]
    growth = [np.log1p(item["growth"] / 100) for item in truth["lists"]]
    surprise = (model.params - np.concatenate([level, growth, factors[1:] - factors[0]])) / model.bse
    assert np.abs(surprise).max() < 4
    assert 0.3 < np.mean(surprise[lists : 2 * lists] ** 2) < 2.1
    assert model.bse[lists : 2 * lists].max() < 0.07


def test_the_fitted_demand_is_the_true_level(history, truth):
    """The fit's level is a mean of recent months: growth of 5 % a year may put it 3 % below the latest."""
    for found, item in zip(rates.fit(history).starts, truth["lists"], strict=True):
        error = 0.03 + 3 * np.sqrt(1 / (120 * item["demand"]) + truth["demand_spread"] ** 2 / 7)
        assert found == pytest.approx(item["demand"], rel=error), item["specialty"]


def test_conversions_are_recovered_where_one_removal_rate_holds_for_both_stages(history, truth):
    """Each list's year, inferred under R5, within 5 % and chance; measured on seed 1: 2 % too many in all."""
    true = np.array([sum(item["conversions"][-12:]) for item in truth["lists"]])
    found = conversions(run(history, 1, 2), SYSTEM)
    assert np.all(np.abs(found - true) <= 0.05 * true + 3 * np.sqrt(true))
    assert found.sum() == pytest.approx(true.sum(), rel=0.03)
    assert found[history.one_stage].sum() == 0


def test_conversions_are_overstated_by_a_known_size_where_r5_is_false(tmp_path):
    """Removals after the decision to admit half as frequent as R5 assumes: about 8 % too many conversions.

    Measured on seven lists: +15 % with none after the decision, +8 % with half, +2 % with R5 true, -8 % with
    twice as many. Clock stops, removals and the list itself are as published in every case.
    """
    small = {"lists": SYSTEM.lists[:4], "trusts": {"MADE1": "MADE UP"}, "commissioners": COMMISSIONERS[:2]}
    false = replace(SYSTEM, removal_ratio=0.5, **small)
    happened = simulate(false, MONTHS, seed=1)
    true = happened.by_list(happened.left[:, -12:, 0, CONVERTED].sum(axis=-1)).sum()
    found = conversions(run(published(tmp_path / "false", happened, MONTHS), 1, 2), false).sum()
    assert 0.04 < found / true - 1 < 0.12


def region(trusts: int) -> Truth:
    """Trusts that differ in speed by up to a quarter, each with a large, a middling and a small list."""
    codes = [f"MADE{n}" for n in range(1, trusts + 1)]
    kinds = (("110", 60.0, 1.0, 1.2, 0.9), ("120", 20.0, 0.9, 0.9, 0.85), ("502", 5.0, 1.0, 0.8, 0.95))
    lists = tuple(
        ListTruth(code, specialty, demand, 1.0, *two_stages(speed * clinics, decisions, speed * theatres))
        for code, speed in zip(codes, np.linspace(0.9, 1.15, trusts), strict=True)
        for specialty, demand, clinics, decisions, theatres in kinds
    )
    payer = (replace(COMMISSIONERS[0], share=1.0),)
    return replace(SYSTEM, lists=lists, trusts=dict.fromkeys(codes, "MADE UP"), commissioners=payer)


def test_52_week_counts_a_year_ahead_lie_inside_their_90_percent_interval_at_about_that_rate(tmp_path):
    """Two years known, a third kept aside: 72 lists, each drawn on its own, in two seeds.

    The limits are those that a true 90 % keeps but for one test in a thousand on either side.
    """
    truth, inside = region(8), []
    months = tuple(months_after("2022-09", ahead) for ahead in range(36))
    for seed in range(2):
        happened = simulate(truth, months, seed)
        ahead = run(published(tmp_path / str(seed), happened, months[:24]), 12, 200).trajectory
        year = ahead[(ahead["measure"] == "over_52_weeks") & (ahead["month_end"].astype(str) == "2025-08-31")]
        said = year.set_index(["provider", "specialty"])[["p05", "p95"]]
        true = over(happened.by_list(happened.waiting[:, -1].sum(axis=1)), 52)
        for item, people in zip(truth.lists, true, strict=True):
            low, high = said.loc[(item.provider, item.specialty)]
            inside.append(low - 0.5 <= people <= high + 0.5)
    fewest, most = binom.ppf([0.001, 0.999], len(inside), 0.9)
    assert fewest <= sum(inside) <= most, f"{np.mean(inside):.0%} of the 90 % intervals hold"


def test_a_sample_is_replaced_whole_by_the_same_bytes_and_another_seed_is_another_draw(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_sample(folder, seed=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    quick = one_list(Hazards(non_admitted=((0, 0.01),)))
    first, second = (month_files(simulate(quick, MONTHS[:1], seed), MONTHS[:1]) for seed in (1, 2))
    assert first != second


def test_a_folder_that_is_not_an_untouched_sample_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    (tmp_path / "file").write_text("keep me")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "changed").mkdir()
    (tmp_path / "changed" / "truth.json").write_text('{"files": {"RTT-2025-08-full-extract.zip": "other"}}')
    (tmp_path / "changed" / "RTT-2025-08-full-extract.zip").write_text("my own extract")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name in ("mine", "file", "link", "changed", "file/sample"):
        with pytest.raises(wl.Refusal):
            write_sample(tmp_path / name)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_ctrl_c_leaves_nothing(tmp_path):
    begin = "import sys; from waitlist.cli import main; main()"
    command = [sys.executable, "-c", begin, "sample", "--to", str(tmp_path / "sample")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate()
    assert "Wrote" not in said
    assert list(tmp_path.iterdir()) == []


def test_the_sample_s_plan_is_about_the_sample():
    plan = wl.Plan.load(ROOT / "models" / "sample.toml")
    assert plan.inputs.resolve() == (ROOT / "inputs" / "sample").resolve()
    assert (plan.providers, plan.horizon_months, plan.draws) == ("all", 36, 500)
