"""The tidy tables of a run, built row by row: every list, provider, specialty and the whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.calendar import Horizon, month_end, months_after
from waitlist.errors import Problem
from waitlist.history import Counts, History
from waitlist.models import answers, demand, growth, measures, order, past, rates, steer
from waitlist.models.departures import MonthFlows
from waitlist.models.forecast import Forecast
from waitlist.models.layout import ADMITTED, CONVERTED, KNOTS, NON_ADMITTED
from waitlist.models.remarks import planned_said
from waitlist.plan import Plan
from waitlist.results import ALL, Result
from waitlist.unplannable import deadline_problems

QUANTILES = ("p05", "p10", "p25", "p50", "p75", "p90", "p95")
BREAKEVEN = ("inflow_per_week", "other_removals_per_week", "breakeven_per_week", "current_per_week", "gap_per_week")
CLEARANCE = ("waiting_now", "straight_line_date", "p10_date", "p50_date", "p90_date", "share_of_draws_cleared")
FEW_DRAWS = 100
"""Draws below which the 5th and 95th percentiles rest on fewer than five draws each."""
FLOWS_OUT = ("stops_admitted", "stops_non_admitted", "other_removals")
COHORT = ("week_ending", "p10", "p50", "p90", "required_per_week", "joined", "left")

LED = (
    "Each provider's rates are paced, month by month and by weeks waited, so that its list and its long waits go where "
    "the record of all providers says such lists go; paces.csv holds the paces. Beyond their last month they stay as "
    "they are in it."
)
NOT_LED = (
    "Rates are not paced: the record is too short or holds too few providers to say where such lists go, so the "
    "forecast carries on the observed rates."
)


def rows_of(lists: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[int]]:
    """The positions among ``lists`` that each row of the tables adds up."""
    groups: dict[tuple[str, str], list[int]] = {}
    for n, (provider, specialty) in enumerate(lists):
        for key in ((provider, specialty), (provider, ALL), (ALL, specialty), (ALL, ALL)):
            groups.setdefault(key, []).append(n)
    return groups


def removed_over_thresholds(last: MonthFlows | None, rows: list[int]) -> np.ndarray:
    """Net removals in the last month among those over 0 and each threshold [6], as the diagonals have them."""
    removed = np.zeros(BANDS) if last is None else last.removed[rows].sum(axis=0)
    return np.array([removed[t:].sum() for t in (0, *THRESHOLDS)])


def stops_over_thresholds(history: History, rows: list[int]) -> np.ndarray:
    """Stops in the last month among those over 0 and each threshold [6], unknown starts in the whole only.

    Of the lists whose flows are known.
    """
    counts: Counts = history.counts
    rows = [n for n in rows if history.observed_flows[n, -1]]
    stops = (counts.admitted[rows, -1] + counts.non_admitted[rows, -1]).sum(axis=0)
    unknown = (counts.admitted_unknown[rows, -1] + counts.non_admitted_unknown[rows, -1]).sum()
    return np.array([stops.sum() + unknown, *(stops[t:].sum() for t in THRESHOLDS)])


Summary = tuple[tuple[str, str], list[str], Floats, Floats]
"""A row's key, C times, and over draws its means [measures, C] and QUANTILES [7, measures, C]."""


