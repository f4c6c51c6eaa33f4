"""The linear program that chooses transfers over weeks, pairs, specialties, stages and groups of people (R12).

A time-expanded transport with due dates: offers take people from stocks of dated cohorts, and need stops at the
receiver in the week they move. Aims are sought in strict order, each held while the next is sought. HiGHS solves it;
whole people come from a mixed-integer program where it is small, else from rounding.
"""

from __future__ import annotations

import time as clock
from dataclasses import dataclass, replace

import highspy
import numpy as np

from waitlist.bands import Floats
from waitlist.models.question import Question, claimed, either_or
from waitlist.models.rounding import rounded
from waitlist.models.solver import (
    DONE,
    IMPOSSIBLE,
    NOBODY_THEN,
    NOT_BEGUN,
    Conflict,
    hold,
    model_of,
    seek,
    smallest,
    solve,
)

SMALL, SMALL_NODES = 200, 100
"""Offers up to which whole people are sought exactly, and the nodes that are looked at for each aim: a bound that is
the same on every machine, as seconds are not (R11)."""
FAR, NEAR = 0.02, 0.005
"""Gaps, as shares: from which whole people are searched for once more, and which is near enough."""
MOST_SEARCHED, NODES = 5_000, 1
"""Offers among which that search is made, and its nodes."""
PART, STEPS = 0.25, 14
"""Of the providers that both send and receive, how many are let do one of the two at a time, and how often."""
PRIMAL = 4
"""The solver's number for the simplex method that keeps what is possible and improves it (measured: half the time)."""


@dataclass(frozen=True)
class Chosen:
    """offered [X] whole people; aims: what the program claims of them; bound: the best of the first aim that
    fractions of people could reach, and gap: how far the claim is from it, as a share (NaN where time did not do for
    it); stopped: by the time limit, or with nothing found in whole people."""

    offered: np.ndarray
    aims: dict[str, float]
    bound: float
    gap: float
    stopped: bool


def choose(asked: Question) -> Chosen:
    """The schedule that is best by ``asked.aims``. Raises Conflict where floors cannot be met."""
    until = clock.monotonic() + asked.time_limit
    count = len(asked.offers.week)
    nobody = np.zeros(count)
    if not count:
        _refuse_unmet(asked)
        return Chosen(nobody.astype(int), claimed(asked, nobody), 0.0, 0.0, False)
    if np.isfinite(asked.most_over):
        least = replace(asked, aims=("over_thresholds", "transfers"), most_over=np.inf)
        if claimed(asked, fractions(least))["over_thresholds"] > asked.most_over:  # it can't be met: as near as can be
            asked = least
    free, bound, stopped = _direction(asked, until)
    solved, best, late = _in_order(asked, free, until, SMALL_NODES if count <= SMALL else 0)
    whole = np.rint(solved).astype(int) if count <= SMALL and not late else rounded(asked, solved, free)
    return _chosen(asked, whole, best if free.all() else bound, stopped or late)


def bettered(asked: Question, chosen: Chosen) -> Chosen:
    """``chosen``, or a better schedule for the first aim where it is far from the best and the system not large:
    found by a search in whole people that starts from it."""
    if not chosen.gap > FAR or len(asked.offers.week) > MOST_SEARCHED:
        return chosen
    until = clock.monotonic() + asked.time_limit
    first, every = replace(asked, aims=asked.aims[:1]), np.ones(len(asked.offers.week), dtype=bool)
    found, bound, late = _in_order(first, every, until, NODES, chosen.offered)
    whole = np.rint(found).astype(int)
    if claimed(asked, whole.astype(float))[asked.aims[0]] >= chosen.aims[asked.aims[0]]:
        whole = chosen.offered
    return _chosen(asked, whole, np.nanmax([bound, chosen.bound]), chosen.stopped or late)


def _chosen(asked: Question, offered: np.ndarray, bound: float, stopped: bool) -> Chosen:
    aims = claimed(asked, offered.astype(float))
    gap = (aims[asked.aims[0]] - bound) / max(1.0, abs(bound))
    return Chosen(offered, aims, bound, gap if np.isnan(gap) else max(0.0, gap), stopped)


def fractions(asked: Question) -> Floats:
    """[X] offers, as fractions of people, that are best for the first aim alone, directions and batches aside."""
    if not len(asked.offers.week):
        return np.zeros(0)
    free = np.ones(len(asked.offers.week), dtype=bool)
    only = replace(asked, aims=asked.aims[:1])
    return _in_order(only, free, clock.monotonic() + asked.time_limit)[0]


