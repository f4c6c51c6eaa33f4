"""What is asked of a row of lists, and what its forecast holds: draws carried whole (R2, R10, R11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.calendar import Days, Horizon, days_of, place
from waitlist.models.layout import F_HELD
from waitlist.plan import Deadline


@dataclass(frozen=True)
class Asked:
    """What is asked of every row: measures on ``days``, people over ``floors`` (0 is the whole list), cohorts.

    levels [W, 2 × deadlines]: for each deadline, the bands between which its cohort begins at each week end
    until then, the snapshot first: the longer, and the one before it in part (R10).
    """

    days: Days
    floors: tuple[int, ...]
    deadlines: tuple[Deadline, ...]
    levels: np.ndarray


@dataclass(frozen=True)
class Forecast:
    """One row's draws: a list, or a total, measured as Asked. D draws, K weeks, C days, W week ends.

    over [floors, C, D] people over each floor, those held beside the state in the whole; waits [2, C, D] the
    median and 92nd percentile waits; noted [2 × deadlines, W, D] people in each of Asked.levels or longer;
    flows [FLOWS, K, D] each week's; opening [floors], and opening_held of them, at the snapshot; returns
    [105] a working day.
    Where transfers join its lists: joined [2 × deadlines, W, D], those of noted who came by a transfer of the week;
    aid [AID, K, D] what moves and waits each week; moved [T, K] each transfer's people by the week of their offer, mean
    over draws, NaN for transfers that do not reach these lists.
    """

    asked: Asked
    over: Floats
    waits: Floats
    noted: Floats
    flows: Floats
    opening: Floats
    opening_held: float
    returns: Floats
    joined: Floats | None = None
    aid: Floats | None = None
    moved: Floats | None = None

    def held(self) -> Floats:
        """[K + 1, D] people held beside the state at each week end (R6)."""
        first = np.full((1, self.flows.shape[-1]), self.opening_held)
        return np.concatenate([first, self.flows[F_HELD]])


def ask(time: Horizon, deadlines: tuple[Deadline, ...]) -> Asked:
    """Measures at every week end, month end and deadline, and the cohorts of ``deadlines``."""
    dates = {*time.week_ends[1:], *(end.day for end in time.month_ends), *(item.date for item in deadlines)}
    floors = (0, *THRESHOLDS, *sorted({item.threshold_weeks for item in deadlines} - set(THRESHOLDS)))
    ends = [place(time.snapshot, item.date).week for item in deadlines]
    week = np.arange(max(ends) + 2 if ends else 0)  # one beyond, for those who join inside a deadline's week
    levels = np.zeros((len(week), 2 * len(deadlines)), dtype=int)
    for q, (item, end) in enumerate(zip(deadlines, ends, strict=True)):
        level = item.threshold_weeks - (end - week)
        levels[:, 2 * q] = np.clip(level, 0, BANDS - 1)
        levels[:, 2 * q + 1] = np.clip(level - 1, 0, BANDS - 1)
    return Asked(days_of(time.snapshot, dates), floors, deadlines, levels)
