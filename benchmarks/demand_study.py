"""How well clock starts are forecast, beside simpler ways: England's series, then providers and lists.

    python -m benchmarks.demand_study

Real data are read from ../shared/data, or $WAITLIST_SHARED/data.

England: rolling origins over 2018-19 and 2022-25, 1 to 12 months ahead, the months of the pandemic not scored.
Providers and lists: providers with a list over 2,000 at the origin that report until the end; 1 to 6 months ahead.
The figures are WAPE, the sum of the absolute errors in % of the clock starts that came.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

import waitlist as wl
from waitlist.calendar import months_after, months_between
from waitlist.history import NATIONAL_FLOWS, Strike, Summaries
from waitlist.models import demand, national, rates
from waitlist.models.national import National, calendar_month, working_days_of
from waitlist.models.rates import by_label
from waitlist.plan import Demand

DATA = Path(os.environ.get("WAITLIST_SHARED", Path(__file__).parents[2] / "shared")) / "data"
STARTS = "New RTT periods | No. of new RTT periods with estimates for missing data"
AHEAD = 12
ORIGINS = ("2024-11", "2025-02", "2025-05")
LARGE = 2_000
SPANS = {"1-3": range(3), "4-6": range(3, 6), "7-12": range(6, 12)}


def summaries(data: Path, last: str = "9999-12") -> Summaries:
    """England's clock starts and the strikes in ``data`` until ``last``, and nothing else."""
    table = pd.read_csv(next((data / "history").glob("england_rtt_overview*.csv")))
    known = table.assign(month=table["month"].str[:7]).query("month >= '2015-10' and month <= @last")
    flows = np.full((3, len(known)), np.nan)
    flows[0] = known[STARTS]
    strikes = tuple(
        Strike(date.fromisoformat(row.date), row.staff_group.partition(" (")[0], row.fraction_of_day)
        for row in pd.read_csv(data / "reference" / "strike_days_england.csv").itertuples()
        if row.date[:7] <= last
    )
    return Summaries(months=tuple(known["month"]), england_flows=flows, strikes=strikes)


# England


def structural(growth: Callable[[National], float], strikes: bool = True) -> Callable[[Summaries], np.ndarray]:
    """Logarithms per working day [12], of our model with another growth, or without strikes."""

    def ahead(known: Summaries) -> np.ndarray:
        known = known if strikes else dataclasses.replace(known, strikes=())
        found = national.fit(known, "clock_starts", known.months[0], known.months[-1])
        season = found.season[(int(known.months[-1][5:]) + np.arange(AHEAD)) % 12]
        return np.log(found.level) + season + growth(found) / 12 * np.arange(1, AHEAD + 1)

    return ahead


def varied(name: str, value: object) -> Callable[[Summaries], np.ndarray]:
    """Our model with another value of the constant ``name``."""
    ours = structural(lambda found: found.growth)

    def ahead(known: Summaries) -> np.ndarray:
        with patch.object(national, name, value):
            return ours(known)

    return ahead


def undrawn(found: National) -> float:
    """The growth as fitted, not drawn to none."""
    return found.growth / (1 - found.growth_error**2 / national.USUAL_GROWTH**2)


def logs_of(known: Summaries) -> np.ndarray:
    logs = np.log(known.england_flows[0] / working_days_of(known.months))
    return pd.Series(logs).interpolate().to_numpy()


def last_year_with_drift(known: Summaries) -> np.ndarray:
    logs = logs_of(known)
    return logs[-12:] + (logs[-6:] - logs[-18:-12]).mean()


def damped_smoothing(known: Summaries) -> np.ndarray:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    keys = {"trend": "add", "damped_trend": True, "seasonal": "add", "seasonal_periods": 12}
    return ExponentialSmoothing(logs_of(known), **keys).fit().forecast(AHEAD)


def twelve_months(known: Summaries) -> np.ndarray:
    """The former fit: a year's mean, recent months counting most, and half of each month's departure."""
    logs, weight = logs_of(known)[-12:], 0.5 ** (np.arange(12)[::-1] / rates.HALF_LIFE)
    season = rates._departures_from_trend(np.exp(logs))
    return np.log(np.average(np.exp(logs), weights=weight)) + np.log(season)


METHODS = {
    "structural, growth drawn to none (ours)": structural(lambda found: found.growth),
    "the same without strikes": structural(lambda found: found.growth, strikes=False),
    "structural, growth as fitted": structural(undrawn),
    "structural, no growth": structural(lambda found: 0.0),
    "drawn to none twice as firmly": varied("USUAL_GROWTH", 0.005),
    "drawn to none half as firmly": varied("USUAL_GROWTH", 0.02),
    "the shock ends in December 2020": varied("SHOCK", (national.SHOCK[0], "2020-12")),
    "the shock ends in May 2021": varied("SHOCK", (national.SHOCK[0], "2021-05")),
    "the former fit (twelve months)": twelve_months,
    "last year with drift": last_year_with_drift,
    "damped exponential smoothing": damped_smoothing,
}


