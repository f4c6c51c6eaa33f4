"""What the forecast's draws say of a figure: how often they are at it or better, and where most of them lie (R11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats
from waitlist.planning_year import BASES, PlanningYear


@dataclass(frozen=True)
class Draws:
    """The months ahead of the snapshot, draw by draw. values: org → measure → [months, D]."""

    months: tuple[str, ...]
    values: Mapping[str, Mapping[str, Floats]]

    def of(self, org: str, measure: str, month: str) -> Floats | None:
        """[D] one figure's draws; None where it is not forecast."""
        there = self.values.get(org, {}).get(measure)
        return None if there is None or month not in self.months else there[self.months.index(month)]

    def middle(self, org: str, measure: str, month: str, shares: Sequence[float] = (0.1, 0.5, 0.9)) -> list[float]:
        """Percentiles of one figure over draws; none where it is not forecast."""
        there = self.of(org, measure, month)
        return [] if there is None else [float(np.quantile(there, share)) for share in shares]


def chance(draws: Draws, year: PlanningYear, org: str, measure: str, month: str, value: float) -> float | None:
    """The share of draws at ``value`` or better by the measure's direction; None where it is not forecast.

    Where neither direction is better, the share at or below it. Draws are rounded: ``value`` is of whole people.
    """
    there = draws.of(org, measure, month)
    if there is None:
        return None
    higher = direction(year, measure) == "higher"
    found = np.rint(there) >= value if higher else np.rint(there) <= value
    return float(found.mean())


def direction(year: PlanningYear, measure: str) -> str:
    """Which way a measure or a reference is better: lower, higher or neither."""
    for metric in year.metric:
        if measure in (metric.ref, metric.given_by) and (metric.ref == measure or metric.given_by in BASES):
            return metric.direction
    return "lower" if measure.startswith("over_") else "neither"
