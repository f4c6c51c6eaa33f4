"""What was observed of each provider and what is forecast: monthly series, draws, and the longer record (R3, R11)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.calendar import Horizon, months_between
from waitlist.errors import refuse
from waitlist.history import PARTS, History, Summaries
from waitlist.history import STOCKS as SUMMARISED
from waitlist.models import answers, measures, past
from waitlist.models.assumptions import Key
from waitlist.models.forecast import Forecast
from waitlist.models.hubs import with_hubs
from waitlist.models.submission.chances import Draws
from waitlist.models.submission.whole import FLOWS, Series
from waitlist.pipeline import Progress, Projection, planned_lists, project
from waitlist.plan import Plan
from waitlist.planning_year import PlanningYear
from waitlist.results import ALL
from waitlist.submission import STOCKS

KEPT = (*STOCKS, *FLOWS)
"""The measures whose draws are kept."""


@dataclass(frozen=True)
class Known:
    """What was observed and what is forecast, by provider (and ALL): monthly series, and the draws of the months ahead.

    projected, seen, history: what they rest on, hubs among its lists.
    """

    observed: Mapping[str, Series]
    means: Mapping[str, Series]
    draws: Draws
    aid: tuple[str, ...]
    projected: Projection
    seen: past.Observed
    history: History

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers there are."""
        return tuple(code for code in self.observed if code != ALL)


def known(plan: Plan, history: History, tell: Progress) -> Known:
    """Each provider's past and forecast, and all together; raises Refusal as ``pipeline.project`` does."""
    history = with_hubs(history, plan)
    keep = planned_lists(plan, history)
    tell("Fitting rates", 0, 1)
    groups: dict[Key, list[int]] = {}
    for place, n in enumerate(keep):
        groups.setdefault((history.lists[n][0], ALL), []).append(place)
    groups[ALL, ALL] = list(range(len(keep)))
    projected = project(plan, history, keep, groups)
    time, seen = projected.state.time, past.observed(history, projected.state.flows)
    observed: dict[str, Series] = {}
    means: dict[str, Series] = {}
    draws = {}
    for done, (key, forecast) in enumerate(projected.forecasts):
        tell("Forecasting", done + 1, len(groups))
        observed[key[0]] = _observed(seen, history, [keep[n] for n in groups[key]])
        values = _months_ahead(forecast, projected.state.time)
        draws[key[0]] = values
        means[key[0]] = {
            name: dict(zip(time.months, value.mean(axis=1).tolist(), strict=True)) for name, value in values.items()
        }
    aid: tuple[str, ...] = ()
    if (plan.transfer or plan.mutual_aid) and answers.deadlines(plan, time):
        from waitlist.collaborative import mutual_aid  # noqa: PLC0415 - loads the solver

        rows: dict[Key, list[int]] = {}
        for key, places in groups.items():
            rows[key] = [keep[n] for n in places]
        for n in keep:
            rows[history.lists[n]] = [n]
        rows |= {(ALL, s): [n for n in keep if history.lists[n][1] == s] for s in {history.lists[n][1] for n in keep}}
        aid = mutual_aid(projected.state, plan, {k: past.total(seen, v) for k, v in rows.items()}, tell).sentences
    ordered = sorted(code for code in observed if code != ALL)
    in_order = {code: observed[code] for code in (*ordered, ALL)}
    if plan.specialties != "all":  # summaries are of whole providers
        history = dataclasses.replace(history, summaries=Summaries())
    return Known(in_order, means, Draws(time.months, draws), aid, projected, seen, history)


def _months_ahead(forecast: Forecast, time: Horizon) -> dict[str, Floats]:
    """The draws [months, D] of the measures KEPT."""
    values = measures.monthly(forecast, time).values
    return {name: values[name] for name in KEPT}


