"""What each list can give to those sent to it, and what it costs its own patients (R12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from waitlist.bands import Floats
from waitlist.models import expected
from waitlist.models.expected import Expected
from waitlist.models.layout import ADMISSION, OUTPATIENT
from waitlist.models.question import Question, Spare, uses
from waitlist.models.system import STAGES, System
from waitlist.models.weeks import weeks_done
from waitlist.mutual_aid import Give
from waitlist.planned import ALL

SMOOTH = 13
"""Weeks over which a queue's fall is averaged: what falls in a quarter its own demand does not need."""


def spare_of(system: System, harm: Floats) -> tuple[Spare, dict[int, int]]:
    """What each list can give to those sent to it, and the place of each list among those that can."""
    weeks, mean, worth = system.weeks, system.mean, system.worth
    providers, specialties = list(system.providers), list(system.specialties)
    free = np.zeros((len(system.lists), 2, weeks))
    own = np.zeros_like(free)
    hub, trusts = system.is_hub, [n for n in range(len(system.lists)) if not system.is_hub[n]]
    queue = mean.people.sum(axis=2)  # N, 2, K + 1
    ahead = np.minimum(np.arange(weeks) + SMOOTH, queue.shape[2] - 1)
    falls = (queue[:, :, :weeks] - queue[:, :, ahead]) / np.maximum(ahead - np.arange(weeks), 1)
    own[trusts] = np.clip(falls[trusts], 0.0, mean.number[trusts][:, :, :weeks])
    free[trusts] = _whole_stops(mean.unused[trusts][:, :, :weeks])
    agreed = _agreed(system, [item for item in system.aid.give if item.per_week is not None])
    own = _whole_stops(np.where(agreed >= 0, np.minimum(agreed, mean.number[:, :, :weeks]), own))
    free += _extra(system)
    pools = []
    for item in system.plan.hub:
        places = [n for n, (provider, _) in enumerate(system.lists) if provider == item.code]
        stages = (ADMISSION,) if item.stage == "admission" else (OUTPATIENT, ADMISSION)
        free[np.ix_(places, stages)] = item.per_week
        pools.append((places, np.full(weeks, item.per_week)))
    can = [n for n in range(len(system.lists)) if free[n].any() or own[n].any()]
    place_of = {n: m for m, n in enumerate(can)}
    tolerance = np.where(hub[can], np.inf, system.aid.tolerance_weeks)
    slower = expected.longer(_few(mean, can), weeks) if can else np.zeros((0, 2, weeks, weeks))
    return (
        Spare(
            provider=np.array([providers.index(system.lists[n][0]) for n in can], dtype=int),
            specialty=np.array([specialties.index(system.lists[n][1]) for n in can], dtype=int),
            free=free[can],
            own=own[can],
            over=harm[can, None, None] * np.maximum(worth.stop[0, can, :, :weeks], 0.0),
            person_weeks=harm[can, None, None] * np.maximum(worth.stop[1, can, :, :weeks], 0.0),
            longer=np.maximum(slower, 0.0),
            tolerance=tolerance,
            pools=tuple((tuple(place_of[n] for n in places if n in place_of), stops) for places, stops in pools),
        ),
        place_of,
    )


def _whole_stops(stops: Floats) -> Floats:
    """[…, K] whole stops a week: what a week has beyond them is the next week's, for a patient needs a whole one."""
    return np.diff(np.floor(stops.cumsum(axis=-1) + 1e-9), axis=-1, prepend=0.0)


def _few(mean: Expected, lists: Sequence[int]) -> Expected:
    """``mean`` of some of its lists."""
    at = list(lists)
    return Expected(
        mean.people[at], mean.stays[at], mean.converts[at], mean.stops[at], mean.unused[at], mean.number[at]
    )


def _extra(system: System) -> Floats:
    """[N, 2, K] stops agreed on top of what a list does."""
    items = [item for item in system.aid.give if item.extra_per_week is not None]
    return _whole_stops(np.maximum(_agreed(system, items), 0.0))


def extra_given(system: System, asked: Question, offered: np.ndarray) -> Floats:
    """[N, 2, K] stops agreed on top that the people ``offered`` a move need, beyond what is unused."""
    found = np.zeros((len(system.lists), 2, system.weeks))
    needed, extra = uses(asked, offered.astype(float)), _extra(system)
    for m, (provider, specialty) in enumerate(zip(asked.spare.provider, asked.spare.specialty, strict=True)):
        n = system.list_at(provider, specialty)
        unused = asked.spare.free[m] - extra[n]
        found[n] = np.clip(needed[m] - unused, 0.0, extra[n])
    return found


def _agreed(system: System, items: Sequence[Give]) -> Floats:
    """[N, 2, K] stops a week that lists have agreed to give; -1 where nothing is agreed."""
    found = np.full((len(system.lists), 2, system.weeks), -1.0)
    for item in items:
        stage = STAGES.index(item.stage)
        places = [
            n
            for n, (provider, specialty) in enumerate(system.lists)
            if provider == item.provider and item.specialty in (specialty, ALL)
        ]
        number = system.mean.number[places, stage, : system.weeks]
        share = number / np.maximum(number.sum(axis=0), 1e-9)
        stops = float(item.per_week if item.per_week is not None else item.extra_per_week or 0.0)
        given = stops * weeks_done(item, system.time)[: system.weeks] * share
        found[places, stage] = np.maximum(found[places, stage], 0.0) + given
    return found
