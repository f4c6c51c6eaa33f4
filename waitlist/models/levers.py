"""How lists answer to more activity: each list and stage stepped alone, on the calibrated state's own draws.

Lists do not wait for each other, so that a row is the sum of its lists, and only those whose activity is changed need
be stepped again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import Horizon, days_of
from waitlist.models import assumptions, engine, moving
from waitlist.models.controls import (
    AT_BOTH,
    AT_CLINICS,
    AT_OUTPATIENT,
    AT_STRAIGHT,
    AT_THEATRES,
    CLINICS,
    STRAIGHT,
    THEATRES,
    Controls,
)
from waitlist.models.forecast import Asked
from waitlist.models.weeks import weeks_done
from waitlist.planned import Solver

STAGES = ("outpatient", "admission")
ADDED = (AT_CLINICS, AT_THEATRES)


@dataclass(frozen=True)
class Levers:
    """What extra activity is tried on: N lists as the plan has them, all by activity, until the last day asked for.

    weeks_done [K]: how many weeks' worth of the extra is done in each week. seen: steppings so far, by list and extra.
    """

    assumed: assumptions.Assumptions
    factors: assumptions.Factors
    planned: assumptions.Planned
    time: Horizon
    asked: Asked
    weeks_done: Floats
    seen: dict[tuple[int, float, float], Floats] = field(default_factory=dict)


def levers(
    assumed: assumptions.Assumptions,
    factors: assumptions.Factors,
    planned: assumptions.Planned,
    time: Horizon,
    floors: Sequence[int],
    days: Sequence[date],
    how: Solver,
) -> Levers:
    """Levers of N lists that ``planned`` puts by activity, judged by people over ``floors`` on ``days``."""
    asked = Asked(days_of(time.snapshot, days), tuple(floors), (), np.zeros((0, 0), dtype=int))
    weeks = min(int(asked.days.week[-1]) + 1, time.weeks)
    short, cut = engine.until(time, weeks), engine.started_until(assumed, weeks)
    told = planned.told
    kept = told._replace(
        carried=np.ascontiguousarray(told.carried[:, :, :weeks]),
        keep=np.ascontiguousarray(told.keep[:, :weeks]),
        add=np.ascontiguousarray(told.add[:, :weeks]),
        below=np.ascontiguousarray(told.below[:, :weeks]),
    )
    done = weeks_done(how, time, how.ramp_weeks)[:weeks]
    until = assumptions.Planned(planned.place, kept, moving.until(planned.moves, weeks))
    return Levers(cut, factors, until, short, asked, done)


def fewer(state: Levers, blocks: int) -> Levers:
    """``state`` with the first ``blocks`` blocks of its draws: enough to look for an answer with."""
    factors, planned = assumptions.first_blocks(state.factors, state.planned, blocks)
    return replace(state, factors=factors, planned=planned, seen={})


def answer(state: Levers, n: int, extra: Floats) -> Floats:
    """People [floors, C, D] of the list at ``n`` with ``extra`` stops a week at each of STAGES."""
    key = (n, round(float(extra[0]), 6), round(float(extra[1]), 6))
    if key not in state.seen:
        place, told = state.planned.place, state.planned.told
        if n not in moving.reached(state.planned.moves):  # others do not matter
            told, place = _one(told, int(place[n])), np.where(np.arange(len(place)) == n, 0, -1)
        add = told.add.copy()
        for stage, kind in enumerate(ADDED):
            add[place[n], :, kind, 0] += key[1 + stage] * state.weeks_done
        planned = assumptions.Planned(place, told._replace(add=add), state.planned.moves)
        forecast = engine.stepped(state.assumed, state.factors, state.time, [n], state.asked, planned)
        state.seen[key] = forecast.over
    return state.seen[key]


def together(state: Levers, rows: Sequence[int], extra: Floats) -> Floats:
    """People [floors, C, D] of the lists at ``rows`` with ``extra`` [N, 2] stops a week."""
    total = np.zeros((len(state.asked.floors), len(state.asked.days.dates), state.factors.draws))
    for n in rows:
        total += answer(state, n, extra[n])
    return total


def current(state: Levers, n: int) -> Floats:
    """[2] the mean stops a week of each of STAGES of the list at ``n`` that go on or are planned, without extra."""
    at = int(state.planned.place[n])
    told = state.planned.told
    mean = told.carried[told.source[at]].transpose(1, 2, 0, 3).reshape(len(state.weeks_done), 3, -1)
    mean = mean[:, :, : state.factors.draws].mean(axis=2)
    kept = told.keep[at] * mean
    planned = told.add[at].sum(axis=2)
    clinics = kept[:, CLINICS] + kept[:, STRAIGHT] + planned[:, [AT_CLINICS, AT_OUTPATIENT, AT_STRAIGHT]].sum(axis=1)
    theatres = kept[:, THEATRES] + planned[:, AT_THEATRES]
    return np.array([clinics.mean(), (theatres + planned[:, AT_BOTH]).mean()])


def _one(told: Controls, at: int) -> Controls:
    """The controls of one list."""
    whole = {name: getattr(told, name)[at : at + 1] for name in Controls._fields if name not in ("carried", "floors")}
    return told._replace(**whole)
