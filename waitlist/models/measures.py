"""The measures of one row's forecast, draw by draw, at week ends and month ends (R1, R2, R4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waitlist.bands import THRESHOLDS, Floats
from waitlist.calendar import Horizon
from waitlist.models.forecast import Forecast
from waitlist.models.layout import (
    A_IN,
    A_NET_OVER,
    A_OUT,
    A_WAITED,
    F_ADMITTED,
    F_CONVERTED,
    F_NON_ADMITTED,
    F_REMOVED,
    F_STARTS,
    F_STOPS_OVER,
    F_THEATRE,
    F_TIP,
    F_UNUSED_CLINICS,
    F_UNUSED_THEATRES,
    FLOWS,
)
from waitlist.models.reading import sum_between_days

MEASURES = (
    "waiting_list",
    "within_18_weeks",
    *(f"over_{t}_weeks" for t in THRESHOLDS),
    "clock_starts",
    "stops_admitted",
    "stops_non_admitted",
    "other_removals",
    "transfers_in",
    "transfers_out",
    "restatement",
    "conversions",
    "percent_within_18_weeks",
    "percent_over_52_weeks",
    "median_wait_weeks",
    "p92_wait_weeks",
    *(f"tip_in_{t}_weeks" for t in THRESHOLDS),
)

OF_PEOPLE = np.array([not name.startswith("percent") and not name.endswith("wait_weeks") for name in MEASURES])
"""Which of MEASURES count people."""


@dataclass(frozen=True)
class Times:
    """One row's measures at C times in D draws.

    values: each of MEASURES [C, D]; over, stops_over, removed_over [6, C, D]: people, and flows in the time
    before, among those over 0 and each threshold; days [C]: the length of that time. stages, unused [2, C, D]: stops of
    each stage in that time, and those for which it found nobody.
    """

    values: dict[str, Floats]
    over: Floats
    stops_over: Floats
    removed_over: Floats
    days: Floats
    stages: Floats
    unused: Floats
    net_in: Floats


def weekly(forecast: Forecast, time: Horizon, weeks: int) -> Times:
    """The measures at the first ``weeks`` week ends after the snapshot."""
    at = forecast.asked.days.places(time.week_ends[1 : weeks + 1])
    moved = None if forecast.aid is None else forecast.aid[:A_WAITED, :weeks]
    return _times(forecast, at, forecast.flows[:, :weeks], moved, np.full(weeks, 7.0))


def monthly(forecast: Forecast, time: Horizon) -> Times:
    """The measures at every month end ahead, by R2's two weights; flows since the month end before."""
    days, ends = forecast.asked.days, [end.day for end in time.month_ends]
    at = days.places(ends)
    weights = np.tile(days.flow_weight[at], (FLOWS, 1))
    weights[F_TIP:F_STOPS_OVER] = days.crossing[at][:, THRESHOLDS].T
    flows = np.empty((FLOWS, len(at), forecast.flows.shape[2]))
    sum_between_days(forecast.flows, days.week[at], weights, flows)
    moved = None
    if forecast.aid is not None:
        moved = np.empty((A_WAITED, len(at), forecast.flows.shape[2]))
        sum_between_days(forecast.aid[:A_WAITED], days.week[at], weights[:A_WAITED], moved)
    length = np.diff([(day - time.snapshot).days for day in ends], prepend=0)
    return _times(forecast, at, flows, moved, length.astype(float))


def _times(forecast: Forecast, at: np.ndarray, flows: Floats, moved: Floats | None, days: Floats) -> Times:
    standard = 1 + len(THRESHOLDS)
    over, waits = forecast.over[:standard, at], forecast.waits[:, at]
    tips = flows[F_TIP:F_STOPS_OVER]
    values: dict[str, Floats] = {"waiting_list": over[0], "within_18_weeks": over[0] - over[1]}
    values |= {f"over_{t}_weeks": over[1 + i] for i, t in enumerate(THRESHOLDS)}
    values["clock_starts"] = flows[F_STARTS]
    values["stops_admitted"] = flows[F_ADMITTED]
    values["stops_non_admitted"] = flows[F_NON_ADMITTED]
    values["other_removals"] = flows[F_REMOVED]
    values["restatement"] = nothing = np.zeros_like(over[0])
    values["transfers_in"], values["transfers_out"] = (nothing, nothing) if moved is None else moved[[A_IN, A_OUT]]
    values["conversions"] = flows[F_CONVERTED]
    anyone = np.where(over[0] > 0, over[0], np.nan)
    values["percent_within_18_weeks"] = 100 * (over[0] - over[1]) / anyone
    values["percent_over_52_weeks"] = 100 * over[1 + THRESHOLDS.index(52)] / anyone
    values["median_wait_weeks"], values["p92_wait_weeks"] = waits
    values |= {f"tip_in_{t}_weeks": tips[i] for i, t in enumerate(THRESHOLDS)}
    stops_over = np.stack([flows[F_ADMITTED] + flows[F_NON_ADMITTED], *flows[F_STOPS_OVER:F_THEATRE]])
    joined = np.stack([flows[F_STARTS], *tips])
    net_in = np.zeros_like(over)
    if moved is not None:
        net_in = np.stack([moved[A_IN] - moved[A_OUT], *moved[A_NET_OVER:A_WAITED]])
    removed_over = joined + net_in - stops_over - over  # what R4 leaves
    removed_over[:, 1:] += over[:, :-1]
    removed_over[:, 0] += forecast.opening[:standard, None]
    removed_over[0] = flows[F_REMOVED]
    theatre = flows[F_THEATRE]
    stages = np.stack([flows[F_ADMITTED] + flows[F_NON_ADMITTED] - theatre, theatre])
    unused = flows[[F_UNUSED_CLINICS, F_UNUSED_THEATRES]]
    return Times(values, over, stops_over, removed_over, days, stages, unused, net_in)


def summary(times: Times) -> tuple[Floats, Floats]:
    """Mean [measures, C] and the 5, 10, 25, 50, 75, 90, 95 percentiles [7, measures, C] over draws, of whole people."""
    values = np.stack([times.values[name] for name in MEASURES])
    values.sort(axis=-1)
    percentiles = sorted_percentiles(values, np.array([0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95]))
    percentiles[:, OF_PEOPLE] = np.rint(percentiles[:, OF_PEOPLE])  # no draw of nobody would be exactly nobody
    return values.mean(axis=-1), percentiles


def means(times: Times) -> Floats:
    """Mean [measures, C] over draws."""
    return np.stack([times.values[name].mean(axis=-1) for name in MEASURES])


def sorted_percentiles(values: Floats, shares: Floats) -> Floats:
    """The percentiles [S, …] of ``values`` [… , D], sorted along its last axis, as NumPy's default gives them."""
    at = shares * (values.shape[-1] - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, values.shape[-1] - 1)
    part = at - low
    return np.moveaxis(values[..., low] * (1 - part) + values[..., high] * part, -1, 0)
