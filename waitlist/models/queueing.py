"""The queueing view of a list: load, pressure, target queue, the capacity that restores it, and how long a list may be.

Formulas of Fong et al. 2022 (doi 10.1101/2022.08.23.22279117), vectorised; any time unit serves as long as it is the
same one throughout, and here it is weeks. NaN where something is not defined, as a load without capacity.
docs/explanation/queueing.md says where they differ from the packages that have them too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.models.layout import ADMITTED, CONVERTED, FULL_WEEK, NON_ADMITTED

QUARTER = 4.0
"""A mean wait of a quarter of the target makes waits beyond it rare (under 2 % if they are exponential)."""
TWICE = 2.0
"""Times its target size beyond which a queue needs relief."""
RELIEF_WEEKS = 26.0
"""Weeks in which relief is to bring a queue to its target size."""
FASTEST, SLOWEST = 64.0, 1 / 64
"""How much faster or slower than observed all stops may be in a stationary list that meets a standard."""
HALVINGS = 40


def load(demand_per_week: Any, capacity_per_week: Any) -> Floats:
    """Demand ÷ capacity; at 1 or above a queue never settles."""
    return _ratio(demand_per_week, capacity_per_week)


def target_mean_wait_weeks(target_wait_weeks: Any, factor: Any = QUARTER) -> Floats:
    """The mean wait at which few wait longer than the target: target ÷ factor."""
    return _ratio(target_wait_weeks, factor)


def target_queue(demand_per_week: Any, target_wait_weeks: Any, factor: Any = QUARTER) -> Floats:
    """People on a list whose mean wait is the target's (Little's law)."""
    return np.asarray(demand_per_week * target_mean_wait_weeks(target_wait_weeks, factor), dtype=float)


def relief_capacity_per_week(
    demand_per_week: Any, queue: Any, target_queue: Any, weeks_to_target: Any = RELIEF_WEEKS
) -> Floats:
    """Capacity that brings ``queue`` to ``target_queue`` in so many weeks; never below demand (no relief is needed)."""
    over = np.maximum(np.subtract(queue, target_queue), 0.0)
    return np.asarray(demand_per_week + _ratio(over, weeks_to_target), dtype=float)


def target_capacity_per_week(
    demand_per_week: Any, target_wait_weeks: Any, cv_demand: Any = 1.0, cv_capacity: Any = 1.0, factor: Any = QUARTER
) -> Floats:
    """Capacity that holds a queue at its target size (newer form): demand + (cv_d² + cv_c²) ÷ 2 × factor ÷ target."""
    spread = (np.square(cv_demand) + np.square(cv_capacity)) / 2
    return np.asarray(demand_per_week + spread * _ratio(factor, target_wait_weeks), dtype=float)


def target_capacity_old_per_week(demand_per_week: Any, target_wait_weeks: Any, variability: Any = 1.0) -> Floats:
    """The older form: demand + 2 × (1 + 4 × F) ÷ target wait, F being the variability of demand and capacity."""
    return np.asarray(demand_per_week + _ratio(2 * (1 + QUARTER * np.asarray(variability)), target_wait_weeks))


def pressure(mean_wait_weeks: Any, target_wait_weeks: Any) -> Floats:
    """2 × mean wait ÷ target wait; above 1 a list is under pressure."""
    return _ratio(2 * np.asarray(mean_wait_weeks, dtype=float), target_wait_weeks)


def mean_wait_weeks(queue: Any, leaving_per_week: Any) -> Floats:
    """Little's law: people waiting ÷ people who leave in a week."""
    return _ratio(queue, leaving_per_week)


def list_for_standard_quarter(demand_per_week: Any, target_wait_weeks: Any) -> Floats:
    """The longest list that meets a standard by the rule of a quarter: target_queue."""
    return target_queue(demand_per_week, target_wait_weeks)


def list_for_standard_exponential(demand_per_week: Any, target_wait_weeks: Any, share_within: Any) -> Floats:
    """The longest list of which ``share_within`` (0 to 1) wait no longer than the target, if waits are exponential."""
    within = np.asarray(share_within, dtype=float)
    return np.asarray(demand_per_week * _ratio(target_wait_weeks, -np.log1p(-np.clip(within, 0.0, 1 - 1e-12))))


def list_for_standard_simulated(
    starts_per_week: Floats, departures: Floats, returns: Floats, target_wait_weeks: int, share_within: float
) -> Floats:
    """[N] the longest list that meets the standard in the simulation: where it settles (``stationary``) with all stops
    and conversions so many times as fast as observed that just ``share_within`` wait no longer than the target.

    starts [N]; departures [N, 2, 4, 105] and returns [N, 2, 105] as models.rates.Rates. NaN where no pace does it.
    """
    low, high = np.full(len(starts_per_week), SLOWEST), np.full(len(starts_per_week), FASTEST)

    def within(pace: Floats) -> Floats:
        people = stationary(starts_per_week, departures, returns, pace).sum(axis=1)
        return _ratio(people[:, :target_wait_weeks].sum(axis=1), people.sum(axis=1))

    possible = (within(high) >= share_within) & (starts_per_week > 0)
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        enough = within(middle) >= share_within
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    found = stationary(starts_per_week, departures, returns, high).sum(axis=(1, 2))
    return np.where(possible, found, np.nan)


def stationary(starts_per_week: Floats, departures: Floats, returns: Floats, pace: Floats) -> Floats:
    """[N, 2, 105] the list to which constant starts and rates lead in whole weeks of five working days (R6).

    pace [N]: how many times as fast as ``departures`` all stops and conversions are; removals stay as they are.
    """
    weekly = FULL_WEEK * departures.copy()
    weekly[:, :, [ADMITTED, NON_ADMITTED, CONVERTED]] *= pace[:, None, None, None]
    weekly[:, 1, [NON_ADMITTED, CONVERTED]] = 0.0
    weekly /= np.maximum(weekly.sum(axis=2, keepdims=True), 1.0)
    stay, moved = 1 - weekly.sum(axis=2), weekly[:, 0, CONVERTED]
    back = FULL_WEEK * returns
    people = np.zeros((len(starts_per_week), 2, BANDS))
    people[:, 0, 0] = starts_per_week
    for b in range(BANDS - 1):
        on = stay[..., b] * people[..., b] + back[..., b]
        on[:, 1] += moved[:, b] * people[:, 0, b]
        people[..., b + 1] = on
    # the open band keeps its own until as many leave as come: never, where nobody leaves
    top = BANDS - 1
    for stage in (0, 1):
        converted = moved[:, top] * people[:, 0, top] if stage else 0.0
        coming = people[:, stage, top] + back[:, stage, top] + converted
        people[:, stage, top] = np.where(coming > 0, _ratio(coming, 1 - stay[:, stage, top]), 0.0)
    return people


def _ratio(part: Any, whole: Any) -> Floats:
    """``part`` ÷ ``whole``, NaN where the whole is nothing."""
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=float), np.asarray(whole, dtype=float))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
