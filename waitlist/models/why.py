"""Why not more: what binds where people stay over a threshold, found by solving again without one limit (R12)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from waitlist.bands import Floats
from waitlist.models.program import Chosen, fractions
from waitlist.models.question import Question, Spare, of_some, uses
from waitlist.models.system import STAGES, System
from waitlist.mutual_aid import AIMS

LEAST_GAIN = 0.5
"""People fewer over thresholds below whom a limit does not bind."""
MOST_LISTS = 10
"""Lists that are explained, those with most people still over."""
A_STOP = 0.5
"""Stops: what is left is none if it is less."""
PLENTY = 1_000.0
"""Stops a week that are no limit."""


@dataclass(frozen=True)
class Bound:
    """A limit on what leaves the list of a provider and specialty: in words, how much more of it would be used, from
    when, and the people fewer over thresholds; ``kind`` one of KINDS, ``place`` and ``stage`` whose it is."""

    provider: str
    specialty: str
    kind: str
    place: str
    stage: str
    extra: float
    week: int
    gain: float


KINDS = ("spare", "hub", "limit", "tolerance", "eligible", "nobody")


def bounds(system: System, asked: Question, chosen: Chosen, over: Mapping[tuple[str, str], float]) -> Iterator[Bound]:
    """What binds at each list that still has people ``over`` thresholds, the most first."""
    still = sorted((key for key in over if over[key] >= LEAST_GAIN), key=lambda key: -over[key])[:MOST_LISTS]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:  # the solver leaves the interpreter free
        yield from threads.map(lambda key: _bound(system, asked, chosen, *key), still)


def _bound(system: System, asked: Question, chosen: Chosen, provider: str, specialty: str) -> Bound:
    """The one limit without which most fewer of this list would be over."""
    offers = asked.offers
    sender, what = system.providers.index(provider), system.specialties.index(specialty)
    mine = (offers.specialty == what) & (offers.sender == sender)
    if not mine.any():
        return Bound(provider, specialty, "nobody", "", "", 0.0, 0, 0.0)
    part = _alone(asked, chosen, offers.specialty == what)
    now = fractions(part)
    own = np.where(part.offers.sender == sender, 1.0, 0.0)
    best = Bound(provider, specialty, "eligible", "", "", 0.0, 0, 0.0)
    for kind, place, stage, relaxed in _relaxed(system, part, uses(part, now)):
        found = fractions(relaxed)
        gain = float((own * part.offers.over) @ (found - now))
        if gain > max(best.gain * 1.05, LEAST_GAIN):
            extra, week = _used(part, own * now, own * found, kind)
            best = Bound(provider, specialty, kind, place, stage, extra, week, gain)
    return best


def _alone(asked: Question, chosen: Chosen, some: np.ndarray) -> Question:
    """The question of ``some`` offers, the others being as chosen."""
    at = np.flatnonzero(some)
    others = np.where(some, 0.0, chosen.offered.astype(float))
    rest = uses(asked, others)
    spare = replace(
        asked.spare,
        pools=tuple(
            (places, np.maximum(stops - rest[list(places)].sum(axis=(0, 1)), 0.0))
            for places, stops in asked.spare.pools
        ),
    )
    rules = []
    for rule in asked.rules:
        taken = np.bincount(asked.offers.week[rule.about], others[rule.about], len(asked.months))
        rules.append(replace(rule, most=np.maximum(rule.most - taken, 0.0), least=np.zeros_like(rule.least)))
    part = of_some(replace(asked, rules=tuple(rules), spare=spare), at)
    return replace(part, aims=AIMS[:1], most_change=np.inf, most_over=np.inf)


def _relaxed(system: System, asked: Question, used: Floats) -> Iterator[tuple[str, str, str, Question]]:
    """The question without one limit: whose it is, and of which stage. Stops are a limit where all of them are ``used``
    [M, 2, K] in some week."""
    spare = asked.spare
    asked_of = {(int(r), int(s)) for r, s in zip(asked.offers.receiver, asked.offers.specialty, strict=True)}
    pooled = {m for places, _ in spare.pools for m in places}
    for m, key in enumerate(zip(spare.provider, spare.specialty, strict=True)):
        if key not in asked_of:
            continue
        for stage in sorted(set(asked.offers.stage[asked.offers.receiver == key[0]].tolist())):
            if not _is_full(spare, used, m, stage):
                continue
            free = spare.free.copy()
            free[m, stage:] += PLENTY  # who goes on from a clinic needs a theatre too
            pools = tuple((places, stops + PLENTY if m in places else stops) for places, stops in spare.pools)
            kind = "hub" if m in pooled else "spare"
            relaxed = replace(spare, free=free, pools=pools)
            yield kind, system.providers[key[0]], STAGES[stage], replace(asked, spare=relaxed)
    for i, rule in enumerate(asked.rules):
        if np.isfinite(rule.most).any():
            without = (*asked.rules[:i], *asked.rules[i + 1 :])
            yield "limit", rule.name, "", replace(asked, rules=without)
    if np.isfinite(spare.tolerance).any() and (used > spare.free).any():
        yield "tolerance", "", "", replace(asked, spare=_patient(spare))


def _is_full(spare: Spare, used: Floats, m: int, stage: int) -> bool:
    """Whether list ``m`` has no stop left in some week, at ``stage`` or after it, or its hub has none."""
    whole = (spare.free + spare.own)[m, stage:]
    shared = any(
        (stops - used[list(places)].sum(axis=(0, 1)) < A_STOP).any() for places, stops in spare.pools if m in places
    )
    return shared or bool(((whole > 0) & (whole - used[m, stage:] < A_STOP)).any())


def _patient(spare: Spare) -> Spare:
    return replace(spare, tolerance=np.full_like(spare.tolerance, np.inf))


def _used(asked: Question, now: Floats, found: Floats, kind: str) -> tuple[float, int]:
    """How much more is used of what was relaxed, a week from the first in which it is until the end, and that week."""
    if kind in ("spare", "hub"):
        more = (uses(asked, found) - uses(asked, now)).sum(axis=(0, 1))
    else:
        more = np.bincount(asked.offers.week, found - now, len(asked.months))
    weeks = np.flatnonzero(more > 0.5)
    if not len(weeks):
        return 0.0, 0
    return float(max(more.sum(), 1.0) / (len(more) - weeks[0])), int(weeks[0])
