"""Forecasts held against what came: one origin's outcomes, their scores, and the record of a plan's providers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.calendar import Horizon
from waitlist.models import baselines as simple
from waitlist.models.forecast import Forecast
from waitlist.models.measures import monthly, sorted_percentiles
from waitlist.models.series import FLOWS, WATCHED, Key
from waitlist.results import ALL

MEASURES = (*WATCHED, *FLOWS)
METHODS = ("forecast", *simple.BASELINES)
SAID = ("mean", "p05", "p25", "p50", "p75", "p95")
EVERY = 6
"""Months between the earlier origins at which the fitted baselines are looked back on: they are slow."""
FANS = ("origin", "provider", "horizon_months", "measure", "actual", *SAID, "last_value", "break_in_window")
"""Columns of past forecasts of providers and their total, over all specialties."""
RECORDED = ("waiting_list", "over_18_weeks", "over_52_weeks", "over_65_weeks")
POOR_HELD = 0.5
MORE_ERROR = 1.0
"""A record is poor where fewer than this share of the 90 % intervals held, or where the error is this many times
that of doing nothing, and this many percentage points above it."""
POOR_ERROR = 1.5
SCORES = ("wape", "bias", "pinball", "coverage_50", "coverage_90")


@dataclass(frozen=True)
class Outcome:
    """One origin's forecasts and what came. R rows, H months ahead; NaN where there is no figure.

    actual [MEASURES, R, H]; said [METHODS, SAID, MEASURES, R, H]: a baseline's mean is its forecast, its
    quantiles those of its own past errors. broken [R, H]: the breaks in the row's provider since the origin.
    """

    origin: str
    rows: tuple[Key, ...]
    actual: Floats
    said: Floats
    broken: np.ndarray


def own_fan(forecast: Forecast, time: Horizon) -> Floats:
    """[SAID, MEASURES, H] of one row's draws, the percentiles of whole people."""
    months = monthly(forecast, time)
    values = np.sort(np.stack([months.values[name] for name in MEASURES]), axis=-1)
    return np.concatenate([values.mean(axis=-1)[None], np.rint(sorted_percentiles(values, simple.LEVELS))])


def baseline_fans(values: Floats, growth: Floats, ahead: int, methods: Sequence[str]) -> tuple[Floats, Floats]:
    """What the baselines ``methods`` say of series [S, R, M]: [METHODS, SAID, MEASURES, R, H], and of their sum.

    ``growth`` [S, M] or [S, R, M]. The sum's fan comes from past errors of the sum, over series known at the time.
    """
    count = values.shape[1]
    each = np.full((len(METHODS), len(SAID), len(MEASURES), count, ahead), np.nan)
    whole = np.full((len(METHODS), len(SAID), len(MEASURES), 1, ahead), np.nan)
    for s in range(len(WATCHED)):
        for name in methods:
            method, x = simple.BASELINES[name], METHODS.index(name)
            said = method(values[s], growth[s], ahead)
            every = EVERY if name in simple.FITTED else 1
            before, came = simple.looking_back(values[s], growth[s], method, ahead, every)
            each[x, 0, s], each[x, 1:, s] = said, simple.fan(said, before, came)
            both = ~np.isnan(before) & ~np.isnan(came)
            none = np.where(both.any(axis=1, keepdims=True), 0.0, np.nan)
            sums = [np.where(both, part, 0.0).sum(axis=1, keepdims=True) + none for part in (before, came)]
            total = said.sum(axis=0, keepdims=True)
            whole[x, 0, s], whole[x, 1:, s] = total, simple.fan(total, *sums)
    return each, whole


def level(key: Key) -> str:
    """Whether a row is the total, a provider, or one specialty of a provider."""
    return "specialty" if key[1] != ALL else "provider" if key[0] != ALL else "total"


def table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """backtest.csv: a line for every origin, row, month ahead and measure that came."""
    frames = []
    for one in outcomes:
        shape = one.actual.shape
        s, r, h = (axis.ravel() for axis in np.indices(shape))
        codes = np.array(one.rows, dtype=object)[r]
        columns = {
            "origin": one.origin,
            "provider": codes[:, 0],
            "specialty": codes[:, 1],
            "horizon_months": h + 1,
            "measure": np.array(MEASURES, dtype=object)[s],
            "actual": one.actual.ravel(),
        }
        columns |= {name: one.said[0, q].ravel() for q, name in enumerate(SAID)}
        columns |= {name: one.said[x, 0].ravel() for x, name in enumerate(METHODS) if x}
        columns["break_in_window"] = one.broken[r, h]
        frames.append(pd.DataFrame(columns).dropna(subset=["actual", "mean"]))
    found = pd.concat(frames)
    return found.sort_values(["origin", "provider", "specialty", "horizon_months"], kind="stable", ignore_index=True)


