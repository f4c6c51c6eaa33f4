"""From rates to forecasts: every draw of every list, and the totals over them (R6, R11).

``assume`` is the one place where a better forecast of demand and rates is to be put: everything after it
takes its Assumptions as given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import Horizon, month_of, snapshot_held_share
from waitlist.history import History
from waitlist.models.kernel import FLOWS, REMOVED, step_weeks
from waitlist.models.rates import Rates
from waitlist.plan import Demand, Plan
from waitlist.results import ALL

WALK = 0.25
"""How much of a month's departure from the expected stays for good."""
WALK_PEOPLE = 100.0
"""Monthly people at which half of WALK applies: small lists' months are mostly chance."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Assumptions:
    """What the engine is told of N lists over K weeks. Rates as in models.rates.

    opening [N, 2, 105] and held [N] at the snapshot; starts [N, K] a week; season [N, K, 4]; span [K] the
    month of each week; shocks [M', N, 5] the observed months' ratios that draws are made of.
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
    stay: Floats


@dataclass
class Forecast:
    """One row's draws: a list, or a total. D draws × K weeks.

    waiting [D, K + 1, 105]: at each week end, the snapshot first, without those held beside it;
    flows [D, K, FLOWS]: each week's; opening_held: those held at the snapshot; returns [105] a working day.
    """

    waiting: Floats
    flows: Floats
    opening_held: float
    returns: Floats

    def add(self, other: Forecast) -> None:
        """Add another row's people to this one."""
        self.waiting += other.waiting
        self.flows += other.flows
        self.opening_held += other.opening_held
        self.returns += other.returns

    def copy(self) -> Forecast:
        """A row of its own with the same people."""
        return Forecast(self.waiting.copy(), self.flows.copy(), self.opening_held, self.returns.copy())


def assume(history: History, rates: Rates, plan: Plan, time: Horizon, keep: list[int]) -> Assumptions:
    """The carry-on assumptions for the lists at positions ``keep``: recent level, season, working days."""
    specialties = [history.lists[n][1] for n in keep]
    opening = np.stack([history.outpatient[keep, -1], history.admission[keep, -1]], axis=1)
    held = opening[:, 0, 0] * snapshot_held_share(time.snapshot)
    opening[:, 0, 0] -= held
    openings = time.week_ends[:-1]
    number = np.array([int(month_of(day)[5:]) - 1 for day in openings])
    first = time.snapshot.year * 12 + time.snapshot.month
    span = np.array([max(0, day.year * 12 + day.month - first) for day in openings])
    growth = np.array([_yearly_growth(plan.demand, specialty) for specialty in specialties])
    years = (np.arange(time.weeks) + 0.5) * 7 / 365.25
    starts = rates.starts[keep, None] * (rates.start_season[number] * time.working_days)[None]
    starts = starts * (1 + growth)[:, None] ** years[None]
    monthly = rates.starts[keep] * 21
    return Assumptions(
        lists=tuple(history.lists[n] for n in keep),
        opening=opening,
        held=held,
        departures=rates.departures[keep],
        returns=rates.returns[keep],
        starts=starts,
        season=np.broadcast_to(rates.season[number], (len(keep), time.weeks, 4)).copy(),
        span=span,
        shocks=rates.residuals[:, keep],
        stay=WALK * monthly / (monthly + WALK_PEOPLE),
    )


def _yearly_growth(demand: Demand, specialty: str) -> float:
    if demand.growth == "fitted":
        return 0.0
    return demand.specialty.get(specialty, demand.percent_per_year) / 100


def multipliers(assumed: Assumptions, lists: slice, draws: int, seed: int) -> Floats:
    """Each draw's factors [D, M, N, 5] on the departures and starts, by month ahead, for the N of ``lists``.

    Observed months are drawn whole, for all lists at once, so that what moves together goes on doing so:
    twelve of them give the draw's level, one more each month its month, and a part of a third stays.
    """
    months = int(assumed.span.max()) + 1
    used = len(assumed.shocks)
    random = np.random.default_rng(seed)
    level = random.integers(used, size=(draws, 12))
    month = random.integers(used, size=(draws, months))
    lasting = random.integers(used, size=(draws, months))
    shocks = assumed.shocks[:, lists]
    steps = np.clip(shocks - 1.0, -0.5, 0.5) * assumed.stay[None, lists, None]
    steps -= steps.mean(axis=0)
    steps[:, :, REMOVED] *= 0.5
    lasted = np.exp(np.cumsum(steps[lasting], axis=1))
    return np.asarray(shocks[level].mean(axis=1)[:, None] * shocks[month] * lasted)


def project(assumed: Assumptions, time: Horizon, draws: int, seed: int) -> Iterator[tuple[Key, Forecast]]:
    """Every list's Forecast, then every provider's, every specialty's and the whole's.

    Lists are stepped a provider or a specialty at a time, whichever are more, so that only the totals of
    the fewer are held: memory grows with those, not with the lists.
    """
    providers, specialties = ({key[i] for key in assumed.lists} for i in (0, 1))
    outer = 0 if len(providers) > len(specialties) else 1
    inner_totals: dict[str, Forecast] = {}
    whole: Forecast | None = None
    for label in sorted({key[outer] for key in assumed.lists}):
        rows = [n for n, key in enumerate(assumed.lists) if key[outer] == label]
        total: Forecast | None = None
        for n, forecast in zip(rows, _stepped(assumed, rows, time, draws, seed), strict=True):
            total = _plus(total, forecast)
            other = assumed.lists[n][1 - outer]
            inner_totals[other] = _plus(inner_totals.get(other), forecast)
            yield assumed.lists[n], forecast
        if total is not None:
            yield ((label, ALL) if outer == 0 else (ALL, label)), total
            whole = _plus(whole, total)
    for label in sorted(inner_totals):
        yield ((ALL, label) if outer == 0 else (label, ALL)), inner_totals[label]
    if whole is not None:
        yield (ALL, ALL), whole


def _plus(total: Forecast | None, row: Forecast) -> Forecast:
    if total is None:
        return row.copy()
    total.add(row)
    return total


def _stepped(assumed: Assumptions, rows: list[int], time: Horizon, draws: int, seed: int) -> Iterator[Forecast]:
    for n in rows:
        one = slice(n, n + 1)
        waiting = np.empty((draws, 1, time.weeks + 1, BANDS))
        flows = np.empty((draws, 1, time.weeks, FLOWS))
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
            assumed.span,
            waiting,
            flows,
        )
        yield Forecast(waiting[:, 0], flows[:, 0], float(assumed.held[n]), assumed.returns[n].sum(axis=0))
