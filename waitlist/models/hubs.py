"""Hubs as lists of their own, which have never held anyone: one for each specialty that a hub treats (R12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from waitlist.history import Counts, History
from waitlist.plan import Plan

BY_LIST = (
    "incomplete",
    "decided",
    "admitted",
    "non_admitted",
    "admitted_unknown",
    "non_admitted_unknown",
    "clock_starts",
    "reported",
)
"""Arrays of Counts by list."""


def with_hubs(history: History, plan: Plan) -> History:
    """``history`` with the lists of the plan's hubs, empty in every month; rates are those of their specialty."""
    wanted = plan.specialties if plan.specialties != "all" else history.specialties
    asked = [code for code in wanted if code in history.specialties]
    new = [(hub.code, s) for hub in plan.hub for s in (asked if hub.specialties == "all" else hub.specialties)]
    there = set(history.lists)  # they may be there already
    new = [key for key in dict.fromkeys(new) if key[1] in asked and key not in there]
    if not new:
        return history
    counts = history.counts
    lists = (*history.lists, *new)
    order = sorted(range(len(lists)), key=lists.__getitem__)

    def longer(values: np.ndarray, fill: Any = 0.0) -> np.ndarray:
        added = np.empty((len(new), *values.shape[1:]), dtype=values.dtype)
        added[...] = fill
        return np.concatenate([values, added])[order]

    arrays: dict[str, Any] = {name: longer(getattr(counts, name), name == "reported") for name in BY_LIST}
    known = np.ones(len(counts.months), dtype=bool)
    known[0] = False
    names = dict(counts.provider_names) | {hub.code: hub.name for hub in plan.hub}
    grown: Counts = replace(counts, lists=tuple(lists[i] for i in order), provider_names=names, **arrays)
    return replace(
        history,
        counts=grown,
        outpatient=longer(history.outpatient),
        admission=longer(history.admission),
        admission_excess=longer(history.admission_excess),
        one_stage=longer(history.one_stage, False),
        present=longer(history.present, True),
        observed_flows=longer(history.observed_flows, known),
        other_removals=longer(history.other_removals, np.where(known, 0.0, np.nan)),
        restatement=longer(history.restatement),
        fit_months=longer(history.fit_months, known),
    )
