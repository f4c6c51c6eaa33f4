"""From the transfers of a plan to what the engine is told: whole people offered and accepted, week by week (R12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import Horizon
from waitlist.models.assumptions import Key
from waitlist.models.layout import ADMISSION, OUTPATIENT
from waitlist.models.moving import Moves, no_moves
from waitlist.models.weeks import level
from waitlist.mutual_aid import Transfer
from waitlist.plan import Plan

STAGE = {"outpatient": OUTPATIENT, "admission": ADMISSION}


def touched(plan: Plan, lists: Sequence[Key]) -> set[int]:
    """The places of ``lists`` that a transfer of ``plan`` leads from or to, and of its hubs."""
    place = {key: n for n, key in enumerate(lists)}
    ends = {(p, item.specialty) for item in plan.transfer for p in (item.from_provider, item.to_provider)}
    return {place[key] for key in ends} | {n for n, (provider, _) in enumerate(lists) if provider in plan.hub_codes}


def moves_of(plan: Plan, lists: Sequence[Key], time: Horizon) -> Moves:
    """The transfers of ``plan`` among ``lists``, one after the other."""
    items = plan.transfer
    if not items:
        return no_moves(len(lists), time.weeks)
    place = {key: n for n, key in enumerate(lists)}
    offered = np.array([offers(item, time) for item in items])
    accepted = np.array([whole_share(row, item.acceptance) for row, item in zip(offered, items, strict=True)])
    slots = np.zeros((len(lists), time.weeks, 2))
    for item in items:
        kept = item.slots_per_week * np.roll(level(item, time), item.lead_weeks)
        kept[: item.lead_weeks] = 0.0
        slots[place[item.to_provider, item.specialty], :, STAGE[item.stage]] += kept
    for item, people in zip(items, accepted, strict=True):
        if item.to_provider in plan.hub_codes:  # all who come, as far as its stops go
            coming = np.append(np.zeros(item.lead_weeks), people)[: time.weeks]
            slots[place[item.to_provider, item.specialty], :, STAGE[item.stage]] += coming
    ones = np.ones((1, time.weeks), dtype=int)
    return Moves(
        sender=np.array([place[item.from_provider, item.specialty] for item in items]),
        receiver=np.array([place[item.to_provider, item.specialty] for item in items]),
        stage=np.array([STAGE[item.stage] for item in items]),
        lead=np.array([item.lead_weeks for item in items]),
        way=np.arange(len(items)),
        part=np.array([fit_share(plan, item.to_provider) for item in items]),
        offered=offered,
        accepted=accepted,
        floor=np.array([[item.min_weeks_waited] for item in items]) * ones,
        ceiling=np.array([[min(item.below_weeks_waited, BANDS)] for item in items]) * ones,
        slots=slots,
    )


def fit_share(plan: Plan, provider: str) -> float:
    """The share of people whom ``provider`` can take: of those to be admitted, a day-case hub has the day cases."""
    hub = next((hub for hub in plan.hub if hub.code == provider), None)
    percent = plan.mutual_aid.day_case_percent if plan.mutual_aid else DAY_CASES
    return percent / 100 if hub and hub.day_cases_only else 1.0


DAY_CASES = 80.0
"""Percent of those admitted who are day cases, where a plan does not say."""


def offers(item: Transfer, time: Horizon) -> Floats:
    """[K] whole people offered each week; what a week's number has beyond a whole person is the next week's."""
    return _whole(item.per_week * level(item, time))


def whole_share(offered: Floats, share: float) -> Floats:
    """[K] whole people, ``share`` of those ``offered`` until then to the nearest person."""
    upto = np.floor(share * offered.cumsum() + 0.5 + 1e-9)
    return np.asarray(np.minimum(np.diff(upto, prepend=0.0), offered))


def _whole(numbers: Floats) -> Floats:
    return np.diff(np.floor(numbers.cumsum() + 1e-9), prepend=0.0)
