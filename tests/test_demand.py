"""Clock starts to come: what is fitted is what was put in, lists add up, and growth is what the plan says."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import pytest

import waitlist as wl
from waitlist.calendar import horizon, months_after, months_between, working_days
from waitlist.errors import Refusal
from waitlist.history import Counts, Population, Strike, Summaries
from waitlist.inputs.past import history_of
from waitlist.models import demand, national
from waitlist.models.national import working_days_of
from waitlist.models.reconcile import reconciled
from waitlist.plan import Demand

FIRST, LAST = "2015-10", "2025-08"
SEASON = np.array([0.01, 0.03, 0.03, 0.02, 0.05, 0.02, 0.0, -0.05, -0.01, 0.0, 0.0, -0.1])
PROVIDERS, SPECIALTIES = ("A", "B", "C"), ("100", "110", "120")
ADDED = {"A": 900.0, "B": 300.0, "C": 60.0}


def months(first: str = FIRST, last: str = LAST) -> tuple[str, ...]:
    return tuple(months_after(first, m) for m in range(months_between(first, last) + 1))


def per_day(named, growth: float = 0.03) -> np.ndarray:
    """England's clock starts a working day: level, growth, season, the shock and what lasted of it."""
    age = np.array([months_between(FIRST, month) for month in named])
    logs = np.log(80_000) + growth / 12 * age + SEASON[[int(month[5:]) - 1 for month in named]]
    shock = np.array([0.7 if "2020-03" <= month <= "2021-03" else 0.1 if month > "2021-03" else 0 for month in named])
    return np.exp(logs - shock)


def england(last: str = LAST, noise: float = 0.002, strikes: tuple[Strike, ...] = (), **keys) -> Summaries:
    named = months(last=last)
    flows = np.full((3, len(named)), np.nan)
    flows[0] = per_day(named) * working_days_of(named) * np.exp(np.random.default_rng(4).normal(0, noise, len(named)))
    for strike in strikes:
        at = named.index(f"{strike.day:%Y-%m}")
        flows[0, at] *= 1 - 0.4 * strike.share / working_days_of(named)[at]
    return Summaries(months=named, england_flows=flows, strikes=strikes, **keys)


def system(last: str = LAST, summaries: Summaries = Summaries()) -> wl.History:  # noqa: B008 - frozen
    """Three providers by three specialties since April 2024, their starts as England's; its lists never change."""
    named = months("2024-04", last)
    lists = tuple((p, s) for p in PROVIDERS for s in SPECIALTIES)
    starts = np.array([[ADDED[p] * (1 + i) for i in range(3)] for p in PROVIDERS]).reshape(9, 1) / 80_000
    starts = np.round(starts * per_day(named) * working_days_of(named))
    bands = np.zeros((9, len(named), 105))
    bands[..., 0] = starts[:, :1]
    left = np.zeros_like(bands)
    left[..., 0] = starts
    empty, known = np.zeros((9, len(named))), np.ones((9, len(named), 5), dtype=bool)
    counts = Counts(named, lists, {}, {}, bands, 0 * bands, 0 * left, left, empty, empty, starts, known, ())
    return dataclasses.replace(history_of(counts), summaries=summaries)


def ahead(history: wl.History, horizon_months: int = 24, **settings) -> demand.Starts:
    return demand.forecast(
        history, np.ones(12), Demand.model_validate(settings), horizon_months, demand.england(history)
    )


def test_growth_season_and_what_a_strike_costs_are_recovered_through_the_shock_of_2020():
    firsts = ((3, 14), (4, 12), (6, 14), (7, 13), (8, 10), (10, 12))  # a working day follows each
    days = [date(2023, month, day + later) for month, day in firsts for later in (0, 1)]
    groups = [f"doctors{' (renamed)' if day.month > 7 else ''}" for day in days]  # alone, two months are too few
    strikes = tuple(Strike(day, group, 1.0) for day, group in zip(days, groups, strict=True))
    found = national.fit(england(strikes=strikes), "clock_starts", "2024-04", LAST)
    assert found is not None
    assert found.growth == pytest.approx(0.03, abs=0.002)
    assert found.growth_error < 0.005
    np.testing.assert_allclose(found.season, SEASON - SEASON.mean(), atol=0.004)
    for month in ("2023-06", "2023-10"):
        struck = found.months.index(month)
        usual = found.expected[struck] - found.expected[struck - 12] - 0.03
        assert usual == pytest.approx(-0.4 * 2 / 22, abs=0.006)
    height, slope = found.trend_2019
    assert (height, slope) == pytest.approx((0.1, 0.03 / 12), abs=0.02)


