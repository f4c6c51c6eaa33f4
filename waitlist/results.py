"""What a run gives: the answers as tidy tables, and what must be said beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from waitlist.errors import Problem
from waitlist.history import Break, DataFile
from waitlist.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

WHERE_ASKED = (
    "scenarios",
    "waterfall",
    "scenario_breakeven",
    "scenario_clearance",
    "scenario_cohorts",
    "stages",
    "money",
    "capacity",
)
"""Tables that are there only where the plan asks for them."""
ALL = "ALL"
"""The total over providers, specialties or stages."""


@dataclass(frozen=True)
class Aid:
    """Mutual aid: what moves, and what it does to everyone's waits by the simulation of it. Tables are tidy.

    transfers: week_ending (of the move), from_provider, to_provider, specialty, stage, min_weeks_waited, offered,
    accepted (whole people), offer_week, moved (mean over draws), below_weeks_waited (105: no upper bound), source
    (agreed or chosen), km (empty where not known).
    mutual_aid: provider, specialty, threshold_weeks, deadline, before_p10, before_p50, before_p90, after_p10,
    after_p50, after_p90: people over the threshold at the deadline, without and with the transfers.
    effects: provider, specialty, measure, date, before_mean, before_p10, before_p50, before_p90, after_mean, after_p10,
    after_p50, after_p90, worse: measures waiting_list, over_T_weeks, longest_wait_weeks, own_mean_wait_weeks at the
    last deadline, and clearance_T_weeks (dates, ISO; empty for not within the horizon); worse is the share of draws in
    which the receiver's own patients wait longer than the tolerance (own_mean_wait_weeks only; 0 to 1).
    limits: provider, specialty, threshold_weeks, over_after (people still over), limit (what binds, in words), extra
    (how much more of it), gain (people fewer over the threshold), sentence: why not more.
    sentences: the answer in plain words, whoever is made worse off named first.
    places: latitude and longitude by provider, where known. happened: week_ending, from_provider, to_provider,
    specialty, stage, planned, happened, missed (people); None where no file of what happened was given.
    """

    transfers: pd.DataFrame
    mutual_aid: pd.DataFrame
    effects: pd.DataFrame
    limits: pd.DataFrame
    sentences: tuple[str, ...]
    places: Mapping[str, tuple[float, float]]
    happened: pd.DataFrame | None = None

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables written as CSV, by file name without its ending."""
        found = {
            "transfers": self.transfers,
            "mutual_aid": self.mutual_aid,
            "aid_effects": self.effects,
            "aid_limits": self.limits,
        }
        return found if self.happened is None else found | {"aid_happened": self.happened}


