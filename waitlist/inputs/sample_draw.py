"""Draws what happens in a made-up system, day by day.

People of one list, commissioner, stage and clock-start day have the same chances, so how many of them
leave today is one binomial draw: the same law as asking each person in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waitlist.bands import BANDS, Floats, band_of_days
from waitlist.calendar import is_working_day, month_end, months_after
from waitlist.inputs.sample_truth import Hazards, Truth

BURN_IN = 42
"""Months drawn before the first one kept, from an empty list: nearly everyone waits less than 24."""
FLOWS = ("admitted", "non_admitted", "removed", "converted")
ADMITTED, NON_ADMITTED, REMOVED, CONVERTED = range(4)
BAND_STARTS = np.array([0, *range(8, 7 * BANDS - 5, 7)])
"""The first day waited of each band (R1); the last is open, so days waited stop counting there."""
AGES = int(BAND_STARTS[-1]) + 1
BAND_OF = np.array([band_of_days(day) for day in range(AGES)])

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Simulated:
    """What happened. S streams (a list × a commissioner) × M months, in people.

    streams: (list's position in the truth, commissioner's position) of each stream.
    waiting [S, M, 2, 105]: at each month end, by stage. starts [S, M].
    left [S, M, 2, 4, 105]: by stage left, flow (FLOWS) and weeks waited on leaving; the converted go on
    waiting in the admission stage.
    """

    truth: Truth
    months: tuple[str, ...]
    streams: tuple[tuple[int, int], ...]
    waiting: Counts
    starts: Counts
    left: Counts

    def by_list(self, values: Counts) -> Counts:
        """``values`` [S, …] summed to lists [L, …], as published totals are: without NONC."""
        total = np.zeros((len(self.truth.lists), *values.shape[1:]), dtype=np.int64)
        for stream, (row, payer) in enumerate(self.streams):
            if self.truth.commissioners[payer].code != "NONC":
                total[row] += values[stream]
        return total


def simulate(truth: Truth, months: tuple[str, ...], seed: int) -> Simulated:
    """Draw the consecutive ``months`` (YYYY-MM) of ``truth``, after a burn-in; the same seed, the same draw."""
    random = np.random.default_rng(seed)
    streams = tuple((row, payer) for row in range(len(truth.lists)) for payer in range(len(truth.commissioners)))
    row = np.array([row for row, _ in streams])
    share = np.array([truth.commissioners[payer].share for _, payer in streams])
    hazards = _hazards(truth)
    providers = list(truth.trusts)
    provider = np.array([providers.index(item.provider) for item in truth.lists])
    state = np.zeros((len(streams), 2, AGES), dtype=np.int64)
    week = _Week(truth)
    drawn = []
    for month in (*(months_after(months[0], -back) for back in range(BURN_IN, 0, -1)), *months):
        demand = share * _month_factors(random, truth.demand_spread, len(truth.lists))[row]
        activity = _month_factors(random, truth.activity_spread, len(providers))[provider]
        chances = hazards * activity[:, None, None, None]
        chances[:, :, REMOVED] = hazards[:, :, REMOVED]
        any_way = np.minimum(chances.sum(axis=2), 1.0)
        left = np.zeros((len(streams), 2, len(FLOWS), BANDS), dtype=np.int64)
        starts = np.zeros(len(streams), dtype=np.int64)
        for day in _days(month):
            _age(state)
            if is_working_day(day):
                _leave(random, state, chances, any_way, row, week.room(day), left)
                today = random.poisson(demand * _expected_starts(truth, day)[row])
                state[:, 0, 0] += today
                starts += today
        drawn.append((np.add.reduceat(state, BAND_STARTS, axis=2), starts, left))
    waiting, starts_, left_ = (np.stack(parts, axis=1) for parts in zip(*drawn[BURN_IN:], strict=True))
    return Simulated(truth, months, streams, waiting, starts_, left_)


def _month_factors(random: np.random.Generator, spread: float, count: int) -> Floats:
    """``count`` factors of mean 1."""
    return np.exp(spread * random.standard_normal(count) - spread**2 / 2)


def _days(month: str) -> NDArray[np.datetime64]:
    return np.arange(np.datetime64(month, "D"), np.datetime64(month_end(month)) + 1)


def _expected_starts(truth: Truth, day: np.datetime64) -> Floats:
    """Clock starts expected on the working day ``day``, [L]."""
    years = float((day - np.datetime64(truth.level_date)).astype(int)) / 365.25
    factor = truth.month_factors[int(day.astype("datetime64[M]").astype(int)) % 12]
    return np.array([item.demand * (1 + item.growth / 100) ** years * factor for item in truth.lists])


def _hazards(truth: Truth) -> Floats:
    """Chances per working day, [L, 2, 4, AGES], by days waited."""
    table = np.zeros((len(truth.lists), 2, len(FLOWS), BANDS))
    for n, item in enumerate(truth.lists):
        for stage, hazards in enumerate((item.outpatient, item.admission)):
            table[n, stage] = _by_band(hazards)
    table[:, 1, REMOVED] *= truth.removal_ratio
    return table[..., BAND_OF]


def _by_band(hazards: Hazards) -> Floats:
    table = np.zeros((len(FLOWS), BANDS))
    for flow, name in enumerate(FLOWS):
        for week, chance in getattr(hazards, name):
            table[flow, week:] = chance
    return table


def _age(state: Counts) -> None:
    """Everyone has waited a day longer; in the open band days no longer count."""
    oldest = state[:, :, -2] + state[:, :, -1]
    state[:, :, 1:] = state[:, :, :-1]
    state[:, :, -1] = oldest
    state[:, :, 0] = 0


class _Week:
    """What is left of this week's clinics and theatres, [L, 2] admitted and non-admitted stops."""

    def __init__(self, truth: Truth) -> None:
        self.daily = np.array([[item.theatres, item.clinics] for item in truth.lists]) / 5
        self.left = np.zeros(self.daily.shape, dtype=np.int64)
        self.monday = np.datetime64("1970-01-01")

    def room(self, day: np.datetime64) -> Counts:
        """The room on ``day``, to be used up in place; a short week has less."""
        monday = np.busday_offset(day, 0, roll="backward", weekmask="Mon")
        if monday != self.monday:
            self.monday = monday
            working = is_working_day(np.arange(monday, monday + 5)).sum()
            self.left = np.floor(self.daily * working).astype(np.int64)
        return self.left