def test_a_strike_on_a_weekend_counts_for_nothing():
    weekend = tuple(Strike(date(2023, m, d), "doctors", 1.0) for m, d in ((4, 15), (7, 15), (8, 12), (9, 23)))
    plain, struck = (national.fit(dataclasses.replace(england(), strikes=days), "clock_starts", "2024-04", LAST)
                     for days in ((), weekend))  # fmt: skip
    np.testing.assert_array_equal(plain.expected, struck.expected)


def test_lists_follow_england_and_add_up_to_providers_and_to_the_whole():
    starts = ahead(system(summaries=england()))
    truth = per_day(starts.months) * sum(ADDED.values()) * 6 / 80_000
    np.testing.assert_allclose(starts.per_day.sum(axis=0), truth, rtol=0.015)
    by_provider = starts.per_day.reshape(3, 3, -1).sum(axis=1)
    np.testing.assert_allclose(by_provider[0] / by_provider[1], 3.0, rtol=0.01)


def test_reconciled_lists_take_the_totals_of_all_ways_of_adding_them_up_into_account_and_stay_above_nothing():
    one, other, whole = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(4, dtype=int)
    lists = np.array([[10.0], [20.0], [30.0], [40.0]])
    kept = reconciled(lists, np.array([[30.0], [70.0], [40.0], [60.0], [100.0]]), (one, other, whole))
    np.testing.assert_allclose(kept, lists)
    pulled = reconciled(lists, np.array([[36.0], [70.0], [40.0], [60.0], [100.0]]), (one, other, whole))
    assert 30 < pulled[:2].sum() < 36
    assert 70 > pulled[2:].sum() > 68
    negative = reconciled(np.array([[-1.0], [5.0]]), np.array([[4.0], [4.0]]), (np.zeros(2, int), np.zeros(2, int)))
    np.testing.assert_allclose(negative, [[0.0], [4.0]])


def test_a_week_has_the_starts_of_its_working_days_and_a_year_that_of_its_months():
    history = system(summaries=england())
    time = horizon(history.snapshot, 12)
    starts = ahead(history, 12)
    weekly = starts.by_week(time)
    assert weekly.shape == (9, time.weeks)
    monthly = starts.per_day * working_days_of(starts.months)
    beyond = working_days(date(2026, 8, 31), time.week_ends[-1]) * starts.per_day[:, 12]
    np.testing.assert_allclose(weekly.sum(axis=1), monthly[:, :12].sum(axis=1) + beyond)


def test_nothing_after_the_origin_is_used():
    until, wild = england(), england()
    wild.england_flows[0, -3:] *= 7.0
    strikes = tuple(Strike(date(2025, month, 11), "doctors", 1.0) for month in (6, 7, 8))
    early = system(last="2025-05", summaries=dataclasses.replace(until))
    late = system(last="2025-05", summaries=dataclasses.replace(wild, strikes=strikes))
    np.testing.assert_array_equal(ahead(early).per_day, ahead(late).per_day)


def test_months_before_a_break_say_nothing_of_the_level():
    history = system(summaries=england())
    at = len(history.months) - 4
    history.counts.clock_starts[:, : at + 1] *= 3.0
    history.fit_months[:, at] = False
    starts = ahead(history, 12)
    truth = per_day(starts.months) * sum(ADDED.values()) * 6 / 80_000
    np.testing.assert_allclose(starts.per_day.sum(axis=0), truth, rtol=0.02)


def test_stated_growth_replaces_the_fitted_one_and_keeps_level_and_season():
    history = system(summaries=england())
    stated = ahead(history, growth="stated", percent_per_year=10, specialty={"110": -10})
    fitted = ahead(history)
    np.testing.assert_array_equal(stated.level, fitted.level)
    yearly = (stated.per_day[:, 12] / stated.per_day[:, 0]).reshape(3, 3)
    np.testing.assert_allclose(yearly, [[1.1, 0.9, 1.1]] * 3)


