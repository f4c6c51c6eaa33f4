"""The question asked backwards: the least extra weekly activity that meets a target, found on the simulation itself.

A linear program (HiGHS) over how each list and stage answers says where activity helps most; the answer is then made
exact by stepping every draw, along the way from nothing to it and on to the limits. The way is looked at from its
beginning, so that the first activity that is enough is found even where more of it would be too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog

from waitlist.bands import Floats
from waitlist.models import levers
from waitlist.models.aims import Aim, attained, met, needed, ranked
from waitlist.models.levers import Levers

PIECES = 6
"""Straight pieces that a list's answer is made of."""
PASSES = 2
"""Times that the answers are measured, the second time around the first's solution."""
SOLVES = 5
"""Times that the program is solved again, its aim moved by what the simulation says is left."""
NEAR = 0.01
"""Part of the way to an aim that may be left to the last step, along the way found."""
LOOKS = 24
"""Places along the way that are looked at before halving."""
EXACTLY = 1e-3
"""Part of the required activity to which an answer is exact."""
STEP = 1e-3
"""Stops a week that an answer is rounded up to: as its table shows it."""
FEW_BLOCKS = 2
"""Blocks of draws that an answer is looked for with; all draws confirm it."""
BEYOND = 1.1
"""How far a limit is moved to see whether it binds."""


@dataclass(frozen=True)
class Bounds:
    """How far activity may go: most [N, 2] extra stops a week, and sums: some (place, stage) together and their most.

    cost [N, 2] of a stop: 1 each where the plan gives no unit costs; there [N, 2]: which stages there are.
    """

    most: Floats
    there: np.ndarray
    sums: tuple[tuple[tuple[tuple[int, int], ...], float], ...]
    cost: Floats


@dataclass(frozen=True)
class Least:
    """extra [N, 2] stops a week that meet the aims, or the best there is; reached: each aim's measure with them.

    binding: the list, stage or sum that would have to give way, as (place, stage); None where none would help.
    """

    extra: Floats
    attainable: bool
    reached: tuple[float, ...]
    binding: tuple[int, int] | None


def least(state: Levers, aims: Sequence[Aim], rows: Mapping[int, Sequence[int]], bounds: Bounds) -> Least:
    """The least (or cheapest) extra that meets all of ``aims``; ``rows``: the places of the lists each is about."""
    some = levers.fewer(state, FEW_BLOCKS)
    lists = sorted({n for places in rows.values() for n in places})
    nothing = np.zeros_like(bounds.most)
    if _all_met(state, aims, rows, nothing):
        return Least(nothing, True, _reached(state, aims, rows, nothing), None)
    ways = _directions(state, some, aims, rows, lists, bounds) if bounds.most.sum() > 0 else [nothing]
    found = [_along(state, some, aims, rows, way, bounds) for way in ways]
    good = [extra for extra in found if extra is not None]
    if good:
        best = min(good, key=lambda extra: float((bounds.cost * extra).sum()))
        return Least(best, True, _reached(state, aims, rows, best), _at_limit(best, bounds, lists))
    best = _nearest(some, aims, rows, ways, bounds)
    nearer = _nearer(some, aims, rows, best)
    return Least(best, False, _reached(state, aims, rows, best), _binding(some, nearer, rows, lists, best, bounds))


def _at(state: Levers, aim: Aim, people: Floats) -> tuple[Floats, Floats]:
    """The people over an aim's floors and the whole list, on its day, of ``people`` [floors, C, D]."""
    day = int(state.asked.days.places([aim.day])[0])
    places = [state.asked.floors.index(weeks) for weeks in aim.floors]
    return people[places, day], people[0, day]


def _all_met(state: Levers, aims: Sequence[Aim], rows: Mapping[int, Sequence[int]], extra: Floats) -> bool:
    return all(met(a, *_at(state, a, levers.together(state, rows[i], extra))) for i, a in enumerate(aims))


def _reached(state: Levers, aims: Sequence[Aim], rows: Mapping[int, Sequence[int]], extra: Floats) -> tuple[float, ...]:
    return tuple(attained(a, *_at(state, a, levers.together(state, rows[i], extra))) for i, a in enumerate(aims))


def shortfall(state: Levers, aim: Aim, places: Sequence[int], extra: Floats) -> float:
    """What ``aim`` is missed by at the lists ``places`` with ``extra`` [N, 2] stops a week, in people; met at 0."""
    return needed(aim, *_at(state, aim, levers.together(state, places, extra)))


