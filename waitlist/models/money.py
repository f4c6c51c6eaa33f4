"""What activity earns and costs against what is funded, month by month: pounds, where the plan gives prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.calendar import Horizon
from waitlist.models import activity
from waitlist.models.particular import is_about, most_particular, particular
from waitlist.models.weeks import weeks_done
from waitlist.plan import Plan
from waitlist.planned import ALL, Price, Scheme
from waitlist.results import ALL as EVERY

WHERE = ("provider", "specialty", "stage", "month_end")
SUMS = ("stops", "funded_stops", "income", "marginal_cost", "scheme_cost", "net")


def money(plans: Mapping[str, Plan], stages: pd.DataFrame, carry_on: str, time: Horizon) -> pd.DataFrame:
    """Income, cost and net of each of ``plans`` by month, of lists and their totals.

    ``stages``: scenarios.stages_table of the plans by name. Income is the price of each stop above what is funded, lost
    below it; marginal cost is that of the same stops; where nothing is funded, of those above the scenario
    ``carry_on``. A scheme's costs are cost_per_case times the stops it plans, in place of their marginal cost, and
    ``cost`` in the month it starts; they are shared among the lists it is about. Empty where the plan gives neither
    prices nor costs.
    """
    of_lists = stages[(stages["provider"] != EVERY) & (stages["specialty"] != EVERY)]
    usual = of_lists[of_lists["scenario"] == carry_on][[*WHERE, "stops"]]
    frames = []
    for name, plan in plans.items():
        if not plan.price and not any(item.cost or item.cost_per_case for item in plan.scheme):
            continue
        frame = of_lists[of_lists["scenario"] == name].drop(columns="unused_stops").reset_index(drop=True)
        keys = list(frame[["provider", "specialty", "stage"]].itertuples(index=False, name=None))
        frame["funded_stops"] = _funded(plan, frame, keys, usual, time)
        beyond = frame["stops"] - frame["funded_stops"]
        prices = [most_particular(plan.price, key) or Price() for key in keys]
        frame["income"] = beyond * [item.price_per_case for item in prices]
        frame["scheme_cost"], own_cost = _scheme_costs(plan, frame, time)
        frame["marginal_cost"] = (beyond - own_cost) * [item.marginal_cost_per_case for item in prices]
        frame["net"] = frame["income"] - frame["marginal_cost"] - frame["scheme_cost"]
        frames.append(_with_totals(frame))
    columns = ["scenario", *WHERE, *SUMS]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _funded(
    plan: Plan, frame: pd.DataFrame, keys: Sequence[tuple[str, str, str]], usual: pd.DataFrame, time: Horizon
) -> Floats:
    """Stops that are paid for, in each row of ``frame``: each [[funded]] shared as the stops that go on."""
    going_on = frame[list(WHERE)].merge(usual, on=list(WHERE), how="left")["stops"].to_numpy()
    weeks = frame["month_end"].map(_weeks_of(time)).to_numpy()
    found, taken = going_on.copy(), np.zeros(len(frame), dtype=bool)
    months = frame["month_end"].to_numpy()
    for item in sorted(plan.funded, key=particular, reverse=True):
        about = np.array([is_about(item, key) for key in keys]) & ~taken
        total = pd.Series(going_on[about]).groupby(months[about]).transform("sum").to_numpy()
        found[about] = item.stops_per_week * weeks[about] * going_on[about] / np.maximum(total, 1e-9)
        taken |= about
    return found


def _weeks_of(time: Horizon) -> dict[str, float]:
    """The weeks of each month ahead, by its last day."""
    days = np.diff([(end.day - time.snapshot).days for end in time.month_ends], prepend=0)
    return {end.day.isoformat(): float(n) / 7 for end, n in zip(time.month_ends, days, strict=True)}


def _scheme_costs(plan: Plan, frame: pd.DataFrame, time: Horizon) -> tuple[Floats, Floats]:
    """Each row's part of what the schemes cost, and of the stops that have a cost of their own.

    Both are shared among the lists that a scheme is about, and their stages, as the stops are.
    """
    costs, own, months = np.zeros(len(frame)), np.zeros(len(frame)), frame["month_end"].to_numpy()
    ends = [end.day for end in time.month_ends]
    names = [day.isoformat() for day in ends]
    for scheme in plan.scheme:
        if not scheme.on or not (scheme.cost or scheme.cost_per_case):
            continue
        cases = planned_cases(plan, scheme, time)
        begins = next((c for c, day in enumerate(ends) if scheme.begins is None or scheme.begins <= day), None)
        cost = scheme.cost_per_case * np.abs(cases)
        if begins is not None and (scheme.until is None or scheme.until > time.snapshot):
            cost[begins] += scheme.cost
        lists = frame[["provider", "specialty"]].itertuples(index=False, name=None)
        about = np.array([bool(activity.matching([key], scheme.provider, scheme.specialty)) for key in lists])
        stage = plan.stage_of(scheme)
        if stage != ALL:
            about &= (frame["stage"] == stage).to_numpy()
        stops = np.where(about, frame["stops"].to_numpy() + 1e-9, 0.0)
        share = stops / pd.Series(stops).groupby(months).transform("sum").clip(lower=1e-12).to_numpy()
        costs += share * pd.Series(months).map(dict(zip(names, cost, strict=True))).to_numpy()
        if scheme.cost_per_case and scheme.effect in ("extra_per_week", "extra_in_all", "sessions_per_week"):
            own += share * pd.Series(months).map(dict(zip(names, cases, strict=True))).to_numpy()
    return costs, own


def planned_cases(plan: Plan, scheme: Scheme, time: Horizon) -> Floats:
    """[C] the cases that a scheme plans in each month ahead."""
    so_far = np.concatenate([[0.0], np.cumsum(planned_by_week(plan, scheme, time))])
    until = [np.interp(end.week + end.flow_weight, np.arange(len(so_far)), so_far) for end in time.month_ends]
    return np.diff(until, prepend=0.0)


def planned_by_week(plan: Plan, scheme: Scheme, time: Horizon) -> Floats:
    """[K] the cases that a scheme plans in each week: stops, people validated or referrals, as it counts them.

    Of a scheme in percent none: it has no cases of its own.
    """
    size = 0.0 if scheme.effect in ("percent", "starts_percent") else scheme.size
    if scheme.effect == "sessions_per_week":
        size *= plan.resource_of(scheme).per_session()
    weeks = weeks_done(scheme, time, scheme.ramp_weeks)
    return np.asarray(size * weeks / (weeks.sum() if scheme.effect == "extra_in_all" and weeks.any() else 1.0))


def _with_totals(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` and the sums over specialties, providers and stages, ALL standing for each."""
    for column in ("specialty", "provider", "stage"):
        by = [name for name in ("scenario", *WHERE) if name != column]
        total = frame.groupby(by, as_index=False, sort=False)[list(SUMS)].sum()
        frame = pd.concat([frame, total.assign(**{column: EVERY})], ignore_index=True)
    return frame
