"""The reader finds England's published figures, every one."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from waitlist.bands import over
from waitlist.inputs.extract import read_counts
from waitlist.inputs.past import history_of
from waitlist.plan import Successor

TOTALS = {"2024-04": (7_570_371, 302_589), "2025-02": (7_401_153, 193_525), "2025-08": (7_312_356, 188_702)}


@pytest.fixture(scope="module")
def counts(shared):
    found, _ = read_counts(shared / "data" / "rtt_full_extract")
    return found


def test_england_totals_equal_the_published_ones(counts):
    for month, (waiting, over_52) in TOTALS.items():
        people = counts.incomplete[:, counts.months.index(month)]
        assert (people.sum(), over(people, 52).sum()) == (waiting, over_52)


def test_every_provider_month_equals_the_published_summary(shared, counts):
    totals = {}
    for n, (provider, _) in enumerate(counts.lists):
        totals[provider] = totals.get(provider, 0) + counts.incomplete[n]
    compared = 0
    path = shared / "data" / "history" / "rtt_incomplete_summary_2022-04_2025-08.csv"
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            month = row["month"][:7]
            if row["level"] != "provider" or month not in counts.months:
                continue
            people = totals[row["code"]][counts.months.index(month)]
            found = [people.sum(), people[:18].sum(), *(over(people, t) for t in (52, 65, 78, 104))]
            names = ("incomplete_total", "within_18wk", "gt52wk", "gt65wk", "gt78wk", "gt104wk")
            assert found == [float(row[name]) for name in names], (row["code"], month)
            compared += 1
    assert compared == 7829


def test_r4_holds_for_every_list_and_month_and_barts_step_is_found(counts):
    history = history_of(counts)
    waiting = history.waiting.sum(axis=2)
    stops = (counts.admitted + counts.non_admitted).sum(axis=2) + counts.admitted_unknown + counts.non_admitted_unknown
    closing = waiting[:, :-1] + (counts.clock_starts - stops - history.other_removals + history.restatement)[:, 1:]
    seen = history.observed_flows[:, 1:]
    assert seen.sum() > 50_000
    np.testing.assert_allclose(closing[seen], waiting[:, 1:][seen], atol=1e-6)
    np.testing.assert_array_equal(history.outpatient + history.admission, history.waiting)
    (step,) = [b for b in history.breaks if b.provider == "R1H" and b.kind == "step"]
    assert step.month == "2025-05"
    assert "+11,921" in step.reason


def test_a_merger_in_the_published_months_leaves_one_unbroken_provider(counts):
    merger = Successor.model_validate({"from": "RAP", "to": "RAL", "date": "2025-01-01"})
    apart, joined = history_of(counts), history_of(counts, [merger])
    assert {(b.provider, b.kind) for b in apart.breaks if b.month == "2025-01" and b.provider in ("RAL", "RAP")} == {
        ("RAP", "absorbed"),
        ("RAL", "step"),
    }
    assert [b for b in joined.breaks if b.month == "2025-01" and b.provider in ("RAL", "RAP")] == []
    rows = [n for n, (provider, _) in enumerate(joined.lists) if provider == "RAL"]
    assert joined.present[rows].all()
    np.testing.assert_array_equal(joined.waiting.sum(axis=(0, 2)), apart.waiting.sum(axis=(0, 2)))