def england(data: Path) -> pd.DataFrame:
    """WAPE by method, years and months ahead."""
    whole = summaries(data)
    actual, days = whole.england_flows[0], working_days_of(whole.months)
    years = [
        [m for m in whole.months if m[:4] in chosen] for chosen in (("2018", "2019"), ("2022", "2023", "2024", "2025"))
    ]
    rows = {}
    for name, method in METHODS.items():
        row = {}
        for chosen in years:
            missed = np.full((len(chosen), AHEAD, 2), np.nan)
            for i, origin in enumerate(chosen):
                at = whole.months.index(origin) + 1
                ends = whole.months[at : at + AHEAD]
                scored = [k for k, month in enumerate(ends) if not "2020-03" <= month <= "2021-06"]
                said = np.exp(method(summaries(data, origin)))[: len(ends)] * days[at : at + AHEAD]
                missed[i, scored, 0] = np.abs(said - actual[at : at + AHEAD])[scored]
                missed[i, scored, 1] = actual[at : at + AHEAD][scored]
            missed[np.isnan(missed).any(axis=2)] = 0.0
            for span, within in SPANS.items():
                both = missed[:, list(within)].sum(axis=(0, 1))
                row[f"{chosen[0][:4]}-{chosen[-1][2:4]}, {span} ahead"] = 100 * both[0] / both[1]
        rows[name] = row
    table = pd.DataFrame(rows).T
    return table.assign(mean=table.mean(axis=1))


# Providers and lists


def extracts(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """WAPE by method and origin: providers' months, then lists' months."""
    folder = data / "rtt_full_extract"
    full = wl.read(folder)
    place = {key: n for n, key in enumerate(full.lists)}
    tables: list[dict[str, dict[str, float]]] = [{}, {}]
    for origin in ORIGINS:
        history = wl.read(folder, origin=origin)
        at = full.months.index(origin)
        ends = full.months[at + 1 : at + 7]
        rows = [place[key] for key in history.lists]
        came, sent = (x[rows, at + 1 : at + 7] for x in (full.counts.clock_starts, full.counts.reported[:, :, 4]))
        provider = np.unique([p for p, _ in history.lists], return_inverse=True)[1]
        large = by_label(history.waiting[:, -1].sum(axis=1), provider)[provider] > LARGE
        scored = large & sent.all(axis=1) & history.counts.reported[:, -1, 4]
        for name, said in list_forecasts(history, data, origin, ends).items():
            for table, group in zip(tables, (provider[scored], np.arange(scored.sum())), strict=True):
                one, other = by_label(said[scored], group), by_label(came[scored], group)
                table.setdefault(name, {})[origin] = 100 * np.abs(one - other).sum() / other.sum()
    frames = [pd.DataFrame(table).T for table in tables]
    return tuple(frame.assign(mean=frame.mean(axis=1, skipna=False)) for frame in frames)


def list_forecasts(history: wl.History, data: Path, origin: str, ends: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Clock starts [L, months] by method; NaN where the year before is not in the extracts."""
    days, starts = working_days_of(ends), history.counts.clock_starts
    fitted = rates.fit(history)
    told = dataclasses.replace(history, summaries=summaries(data, origin))
    ours = demand.forecast(told, fitted.start_season, Demand(), len(ends), demand.england(told))
    alone = demand.forecast(history, fitted.start_season, Demand(), len(ends), None)
    other = {}
    for half_life in (0.5, 2.0, 4.0):
        with patch.object(demand, "LIST_HALF_LIFE", half_life):
            found = demand.forecast(told, fitted.start_season, Demand(), len(ends), ours.england)
        other[f"ours, a list's half-life {half_life:g} months"] = found.per_day[:, : len(ends)] * days
    before = [months_between(history.months[0], months_after(month, -12)) for month in ends]
    year = np.stack([starts[:, b] if b >= 0 else np.full(len(starts), np.nan) for b in before], axis=1)
    return {
        "ours": ours.per_day[:, : len(ends)] * days,
        **other,
        "ours without England's series": alone.per_day[:, : len(ends)] * days,
        "the former fit (twelve months)": fitted.starts[:, None] * fitted.start_season[calendar_month(ends)] * days,
        "last value": np.tile(starts[:, -1:], (1, len(ends))),
        "last value a working day": starts[:, -1:] / working_days_of(history.months[-1:]) * days,
        "same month last year": year,
    }


def struck(data: Path) -> pd.DataFrame:
    """What strikes cost each flow of England's in the months they fell in, %."""
    history = wl.read(
        data / "rtt_full_extract", wl.Plan(name="study", inputs=data, history=(data / "history", data / "reference"))
    )
    effects, fitted = {}, national._structural
    for flow in NATIONAL_FLOWS:

        def noted(*given: Any, flow: str = flow) -> Any:
            found = fitted(*given)
            effects[flow] = pd.Series(100 * np.expm1(found[-1]), index=given[1])
            return found

        with patch.object(national, "_structural", noted):
            national.fit(history.summaries, flow, history.months[0], history.months[-1])
    table = pd.DataFrame(effects)
    return table[(table.fillna(0.0) != 0).any(axis=1)]


def main() -> None:
    warnings.simplefilter("ignore")  # smoothing that has not converged is scored all the same
    providers, lists = extracts(DATA)
    for title, table in (
        ("England", england(DATA)),
        ("Providers", providers),
        ("Lists", lists),
        ("Strikes", struck(DATA)),
    ):
        print(f"\n{title}\n{table.round(2).to_string(na_rep='-')}")


if __name__ == "__main__":
    main()
