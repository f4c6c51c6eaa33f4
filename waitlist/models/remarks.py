"""What flatters, said beside the figures (R13), and what does not do what is hoped of it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from waitlist.plan import BASE, CARRY_ON, Plan
from waitlist.planned import OF_DEMAND, Scheme
from waitlist.results import ALL

SHARE = "percent_within_18_weeks"
LEAST_POINTS = 0.05
"""Percentage points below which a policy does not move the share."""
LONGER = {"waiting_list": "the list", "over_52_weeks": "the number over 52 weeks"}
"""What more clinics may leave longer, in words."""
MORE_WAITING = 0.5
"""People by which a list is more than rounding longer."""


def planned_said(plan: Plan) -> str:
    """What the plan changes and how it is done, in a sentence."""
    names = [item.name for item in (*plan.scheme, *plan.resources) if getattr(item, "on", True)]
    names += list(dict.fromkeys(f"strikes ({item.staff_group})" for item in plan.strike))
    names += ["planned activity"] if plan.activity else []
    names += [f"order of treatment ({plan.order.discipline})"] if plan.order.discipline != "as observed" else []
    if not names:
        return "No change in activity is planned."
    return (
        f"Planned: {'; '.join(names)}. The lists concerned do as many stops each week as they would have done, in each "
        "draw, changed by what is planned and never more than are waiting; removals go on at their rates, and clinics "
        "send on to theatres those they would have sent (R7)."
    )


def remarks(plans: Mapping[str, Plan], waterfall: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each part of a scenario that moves the share within 18 weeks by changing who is on the list, or
    that leaves more people waiting for more clinics.

    ``plans`` by scenario; ``waterfall`` as scenarios.compare gives it, from the base to each of them.
    """
    found = []
    whole = waterfall[(waterfall["provider"] == ALL) & (waterfall["specialty"] == ALL)]
    for name, plan in plans.items():
        if name == BASE:
            continue
        other = plans[BASE] if name == CARRY_ON else plan
        rows = whole[whole["scenario"] == name]
        sign = -1 if name == CARRY_ON else 1  # what the plan's own parts do is what leaving them out undoes
        for step in rows["step"].unique():
            kind = _kind(other, step)
            if kind:
                found += _flattering(kind, step, name, rows[rows["step"] == step], sign)
    return tuple(dict.fromkeys([*found, *_more_waiting(plans, waterfall)]))


def _kind(plan: Plan, step: str) -> str:
    """Why a step may flatter; empty where it does not."""
    if step == "demand":
        return "changes how many referrals come, and the newest waits are the shortest"
    if step == "order of treatment":
        return "changes who is treated, not how many"
    scheme = next((item for item in plan.scheme if item.name == step), None)
    if scheme is None:
        clinic = next((item for item in plan.clinic if item.name == step and item.advice_percent), None)
        return "diverts referrals, which takes the shortest waits off the list" if clinic else ""
    if scheme.effect in OF_DEMAND:
        cut = scheme.size < 0
        return "takes the shortest waits off the list" if cut else "puts short waits on the list"
    return "takes people off the list without treating them" if scheme.effect == "validated_per_week" else ""


def _flattering(kind: str, step: str, scenario: str, rows: pd.DataFrame, sign: int) -> list[str]:
    """What the step does to the share at first and in the end, and to the list in the end."""
    share, people = (
        {end: sign * value for end, value in zip(of["month_end"], of["contribution"], strict=True)}
        for of in (rows[rows["measure"] == SHARE], rows[rows["measure"] == "waiting_list"])
    )
    if not share or max(map(abs, share.values())) < LEAST_POINTS:
        return []
    last = max(rows["month_end"])
    in_the_end, list_then = share.get(last, 0.0), people.get(last, 0.0)
    most = (min if in_the_end > 0 else max)(share, key=lambda end: share[end])  # what it does before, the other way
    said = f"{in_the_end:+.1f} points by {last}"
    if share[most] * in_the_end < 0 and abs(share[most]) >= LEAST_POINTS:
        said = f"{share[most]:+.1f} points by {most} and {said}"
    about = "" if scenario == CARRY_ON else f' in "{scenario}"'
    return [
        f"What flatters (R13): {step}{about} {kind}. It alone moves the share within 18 weeks by {said}, "
        f"and the list by {list_then:+,.0f} people; compare lists and long waits, not the share alone."
    ]


def _more_waiting(plans: Mapping[str, Plan], waterfall: pd.DataFrame) -> list[str]:
    """A sentence for each scheme of more clinics that leaves a list, or its long waits, longer: those it converts wait
    for theatres."""
    found = []
    lists = waterfall[(waterfall["provider"] != ALL) & (waterfall["specialty"] != ALL)]
    for measure, what in LONGER.items():
        for name, plan in plans.items():
            if name == BASE:
                continue
            own = plans[BASE] if name == CARRY_ON else plan
            clinics = [item.name for item in own.scheme if _adds_clinics(own, item)]
            rows = lists[(lists["scenario"] == name) & lists["step"].isin(clinics) & (lists["measure"] == measure)]
            longer = rows[rows["contribution"] * (-1 if name == CARRY_ON else 1) > MORE_WAITING]
            worst = longer.assign(size=longer["contribution"].abs()).sort_values("size").groupby("step").last()
            for step, row in worst.to_dict("index").items():
                found.append(
                    f"More clinics can leave more people waiting: {step} makes {what} of {row['provider']} "
                    f"{row['specialty']} {row['size']:,.0f} longer by {row['month_end']}, as those it sends on wait "
                    "for theatres that do no more than they do now."
                )
    return found


def _adds_clinics(plan: Plan, scheme: Scheme) -> bool:
    clinics = {item.name for item in plan.clinic}
    if scheme.effect == "sessions_per_week":
        return scheme.size > 0 and scheme.resource in clinics
    more = scheme.effect in ("extra_per_week", "extra_in_all", "percent") and scheme.size > 0
    return more and scheme.stage != "admission"
