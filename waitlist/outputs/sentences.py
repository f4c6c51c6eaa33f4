"""The headline in sentences, and the one-line summaries that page, workbook and terminal share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from waitlist.calendar import month_end, months_after, next_march_end
from waitlist.outputs import words as say
from waitlist.plan import Plan
from waitlist.results import ALL, Backtest, Result

SUMMARY = ("waiting_list", "over_18_weeks", "over_52_weeks", "over_65_weeks", "percent_within_18_weeks")
"""The measures of a summary line."""

LEAST_BREAK = 0.02
"""A step's least size, as a share of the provider's list, that the headline speaks of."""


def by_size(result: Result) -> list[str]:
    """ALL, then the providers with the longest lists first."""
    table = result.position
    rows = table[(table["measure"] == "waiting_list") & (table["specialty"] == ALL) & (table["stage"] == ALL)]
    ordered = rows.sort_values(["value", "provider"], ascending=[False, True])["provider"]
    return [ALL, *(str(code) for code in ordered if code != ALL)]


def horizon_end(result: Result) -> date:
    """The last month end that is forecast."""
    return month_end(months_after(f"{result.snapshot:%Y-%m}", result.plan.horizon_months))


def watched(plan: Plan) -> int:
    """The threshold that a summary's clearance is about: 52 weeks, or the plan's own nearest to it."""
    return min(plan.thresholds_weeks, key=lambda weeks: (abs(weeks - 52), weeks), default=52)


def summary(result: Result, parts: Mapping[str, pd.DataFrame], key: str) -> pd.DataFrame:
    """One line for each ``key`` (provider or specialty), ALL first and then the longest list.

    ``parts`` are the position, breakeven and clearance rows to sum up, one for each key and measure.
    Columns: SUMMARY's measures, the whole list's breakeven_per_week and current_per_week at the snapshot,
    and the watched backlog's p50_date and share_of_draws_cleared; NaN where there is no figure.
    """
    position, breakeven, clearance = parts["position"], parts["breakeven"], parts["clearance"]
    stage = position[(position["stage"] == ALL) & position["measure"].isin(SUMMARY)]
    lines = stage.pivot(index=key, columns="measure", values="value").reindex(columns=list(SUMMARY))
    whole = at_snapshot(breakeven, result)
    whole = whole[whole["threshold_weeks"] == 0].set_index(key)
    clears = clearance[clearance["threshold_weeks"] == watched(result.plan)].set_index(key)
    lines = lines.join(whole[["breakeven_per_week", "current_per_week"]])
    lines = lines.join(clears[["p50_date", "share_of_draws_cleared"]])
    lines = lines.sort_values("waiting_list", ascending=False, kind="stable")
    return lines.loc[sorted(lines.index, key=lambda code: code != ALL)]


def at_snapshot(breakeven: pd.DataFrame, result: Result) -> pd.DataFrame:
    """Breakeven's rows of the last observed month; none where its flows are not known."""
    return breakeven[breakeven["as_of"].astype(str).str[:10] == result.snapshot.isoformat()]


def whole_of(result: Result, provider: str) -> dict[str, pd.DataFrame]:
    """The rows of ``provider`` (or ALL) over all specialties, by table."""
    tables = {name: getattr(result, name) for name in ("position", "trajectory", "breakeven", "clearance")}
    return {n: t[(t["specialty"] == ALL) & (t["provider"] == provider)] for n, t in tables.items()}


def headline(result: Result, provider: str, whole: Mapping[str, pd.DataFrame] | None = None) -> list[str]:
    """What matters most about ``provider`` (or ALL), in plain sentences; ``whole`` as ``whole_of`` gives it."""
    whole = whole or whole_of(result, provider)
    return [
        _position_sentence(result, provider, whole["position"]),
        *_breakeven_sentences(result, whole["breakeven"]),
        *_march_sentence(result, whole["trajectory"]),
        *_clearance_sentence(result, whole["clearance"]),
        *_break_sentence(result, provider),
    ]


def in_one(result: Result, provider: str) -> str:
    """The provider in one sentence, for the list at the top of the page."""
    whole = whole_of(result, provider)
    held = _position_sentence(result, provider, whole["position"]).rstrip(".")
    return "; ".join([held, *(text[0].lower() + text[1:] for text in _clearance_sentence(result, whole["clearance"]))])