@dataclass(frozen=True)
class Result:
    """The answers of one run. Tables are tidy, with the columns of the command-line contract first.

    position: provider, specialty, stage, measure, value at the snapshot.
    trajectory: provider, specialty, month_end, measure, mean, p05 … p95; trajectory_weekly by week_ending.
    observed: provider, specialty, month_end, measure, value.
    breakeven: provider, specialty, threshold_weeks, as_of, inflow_per_week, other_removals_per_week,
    breakeven_per_week, current_per_week, gap_per_week.
    clearance: provider, specialty, threshold_weeks, waiting_now, straight_line_date, p10_date, p50_date,
    p90_date, share_of_draws_cleared (dates ISO text, empty for none).
    cohorts: provider, specialty, threshold_weeks, deadline, week_ending, p10, p50, p90, required_per_week,
    joined, left.
    demand: provider, specialty, growth (fitted, stated or population), percent_per_year, standard_error (of the
    fitted), starts_per_year (the first twelve months'), in_plan; without any scenario.
    paces: provider, specialty, month_end, flow, weeks_waited, pace (of departures; 1 is as observed).
    order: provider, specialty, stage, urgent_share, skew, treated_per_week: how people are treated, as observed.
    queueing: provider, specialty and models.queueing_table.COLUMNS.
    waits: provider, specialty, stage, weeks_waited (0-104), waiting at the snapshot (for the report).
    rates: provider, specialty, stage, flow, own_weight and other facts of the fit (for the report).
    scenarios: scenario, provider, specialty, month_end, measure, mean, p10, p50, p90, difference_from_base; waterfall:
    scenario, provider, specialty, month_end, measure, step, contribution; scenario_breakeven, scenario_clearance and
    scenario_cohorts: as the answers of those names, by scenario; stages: scenario, provider, specialty, stage,
    month_end, stops, unused_stops; money: scenario, provider, specialty, stage, month_end, stops, funded_stops, income,
    marginal_cost, scheme_cost, net (pounds). None where nothing is planned. capacity: what each target needs; None
    without targets. remarks: what flatters (R13), and more clinics that leave more waiting, a sentence each.
    breaks, assumptions, warnings: what was found in the data, assumed, and left to look at.
    record: provider, measure, origins, intervals, held_90 (0 to 1), error, naive_error (WAPE, %), poor, why: how
    forecasts made this way fared at the last origins; fans: those forecasts and what came (for the report).
    None where nothing was looked back on.
    """

    plan: Plan
    snapshot: date
    provider_names: Mapping[str, str]
    specialty_names: Mapping[str, str]
    files: tuple[DataFile, ...]
    position: pd.DataFrame
    trajectory: pd.DataFrame
    trajectory_weekly: pd.DataFrame
    observed: pd.DataFrame
    breakeven: pd.DataFrame
    clearance: pd.DataFrame
    cohorts: pd.DataFrame
    demand: pd.DataFrame
    paces: pd.DataFrame
    waits: pd.DataFrame
    rates: pd.DataFrame
    breaks: tuple[Break, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[Problem, ...]
    order: pd.DataFrame | None = None
    queueing: pd.DataFrame | None = None
    scenarios: pd.DataFrame | None = None
    waterfall: pd.DataFrame | None = None
    scenario_breakeven: pd.DataFrame | None = None
    scenario_clearance: pd.DataFrame | None = None
    scenario_cohorts: pd.DataFrame | None = None
    stages: pd.DataFrame | None = None
    money: pd.DataFrame | None = None
    capacity: pd.DataFrame | None = None
    remarks: tuple[str, ...] = ()
    record: pd.DataFrame | None = None
    fans: pd.DataFrame | None = None
    aid: Aid | None = None

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables written as CSV, by file name without its ending."""
        names = (
            "position",
            "trajectory",
            "trajectory_weekly",
            "observed",
            "breakeven",
            "clearance",
            "cohorts",
            "demand",
            "paces",
            "order",
            "queueing",
        )
        found = {name: getattr(self, name) for name in (*names, *WHERE_ASKED)}
        found |= self.aid.tables() if self.aid else {}
        return {name: frame for name, frame in found.items() if frame is not None}


@dataclass(frozen=True)
class Answer:
    """One answer on its own: its tidy ``table``, by the ``name`` of the table in a whole run.

    aid: the answer that is mutual aid, with the ``names`` of providers and specialties by code.
    """

    plan: Plan
    snapshot: date
    files: tuple[DataFile, ...]
    name: str
    table: pd.DataFrame
    breaks: tuple[Break, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[Problem, ...]
    aid: Aid | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables written as CSV, by file name without its ending."""
        return {self.name: self.table} if self.aid is None else self.aid.tables()


@dataclass(frozen=True)
class Backtest:
    """Forecasts from past origins against what came. Tables are tidy, with the contract's columns first.

    backtest: origin, provider, specialty, horizon_months, measure, actual, mean, p05 … p95, the baselines'
    forecasts, break_in_window. scores: measure, horizon_months, method, level, origin, series, wape, bias,
    pinball, pinball_ratio_to_naive (%, sums over sums), coverage_50, coverage_90 (0 to 1).
    ratios: level, measure, horizon_months, origin, wape, best_baseline, best_wape, ratio_to_best,
    ratio_to_naive. excluded: origin, provider, month, reason.
    """

    plan: Plan
    origins: tuple[str, ...]
    horizon_months: int
    snapshot: date
    files: tuple[DataFile, ...]
    backtest: pd.DataFrame
    scores: pd.DataFrame
    ratios: pd.DataFrame
    excluded: pd.DataFrame
    breaks: tuple[Break, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[Problem, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables written as CSV, by file name without its ending."""
        return {name: getattr(self, name) for name in ("backtest", "scores", "ratios", "excluded")}