def _nearest(
    some: Levers, aims: Sequence[Aim], rows: Mapping[int, Sequence[int]], ways: Sequence[Floats], bounds: Bounds
) -> Floats:
    """What comes nearest to the aims, anywhere along ``ways`` and along those that the program finds from there.

    The nearest share of a list is sought as Dinkelbach's method does: with the share found so far as the aim.
    """
    lists = sorted({n for places in rows.values() for n in places})
    tried = [way * t for way in ways for t in np.linspace(0.0, 1.0, LOOKS // 2 + 1)]
    best = min(tried, key=lambda extra: _short(some, aims, rows, extra))
    for _ in range(PASSES):
        if bounds.most.sum() <= 0:
            break
        nearer = _nearer(some, aims, rows, best)
        pieces, slopes = pieces_of(some, nearer, rows, lists, bounds, best)
        found = _solved(pieces, slopes, np.full(len(aims), 1e9), bounds, best.shape)
        best = min((best, found), key=lambda extra: _short(some, aims, rows, extra))
    return best


def _nearer(some: Levers, aims: Sequence[Aim], rows: Mapping[int, Sequence[int]], extra: Floats) -> list[Aim]:
    """``aims`` whose shares are those reached with ``extra``: what lowers them comes nearer."""
    return [replace(aim, share=_share(some, aim, rows[i], extra)) if aim.share else aim for i, aim in enumerate(aims)]


def _share(some: Levers, aim: Aim, places: Sequence[int], extra: Floats) -> float:
    """The share of the list that is over the aim's floors with ``extra``."""
    over, whole = _at(some, aim, levers.together(some, places, extra))
    people = np.tensordot(np.array(aim.weights), over, 1)
    return ranked(np.asarray(people / np.maximum(whole, 1e-9)), aim.target.probability)


def _short(some: Levers, aims: Sequence[Aim], rows: Mapping[int, Sequence[int]], extra: Floats) -> float:
    """How far the aims are missed: shares as the share that is too much, people as a part of the list."""
    missed = 0.0
    for i, aim in enumerate(aims):
        if aim.share:
            missed += max(0.0, _share(some, aim, rows[i], extra) - aim.share)
        else:
            whole = max(1.0, float(_at(some, aim, levers.together(some, rows[i], extra))[1].mean()))
            missed += max(0.0, shortfall(some, aim, rows[i], extra)) / whole
    return missed


def _directions(
    state: Levers,
    some: Levers,
    aims: Sequence[Aim],
    rows: Mapping[int, Sequence[int]],
    lists: Sequence[int],
    bounds: Bounds,
) -> list[Floats]:
    """Ways to try: the program's; for one list every mix of its stages; all to the limit, both stages and each."""
    tried = []
    extra = np.zeros_like(bounds.most)
    for _ in range(PASSES):
        extra = _programmed(state, some, aims, rows, lists, bounds, extra)
        tried.append(extra)
    tops = [bounds.most * np.array(part) for part in ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0))]
    if len(lists) == 1:
        tops += [
            bounds.most * np.array(part) for part in ((0.25, 1), (0.5, 1), (0.75, 1), (1, 0.75), (1, 0.5), (1, 0.25))
        ]
    tried += [_within(top, bounds) for top in tops]
    return [way for i, way in enumerate(tried) if way.sum() > 0 and not any(np.allclose(way, w) for w in tried[:i])]


def _within(extra: Floats, bounds: Bounds) -> Floats:
    """``extra`` lowered so that no sum is above its most."""
    extra = extra.copy()
    for places, most in bounds.sums:
        at = tuple(np.array(places).T)
        total = extra[at].sum()
        if total > most:
            extra[at] *= most / total
    return extra


def _programmed(
    state: Levers,
    some: Levers,
    aims: Sequence[Aim],
    rows: Mapping[int, Sequence[int]],
    lists: Sequence[int],
    bounds: Bounds,
    around: Floats,
) -> Floats:
    """The cheapest extra by the program, solved again while stepping every draw says that it is too little or much."""
    pieces, slopes = pieces_of(some, aims, rows, lists, bounds, around)
    start = np.array([shortfall(state, aim, rows[i], np.zeros_like(around)) for i, aim in enumerate(aims)])
    found, lower = np.zeros_like(around), np.maximum(start, 0.0)
    for _ in range(SOLVES):
        found = _solved(pieces, slopes, lower, bounds, found.shape)
        left = np.array([shortfall(state, aim, rows[i], found) for i, aim in enumerate(aims)])
        if (np.abs(left) <= NEAR * np.abs(start)).all():
            break
        lower = np.maximum(lower + left, 0.0)
    return found


def pieces_of(
    some: Levers,
    aims: Sequence[Aim],
    rows: Mapping[int, Sequence[int]],
    lists: Sequence[int],
    bounds: Bounds,
    around: Floats,
) -> tuple[list[tuple[int, int, float]], Floats]:
    """How lists and stages answer in PIECES around ``around``: (place, stage, width) of X pieces, slopes [aims, X]."""
    pieces, slopes = [], []
    for n in lists:
        for stage in (0, 1):
            if bounds.most[n, stage] <= 0:
                continue
            ends = bounds.most[n, stage] * np.linspace(0.0, 1.0, PIECES + 1) ** 2
            curves = np.array([_answers(some, aims, rows, n, stage, end, around[n]) for end in ends])
            for p in range(PIECES):
                pieces.append((n, stage, float(ends[p + 1] - ends[p])))
                slopes.append((curves[p + 1] - curves[p]) / (ends[p + 1] - ends[p]))
    return pieces, np.array(slopes).reshape(-1, len(aims)).T


