"""What the forecast's draws say of a figure: how often they are at it or better, and where most of them lie (R11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats
from waitlist.models.submission.figures import ADMISSIONS, DAY_CASES, OF_STOPS
from waitlist.planning_year import PlanningYear


@dataclass(frozen=True)
class Draws:
    """The months ahead of the snapshot, draw by draw. values: org → measure → [months, D]."""

    months: tuple[str, ...]
    values: Mapping[str, Mapping[str, Floats]]

    def of(self, org: str, measure: str, month: str) -> Floats | None:
        """[D] one figure's draws; None where it is not forecast."""
        there = self.values.get(org, {}).get(measure)
        return None if there is None or month not in self.months else there[self.months.index(month)]


def chance(
    draws: Draws,
    year: PlanningYear,
    org: str,
    measure: str,
    month: str,
    value: float,
    ratios: Mapping[str, float] | None = None,
) -> float | None:
    """The share of draws at ``value`` or better by the measure's direction; None where it is not forecast.

    Where neither direction is better, the share as far from the middle, or farther. Draws are rounded: ``value`` is of
    whole people. Hospital activity is forecast where the organisation's ``ratios`` to clock stops are known.
    """
    there = draws.of(org, measure, month)
    if there is None:
        there = _activity(draws, org, measure, month, ratios or {})
    if there is None:
        return None
    low, high = float((np.rint(there) <= value).mean()), float((np.rint(there) >= value).mean())
    way = year.direction_of(measure)
    return low if way == "lower" else high if way == "higher" else min(1.0, 2 * min(low, high))


def _activity(draws: Draws, org: str, ref: str, month: str, ratios: Mapping[str, float]) -> Floats | None:
    """[D] hospital activity of each draw, by a reference; None where it does not follow from stops."""
    if ref in OF_STOPS and OF_STOPS[ref][0] in ratios:
        stops = draws.of(org, OF_STOPS[ref][1], month)
        return None if stops is None else np.asarray(ratios[OF_STOPS[ref][0]] * stops)
    stops = draws.of(org, "stops_admitted", month)
    if ref not in ("E.M.10a", "E.M.10b") or stops is None or not {ADMISSIONS, DAY_CASES} <= set(ratios):
        return None
    share = ratios[DAY_CASES] if ref == "E.M.10a" else 1 - ratios[DAY_CASES]
    return np.asarray(share * ratios[ADMISSIONS] * stops)
