"""Control charts as the NHS draws them: XmR charts, their limits and what stands out of common cause.

Limits: NIST/SEMATECH e-Handbook, section 6.3.2.2, with 3 / 1.128 given as 2.66. Rules and the words for them: NHS
England, Making Data Count: a point outside, a shift of 7 on one side of the mean, a trend of 7.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

SPREAD = 2.66
"""Limits are the mean and so many mean moving ranges on either side: three standard deviations."""
LONG = 7
"""Points that make a shift or a trend."""

Rule = Literal["outside", "shift", "trend"]
Sense = Literal["improvement", "concern", "neither", "common"]
"""Neither: a special cause where nobody has said which way is better. Common: no special cause."""
RULES: tuple[Rule, ...] = ("outside", "shift", "trend")
"""In the order in which they tell a point's sense: where it is comes before where it is heading."""


@dataclass(frozen=True)
class Point:
    """One value (None: missing), the rules it is marked by, in the order of RULES, and what the first of them means."""

    value: float | None
    rules: tuple[Rule, ...]
    sense: Sense


@dataclass(frozen=True)
class Xmr:
    """A chart, in the unit of its values: mean (None: nothing is known), limits (None: no two neighbours are known), a
    point for each value in the same order, and which way is better (None: not said)."""

    mean: float | None
    low: float | None
    high: float | None
    points: tuple[Point, ...]
    lower_is_better: bool | None


@dataclass(frozen=True)
class Signal:
    """One run of special cause: upwards is above the mean or rising; first and last count from 0, both in the run."""

    rule: Rule
    sense: Sense
    upwards: bool
    first: int
    last: int


def xmr(values: Sequence[float | None], lower_is_better: bool | None) -> Xmr:
    """The XmR chart of values [T], evenly spaced in time; None and NaN are missing and break runs and moving ranges.

    Limits are mean ± 2.66 × mean |x[t] - x[t - 1]| over neighbours that are both known (NIST 6.3.2.2); a point on a
    limit is within it, a point on the mean is on neither side. Raises ValueError for an infinite value.
    """
    kept = [None if value is None or math.isnan(value) else float(value) for value in values]
    known = [value for value in kept if value is not None]
    if any(math.isinf(value) for value in known):
        raise ValueError("a control chart cannot hold an infinite value")
    ranges = [abs(later - earlier) for earlier, later in pairwise(kept) if earlier is not None and later is not None]
    # statistics.mean is exact: of equal values it is that value, so that none of them falls beside its own mean.
    mean = statistics.mean(known) if known else None
    low = high = None
    if mean is not None and ranges:
        reach = SPREAD * statistics.mean(ranges)
        low, high = mean - reach, mean + reach
    bare = Xmr(mean, low, high, tuple(Point(value, (), "common") for value in kept), lower_is_better)
    found = signals(bare)
    points = tuple(_marked(value, [s for s in found if s.first <= at <= s.last]) for at, value in enumerate(kept))
    return Xmr(mean, low, high, points, lower_is_better)


def signals(chart: Xmr) -> tuple[Signal, ...]:
    """Every run of special cause in the chart, by rule in the order of RULES, then by time; none without limits.

    Neighbours outside the same limit are one run. Runs of different rules may share points.
    """
    mean, low, high = chart.mean, chart.low, chart.high
    if mean is None or low is None or high is None:
        return ()
    values = [point.value for point in chart.points]
    sides = [_way(value, mean, mean) for value in values]
    beyond = [_way(value, low, high) for value in values]
    steps = [0 if a is None else _way(b, a, a) for a, b in pairwise(values)]
    runs: list[tuple[Rule, int, int, int]] = [
        *(("outside", way, first, last) for way, first, last in _runs(beyond, 1)),
        *(("shift", way, first, last) for way, first, last in _runs(sides, LONG)),
        # A step leads from one point to the next: 6 steps join 7 points.
        *(("trend", way, first, last + 1) for way, first, last in _runs(steps, LONG - 1)),
    ]
    sense = _sense_of(chart.lower_is_better)
    return tuple(Signal(rule, sense(way), way > 0, first, last) for rule, way, first, last in runs)


def _way(value: float | None, low: float, high: float) -> int:
    """1 above high, -1 below low, 0 between them or missing."""
    return 0 if value is None else int(value > high) - int(value < low)


def _runs(ways: Sequence[int], least: int) -> list[tuple[int, int, int]]:
    """Runs of at least so many equal ways other than 0: way, first, last."""
    found, first = [], 0
    for at in range(1, len(ways) + 1):
        if at == len(ways) or ways[at] != ways[first]:
            if ways[first] and at - first >= least:
                found.append((ways[first], first, at - 1))
            first = at
    return found


def _sense_of(lower_is_better: bool | None) -> Callable[[int], Sense]:
    if lower_is_better is None:
        return lambda way: "neither"
    better = -1 if lower_is_better else 1
    return lambda way: "improvement" if way == better else "concern"


def _marked(value: float | None, found: Sequence[Signal]) -> Point:
    rules = tuple(rule for rule in RULES if any(signal.rule == rule for signal in found))
    return Point(value, rules, found[0].sense if found else "common")