def _leave(
    random: np.random.Generator,
    state: Counts,
    chances: Floats,
    any_way: Floats,
    row: NDArray[np.int64],
    room: Counts,
    left: Counts,
) -> None:
    """One working day's departures, taken from ``state`` and ``room`` and added to ``left``."""
    stream, stage, age = np.nonzero(state)
    gone = random.binomial(state[stream, stage, age], any_way[row[stream], stage, age])
    some = np.flatnonzero(gone)
    stream, stage, age, gone = stream[some], stage[some], age[some], gone[some]
    split = chances[row[stream], stage, :, age]
    out = random.multinomial(gone, split / split.sum(axis=1, keepdims=True))
    for flow in (ADMITTED, NON_ADMITTED):
        _fit_into(random, out[:, flow], row[stream], room[:, flow])
    state[stream, stage, age] -= out.sum(axis=1)
    np.add.at(state[:, 1], (stream, age), out[:, CONVERTED])
    flows = np.arange(len(FLOWS))
    np.add.at(left, (stream[:, None], stage[:, None], flows, BAND_OF[age][:, None]), out)


def _fit_into(random: np.random.Generator, stops: Counts, row: NDArray[np.int64], room: Counts) -> None:
    """Turn away, at random, the ``stops`` of each list that are beyond its ``room``; use that up."""
    wanted = np.bincount(row, weights=stops, minlength=len(room)).astype(np.int64)
    for full in np.flatnonzero(wanted > room):
        here = row == full
        stops[here] = random.multivariate_hypergeometric(stops[here], room[full])
    room -= np.minimum(wanted, room)
