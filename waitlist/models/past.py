"""The observed past of lists and their totals, as measures (R1, R4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from waitlist.bands import THRESHOLDS, Floats, over, percentile_wait
from waitlist.history import History
from waitlist.models.departures import MonthFlows, month_flows

Observed = dict[str, Floats]
"""measure → [L, M]; NaN where it is not known (R3)."""


def observed_flows(history: History) -> list[MonthFlows | None]:
    """Every month's inferred flows, the first month having none."""
    with ThreadPoolExecutor(max_workers=2) as months:  # arrays this large leave the interpreter free
        return [None, *months.map(lambda m: month_flows(history, m), range(1, len(history.months)))]


def observed(history: History, flows: list[MonthFlows | None]) -> Observed:
    """The measures of every list in every observed month; stocks where present, flows where R4 closes."""
    counts, shape = history.counts, history.present.shape
    values: Observed = {"waiting_list": history.waiting.sum(axis=2)}
    values["within_18_weeks"] = values["waiting_list"] - over(history.waiting, 18)
    for t in THRESHOLDS:
        values[f"over_{t}_weeks"] = over(history.waiting, t)
    for name in values:
        values[name] = np.where(history.present, values[name], np.nan)
    known = np.where(history.observed_flows, 1.0, np.nan)
    values["clock_starts"] = counts.clock_starts * known
    values["stops_admitted"] = (counts.admitted.sum(axis=2) + counts.admitted_unknown) * known
    values["stops_non_admitted"] = (counts.non_admitted.sum(axis=2) + counts.non_admitted_unknown) * known
    values["other_removals"] = history.other_removals
    values["transfers_in"] = values["transfers_out"] = 0.0 * known
    values["restatement"] = history.restatement * known
    values["conversions"] = np.full(shape, np.nan)
    tips = np.full((len(THRESHOLDS), *shape), np.nan)
    for m, flow in enumerate(flows):
        if flow is not None:
            values["conversions"][:, m] = flow.converted.sum(axis=1) * known[:, m]
            tips[:, :, m] = flow.tip_in * known[:, m]
    for i, t in enumerate(THRESHOLDS):
        values[f"tip_in_{t}_weeks"] = tips[i]
    return values


def total(values: Observed, rows: list[int]) -> Observed:
    """The measures summed over ``rows``, each [1, M], NaN where none of them is known.

    A list that appears, vanishes or has no flows restates the total by its change (R3), so that R4 holds.
    """
    found = {}
    closed = ~np.isnan(values["other_removals"][rows])
    for name, value in values.items():
        known = ~np.isnan(value[rows])
        added = np.where(known, value[rows], 0.0).sum(axis=0, keepdims=True)
        found[name] = np.where(known.any(axis=0), added, np.nan)
    waiting = np.nan_to_num(values["waiting_list"][rows])
    change = np.diff(waiting, axis=1, prepend=0.0)
    found["restatement"] = found["restatement"] + np.where(closed, 0.0, change).sum(axis=0, keepdims=True)
    return found


def shares_and_waits(values: Observed, waiting: Floats) -> Observed:
    """Percentages and waits of one row from its counts and bands [1, M, 105]; NaN where nobody waits."""
    size = np.where(values["waiting_list"] > 0, values["waiting_list"], np.nan)
    missing = np.isnan(size)
    return {
        "percent_within_18_weeks": 100 * values["within_18_weeks"] / size,
        "percent_over_52_weeks": 100 * values["over_52_weeks"] / size,
        "median_wait_weeks": np.where(missing, np.nan, percentile_wait(waiting, 0.5)),
        "p92_wait_weeks": np.where(missing, np.nan, percentile_wait(waiting, 0.92)),
    }