class Tables:
    """The tables as they grow, row by row."""

    def __init__(self) -> None:
        self.position: list[tuple[object, ...]] = []
        self.waits: list[pd.DataFrame] = []
        self.trajectory: list[Summary] = []
        self.stages: list[tuple[tuple[str, str], Floats, Floats]] = []
        self.weekly: list[Summary] = []
        self.observed: list[pd.DataFrame] = []
        self.breakeven: list[tuple[object, ...]] = []
        self.clearance: list[tuple[object, ...]] = []
        self.cohorts: list[tuple[object, ...]] = []

    def result(
        self,
        plan: Plan,
        history: History,
        fitted: rates.Rates,
        ahead: demand.Starts,
        paces: steer.Paces | None,
        keep: list[int],
        queueing: pd.DataFrame,
    ) -> Result:
        """The whole run's Result, rows sorted by provider and specialty."""
        who = ["provider", "specialty"]
        frames = {
            "position": pd.DataFrame(self.position, columns=[*who, "stage", "measure", "value"]),
            "trajectory": long(self.trajectory, "month_end"),
            "trajectory_weekly": long(self.weekly, "week_ending"),
            "observed": pd.concat(self.observed),
            "breakeven": pd.DataFrame(self.breakeven, columns=[*who, "threshold_weeks", "as_of", *BREAKEVEN]),
            "clearance": pd.DataFrame(self.clearance, columns=[*who, "threshold_weeks", *CLEARANCE]),
            "cohorts": pd.DataFrame(self.cohorts, columns=[*who, "threshold_weeks", "deadline", *COHORT]),
            "demand": _demand_table(history, ahead, keep),
            "paces": _paces_table(history, paces, keep),
            "order": order.table(history, fitted, keep),
            "queueing": queueing,
            "waits": pd.concat(self.waits),
        }
        for name, frame in frames.items():
            frames[name] = frame.sort_values(who, kind="stable").reset_index(drop=True)
        providers = {history.lists[n][0] for n in keep}
        asked = set(plan.providers) if isinstance(plan.providers, tuple) else set()
        return Result(
            plan=plan,
            snapshot=history.snapshot,
            provider_names={p: history.counts.provider_names.get(p, p) for p in sorted(providers)},
            specialty_names={
                s: history.counts.specialty_names.get(s, s) for s in sorted({history.lists[n][1] for n in keep})
            },
            files=(*history.counts.files, *history.summaries.files),
            rates=_rates_table(history, fitted, keep),
            breaks=tuple(item for item in history.breaks if item.provider in {*asked, *providers, ALL}),
            assumptions=_assumptions(plan, history, fitted, ahead, paces, keep),
            warnings=(*history.problems, *_cautions(plan, history, fitted)),
            remarks=(),
            aid=None,
            **frames,
        )


def answer(
    tables: Tables,
    key: tuple[str, str],
    forecast: Forecast,
    known: past.Observed,
    stops_over: np.ndarray,
    removed_over: np.ndarray,
    plan: Plan,
    history: History,
    time: Horizon,
) -> None:
    """Add one row's trajectory, observed past, breakeven, clearance and cohorts."""
    weeks = min(104, time.weeks)
    by_week = measures.weekly(forecast, time, weeks)
    week_ends = [day.isoformat() for day in time.week_ends[1 : weeks + 1]]
    tables.weekly.append((key, week_ends, *measures.summary(by_week)))
    tables.observed.append(_observed(key, known, history))
    now = answers.breakeven_now(known, stops_over, removed_over, time.snapshot, plan.thresholds_weeks)
    tables.breakeven += [(*key, *row) for row in now]
    answer_ahead(tables, key, forecast, known, plan, time)


def answer_ahead(
    tables: Tables, key: tuple[str, str], forecast: Forecast, known: past.Observed, plan: Plan, time: Horizon
) -> None:
    """Add one row's months ahead: trajectory, stops by stage, breakeven, clearance and cohorts."""
    months, t = measures.monthly(forecast, time), plan.thresholds_weeks
    ends = [end.day.isoformat() for end in time.month_ends]
    tables.trajectory.append((key, ends, *measures.summary(months)))
    tables.stages.append((key, months.stages.mean(axis=2), months.unused.mean(axis=2)))
    tables.breakeven += [(*key, *row) for row in answers.breakeven_ahead(months, time, t)]
    tables.clearance += [(*key, *row) for row in answers.clearance(months, known, time, plan.clearance, t)]
    for which, item in enumerate(forecast.asked.deadlines):
        rows = answers.cohort(forecast, time, which, item)
        tables.cohorts += [(*key, item.threshold_weeks, item.date.isoformat(), *row) for row in rows]


def long(rows: list[Summary], time_name: str) -> pd.DataFrame:
    """A tidy table of every row's measures and times, by provider and specialty: mean and QUANTILES."""
    rows = sorted(rows, key=lambda row: row[0])
    times, names = np.array(rows[0][1], dtype=object), np.array(measures.MEASURES, dtype=object)
    each = len(names) * len(times)
    columns = {
        "provider": np.repeat(np.array([key[0] for key, *_ in rows], dtype=object), each),
        "specialty": np.repeat(np.array([key[1] for key, *_ in rows], dtype=object), each),
        time_name: np.tile(times, len(names) * len(rows)),
        "measure": np.tile(np.repeat(names, len(times)), len(rows)),
        "mean": np.concatenate([mean.ravel() for *_, mean, _ in rows]),
    }
    for q, name in enumerate(QUANTILES):
        columns[name] = np.concatenate([quantiles[q].ravel() for *_, quantiles in rows])
    return pd.DataFrame(columns)


