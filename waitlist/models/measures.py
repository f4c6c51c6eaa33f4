"""The measures of one row's forecast, draw by draw, at week ends and month ends (R1, R2, R4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waitlist.bands import THRESHOLDS, Floats
from waitlist.calendar import Horizon
from waitlist.models.engine import Forecast
from waitlist.models.kernel import (
    F_ADMITTED,
    F_CONVERTED,
    F_HELD,
    F_NON_ADMITTED,
    F_REMOVED,
    F_STARTS,
    F_STOPS_OVER,
    F_TIP_104,
    wait_percentiles,
)

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
WAIT_SHARES = np.array([0.5, 0.92])


@dataclass(frozen=True)
class Times:
    """One row's measures at C times in D draws.

    bands [D, C, 105] people waiting; values: each of MEASURES [D, C]; stops_over, removed_over
    [6, D, C] flows in the time before, among those over each of (0, *THRESHOLDS); days [C] its length.
    """

    bands: Floats
    values: dict[str, Floats]
    stops_over: Floats
    removed_over: Floats
    days: Floats


def weekly(forecast: Forecast, time: Horizon, weeks: int) -> Times:
    """The measures at the first ``weeks`` week ends after the snapshot."""
    bands = forecast.waiting[:, 1 : weeks + 1].copy()
    bands[..., 0] += forecast.flows[:, :weeks, F_HELD]
    flows = forecast.flows[:, :weeks]
    tips = _tips(forecast)[:, :, :weeks]
    return _times(bands, flows, tips, _removed_over(forecast)[:, :, :weeks], np.full(weeks, 7.0))


def monthly(forecast: Forecast, time: Horizon) -> Times:
    """The measures at every month end ahead, by R2's two weights."""
    week = np.array([end.week for end in time.month_ends])
    share = np.array([end.flow_weight for end in time.month_ends])
    crossing = np.array([end.crossing_weights for end in time.month_ends])
    following = np.minimum(week, time.weeks - 1)
    bands = _bands_inside(forecast, week, following, share, crossing)

    def upto(flow: Floats, weight: Floats) -> Floats:  # flow [..., K] → by month
        total = np.concatenate([np.zeros((*flow.shape[:-1], 1)), flow.cumsum(axis=-1)], axis=-1)
        ends = total[..., week] + weight * flow[..., following]
        return np.diff(ends, axis=-1, prepend=0.0)

    flows = upto(np.moveaxis(forecast.flows, 2, 0), share).transpose(1, 2, 0)
    tips = np.stack([upto(tip, crossing[:, t]) for tip, t in zip(_tips(forecast), THRESHOLDS, strict=True)])
    days = np.diff([(end.day - time.snapshot).days for end in time.month_ends], prepend=0)
    return _times(bands, flows, tips, upto(_removed_over(forecast), share), days.astype(float))


def _bands_inside(
    forecast: Forecast, week: np.ndarray, following: np.ndarray, share: Floats, crossing: Floats
) -> Floats:
    """People by band at days inside weeks: every whole week's 'over' by R2, and what lies between."""
    opening, closing = forecast.waiting[:, week], forecast.waiting[:, following + 1]
    over_open = _tail(opening)
    tip = closing.copy()
    tip[..., -1] = forecast.flows[:, following, F_TIP_104]
    exits = over_open + tip - _tail(closing)
    over = over_open + crossing * tip - share[:, None] * exits
    held = np.concatenate([np.full((len(opening), 1), forecast.opening_held), forecast.flows[..., F_HELD]], axis=1)
    lists = opening.sum(-1) + held[:, week]
    change = closing.sum(-1) + held[:, following + 1] - lists
    over[..., 0] = lists + share * change
    bands = over.copy()
    bands[..., :-1] -= over[..., 1:]
    return bands


def _tail(bands: Floats) -> Floats:
    return bands[..., ::-1].cumsum(axis=-1)[..., ::-1]


def _tips(forecast: Forecast) -> Floats:
    """[5, D, K] people who crossed each threshold in each week."""
    crossed = [forecast.waiting[:, 1:, t] for t in THRESHOLDS[:-1]]
    return np.stack([*crossed, forecast.flows[..., F_TIP_104]])


def _removed_over(forecast: Forecast) -> Floats:
    """[6, D, K] net removals among all, and among those over each threshold: what R4 leaves."""
    tips = _tips(forecast)
    found = [forecast.flows[..., F_REMOVED]]
    for i, t in enumerate(THRESHOLDS):
        over = forecast.waiting[..., t:].sum(axis=-1)
        found.append(over[:, :-1] + tips[i] - over[:, 1:] - forecast.flows[..., F_STOPS_OVER + i])
    return np.stack(found)


def _times(bands: Floats, flows: Floats, tips: Floats, removed_over: Floats, days: Floats) -> Times:
    values: dict[str, Floats] = {}
    total = bands.sum(axis=-1)
    over = {t: bands[..., t:].sum(axis=-1) for t in THRESHOLDS}
    values["waiting_list"] = total
    values["within_18_weeks"] = total - over[18]
    for t in THRESHOLDS:
        values[f"over_{t}_weeks"] = over[t]
    values["clock_starts"] = flows[..., F_STARTS]
    values["stops_admitted"] = flows[..., F_ADMITTED]
    values["stops_non_admitted"] = flows[..., F_NON_ADMITTED]
    values["other_removals"] = flows[..., F_REMOVED]
    for name in ("transfers_in", "transfers_out", "restatement"):
        values[name] = np.zeros_like(total)
    values["conversions"] = flows[..., F_CONVERTED]
    with np.errstate(divide="ignore", invalid="ignore"):
        values["percent_within_18_weeks"] = 100 * (total - over[18]) / np.where(total > 0, total, np.nan)
        values["percent_over_52_weeks"] = 100 * over[52] / np.where(total > 0, total, np.nan)
    waits = np.empty((2, *total.shape))
    wait_percentiles(np.ascontiguousarray(bands), WAIT_SHARES, waits)
    values["median_wait_weeks"], values["p92_wait_weeks"] = waits
    for i, t in enumerate(THRESHOLDS):
        values[f"tip_in_{t}_weeks"] = tips[i]
    stops = flows[..., F_ADMITTED] + flows[..., F_NON_ADMITTED]
    stops_over = np.stack([stops, *(flows[..., F_STOPS_OVER + i] for i in range(len(THRESHOLDS)))])
    return Times(bands, values, stops_over, removed_over, days)


def summary(times: Times) -> tuple[Floats, Floats]:
    """Mean [measures, C] and the 5, 10, 25, 50, 75, 90, 95 percentiles [7, measures, C] over draws."""
    stacked = np.stack([times.values[name].T for name in MEASURES])  # measures × C × D
    stacked = np.sort(np.ascontiguousarray(stacked), axis=-1)
    mean = stacked.mean(axis=-1)
    at = np.array([0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95]) * (stacked.shape[-1] - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, stacked.shape[-1] - 1)
    part = at - low
    found = stacked[..., low] * (1 - part) + stacked[..., high] * part
    return mean, np.moveaxis(found, -1, 0)
