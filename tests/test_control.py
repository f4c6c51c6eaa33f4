"""Control charts: limits as published, each rule where it holds and not one point sooner."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waitlist.models.submission.control import Signal, signals, xmr

FLOW = (49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
NOISE = (10.0, 12.0, 9.0, 11.0, 8.0, 12.0, 9.0, 11.0)


def marked(chart, rule):
    return [at for at, point in enumerate(chart.points) if rule in point.rules]


def test_limits_agree_with_the_handbook_of_nist():
    chart = xmr(FLOW, None)
    assert chart.mean == pytest.approx(50.81)
    assert (chart.high - chart.mean) / 2.66 == pytest.approx(1.8778, abs=5e-5)
    assert chart.high == pytest.approx(55.8041, abs=0.01)
    assert chart.low == pytest.approx(45.8159, abs=0.01)
    assert signals(chart) == ()


def test_a_point_beyond_a_limit_is_outside_and_noise_is_not():
    assert signals(xmr(NOISE, True)) == ()
    chart = xmr((*NOISE, 40.0, *NOISE), True)
    assert signals(chart) == (Signal("outside", "concern", True, 8, 8),)
    assert [point.sense for point in chart.points].count("common") == 2 * len(NOISE)


@pytest.mark.parametrize("length", [6, 7])
def test_a_shift_takes_seven_points_on_one_side(length):
    above = [13.0, 12.0] * 4
    chart = xmr([11.0, 7.0, 11.0, 7.0, 11.0, 7.0, *above[:length], 7.0, 11.0, 7.0, 11.0, 7.0], False)
    assert 11 > chart.mean > 7
    expected = (Signal("shift", "improvement", True, 6, 12),) if length == 7 else ()
    # The 11 before the last 7 is above the mean too, but the 7 between parts it from the run.
    assert signals(chart) == expected
    assert marked(chart, "shift") == (list(range(6, 13)) if expected else [])


@pytest.mark.parametrize("length", [6, 7])
def test_a_trend_takes_seven_points_each_beyond_the_last(length):
    falling = [13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0][7 - length :]
    chart = xmr([6.0, 13.0, 6.0, *falling, 14.0, 6.0, 14.0], True)
    expected = (Signal("trend", "improvement", False, 3, 9),) if length == 7 else ()
    assert signals(chart) == expected
    assert marked(chart, "trend") == (list(range(3, 10)) if expected else [])


@pytest.mark.parametrize("gap", [None, math.nan])
def test_a_missing_value_breaks_a_run_and_is_not_zero(gap):
    chart = xmr([1.0, 2.0, 3.0, 4.0, gap, 5.0, 6.0, 7.0], True)
    assert (chart.mean, chart.high) == (4.0, pytest.approx(4 + 2.66))
    assert not marked(chart, "trend") and chart.points[4].value is None and chart.points[4].rules == ()
    assert marked(xmr([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], True), "trend") == list(range(7))


def test_too_little_known_gives_no_limits_and_no_signal():
    for values, mean in (([], None), ([None], None), ([None, 3.0], 3.0), ([3.0, None, 900.0], 451.5)):
        chart = xmr(values, True)
        assert (chart.mean, chart.low, chart.high, signals(chart)) == (mean, None, None, ())
    with pytest.raises(ValueError, match="infinite"):
        xmr([1.0, math.inf], True)


def test_without_a_direction_a_signal_is_neither_good_nor_bad():
    chart = xmr((*NOISE, 40.0, *NOISE), None)
    assert {point.sense for point in chart.points} == {"common", "neither"}


def test_equal_values_give_no_signal():
    assert signals(xmr([0.1] * 30, True)) == ()


@given(st.lists(st.one_of(st.none(), st.integers(-20, 20)), max_size=40))
def test_upside_down_the_same_points_stand_out_with_the_same_sense(values):
    chart, turned = xmr(values, True), xmr([None if value is None else -value for value in values], False)
    assert [(p.rules, p.sense) for p in chart.points] == [(p.rules, p.sense) for p in turned.points]
    assert all((p.sense == "common") == (not p.rules) for p in chart.points)