def _observed(key: tuple[str, str], known: past.Observed, history: History) -> pd.DataFrame:
    ends = np.array([month_end(month).isoformat() for month in history.months], dtype=object)
    stacked = np.stack([known[name][0] for name in measures.MEASURES])
    frame = pd.DataFrame(
        {
            "provider": key[0],
            "specialty": key[1],
            "month_end": np.tile(ends, len(measures.MEASURES)),
            "measure": np.repeat(np.array(measures.MEASURES, dtype=object), len(ends)),
            "value": stacked.ravel(),
        }
    )
    return frame.dropna(subset=["value"])


def position(
    tables: Tables,
    key: tuple[str, str],
    known: past.Observed,
    history: History,
    last: MonthFlows | None,
    rows: list[int],
) -> None:
    """Add one row's position at the snapshot, whole and by stage."""
    for name in measures.MEASURES:
        if not np.isnan(known[name][0, -1]):
            tables.position.append((*key, ALL, name, float(known[name][0, -1])))
    stages = (("outpatient", history.outpatient), ("admission", history.admission))
    for stage, people in stages:
        bands = people[rows, -1].sum(axis=0)
        tables.position.append((*key, stage, "waiting_list", float(bands.sum())))
        tables.position.append((*key, stage, "within_18_weeks", float(bands[:18].sum())))
        for t in THRESHOLDS:
            tables.position.append((*key, stage, f"over_{t}_weeks", float(bands[t:].sum())))
        if last is not None and not np.isnan(known["clock_starts"][0, -1]):
            tables.position += [(*key, *row) for row in _stage_flows(stage, last, rows, known)]
        frame = {"stage": stage, "weeks_waited": np.arange(BANDS), "waiting": bands}
        tables.waits.append(pd.DataFrame({"provider": key[0], "specialty": key[1], **frame}))


def _stage_flows(stage: str, last: MonthFlows, rows: list[int], known: past.Observed) -> list[tuple[object, ...]]:
    """The last month's flows of one stage, which close R4 with the conversions between them (R5)."""
    whole = {name: float(known[name][0, -1]) for name in ("clock_starts", *FLOWS_OUT, "conversions", "restatement")}
    theatre, removed = float(last.theatre[rows].sum()), float(last.admission_removed[rows].sum())
    admission = dict.fromkeys(whole, 0.0) | {"stops_admitted": theatre, "other_removals": removed}
    flows = admission if stage == "admission" else {name: whole[name] - admission[name] for name in whole}
    return [(stage, name, value) for name, value in (flows | {"conversions": whole["conversions"]}).items()]


def _rates_table(history: History, fitted: rates.Rates, keep: list[int]) -> pd.DataFrame:
    flows = (("stops_admitted", ADMITTED), ("stops_non_admitted", NON_ADMITTED), ("conversions", CONVERTED))
    return pd.DataFrame(
        [(*history.lists[n], name, float(fitted.own_weight[n, flow])) for n in keep for name, flow in flows],
        columns=["provider", "specialty", "flow", "own_weight"],
    )


def _demand_table(history: History, ahead: demand.Starts, keep: list[int]) -> pd.DataFrame:
    """The plan's growth beside the other kinds, and with its scenario: providers and their total."""
    specialties = [history.lists[n][1] for n in keep]
    level = ahead.first_year()[keep]
    groups = {ALL: list(range(len(keep)))}
    for i, n in enumerate(keep):
        groups.setdefault(history.lists[n][0], []).append(i)
    growths, rows = ahead.growths, []
    ways = {kind: growths.paths(specialties, kind)[:, :12] for kind in growths.by_kind}
    used = growths.kind
    if (growths.scenario != 1).any():
        used = "scenario"
        ways[used] = ways[growths.kind] + np.log(growths.scenario[:12])
    for kind, paths in ways.items():
        error = ahead.england.growth_error if ahead.england and kind == "fitted" else None
        for provider, lists in groups.items():
            year = (level * np.exp(paths))[lists].sum()
            weight = level[lists].sum(axis=1)
            grown = (weight * np.exp(paths[lists, -1])).sum() / max(weight.sum(), 1e-9) - 1
            rows.append((provider, ALL, kind, 100 * grown, error and 100 * error, year, kind == used))
    columns = ["provider", "specialty", "growth", "percent_per_year", "standard_error", "starts_per_year", "in_plan"]
    return pd.DataFrame(rows, columns=columns)