def scores(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """scores.csv: every method's WAPE, bias and pinball loss (%) and coverage (0 to 1), by measure and months ahead.

    Weighted by people: sums of errors over sums of what came. Origin ALL pools the origins.
    """
    rows = []
    for where, measure, month, origin, group in _cells(outcomes):
        actual, said = group
        found = {method: score(actual, said[x]) for x, method in enumerate(METHODS)}
        naive = found["last_value"]["pinball"]
        for method, score_of in found.items():
            if not np.isnan(score_of["wape"]):
                ratio = score_of["pinball"] / naive if naive > 0 else np.nan
                rows.append((measure, month, method, where, origin, len(actual), *score_of.values(), ratio))
    columns = ["measure", "horizon_months", "method", "level", "origin", "series", *SCORES, "pinball_ratio_to_naive"]
    order = [*columns[:6], "wape", "bias", "pinball", "pinball_ratio_to_naive", "coverage_50", "coverage_90"]
    return pd.DataFrame(rows, columns=columns)[order]


def score(actual: Floats, said: Floats) -> dict[str, float]:
    """SCORES of forecasts ``said`` [SAID, N] of ``actual`` [N].

    wape: 100 × sum of |mean − actual| ÷ sum of actual; bias the same without the bars; pinball: 100 × twice the
    mean of the quantile losses at LEVELS ÷ sum of actual, so that one number said for every level costs its
    wape; coverage: the share of series between p25 and p75, and between p05 and p95, ends included.
    """
    total = actual.sum()
    wrong = said[0] - actual
    over = actual - said[1:]
    levels = simple.LEVELS[:, None]
    loss = np.maximum(levels * over, (levels - 1) * over).sum(axis=1).mean()
    known = not np.isnan(said[1:]).any()
    inside = [float(((said[a] <= actual) & (actual <= said[b])).mean()) for a, b in ((2, 4), (1, 5))]
    of_total = 100 / total if total > 0 else np.nan
    values = (np.abs(wrong).sum() * of_total, wrong.sum() * of_total, 2 * loss * of_total)
    return dict(zip(SCORES, (*map(float, values), *(inside if known else (np.nan, np.nan))), strict=True))


def ratios(scored: pd.DataFrame) -> pd.DataFrame:
    """ratios.csv: our WAPE against that of the best baseline, chosen afterwards for each cell.

    A cell is a level, measure, months ahead and origin; the line of origin ALL has the mean ratio over origins.
    """
    cell = ["level", "measure", "horizon_months", "origin"]
    one = scored[scored["origin"] != ALL]
    ours = one[one["method"] == "forecast"].set_index(cell)["wape"]
    others = one[one["method"] != "forecast"].dropna(subset=["wape"])
    best = others.loc[others.groupby(cell)["wape"].idxmin()].set_index(cell)
    naive = others[others["method"] == "last_value"].set_index(cell)["wape"]
    found = pd.DataFrame({"wape": ours, "best_baseline": best["method"], "best_wape": best["wape"]}).dropna()
    found["ratio_to_best"] = found["wape"] / found["best_wape"].where(found["best_wape"] > 0)
    found["ratio_to_naive"] = found["wape"] / naive.where(naive > 0)
    found = found.reset_index()
    means = found.groupby(cell[:3], sort=False)[["wape", "best_wape", "ratio_to_best", "ratio_to_naive"]].mean()
    means = means.reset_index().assign(origin=ALL, best_baseline="")
    whole = pd.concat([found, means])[[*cell, "wape", "best_baseline", "best_wape", "ratio_to_best", "ratio_to_naive"]]
    rank = {"total": 0, "provider": 1, "specialty": 2} | {name: place for place, name in enumerate(MEASURES)}
    return whole.sort_values(
        cell, key=lambda keys: keys.map(lambda key: rank.get(key, key)), kind="stable", ignore_index=True
    )


def record(fans: pd.DataFrame) -> pd.DataFrame:
    """How past forecasts of each provider, and of ALL, fared: a line by provider and RECORDED measure.

    ``fans`` as FANS. intervals: forecasts, one for each origin and month ahead; held_90: the share of them whose
    90 % interval held what came; error, naive_error: WAPE, %, of the mean and of the last value; poor: as
    POOR_HELD, POOR_ERROR and MORE_ERROR say; why: the breaks since the origins, which no forecast could know.
    """
    rows = fans[fans["measure"].isin(RECORDED)].dropna(subset=["actual", "mean", "last_value"])
    rows = rows.assign(
        held=(rows["p05"] <= rows["actual"]) & (rows["actual"] <= rows["p95"]),
        wrong=(rows["mean"] - rows["actual"]).abs(),
        naive=(rows["last_value"] - rows["actual"]).abs(),
    )
    groups = rows.groupby(["provider", "measure"], sort=True)
    total = groups["actual"].sum().where(lambda people: people > 0)
    found = pd.DataFrame(
        {
            "origins": groups["origin"].nunique(),
            "intervals": groups.size(),
            "held_90": groups["held"].mean(),
            "error": 100 * groups["wrong"].sum() / total,
            "naive_error": 100 * groups["naive"].sum() / total,
        }
    )
    worse = np.maximum(POOR_ERROR * found["naive_error"], MORE_ERROR + found["naive_error"])
    found["poor"] = (found["held_90"] < POOR_HELD) | (found["error"] > worse)
    said = groups["break_in_window"].agg(_all_said)
    return found.assign(why=said).reset_index()


def _all_said(texts: pd.Series) -> str:
    """Each break of ``texts`` once."""
    return "; ".join(sorted({item for text in texts for item in text.split("; ") if item}))


def _cells(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, str, int, str, tuple[Floats, Floats]]]:
    """(level, measure, months ahead, origin, (actual [N], said [METHODS, SAID, N])) of what came."""
    levels = [np.array([level(key) for key in one.rows]) for one in outcomes]
    ahead = max(one.actual.shape[2] for one in outcomes)
    for where in ("total", "provider", "specialty"):
        for s, measure in enumerate(MEASURES):
            for h in range(ahead):
                parts = []
                for one, of_row in zip(outcomes, levels, strict=True):
                    if h >= one.actual.shape[2]:
                        continue
                    points = one.said[[0, METHODS.index("last_value")], 0, s, :, h]
                    known = (of_row == where) & ~np.isnan(one.actual[s, :, h]) & ~np.isnan(points).any(axis=0)
                    if known.any():
                        parts.append((one.origin, one.actual[s, known, h], one.said[:, :, s, known, h]))
                for origin, actual, said in parts:
                    yield where, measure, h + 1, origin, (actual, said)
                if parts:
                    pooled = (np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts], axis=2))
                    yield where, measure, h + 1, ALL, pooled