def clears(p50: Any, share: float, result: Result) -> str:
    """When a backlog clears, in a table's cell, with the share of draws that clear in brackets."""
    if say.is_none(share):
        return say.NONE
    middle = say.as_date(p50)
    when = f"not by {horizon_end(result):%b %Y}" if middle is None else f"{middle:%b %Y}"
    return f"{'already' if middle == result.snapshot else when} ({say.share(share)})"


def clearance_rule(plan: Plan) -> str:
    """When this plan counts a backlog as clear (R9), in words."""
    if plan.clearance.tolerance_share is not None:
        return f"{say.percent(plan.clearance.tolerance_share * 100)} of the list or fewer remain"
    if plan.clearance.tolerance:
        return f"{say.count(plan.clearance.tolerance)} people or fewer remain"
    return "nobody remains"


def fared(backtest: Backtest) -> str:
    """How the forecast of the list fared at the furthest month that was scored, in a sentence."""
    rows = backtest.scores
    rows = rows[(rows["level"] == "provider") & (rows["measure"] == "waiting_list")]
    if rows.empty:
        return "Nothing could be scored."
    months = int(rows["horizon_months"].max())
    rows = rows[rows["horizon_months"] == months]
    last = rows[rows["origin"] == ALL].set_index("method")
    error, naive = (last["wape"].get(method) for method in ("forecast", "last_value"))
    held = last["coverage_90"].get("forecast")
    origins = rows.loc[rows["origin"] != ALL, "origin"].nunique()
    return (
        f"Forecasts made this way from {origins} past origin{'s' * (origins > 1)}, {months} month{'s' * (months > 1)} "
        f"ahead: {say.share(held)} of the 90% intervals held the waiting list that came; average error "
        f"{say.percent(error)} against {say.percent(naive)} for doing nothing."
    )


def flatters(result: Result) -> list[str]:
    """What moves a figure without anyone being treated (R13), in sentences."""
    now = _measures(whole_of(result, ALL)["position"])
    stops = now.get("stops_admitted", float("nan")) + now.get("stops_non_admitted", float("nan"))
    found = [
        f"In {say.month(result.snapshot)}, {say.count(stops)} clock stops and "
        f"{say.count(now.get('other_removals'))} other removals (net of returns) took people off these lists. "
        "Other removals are not treatment: the "
        "forecast lets them go on much as they have, and if they fell to none every list here would be longer.",
        "The percentage within 18 weeks moves with who is on the list. Fewer clock starts lower it, because "
        "those who have just joined are within 18 weeks; removing long waiters without treating them raises it. "
        "Read it beside the number over 18 weeks.",
    ]
    if result.plan.demand.growth == "stated":
        found.append(
            f"Demand is stated, not fitted: {result.plan.demand.percent_per_year:+g}% a year unless a specialty "
            "has its own. The figures rest on that."
        )
    if result.plan.min_list:
        found.append(
            f"Providers with fewer than {say.count(result.plan.min_list)} people waiting are left out of every "
            "row and total."
        )
    restated = [item for item in result.breaks if item.size]
    if restated:
        found.append(
            "A change in what is reported moved a list in the past (see Data breaks). The charts show what was "
            "reported; no rate uses those months."
        )
    return found


def _measures(position: pd.DataFrame) -> dict[str, float]:
    """One provider's whole position by measure."""
    rows = position[position["stage"] == ALL]
    return dict(zip(rows["measure"], rows["value"].astype(float), strict=True))


def _position_sentence(result: Result, provider: str, position: pd.DataFrame) -> str:
    now = _measures(position)
    return (
        f"{say.provider_name(provider, result.provider_names)}: {say.count(now.get('waiting_list'))} waiting at "
        f"{say.day(result.snapshot)}; {say.count(now.get('over_52_weeks'))} over 52 weeks "
        f"({say.percent(now.get('percent_over_52_weeks'))}); "
        f"{say.percent(now.get('percent_within_18_weeks'))} within 18 weeks."
    )


def _breakeven_sentences(result: Result, breakeven: pd.DataFrame) -> list[str]:
    rows = at_snapshot(breakeven, result).set_index("threshold_weeks")
    weeks, month, found = watched(result.plan), say.month(result.snapshot), []
    if 0 in rows.index:
        held, now = (say.rate(rows[f"{name}_per_week"].loc[0]) for name in ("breakeven", "current"))
        found.append(f"Holding the whole list level takes {held} clock stops a week; in {month} there were {now}.")
    if weeks in rows.index:
        held, now = (say.rate(rows[f"{name}_per_week"].loc[weeks]) for name in ("breakeven", "current"))
        found.append(
            f"Holding the number over {weeks} weeks level takes {held} clock stops a week among them; "
            f"in {month} there were {now}."
        )
    return found


