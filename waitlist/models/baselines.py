"""Six simple forecasts of monthly counts, against which ours is judged, and how wrong each has been before.

Each takes people at month ends, ``values`` [R, M] of R series (NaN where not known), the last month being the
origin, and ``growth`` [M] or [R, M], the monthly log change of the whole of which the series are parts
(``pooled_growth``). Each gives the next ``ahead`` months [R, ahead]; NaN where the origin is not known, or
where the method needs more of the past than there is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np

from waitlist.bands import Floats

YEAR = 12
LEAST_FITTED = 8
"""Known months in a row below which Theta and ETS, with as many parameters, give the last value."""
GROUPS = 3
"""Groups of series by size, each with its own past errors; one where it would hold fewer than LEAST_GROUP."""
LEAST_GROUP = 20
LEAST_ERRORS = 10
"""Past errors below which no quantile is given."""
LEVELS = np.array([0.05, 0.25, 0.50, 0.75, 0.95])
"""The quantiles by which every forecast is judged."""

Method = Callable[[Floats, Floats, int], Floats]


def pooled_growth(values: Floats) -> Floats:
    """[M] the monthly log change of the sum over ``values`` [R, M]; NaN in the first month.

    Of the series known in both months, so that one which appears or vanishes is no growth (R3).
    """
    both = ~np.isnan(values[:, 1:]) & ~np.isnan(values[:, :-1])
    now, before = (np.where(both, part, 0.0).sum(axis=0) for part in (values[:, 1:], values[:, :-1]))
    return np.append(np.nan, np.where(both.any(axis=0), np.log1p(now) - np.log1p(before), np.nan))


def last_value(values: Floats, growth: Floats, ahead: int) -> Floats:
    """Nothing changes."""
    return np.repeat(values[:, -1:], ahead, axis=1)


def pooled_drift(values: Floats, growth: Floats, ahead: int) -> Floats:
    """Every series goes on at the mean monthly log change of the whole over the last 12 months."""
    drift = _mean(growth[..., -YEAR:])
    return values[:, -1:] * np.exp(np.arange(1, ahead + 1) * drift[..., None])


def pooled_last_year(values: Floats, growth: Floats, ahead: int) -> Floats:
    """Every series changes as the whole did in the same calendar months a year before."""
    if growth.shape[-1] < YEAR:
        return np.full((len(values), ahead), np.nan)
    months = growth.shape[-1] - YEAR + np.arange(ahead) % YEAR
    return values[:, -1:] * np.exp(np.cumsum(growth[..., months], axis=-1))


def own_drift(values: Floats, growth: Floats, ahead: int) -> Floats:
    """Each series goes on at its own mean monthly log change over the last 12 months, of 1 + people.

    Over the months there are, where they are fewer; a series not known at their beginning stays.
    """
    log = np.log1p(values[:, -YEAR - 1 :])
    drift = np.nan_to_num((log[:, -1] - log[:, 0]) / max(log.shape[1] - 1, 1))
    return np.maximum(np.expm1(log[:, -1:] + np.arange(1, ahead + 1) * drift[:, None]), 0.0)


def theta(values: Floats, growth: Floats, ahead: int) -> Floats:
    """The Theta method of Assimakopoulos and Nikolopoulos, with its own test of a yearly season."""
    from statsmodels.tsa.forecasting.theta import ThetaModel  # noqa: PLC0415 - slow to load

    def one(series: Floats) -> Floats:
        seasonal = len(series) >= 2 * YEAR
        return np.asarray(ThetaModel(series, period=YEAR, deseasonalize=seasonal).fit().forecast(ahead))

    return _each(one, values, ahead)


def damped_ets(values: Floats, growth: Floats, ahead: int) -> Floats:
    """Exponential smoothing with an additive, damped trend (Holt)."""
    from statsmodels.tsa.holtwinters import Holt  # noqa: PLC0415 - slow to load

    def one(series: Floats) -> Floats:
        model = Holt(series, damped_trend=True, initialization_method="estimated")
        return np.asarray(model.fit().forecast(ahead))

    return _each(one, values, ahead)


BASELINES: Mapping[str, Method] = {
    "last_value": last_value,
    "pooled_drift": pooled_drift,
    "pooled_last_year": pooled_last_year,
    "own_drift": own_drift,
    "theta": theta,
    "damped_ets": damped_ets,
}
FITTED = ("theta", "damped_ets")
"""Those that are fitted to each series by itself, which takes about 13 ms."""


def looking_back(values: Floats, growth: Floats, method: Method, ahead: int, every: int = 1) -> tuple[Floats, Floats]:
    """What ``method`` would have said at earlier origins, and what came: two of [T, R, ahead].

    Nothing after the last month of ``values`` is known; origins are ``every`` months apart and the latest is
    the month before it. Months that had not come by then are NaN.
    """
    months = values.shape[1]
    origins = range(months - 2, 1, -every)
    said, came = np.full((2, len(origins), len(values), ahead), np.nan)
    for place, origin in enumerate(origins):
        reach = min(ahead, months - 1 - origin)
        said[place, :, :reach] = method(values[:, : origin + 1], growth[..., : origin + 1], reach)
        came[place, :, :reach] = values[:, origin + 1 : origin + 1 + reach]
    return said, came


def fan(said: Floats, past_said: Floats, past_came: Floats) -> Floats:
    """[5, R, ahead] LEVELS of forecasts ``said`` [R, ahead], from the log errors of the same method before.

    Series are in GROUPS by size; each has the quantiles of its group's errors at that many months ahead.
    """
    errors = np.log1p(past_came) - np.log1p(past_said)
    size = np.nan_to_num(said[:, 0])
    many = GROUPS if len(size) >= GROUPS * LEAST_GROUP else 1
    group = np.argsort(np.argsort(size, kind="stable"), kind="stable") * many // max(len(size), 1)
    found = np.full((len(LEVELS), *said.shape), np.nan)
    for which in range(many):
        rows = group == which
        for month in range(said.shape[1]):
            known = errors[:, rows, month]
            known = known[~np.isnan(known)]
            if len(known) >= LEAST_ERRORS:
                moved = np.log1p(said[rows, month]) + np.quantile(known, LEVELS)[:, None]
                found[:, rows, month] = np.maximum(np.expm1(moved), 0.0)
    return found


def _mean(changes: Floats) -> Floats:
    """The mean over the last axis of what is known; NaN where nothing is."""
    known = ~np.isnan(changes)
    count = known.sum(axis=-1)
    return np.where(count > 0, np.where(known, changes, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def _each(one: Callable[[Floats], Floats], values: Floats, ahead: int) -> Floats:
    """``one`` series after the other, from its last gap on; never below none. One that cannot be fitted stays."""
    found = last_value(values, np.empty(0), ahead)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search that stops early is as good a baseline
        for row, series in enumerate(values):
            gaps = np.flatnonzero(np.isnan(series))
            known = series[gaps[-1] + 1 if len(gaps) else 0 :]
            if len(known) < LEAST_FITTED or (known == known[0]).all():
                continue
            try:
                forecast = one(known)
            except (ValueError, np.linalg.LinAlgError):
                continue
            if np.isfinite(forecast).all():
                found[row] = np.maximum(forecast, 0.0)
    return found
