"""From rates to forecasts: every draw of every list, and the totals over them (R6, R11).

``assume`` is the one place where a better forecast of demand and rates is to be put: everything after it
takes its Assumptions as given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from zlib import crc32

import numpy as np

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.calendar import Horizon, month_of, snapshot_held_share
from waitlist.history import History
from waitlist.models import replay
from waitlist.models.kernel import ADMITTED, F_HELD, FLOWS, NON_ADMITTED, REMOVED, step_weeks, sum_from_the_longest
from waitlist.models.rates import Rates
from waitlist.plan import Demand, Plan
from waitlist.results import ALL

LEVEL_MONTHS = 12
"""Observed months whose mean is a draw's level: a year of them, as the rates use."""
LAG = 3
"""Months by which the fitted level lags behind the snapshot: the drift in them is in every draw."""
LEAST_PEOPLE = 3.0
"""People below whom a band's chance is not made wilder still."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Assumptions:
    """What the engine is told of N lists over K weeks. Rates as in models.rates.

    opening [N, 2, 105] and held [N] at the snapshot; starts [N, K] a week; season [N, K, 4]; span [K] the
    month of each week; shocks [M', N, 5] the observed months' ratios that draws are made of; lasting [N, 5]
    the part of such a month that stays for good.
    """

    lists: tuple[Key, ...]
    opening: Floats
    held: Floats
    departures: Floats
    returns: Floats
    starts: Floats
    season: Floats
    span: np.ndarray
    shocks: Floats
    lasting: Floats


@dataclass
class Forecast:
    """One row's draws: a list, or a total. D draws × K weeks.

    over [D, K + 1, 105]: people in each band or a longer one, at each week end, the snapshot first, without
    those held beside it (so ``over[..., T]`` are those over T weeks, R1); flows [D, K, FLOWS]: each week's;
    opening_held: those held at the snapshot; returns [105] a working day.
    """

    over: Floats
    flows: Floats
    opening_held: float
    returns: Floats

    def held(self) -> Floats:
        """[D, K + 1] people held beside the state at each week end (R6)."""
        first = np.full((len(self.flows), 1), self.opening_held)
        return np.concatenate([first, self.flows[..., F_HELD]], axis=1)

    def opening(self) -> Floats:
        """[6] the whole list and those over each threshold at the snapshot."""
        return self.over[0, 0, [0, *THRESHOLDS]] + np.array([self.opening_held, *[0.0] * len(THRESHOLDS)])

    def add(self, other: Forecast) -> None:
        """Add another row's people to this one."""
        self.over += other.over
        self.flows += other.flows
        self.opening_held += other.opening_held
        self.returns += other.returns

    def copy(self) -> Forecast:
        """A row of its own with the same people."""
        return Forecast(self.over.copy(), self.flows.copy(), self.opening_held, self.returns.copy())


def assume(history: History, rates: Rates, plan: Plan, time: Horizon, keep: list[int]) -> Assumptions:
    """The carry-on assumptions for the lists at positions ``keep``: recent level, season, working days."""
    specialties = [history.lists[n][1] for n in keep]
    opening = np.stack([history.outpatient[keep, -1], history.admission[keep, -1]], axis=1)
    held = opening[:, 0, 0] * snapshot_held_share(time.snapshot)
    opening[:, 0, 0] -= held
    middles = [day + timedelta(days=4) for day in time.week_ends[:-1]]
    number = np.array([int(month_of(day)[5:]) - 1 for day in middles])
    first = time.snapshot.year * 12 + time.snapshot.month + 1
    span = np.array([max(0, day.year * 12 + day.month - first) for day in middles])
    growth = np.array([_yearly_growth(plan.demand, specialty) for specialty in specialties])
    years = (np.arange(time.weeks) + 0.5) * 7 / 365.25
    departures = replay.corrected(history, rates, keep)
    leaving = (departures[:, :, [ADMITTED, NON_ADMITTED, REMOVED]].sum(axis=2) * opening).sum(axis=(1, 2))
    daily = np.where(rates.starts[keep] > 0, rates.starts[keep], leaving)  # never seen: held level, and said
    starts = daily[:, None] * (rates.start_season[number] * time.working_days)[None]
    starts = starts * (1 + growth)[:, None] ** years[None]
    spread = rates.residuals[:, keep].std(axis=0)
    return Assumptions(
        lists=tuple(history.lists[n] for n in keep),
        opening=opening,
        held=held,
        departures=departures,
        returns=rates.returns[keep],
        starts=starts,
        season=np.broadcast_to(rates.season[number], (len(keep), time.weeks, 4)).copy(),
        span=span,
        shocks=rates.residuals[:, keep],
        lasting=rates.drift / np.maximum(spread, np.maximum(rates.drift, 1e-9)),
    )


def _yearly_growth(demand: Demand, specialty: str) -> float:
    if demand.growth == "fitted":
        return 0.0
    return demand.specialty.get(specialty, demand.percent_per_year) / 100


def multipliers(assumed: Assumptions, lists: slice, draws: int, seed: int) -> Floats:
    """Each draw's factors [D, M, N, 5] on the departures and starts, by month ahead, for the N of ``lists``.

    Observed months are drawn whole, for all lists at once, so that what moves together goes on doing so:
    LEVEL_MONTHS of them give the draw's level, one more each month its month, and of a third what lasts.
    """
    months = int(assumed.span.max()) + 1
    used = len(assumed.shocks)
    random = np.random.default_rng(seed)
    level = random.integers(used, size=(draws, LEVEL_MONTHS))
    month = random.integers(used, size=(draws, months))
    lasting = random.integers(used, size=(draws, LAG + months))
    shocks = assumed.shocks[:, lists]
    steps = np.clip(shocks - 1.0, -0.5, 0.5) * assumed.lasting[None, lists]
    steps -= steps.mean(axis=0)
    lasted = np.exp(np.cumsum(steps[lasting], axis=1))[:, LAG:]
    return np.asarray(shocks[level].mean(axis=1)[:, None] * shocks[month] * lasted)


def chance(assumed: Assumptions, n: int, draws: int, seed: int) -> Floats:
    """Each draw's factors [D, 105] on the departures of the list at ``n``: how few people are not an average.

    Independent by band, gamma with mean 1 and variance 1 ÷ (h_b × people in band b or longer), h_b being the
    week's hazard. A cohort passes each band once, so that its expected number stays as it was, and after
    many bands the number over T varies as a count of people does (Greenwood's variance of survival).
    """
    provider, specialty = assumed.lists[n]
    random = np.random.default_rng([seed, crc32(f"{provider}/{specialty}".encode())])
    people = assumed.opening[n]
    over = np.maximum(people.sum(axis=0)[::-1].cumsum()[::-1], LEAST_PEOPLE)
    weight = (people + 1e-6) / (people + 1e-6).sum(axis=0)
    hazard = 5 * (assumed.departures[n].sum(axis=1) * weight).sum(axis=0)
    shape = np.maximum(hazard, 1e-3) * over
    factors = random.gamma(shape, 1 / shape, size=(draws, BANDS))
    factors[:, -1] = 1.0  # the open band is passed again and again
    return factors


def project(assumed: Assumptions, time: Horizon, draws: int, seed: int) -> Iterator[tuple[Key, Forecast]]:
    """Every list's Forecast, then every provider's, every specialty's and the whole's.

    Each is there only until the next is asked for: a list's arrays are used again for the next list, because
    fresh memory costs more than stepping (measured: ten times). Lists are stepped a provider or a specialty
    at a time, whichever are more, so that only the totals of the fewer are held: memory grows with those.
    """
    providers, specialties = ({key[i] for key in assumed.lists} for i in (0, 1))
    outer = 0 if len(providers) > len(specialties) else 1
    inner_totals: dict[str, Forecast] = {}
    total, whole = (_empty(assumed, time, draws) for _ in range(2))
    steps = _stepped(assumed, time, draws, seed)
    for label in sorted({key[outer] for key in assumed.lists}):
        _clear(total)
        for n in (n for n, key in enumerate(assumed.lists) if key[outer] == label):
            forecast = steps(n)
            total.add(forecast)
            inner = assumed.lists[n][1 - outer]
            if inner in inner_totals:
                inner_totals[inner].add(forecast)
            else:
                inner_totals[inner] = forecast.copy()
            yield assumed.lists[n], forecast
        whole.add(total)
        yield ((label, ALL) if outer == 0 else (ALL, label)), total
    for label in sorted(inner_totals):
        yield ((ALL, label) if outer == 0 else (label, ALL)), inner_totals[label]
    yield (ALL, ALL), whole


def _empty(assumed: Assumptions, time: Horizon, draws: int) -> Forecast:
    waiting, flows = np.zeros((draws, time.weeks + 1, BANDS)), np.zeros((draws, time.weeks, FLOWS))
    return Forecast(waiting, flows, 0.0, np.zeros(BANDS))


def _clear(total: Forecast) -> None:
    total.over[:], total.flows[:], total.returns[:] = 0.0, 0.0, 0.0
    total.opening_held = 0.0


def _stepped(assumed: Assumptions, time: Horizon, draws: int, seed: int) -> Callable[[int], Forecast]:
    """A function that steps the list at a position, into the same arrays every time."""
    row = _empty(assumed, time, draws)

    def step(n: int) -> Forecast:
        one = slice(n, n + 1)
        step_weeks(
            assumed.opening[one],
            assumed.held[one],
            assumed.departures[one],
            assumed.returns[one],
            time.working_days,
            assumed.season[one],
            assumed.starts[one],
            time.last_day_share,
            multipliers(assumed, one, draws, seed),
            chance(assumed, n, draws, seed)[:, None],
            assumed.span,
            row.over[:, None],
            row.flows[:, None],
        )
        sum_from_the_longest(row.over)
        row.opening_held, row.returns = float(assumed.held[n]), assumed.returns[n].sum(axis=0)
        return row

    return step