def _observed(seen: past.Observed, history: History, rows: list[int]) -> Series:
    """One row's observed months; those not known are not there (R3)."""
    whole = past.total(seen, rows) | _reported_flows(history, rows)
    return {
        name: {m: float(v) for m, v in zip(history.months, whole[name][0], strict=True) if not math.isnan(v)}
        for name in KEPT
    }


def _reported_flows(history: History, rows: list[int]) -> past.Observed:
    """Clock starts and stops [1, M] of the months that were reported, the first among them: they need no R4."""
    counts = history.counts
    flows = {
        "clock_starts": ("3", counts.clock_starts),
        "stops_admitted": ("1A", counts.admitted.sum(axis=2) + counts.admitted_unknown),
        "stops_non_admitted": ("1B", counts.non_admitted.sum(axis=2) + counts.non_admitted_unknown),
    }
    found = {}
    for name, (part, people) in flows.items():
        told = counts.reported[rows][:, :, PARTS.index(part)].any(axis=0, keepdims=True)
        found[name] = np.where(told, people[rows].sum(axis=0, keepdims=True), np.nan)
    return found


def reaching(plan: Plan, history: History, year: PlanningYear) -> tuple[Plan, list[tuple[str, str]]]:
    """``plan`` with a horizon that reaches the year's end, and what is to be said of that."""
    needed = months_between(history.months[-1], year.months[-1])
    if needed <= plan.horizon_months:
        return plan, []
    if needed > 120:
        rule = f"the year {year.year} must end within ten years of the snapshot, {history.snapshot}"
        raise refuse("the plan", "submission.year", year.year, rule, "Choose an earlier year, or newer data.")
    said = (
        f"The plan's horizon_months is {plan.horizon_months}; {needed} are used, to reach {year.months[-1]}. Write "
        f"horizon_months = {needed} so that `waitlist run` gives the same figures."
    )
    return plan.model_copy(update={"horizon_months": needed}), [("horizon", said)]


def value_at(known: Known, provider: str, measure: str, month: str) -> float | None:
    """A provider's figure in a month: observed, of the summaries, or forecast; None where not known."""
    there = known.observed[provider].get(measure, {}).get(month)
    if there is None:
        there = _summarised(known.history, provider, measure).get(month)
    return known.means[provider].get(measure, {}).get(month) if there is None else there


def record(known: Known, icb: str) -> dict[str, dict[str, dict[str, float]]]:
    """Each provider's known past by measure and month, summaries before extracts; the ICB's where all are known."""
    providers, observed = known.providers, known.observed
    found = {
        p: {name: _summarised(known.history, p, name) | dict(observed[p][name]) for name in KEPT} for p in providers
    }
    total: dict[str, dict[str, float]] = {}
    for name in KEPT:
        shared = set.intersection(*(set(found[p][name]) for p in providers)) if providers else set()
        total[name] = {month: sum(found[p][name][month] for p in providers) for month in sorted(shared)}
    return found | {icb: total}


def _summarised(history: History, provider: str, measure: str) -> dict[str, float]:
    """A provider's stock by month, as the history's summaries have it."""
    summaries = history.summaries
    if provider not in summaries.providers:
        return {}
    stocks = dict(zip(SUMMARISED, summaries.stocks[summaries.providers.index(provider)], strict=True))
    if measure == "within_18_weeks":
        value = stocks["waiting_list"] - stocks["over_18_weeks"]
    elif measure in stocks:
        value = stocks[measure]
    else:
        return {}
    return {month: float(v) for month, v in zip(summaries.months, value, strict=True) if not math.isnan(v)}


def record_table(record: Mapping[str, Mapping[str, Mapping[str, float]]]) -> pd.DataFrame:
    """A record as org, measure, month, value."""
    rows = [
        (org, name, month, value)
        for org, by_measure in record.items()
        for name, by_month in by_measure.items()
        for month, value in sorted(by_month.items())
    ]
    return pd.DataFrame(rows, columns=["org", "measure", "month", "value"])
