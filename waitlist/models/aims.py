"""A target as the engine can judge it, draw by draw: people who must not be too many (R1).

Every target is about people over a number of weeks, a share of the list taken off: 65 % within 18 weeks is no more than
35 % of the list over 18, and a 92nd percentile of 30 weeks no more than 8 % over 30.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import floor

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.planned import Target

EXACT = 1e-9


@dataclass(frozen=True)
class Aim:
    """What must not be above 0 in a draw: people over ``floors`` weeks × ``weights``, less share × list, less value.

    whole: whether people are counted whole (R9: rounded) rather than as a share.
    """

    target: Target
    floors: tuple[int, ...]
    weights: tuple[float, ...]
    share: float
    value: float
    whole: bool

    @property
    def day(self) -> date:
        """When it is judged."""
        return self.target.date


def aim_of(target: Target) -> Aim:
    """``target`` as an Aim."""
    measure = target.measure
    if measure.endswith("wait_weeks"):
        left = 0.5 if measure.startswith("median") else 0.08
        weeks = min(float(target.value or 0.0), BANDS - 1.0)
        low = floor(weeks)
        part = weeks - low  # within a band the wait is even
        floors, weights = ((low, low + 1), (1 - part, part)) if part else ((low,), (1.0,))
        return Aim(target, floors, weights, left, 0.0, whole=False)
    if measure == "percent_within_18_weeks":
        percent = target.percent if target.percent is not None else target.value or 0.0
        return Aim(target, (18,), (1.0,), 1 - percent / 100, 0.0, whole=False)
    if measure.startswith("percent"):
        percent = target.percent if target.percent is not None else target.value or 0.0
        return Aim(target, (52,), (1.0,), percent / 100, 0.0, whole=False)
    weeks_over = 0 if measure == "waiting_list" else int(measure.split("_")[1])
    if target.percent is not None:
        return Aim(target, (weeks_over,), (1.0,), target.percent / 100, 0.0, whole=False)
    return Aim(target, (weeks_over,), (1.0,), 0.0, float(target.value or 0.0), whole=True)


def excess(aim: Aim, over: Floats, lists: Floats) -> Floats:
    """How far each draw is above the aim; ``over`` [floors, …] people over each of its floors, ``lists`` [ …]."""
    people = np.asarray(np.tensordot(np.array(aim.weights), over, 1), dtype=float)
    if aim.whole:
        people = np.round(people)
    return np.asarray(people - aim.share * lists - aim.value)


def needed(aim: Aim, over: Floats, lists: Floats) -> float:
    """The excess that must come down to 0 for the target to be met in its probability's share of draws."""
    return ranked(excess(aim, over, lists), aim.target.probability)


def met(aim: Aim, over: Floats, lists: Floats) -> bool:
    """Whether the target is met in its probability's share of draws."""
    return needed(aim, over, lists) <= EXACT


def attained(aim: Aim, over: Floats, lists: Floats) -> float:
    """The target's measure at the value that its probability's share of draws attain, in the target's own unit."""
    people = np.asarray(np.tensordot(np.array(aim.weights), over, 1), dtype=float)
    probability = aim.target.probability
    if aim.target.measure == "percent_within_18_weeks":
        return 100 - 100 * ranked(people / np.maximum(lists, EXACT), probability)
    if aim.share:  # of waits too: the share of the list that waits longer
        return 100 * ranked(people / np.maximum(lists, EXACT), probability)
    return ranked(np.round(people), probability)


def ranked(values: Floats, share: float) -> float:
    """The value that ``share`` of the draws are at or below: the percentile as tables show it, and no fewer draws."""
    ordered = np.sort(values)
    enough = ordered[max(0, int(np.ceil(share * len(values) - EXACT)) - 1)]
    return float(max(enough, np.quantile(ordered, share)))