def _answers(
    some: Levers, aims: Sequence[Aim], rows: Mapping[int, Sequence[int]], n: int, stage: int, end: float, other: Floats
) -> list[float]:
    """Each aim's mean excess from the list at ``n``, with ``end`` at one stage and ``other`` at the other one."""
    extra = other.copy()
    extra[stage] = end
    people = levers.answer(some, n, extra)
    found = []
    for i, aim in enumerate(aims):
        over, whole = _at(some, aim, people)
        part = np.tensordot(np.array(aim.weights), over, 1) - aim.share * whole
        found.append(float(part.mean()) if n in rows[i] else 0.0)
    return found


def _solved(
    pieces: Sequence[tuple[int, int, float]],
    slopes: Floats,
    lower: Floats,
    bounds: Bounds,
    shape: tuple[int, ...],
) -> Floats:
    """The cheapest pieces that lower each aim by ``lower``, or where none do those that lower them most."""
    cost = np.array([bounds.cost[n, stage] for n, stage, _ in pieces])
    most = np.array([width for *_, width in pieces])
    sums = [[float((n, stage) in places) for n, stage, _ in pieces] for places, _ in bounds.sums]
    left = np.array(sums).reshape(-1, len(pieces))
    right = np.array([top for _, top in bounds.sums])
    # what no extra can lower is paid for dearly, so that there is always an answer
    dear = 1e4 * max(float(cost.max(initial=1.0)), 1.0)
    short = np.eye(len(lower))
    result = linprog(
        np.concatenate([cost, np.full(len(lower), dear)]),
        A_ub=np.vstack([np.hstack([slopes, -short]), np.hstack([left, np.zeros((len(left), len(lower)))])]),
        b_ub=np.concatenate([-lower, right]),
        bounds=[(0, width) for width in most] + [(0, None)] * len(lower),
        method="highs",
    )
    extra = np.zeros(shape)
    if result.x is not None:
        for (n, stage, _), amount in zip(pieces, result.x, strict=False):
            extra[n, stage] += amount
    return extra


def _along(
    state: Levers,
    some: Levers,
    aims: Sequence[Aim],
    rows: Mapping[int, Sequence[int]],
    way: Floats,
    bounds: Bounds,
) -> Floats | None:
    """The first extra that is enough on the way from nothing to ``way`` and on to the limits; None where none is."""
    top = _within(bounds.most, bounds)

    def at(t: float) -> Floats:
        return way * t if t <= 1 else way + (t - 1) * np.maximum(top - way, 0.0)

    def enough(t: float, who: Levers) -> bool:
        return _all_met(who, aims, rows, at(t))

    looks = np.concatenate([np.linspace(0, 1, LOOKS // 2 + 1)[1:], np.linspace(1, 2, LOOKS // 2 + 1)[1:]])
    first = next((i for i, t in enumerate(looks) if enough(t, some)), None)
    start = max(0, (first if first is not None else len(looks)) - 2)
    for i in range(start, len(looks)):
        if enough(looks[i], state):
            low, high = (looks[i - 1] if i else 0.0), looks[i]
            break
    else:
        return None
    while (at(high) - at(low)).sum() > EXACTLY * max(1.0, at(high).sum()):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle, state) else (middle, high)
    rounded = np.ceil(at(high) / STEP - 1e-9) * STEP
    allowed = _within(np.minimum(rounded, bounds.most), bounds)
    return rounded if np.array_equal(allowed, rounded) else at(high)


def _at_limit(extra: Floats, bounds: Bounds, lists: Sequence[int]) -> tuple[int, int] | None:
    """The largest list and stage whose extra is all there may be; None where none is."""
    full = [(float(extra[n, s]), n, s) for n in lists for s in (0, 1) if extra[n, s] > 0.999 * bounds.most[n, s] > 0]
    return max(full)[1:] if full else None


def _binding(
    some: Levers,
    aims: Sequence[Aim],
    rows: Mapping[int, Sequence[int]],
    lists: Sequence[int],
    best: Floats,
    bounds: Bounds,
) -> tuple[int, int] | None:
    """The list and stage at its limit where one more stop would help most; None where none would."""

    def helps(n: int, stage: int) -> float:
        step = (BEYOND - 1) * max(bounds.most[n, stage], 1.0)
        more = best.copy()
        more[n, stage] += step
        about = [aim for i, aim in enumerate(aims) if n in rows[i]]
        return (
            sum(
                _mean(some, a, levers.answer(some, n, best[n])) - _mean(some, a, levers.answer(some, n, more[n]))
                for a in about
            )
            / step
        )

    tried = {
        (n, stage): helps(n, stage)
        for n in lists
        for stage in (0, 1)
        if bounds.there[n, stage] and best[n, stage] >= 0.999 * bounds.most[n, stage]
    }
    place = max(tried, key=lambda key: tried[key], default=None)
    return place if place is not None and tried[place] > 1e-6 else None


def _mean(some: Levers, aim: Aim, people: Floats) -> float:
    over, whole = _at(some, aim, people)
    return float((np.tensordot(np.array(aim.weights), over, 1) - aim.share * whole).mean())
