"""What one forecast rests on, made once: rates, draws, paces and order; and from it what each plan tells the engine.

Every scenario and every question asked backwards starts from the same Calibrated state, so that they differ by what is
planned and by nothing else (common random numbers).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from waitlist.calendar import Horizon, horizon
from waitlist.history import History
from waitlist.models import activity, assumptions, demand, engine, national, past, rates, steer
from waitlist.models.departures import MonthFlows
from waitlist.models.order import Order, fit_order
from waitlist.models.outlook import outlook
from waitlist.models.record import record_of
from waitlist.models.sharing import strays
from waitlist.plan import Demand, Plan

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Calibrated:
    """The state that plans are projected from. ``whole``: places in the history of the N lists of the plan's providers,

    whichever of them the plan keeps; keep: places of those it keeps; factors of the N lists; paces is None where
    nothing is steered; flows: every month's, the first having none.
    """

    history: History
    keep: tuple[int, ...]
    whole: tuple[int, ...]
    time: Horizon
    fitted: rates.Rates
    flows: list[MonthFlows | None]
    england: national.National | None
    factors: assumptions.Factors
    paces: steer.Paces | None
    order: Order

    @property
    def one_stage(self) -> np.ndarray:
        """[N] which lists have no admission stage."""
        return self.history.one_stage[list(self.whole)]

    def rows(self, groups: Mapping[assumptions.Key, list[int]]) -> dict[assumptions.Key, list[int]]:
        """``groups`` of places among ``keep`` as groups of places among the N lists."""
        place = {n: i for i, n in enumerate(self.whole)}
        return {key: [place[self.keep[n]] for n in places] for key, places in groups.items()}


@dataclass(frozen=True)
class Ready:
    """What the engine is told for one plan; ``starts`` are those of all lists, before schemes change them."""

    plan: Plan
    starts: demand.Starts
    assumed: assumptions.Assumptions
    factors: assumptions.Factors
    planned: assumptions.Planned


def calibrate(plan: Plan, history: History, keep: list[int]) -> Calibrated:
    """The state for the lists ``keep`` of ``history``.

    Whole providers are steered, whichever of their lists the plan keeps, and before it changes the demand: what it
    changes then has its effect.
    """
    time = horizon(history.snapshot, plan.horizon_months)
    providers = tuple(sorted({history.lists[n][0] for n in keep}))
    with ThreadPoolExecutor(max_workers=1) as aside:  # much of it is loading statsmodels
        england = aside.submit(demand.england, history)
        theatres = aside.submit(
            national.fit, history.summaries, "stops_admitted", history.months[0], history.months[-1]
        )
        coming = aside.submit(
            lambda: outlook(record_of(history), providers, plan.horizon_months, plan.draws, plan.seed)
        )
        flows = past.observed_flows(history)
        fitted = rates.fit(history, flows)
    ahead = coming.result()
    whole = [n for n, (provider, _) in enumerate(history.lists) if provider in providers and history.present[n, -1]]
    carried_on = demand.forecast(history, fitted.start_season, Demand(), plan.horizon_months, england.result())
    assumed = assumptions.assume(history, fitted, time, whole, carried_on)
    factors = assumptions.factors_drawn(assumed, plan.draws, plan.seed)
    paces = None
    if ahead:
        reach = ahead.expected.shape[2]
        admitted = rates.admitted_ahead(history, whole, theatres.result(), time.months[:reach])
        factors, paces = steer.steered(assumed, factors, time, ahead, strays(history), admitted, plan.seed)
    order = fit_order(history, fitted)
    mine = Order(*(getattr(order, name)[whole] for name in ("urgent", "skew", "profile", "routine")))
    return Calibrated(history, tuple(keep), tuple(whole), time, fitted, flows, england.result(), factors, paces, mine)


def ready(state: Calibrated, plans: Mapping[Name, Plan], also: Sequence[int] = ()) -> Iterator[tuple[Name, Ready]]:
    """What the engine is told for each of ``plans``; what goes on by rates is worked out once for each demand.

    also: places of lists that go by activity though nothing may be planned for them.
    """
    lists = [state.history.lists[n] for n in state.whole]
    waiting = dict(plans)
    while waiting:
        asked = next(iter(waiting.values())).demand
        alike = {name: plan for name, plan in waiting.items() if plan.demand == asked}
        waiting = {name: plan for name, plan in waiting.items() if name not in alike}
        months = len(state.time.months)
        starts = demand.forecast(state.history, state.fitted.start_season, asked, months, state.england)
        assumed = assumptions.assume(state.history, state.fitted, state.time, list(state.whole), starts)
        held = {n for plan in alike.values() for n in activity.by_activity_at(plan, lists, state.one_stage)} | {*also}
        carried = engine.going_on(assumed, state.factors, state.time, sorted(held))
        for name, plan in alike.items():
            changed = activity.told(
                plan, assumed, state.factors, carried, state.one_stage, state.order, state.time, also
            )
            yield name, Ready(plan, starts, *changed)