def _direction(asked: Question, until: float) -> tuple[np.ndarray, float, bool]:
    """[X] which offers may be made at all, so that nobody sends and receives the same specialty and stage in a month;
    the best that could be had without this; and whether time ran out. Small programs choose it themselves.

    Of the providers that do both in the best fractions, those are decided first that gain least by the lesser of the
    two, PART of them at a time, and the rest is solved again: a dive, each step of which starts from the last.
    """
    free, both = np.ones(len(asked.offers.week), dtype=bool), either_or(asked)
    if not both or len(free) <= SMALL:
        return free, np.nan, False
    first = replace(asked, aims=asked.aims[:1])
    model, rows, costs = model_of(first, free)
    cost, bound, open_ = costs[first.aims[0]], np.nan, np.ones(len(both), dtype=bool)
    seek(model, cost)
    for step in range(STEPS + 1):
        status = solve(model, until)
        if status in IMPOSSIBLE and step == 0:
            raise smallest(asked, model, rows)
        if status != highspy.HighsModelStatus.kOptimal:  # the rounding sees to what is still undecided
            return free, bound, status not in IMPOSSIBLE
        values = np.array(model.getSolution().col_value)
        bound = float(cost @ values) if step == 0 else bound
        helped = values[: len(free)] * asked.offers.over
        gains = np.array([[helped[sends].sum(), helped[receives].sum()] for sends, receives in both])
        lesser = gains.min(axis=1)
        undecided = np.flatnonzero(open_ & (lesser > 1e-9))
        if step == STEPS or not len(undecided):
            break
        order = undecided[np.argsort(lesser[undecided] / gains[undecided].sum(axis=1), kind="stable")]
        now = order[: int(np.ceil(PART * len(order)))]
        open_[now] = False
        _close(free, both, gains, now)
        shut = np.flatnonzero(~free).astype(np.int32)
        model.changeColsBounds(len(shut), shut, np.zeros(len(shut)), np.zeros(len(shut)))
    _close(free, both, gains, np.flatnonzero(open_))
    return free, bound, False


def _close(free: np.ndarray, both: list[tuple[np.ndarray, np.ndarray]], gains: Floats, places: np.ndarray) -> None:
    """Let those at ``places`` of ``both`` only send, or only receive: what ``gains`` more."""
    for i in places:
        free[both[i][int(gains[i, 0] >= gains[i, 1])]] = False


def _in_order(
    asked: Question, free: np.ndarray, until: float, nodes: int = 0, start: np.ndarray | None = None
) -> tuple[Floats, float, bool]:
    """The offers [X] after the last aim, the value of the first (where whole, the bound that is proven), and whether
    time ran out. ``free`` and ``nodes`` as model_of has them; ``start`` [X]: a schedule to better.
    """
    model, rows, costs = model_of(asked, free, nodes)
    count = len(free)
    if start is not None:
        model.setSolution(count, np.arange(count, dtype=np.int32), start.astype(float))
        model.setOptionValue("mip_rel_gap", NEAR)
    solved, first = np.zeros(count), np.nan
    for place, aim in enumerate(asked.aims):
        seek(model, costs[aim])
        status = solve(model, until)
        if status in IMPOSSIBLE:
            if place == 0:
                raise smallest(asked, model, rows)
            break
        if status == NOT_BEGUN or (status not in DONE and not nodes):
            return solved, first, True
        if nodes and place == 0:
            first = float(model.getInfo().mip_dual_bound)
        solution = model.getSolution()
        if not solution.value_valid:
            return solved, first, place == 0 or status not in DONE
        values = np.array(solution.col_value)
        solved = np.clip(values[:count], 0.0, None)
        if status not in DONE:
            return solved, first, True
        value = float(costs[aim] @ values)
        if place == 0:
            model.setOptionValue("simplex_strategy", PRIMAL)  # what was best is still possible: a start for the next
            first = first if nodes else value
        if place + 1 < len(asked.aims):
            hold(model, costs[aim], value + asked.hold * abs(value) + 1e-6 * (1.0 + abs(value) * (not nodes)))
            if nodes:
                model.setSolution(len(values), np.arange(len(values), dtype=np.int32), values)
    return solved, first, False


def _refuse_unmet(asked: Question) -> None:
    """Nobody can be offered anything: a floor above nobody is a conflict."""
    unmet = [(int(np.flatnonzero(rule.least)[0]), rule.name) for rule in asked.rules if rule.least.any()]
    if unmet:
        week, name = min(unmet)
        raise Conflict([name, NOBODY_THEN], week)
