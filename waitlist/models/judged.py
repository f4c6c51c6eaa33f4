"""What transfers do to everyone's waits, by the engine on all draws: each row without them and with them (R12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.calendar import Horizon, days_of
from waitlist.models import answers, engine, measures
from waitlist.models.assumptions import Assumptions, Factors, Key, Planned
from waitlist.models.forecast import Asked, Forecast
from waitlist.models.layout import A_CAME, A_CAME_WAITED, A_PEOPLE, A_WAITED
from waitlist.models.past import Observed
from waitlist.plan import Deadline, Plan

NEARLY_ONE = 0.5
"""People beyond whom a band is taken for empty: the longest wait is of someone."""


@dataclass(frozen=True)
class Judged:
    """One row of D draws. over [deadlines, D] people over each deadline's threshold then; at the last deadline: size
    [D] of the list and longest [D] weeks waited. own_wait [K, D] mean weeks waited by those who did not come by
    transfer, at week ends; came whether anybody did. clearance as answers.clearance. moved [T, K] as in Forecast."""

    over: Floats
    size: Floats
    longest: Floats
    own_wait: Floats
    came: bool
    clearance: list[answers.Row]
    moved: Floats


@dataclass(frozen=True)
class Engine:
    """What is stepped: assumptions, draws, weeks, and who goes by activity."""

    assumed: Assumptions
    factors: Factors
    time: Horizon
    planned: Planned


def judged(
    state: Engine,
    rows: Mapping[Key, list[int]],
    deadlines: Sequence[Deadline],
    plan: Plan,
    known: Mapping[Key, Observed],
) -> Iterator[tuple[Key, Judged]]:
    """Each of ``rows`` Judged; its clearance where its past is ``known``."""
    others = sorted({*range(1, BANDS)} - set(THRESHOLDS))
    days = days_of(
        state.time.snapshot, {*(item.date for item in deadlines), *(end.day for end in state.time.month_ends)}
    )
    wanted = Asked(days, (0, *THRESHOLDS, *others), (), np.zeros((0, 0), dtype=int))
    for key, forecast in engine.project(state.assumed, state.factors, state.time, rows, wanted, state.planned):
        yield key, _judged(forecast, wanted, deadlines, plan, state.time, known.get(key))


def _judged(
    forecast: Forecast,
    wanted: Asked,
    deadlines: Sequence[Deadline],
    plan: Plan,
    time: Horizon,
    known: Observed | None,
) -> Judged:
    at = wanted.days.places([item.date for item in deadlines])
    over = np.stack(
        [forecast.over[wanted.floors.index(t.threshold_weeks), c] for t, c in zip(deadlines, at, strict=True)]
    )
    end = wanted.days.places([max(item.date for item in deadlines)])[0]
    size = forecast.over[0, end].copy()  # not a view, which would keep all bands of every row
    order = np.argsort(wanted.floors)
    there = forecast.over[order, end] >= NEARLY_ONE
    longest = np.maximum(there.sum(axis=0) - 1.0, 0.0)
    clearance: list[answers.Row] = []
    if known is not None:
        times = measures.monthly(forecast, time)
        clearance = list(answers.clearance(times, known, time, plan.clearance, plan.thresholds_weeks))
    if forecast.aid is None or forecast.moved is None:
        nothing = np.zeros((0, over.shape[1]))
        return Judged(over, size, longest, nothing, False, clearance, np.zeros((0, 0)))
    own = forecast.aid[A_PEOPLE] - forecast.aid[A_CAME]
    waited = (forecast.aid[A_WAITED] - forecast.aid[A_CAME_WAITED]) / np.maximum(own, 1.0)
    came = bool(forecast.aid[A_CAME].any())
    return Judged(over, size, longest, waited, came, clearance, forecast.moved)
