"""The outlook: England's lines, providers' departures from them, and how far such forecasts have missed."""

from __future__ import annotations

import numpy as np
import pytest

from waitlist.calendar import months_after
from waitlist.models import outlook as outlooks
from waitlist.models.outlook import FADES, MONTHS, outlook
from waitlist.models.record import FLOORS, Record, _grown_on

PROVIDERS = tuple(f"R{p:02d}" for p in range(60))
PERSISTS = 0.02
"""Monthly log departure of the first made-up provider from England, for good."""


def made_up(months: int = 40, noise: float = 0.01, seed: int = 1) -> Record:
    """Sixty providers that follow England but for a drift of their own and noise; England falls 1 % a month."""
    random = np.random.default_rng(seed)
    time = np.arange(months)
    size = np.log(np.array([50_000.0, 20_000.0, 1_500.0, 200.0]))
    drift = random.normal(0, 0.01, len(PROVIDERS))
    drift -= drift.mean()
    drift[0] = PERSISTS
    path = size[None, :, None] - 0.01 * time + drift[:, None, None] * time
    own = np.exp(path + random.normal(0, noise, path.shape))
    names = tuple(months_after("2022-04", m) for m in range(months))
    return Record(names, PROVIDERS, own, own.sum(axis=0), np.zeros((len(PROVIDERS), months), bool))


def test_englands_lines_are_as_worked_by_hand():
    england = np.zeros((4, 13))
    england[:, 12] = 0.12  # the year's rise came in its last month: 0.01 a month over twelve, 0.02 over six
    lines = outlooks._lines(england, 12)
    assert lines[0, 0] == pytest.approx((0.01 + 0.02 + 0.0) / 3 * FADES ** (1 / 6))
    assert lines[1, 11] == pytest.approx((0.12 + 0.24 + 0.12) / 3 * FADES**2)
    assert lines[2, 0] == 0.0
    assert lines[2, 11] == pytest.approx(0.12 * FADES**2)
    assert lines[3, 5] == pytest.approx((0.06 + 0.0) / 2 * FADES)


def test_a_provider_that_always_leaves_england_is_expected_to_go_on():
    found = outlook(made_up(), PROVIDERS[:1], MONTHS, 50, 1)
    record = made_up()
    ahead = np.log(found.expected[0, 0] / record.own[0, 0, -1])
    england = outlooks._lines(np.log(record.england), len(record.months) - 1)[0]
    departure = (ahead - england)[5]
    assert 0.5 * 6 * PERSISTS < departure < 6 * PERSISTS


def test_the_draws_average_to_what_is_expected_and_longer_waits_are_never_more():
    found = outlook(made_up(), PROVIDERS[:5], MONTHS, 2000, 1)
    assert found.draws.shape == (5, len(FLOORS), MONTHS, 2000)
    np.testing.assert_allclose(found.draws.mean(axis=-1), found.expected, rtol=0.02)
    assert (np.diff(found.draws, axis=1) <= 0).all()


def test_a_provider_s_draws_are_the_same_whichever_others_are_asked_for():
    alone, among = (outlook(made_up(), asked, 6, 50, 1) for asked in (PROVIDERS[7:8], PROVIDERS[:9]))
    np.testing.assert_array_equal(alone.draws[0], among.draws[7])


def test_a_handful_of_people_is_drawn_as_a_handful():
    record = made_up(noise=0.2)
    counts = np.random.default_rng(3).poisson(3.0, record.own[:20, 3].shape)
    record.own[:20, 3] = np.minimum(counts, record.own[:20, 2])
    found = outlook(record, PROVIDERS[:20], 3, 2000, 1)
    low, high = np.quantile(found.draws[:, 3, 2], [0.05, 0.95], axis=1)
    assert (high > found.expected[:, 3, 2]).all()  # not a few thousands among noughts
    assert (high < 60).all() and (low < 3).all()


def test_misses_are_as_wide_as_the_noise_that_made_them():
    narrow, wide = (outlook(made_up(noise=n), PROVIDERS[1:2], 1, 4000, 1).draws[0, 0, 0].std() for n in (0.01, 0.04))
    assert 2.5 < wide / narrow < 6


def test_a_jump_of_a_break_is_no_movement():
    record = made_up()
    record.own[3, :, -2:] *= 1.5
    record.england[:] = record.own.sum(axis=0)
    calm = outlook(made_up(), PROVIDERS[3:4], 3, 10, 1).expected[0, 0]
    taken = outlook(record, PROVIDERS[3:4], 3, 10, 1).expected[0, 0] / 1.5
    record.jumps[3, -2] = True
    known = outlook(record, PROVIDERS[3:4], 3, 10, 1).expected[0, 0] / 1.5
    assert np.abs(known / calm - 1).max() < 0.02
    assert np.abs(taken / calm - 1).max() > np.abs(known / calm - 1).max()


def test_a_year_of_months_is_too_short_for_an_outlook():
    assert outlook(made_up(months=12), PROVIDERS, 6, 10, 1) is None


def test_a_month_that_england_lacks_spoils_no_draw():
    record = made_up(months=60)
    record.england[3, -20] = np.nan
    assert np.isfinite(outlook(record, PROVIDERS[:2], MONTHS, 100, 1).draws).all()


def test_england_where_it_is_not_known_grows_as_those_known_in_both_months_did():
    own = np.full((3, len(FLOORS), 4), np.nan)
    own[0], own[1, :, :3], own[2, :, 2:] = [100.0, 110, 121, 121], [300.0, 330, 363], [50.0, 55]
    england = np.full((len(FLOORS), 4), np.nan)
    england[0, 1] = 1100.0
    found = _grown_on(england, own)
    assert found[0].tolist() == pytest.approx([400, 1100, 1210, 1210 * 176 / 171])  # as published, and on from there
    assert found[1].tolist() == pytest.approx([400, 440, 484, 484 * 176 / 171])


def test_few_providers_give_no_outlook():
    record = made_up()
    few = Record(record.months, PROVIDERS[:3], record.own[:3], record.england, record.jumps[:3])
    assert outlook(few, PROVIDERS[:3], 6, 10, 1) is None
