"""The queueing view of every list and provider, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.calendar import month_lengths
from waitlist.history import History
from waitlist.models import past, queueing, tables
from waitlist.models.rates import Rates

MONTHS = 12
"""Last observed months whose mean flows are a list's demand and capacity."""
STANDARD_WEEKS, STANDARD_SHARE = 18, 0.92
COLUMNS = (
    "starts_per_week",
    "other_removals_per_week",
    "demand_per_week",
    "capacity_per_week",
    "load",
    "waiting_list",
    "mean_wait_weeks",
    "pressure",
    "target_queue",
    "relief_capacity_per_week",
    "target_capacity_per_week",
    "list_for_standard_quarter",
    "list_for_standard_exponential",
    "list_for_standard_simulated",
)
WHY = (
    "Three list sizes for one standard: a quarter of the target wait times demand is for a queue served in turn, where "
    "hardly anyone may wait long; exponential waits are those of a list of which a like share is treated each week, "
    "whoever has waited how long; the simulation settles with the order that is observed, where many are treated early "
    "and few late."
)


def table(
    history: History,
    seen: past.Observed,
    fitted: Rates,
    rows: Sequence[int],
    target_weeks: int = STANDARD_WEEKS,
    share_within: float = STANDARD_SHARE,
) -> pd.DataFrame:
    """provider, specialty and COLUMNS of the lists at ``rows`` and their totals; people, weeks and stops a week.

    ``seen`` the observed measures of all lists. Demand is clock starts less those removed without a stop, capacity the
    stops, of the mean of the last MONTHS whose flows are known. Of totals the simulated size is the lists' sum.
    """
    starts, removed, stops = (
        _weekly(history, np.sum([seen[name] for name in names], axis=0))
        for names in (("clock_starts",), ("other_removals",), ("stops_admitted", "stops_non_admitted"))
    )
    at = list(rows)
    simulated = queueing.list_for_standard_simulated(
        np.nan_to_num(starts[at]), fitted.departures[at], fitted.returns[at], target_weeks, share_within
    )
    size = history.waiting[:, -1].sum(axis=1)
    keys, found = [], []
    for key, places in sorted(tables.rows_of([history.lists[n] for n in at]).items()):
        mine = [at[i] for i in places]
        keys.append(key)
        arrive, gone, done = (_sum(values[mine]) for values in (starts, removed, stops))
        people = float(size[mine].sum())
        settled = float(simulated[places].sum())  # not known where one of them is not
        found.append(_row(arrive, gone, done, people, settled, target_weeks, share_within))
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    frame.insert(0, "specialty", [specialty for _, specialty in keys])
    frame.insert(0, "provider", [provider for provider, _ in keys])
    return frame


def _weekly(history: History, monthly: Floats) -> Floats:
    """[L] the mean a week of the last MONTHS of ``monthly`` [L, M] that are known; NaN where none is."""
    weeks = month_lengths(history.months[-MONTHS:]) / 7
    last = monthly[:, -MONTHS:]
    known = ~np.isnan(last)
    total = np.where(known, last, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum((known * weeks).sum(axis=1), 1e-9), np.nan)


def _sum(values: Floats) -> float:
    """The sum of those that are known; NaN where none is."""
    return float(np.nansum(values)) if not np.isnan(values).all() else np.nan


def _row(
    starts: float, removed: float, stops: float, size: float, simulated: float, weeks: int, share: float
) -> tuple[float, ...]:
    demand = max(starts - removed, 0.0)
    target = float(queueing.target_queue(demand, weeks))
    relief = float(queueing.relief_capacity_per_week(demand, size, target))
    needs_relief = size > queueing.TWICE * target
    wait = float(queueing.mean_wait_weeks(size, stops + removed))
    return (
        starts,
        removed,
        demand,
        stops,
        float(queueing.load(demand, stops)),
        size,
        wait,
        float(queueing.pressure(wait, weeks)),
        target,
        relief if needs_relief else np.nan,
        np.nan if needs_relief else float(queueing.target_capacity_per_week(demand, weeks)),
        float(queueing.list_for_standard_quarter(demand, weeks)),
        float(queueing.list_for_standard_exponential(demand, weeks, share)),
        simulated,
    )