def test_fitted_growth_is_damped_after_two_years_and_absent_without_england():
    growths = ahead(system(summaries=england()), 119).growths.by_kind["fitted"]
    steps = np.diff(growths, prepend=0.0)
    np.testing.assert_allclose(steps[:24], steps[0])
    np.testing.assert_allclose(steps[25:60] / steps[24:59], 0.95)
    alone = ahead(system())
    assert (alone.growths.by_kind["fitted"] == 0).all()
    assert any("Without a file of England" in text for text in demand.growth.said(alone.growths, Demand(), None))


def test_a_system_without_any_usable_month_is_left_without_a_level_and_not_with_a_guess():
    history = system()
    history.fit_months[:3] = False
    starts = ahead(history)
    assert (starts.level[:3] == 0).all()
    assert (starts.level[3:] > 0).all()


def people(older: float) -> Population:
    years = tuple(range(2020, 2031))
    grown = 1000.0 * older ** np.arange(11)
    return Population({"E1": "England", "E2": "Shire"}, years, 2023, ("0-64", "65+"),
                      np.array([np.stack([np.full(11, 1000.0), grown], 1), np.full((11, 2), 500.0)]))  # fmt: skip


def test_demand_by_population_grows_as_its_age_bands_do_weighted_by_their_referrals():
    history = system(summaries=england(population=people(1.05)))
    older = ahead(history, 12, growth="population", referral_rate={"0-64": 0.0})
    np.testing.assert_allclose(older.per_day[:, 12] / older.per_day[:, 0], 1.05, rtol=1e-3)
    history.summaries.population.people[1, 0] = np.nan  # a year that is not known and not needed
    level = ahead(history, 12, growth="population", area="E2")
    np.testing.assert_allclose(level.per_day[:, 12] / level.per_day[:, 0], 1.0)
    assert set(ahead(history).growths.by_kind) == {"fitted", "stated", "population"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"area": "E9"}, ("demand.area", "E9", "E1 (England)")),
        ({"referral_rate": {"65": 1.0}}, ("demand.referral_rate", "65+")),
        ({"referral_rate": {"0-64": 0.0, "65+": 0.0}}, ("demand.referral_rate", "somebody must be referred")),
    ],
)
def test_an_area_or_age_bands_that_cannot_be_used_are_refused_with_the_nearest(settings, words):
    with pytest.raises(Refusal) as refused:
        ahead(system(summaries=england(population=people(1.0))), growth="population", **settings)
    assert all(word in str(refused.value) for word in words)


def test_a_plan_that_needs_a_file_it_does_not_name_is_refused():
    for settings in ({"growth": "population"}, {"scenario": "suppressed", "percent_returning": 5.0}):
        with pytest.raises(Refusal, match="history"):
            ahead(system(), **settings)


def test_referrals_return_to_the_trend_of_2019_by_the_date_and_follow_it_from_there():
    history = system(summaries=england())
    plain = ahead(history)
    back = ahead(history, scenario="trend_2019", reached_by="2026-08-31")
    ratio = (back.per_day / plain.per_day)[0]
    assert (np.diff(ratio[:12]) > 0).all()
    assert ratio[11] == pytest.approx(np.exp(0.1), abs=0.02)
    assert ratio[23] == pytest.approx(np.exp(0.1), abs=0.03)


def test_suppressed_referrals_that_return_are_a_share_of_those_missing_since_2020():
    history = system(summaries=england())
    plain = ahead(history)
    more = ahead(history, scenario="suppressed", percent_returning=10, over_months=6)
    days = working_days_of(plain.months)
    extra = ((more.per_day - plain.per_day) * days).sum(axis=0)
    assert (extra[:6] > 0).all()
    np.testing.assert_allclose(extra[6:], 0.0, atol=1e-9)
    share = sum(ADDED.values()) * 6 / 80_000
    assert extra.sum() == pytest.approx(0.1 * plain.england.missing * share, rel=0.02)