def _paces_table(history: History, paces: steer.Paces | None, keep: list[int]) -> pd.DataFrame:
    """The mean paces by list, month ahead and KNOTS, and those of admitted stops; of a provider the mean over its

    lists by their people. No rows where nothing is steered.
    """
    columns = ["provider", "specialty", "month_end", "flow", "weeks_waited", "pace"]
    if paces is None:
        return pd.DataFrame([], columns=columns)
    place, size = {key: i for i, key in enumerate(paces.lists)}, history.waiting[:, -1].sum(axis=1)
    rows: dict[tuple[str, str], list[int]] = {}
    for n in keep:
        rows[history.lists[n]] = [n]
        rows.setdefault((history.lists[n][0], ALL), []).append(n)
    months = paces.mean.shape[1]
    ends = [month_end(months_after(history.months[-1], ahead)).isoformat() for ahead in range(1, months + 1)]
    what = [("stops_admitted", 0), *(("all", knot) for knot in KNOTS)]
    keys = [(*key, end, *one) for key in rows for end in ends for one in what]
    mean = [
        np.average(paces.mean[[place[history.lists[n]] for n in lists]], axis=0, weights=np.maximum(size[lists], 1e-9))
        for lists in rows.values()
    ]
    return pd.DataFrame(keys, columns=columns[:-1]).assign(pace=np.ravel(mean))


def _cautions(plan: Plan, history: History, fitted: rates.Rates) -> tuple[Problem, ...]:
    """What makes the ranges less than they seem, and what the plan asks for in vain."""
    end = month_end(months_after(history.months[-1], plan.horizon_months))
    found = deadline_problems(plan, history.snapshot, end)
    if len(fitted.months) < rates.WINDOW:
        rule = f"ranges are made of {rates.WINDOW} months' flows, and too narrow with fewer"
        remedy = f"Put {rates.WINDOW + 1} or more months into the folder, or choose a later origin."
        found.append(Problem("warning", "the data", "months", f"{len(fitted.months)} months' flows", rule, remedy))
    if plan.draws < FEW_DRAWS:
        rule, remedy = f"percentiles of fewer than {FEW_DRAWS} draws are rough", "Give the plan more draws."
        found.append(Problem("warning", "the plan", "draws", str(plan.draws), rule, remedy))
    return tuple(found)


def _assumptions(
    plan: Plan,
    history: History,
    fitted: rates.Rates,
    ahead: demand.Starts,
    paces: steer.Paces | None,
    keep: list[int],
) -> tuple[str, ...]:
    one_stage = int(history.one_stage[keep].sum())
    small = int((fitted.own_weight[keep].min(axis=1) < 0.5).sum())
    unseen = [" ".join(history.lists[n]) for n in keep if not ahead.level[n].any()]
    level = (
        f"No month's flows can be used for {', '.join(unseen)}: as many are taken to start as leave and as the list "
        "has lately grown by."
    )
    silent = sorted({history.lists[n][0] for n in keep if not history.observed_flows[n, -1]})
    said = (
        f"The last month's flows are not known for {', '.join(silent)}: nothing is filled in, and in totals the change "
        "of their lists is a restatement (R3)."
    )
    lost = (
        "The plan's history holds no published summaries: without the long record, England's lines, each provider's "
        "departure from them and how far such forecasts missed come from the extracts alone, or not at all."
    )
    excess = float(history.admission_excess[keep, -1].sum())
    return (
        f"Rates come from {fitted.months[0]} to {fitted.months[-1]}, recent months counting most; "
        "months with a break are left out (R4).",
        *growth.said(ahead.growths, plan.demand, ahead.england),
        "Conversions are inferred: other removals are taken to be at one rate by weeks waited in both stages (R5).",
        f"{one_stage} of {len(keep)} lists report no decisions to admit and are forecast as one stage (R5).",
        f"{small} of {len(keep)} lists take more than half of some rate from their specialty and provider.",
        f"{excess:,.0f} people are reported with a decision to admit beyond the list's own band; "
        "the list's number is used (R5).",
        *((said,) if silent else ()),
        *(() if history.summaries.months else (lost,)),
        *((level,) if unseen else ()),
        "The longest waits' rates are moved so that the last months, replayed, end as they did.",
        LED if paces else NOT_LED,
        *order.said(history, fitted, keep),
        planned_said(plan),
    )