def _march_sentence(result: Result, trajectory: pd.DataFrame) -> list[str]:
    """The forecast at the next 31 March, or at its end where that comes first."""
    when = min(next_march_end(result.snapshot), horizon_end(result)).isoformat()
    rows = trajectory[trajectory["month_end"].astype(str).str[:10] == when].set_index("measure")

    def said(measure: str, what: str, more: str = "") -> str:
        middle, low, high = (say.figure(measure, rows[q].loc[measure]) for q in ("p50", "p05", "p95"))
        return f"{middle} {what}" if low == high else f"{middle} {what} ({low} to {high}{more})"

    if rows.empty:
        return []
    return [
        f"{supposing(result.plan)}, at {say.day(when)}: {said('waiting_list', 'waiting', ' in 90% of draws')}, "
        f"{said('percent_within_18_weeks', 'within 18 weeks')} and {said('over_52_weeks', 'over 52 weeks')}."
    ]


def supposing(plan: Plan) -> str:
    """What the plan assumes of demand to come, at the head of a sentence."""
    demand, said = plan.demand, []
    if demand.growth == "stated":
        other = ", some specialties otherwise" if demand.specialty else ""
        said.append(f"demand grows by {demand.percent_per_year:+g}% a year{other}")
    if demand.growth == "population":
        said.append("demand grows with the population")
    if demand.scenario == "trend_2019":
        said.append(f"referrals are back at the trend of before 2020 by {say.day(demand.reached_by)}")
    if demand.scenario == "suppressed":
        within = f"{demand.over_months} month{'s' * (demand.over_months > 1)}"
        said.append(f"{demand.percent_returning:g}% of the referrals missing since 2020 come within {within}")
    planned = plans_activity(plan)
    begins = "With what is planned" if planned else "Carrying on as now"
    if not said:
        return begins
    return f"{f'{begins} and supposing' if planned else 'Supposing'} that {say.list_join(said)}"


def plans_activity(plan: Plan) -> bool:
    """Whether the plan changes what goes on, demand aside."""
    changes = (plan.activity, plan.strike, plan.clinic, plan.theatre, *(item.on for item in plan.scheme))
    return any(changes) or plan.order.discipline != "as observed"


def _clearance_sentence(result: Result, clearance: pd.DataFrame) -> list[str]:
    weeks = watched(result.plan)
    rows = clearance[clearance["threshold_weeks"] == weeks]
    if rows.empty:
        return []
    row = rows.iloc[0]
    share = float(row["share_of_draws_cleared"])
    middle, early, late = (say.as_date(row[f"p{q}_date"]) for q in (50, 10, 90))
    as_now = "With what is planned" if plans_activity(result.plan) else "At current activity"
    backlog, end = f"the backlog over {weeks} weeks", say.month(horizon_end(result))
    if middle == result.snapshot:
        return [f"The backlog over {weeks} weeks is already clear, and stays so in {say.share(share)} of draws."]
    if middle is not None:
        until = say.month(late) if late else f"some time after {end}"
        return [f"{as_now} {backlog} clears in {say.month(middle)}, between {say.month(early)} and {until}."]
    if share == 0:
        return [f"{as_now} {backlog} does not clear by {end} in any draw."]
    return [f"{as_now} {backlog} does not clear by {end} in most draws ({say.share(share)} of draws clear)."]


def _break_sentence(result: Result, provider: str) -> list[str]:
    """The largest step in what is reported by ``provider`` (or by any of ALL), if it is large for its list (R4)."""
    steps = [item for item in result.breaks if item.kind == "step" and provider in (ALL, item.provider)]
    if not steps:
        return []
    rows = result.position[result.position["specialty"] == ALL]
    waiting = rows[(rows["stage"] == ALL) & (rows["measure"] == "waiting_list")].set_index("provider")["value"]
    large = [item for item in steps if abs(item.size) > LEAST_BREAK * waiting.get(item.provider, float("inf"))]
    if not large:
        return []
    item = max(large, key=lambda step: abs(step.size))
    who = say.provider_name(item.provider, result.provider_names)
    if item.specialty != ALL:
        who += f", {say.specialty_name(item.specialty, result.specialty_names)}"
    moved = f"{'+' if item.size > 0 else ''}{say.count(item.size)} people"
    return [
        f"{who}: what is reported changed in {say.month(f'{item.month}-01')} ({moved}); it is kept out of the rates."
    ]
