"""The simple forecasts, worked by hand on short series and held against published figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from waitlist.models import baselines

NAN = np.nan


def test_growth_is_that_of_series_known_in_both_months():
    growth = baselines.pooled_growth(np.array([[99.0, 109.0, 119.0], [NAN, 500.0, 500.0], [50.0, NAN, NAN]]))
    assert np.isnan(growth[0])
    assert np.exp(growth[1:]) == pytest.approx([110 / 100, 620 / 610])


def test_pooled_drift_carries_on_the_mean_of_the_last_twelve_months():
    growth = np.append([NAN, 9.0], np.repeat([0.01, 0.03], 6))  # the 9 is thirteen months old
    said = baselines.pooled_drift(np.array([[NAN, 100.0]]), growth, 3)
    assert said == pytest.approx(100 * np.exp([[0.02, 0.04, 0.06]]))


def test_pooled_last_year_repeats_the_same_calendar_months_and_then_again():
    growth = np.append(NAN, np.arange(1, 13) / 100)
    said = baselines.pooled_last_year(np.array([[1.0, 100.0]]), growth, 13)
    assert np.log(said[0, [0, 1, 11, 12]] / 100) == pytest.approx([0.01, 0.03, 0.78, 0.79])
    assert np.isnan(baselines.pooled_last_year(np.array([[1.0, 100.0]]), growth[-11:], 1)).all()


def test_own_drift_is_over_twelve_months_and_nobody_stays_nobody():
    year = np.vstack([np.full(13, 120.0), np.zeros(13), np.full(13, NAN)])
    year[:, -1] = [1200, 0, 50]
    said = baselines.own_drift(year, np.empty(0), 12)
    assert said[:, -1] == pytest.approx([1201**2 / 121 - 1, 0, 50])


def test_fitted_baselines_follow_a_trend_and_leave_a_short_or_still_series_as_it_is():
    rising = np.linspace(1000.0, 2000.0, 24) + np.tile([3.0, -3.0], 12)
    series = np.vstack([rising, np.where(np.arange(24) < 18, NAN, rising), np.full(24, 7.0)])
    for name in baselines.FITTED:
        said = baselines.BASELINES[name](series, np.empty(0), 3)
        assert 2000 < said[0, 2] < 2300, name
        assert said[1:].tolist() == [[rising[-1]] * 3, [7.0] * 3], name


def test_looking_back_says_what_would_have_been_said_and_knows_nothing_later():
    values = np.array([[1.0, 2.0, 4.0, 8.0]])
    said, came = baselines.looking_back(values, np.zeros(4), baselines.last_value, 2)
    np.testing.assert_array_equal(said[:, 0], [[4, NAN]])
    np.testing.assert_array_equal(came[:, 0], [[8, NAN]])
    values = np.arange(1.0, 7.0)[None]
    said, came = baselines.looking_back(values, np.zeros(6), baselines.last_value, 2, every=2)
    np.testing.assert_array_equal(said[:, 0], [[5, NAN], [3, 3]])
    np.testing.assert_array_equal(came[:, 0], [[6, NAN], [4, 5]])


def test_a_fan_has_the_past_errors_of_series_of_its_size():
    small, large = np.tile([99.0], (20, 1)), np.tile([9999.0], (40, 1))
    said = np.vstack([small, large])
    came = np.vstack([(small + 1) * 1.5 - 1, (large + 1) * 0.9 - 1])
    fan = baselines.fan(said, said[None], came[None])
    assert fan[:, 0, 0] == pytest.approx([149] * 5)
    assert fan[:, -1, 0] == pytest.approx([8999] * 5)
    assert np.isnan(baselines.fan(said[:5], said[None, :5], came[None, :5])).all()  # five errors are too few


EXPLORED = {
    ("2024-08", 6): ((6.5, 11.1, 51.0), (6.2, 10.7, 33.4), (5.7, 10.4, 28.1), (7.3, 13.0, 56.1)),
    ("2024-08", 12): ((9.9, 18.0, 65.5), (9.5, 17.1, 42.2), (9.5, 17.1, 42.2), (13.4, 24.4, 144.8)),
    ("2025-02", 6): ((6.5, 10.8, 27.7), (6.6, 10.2, 30.8), (6.7, 10.7, 27.3), (8.6, 13.0, 29.7)),
}
"""WAPE, %, of the list, over 18 and over 52 weeks, by the first four baselines in turn, found by another's code."""


def test_the_baselines_miss_england_s_providers_by_as_much_as_others_have_found(shared):
    path = next((shared / "data" / "history").glob("rtt_incomplete_summary_*.csv"))
    rows = pd.read_csv(path, dtype={"code": str})
    rows["over_18"] = rows["incomplete_total"] - rows["within_18wk"]
    stocks = {}
    for measure in ("incomplete_total", "over_18", "gt52wk"):
        wide = rows[rows["level"] == "provider"].pivot(index="code", columns="month", values=measure)
        england = rows[rows["level"] == "national"].set_index("month")[measure].reindex(wide.columns)
        growth = np.append(np.nan, np.diff(np.log1p(england.to_numpy(float))))
        stocks[measure] = wide.to_numpy(float), growth, [month[:7] for month in wide.columns]
    for (origin, ahead), explored in EXPLORED.items():
        at = stocks["over_18"][2].index(origin)
        whole = stocks["incomplete_total"][0]
        kept = (whole[:, at] > 2000) & ~np.isnan(whole[:, at : at + ahead + 1]).any(axis=1)
        for method, figures in zip(list(baselines.BASELINES.values())[:4], explored, strict=True):
            found = []
            for values, growth, _ in stocks.values():
                said = method(values[kept, : at + 1], growth[: at + 1], ahead)[:, -1]
                came = values[kept, at + ahead]
                found.append(100 * np.abs(said - came).sum() / came.sum())
            assert found == pytest.approx(figures, abs=0.31), (origin, ahead, method)
