"""The cheapest mix of more activity and of schemes that a plan holds ready, switched off.

A mixed-integer program (HiGHS) chooses which schemes are worth their cost; the activity beside them is then found on
the simulation with those schemes on, and the dearer of the two answers is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import LinearConstraint, milp

from waitlist.bands import Floats
from waitlist.models.capacity import Bounds
from waitlist.plan import Plan
from waitlist.planned import Scheme


def candidates(plan: Plan) -> list[Scheme]:
    """The schemes of ``plan`` that are off and have a cost, where stops have one too, so that the two compare."""
    if not any(item.marginal_cost_per_case > 0 for item in plan.price):
        return []
    return [item for item in plan.scheme if not item.on and (item.cost or item.cost_per_case)]


def with_schemes(plan: Plan, names: Sequence[str]) -> Plan:
    """``plan`` with the schemes of those names on."""
    schemes = tuple(item.model_copy(update={"on": item.on or item.name in names}) for item in plan.scheme)
    return plan.model_copy(update={"scheme": schemes})


def worth_it(
    pieces: Sequence[tuple[int, int, float]],
    slopes: Floats,
    lower: Floats,
    bounds: Bounds,
    weeks: float,
    effects: Floats,
    costs: Floats,
) -> list[int]:
    """Which of S schemes the cheapest mix has on.

    pieces and slopes [aims, X] as capacity.pieces_of gives them; lower [aims] what each aim must fall by; weeks for
    which a stop a week is paid; effects [aims, S] what each scheme lowers the aims by, alone; costs [S] of each.
    """
    activity = np.array([bounds.cost[n, stage] * weeks for n, stage, _ in pieces])
    many, aims = len(pieces) + len(costs), len(lower)
    dear = 1e4 * max(float(activity.max(initial=1.0)), float(costs.max(initial=1.0)))
    sums = [[float((n, stage) in places) for n, stage, _ in pieces] for places, _ in bounds.sums]
    rows = np.vstack([np.hstack([slopes, -effects, -np.eye(aims)])])
    limits = [LinearConstraint(rows, -np.inf, -lower)]
    if sums:
        padded = np.hstack([np.array(sums), np.zeros((len(sums), len(costs) + aims))])
        limits.append(LinearConstraint(padded, -np.inf, np.array([top for _, top in bounds.sums])))
    result = milp(
        np.concatenate([activity, costs, np.full(aims, dear)]),
        constraints=limits,
        bounds=(0, np.concatenate([[width for *_, width in pieces], np.ones(len(costs)), np.full(aims, np.inf)])),
        integrality=np.concatenate([np.zeros(len(pieces)), np.ones(len(costs)), np.zeros(aims)]),
    )
    if result.x is None:
        return []
    return [k for k in range(len(costs)) if result.x[many - len(costs) + k] > 0.5]
