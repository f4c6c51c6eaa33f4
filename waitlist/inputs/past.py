"""From counts as reported to a History: merged providers, stages, breaks and R4 (R3-R5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import months_between
from waitlist.history import PARTS, Break, Counts, History
from waitlist.inputs.breaks import find_breaks, merged_breaks, restatements
from waitlist.plan import PlannedBreak, Successor


def history_of(counts: Counts, successors: Sequence[Successor] = (), planned: Sequence[PlannedBreak] = ()) -> History:
    """The History of ``counts``, with mergers applied and every break named (R3-R5)."""
    counts = merge_providers(counts, successors)
    breaks = merged_breaks(find_breaks(counts), planned)
    restatement, broken = restatements(counts, breaks)
    present = counts.reported[:, :, PARTS.index("2")]
    admission = np.minimum(counts.decided, counts.incomplete)
    flows: dict[str, Any] = _reconciled(counts, present, restatement, broken)
    return History(
        counts=counts,
        outpatient=counts.incomplete - admission,
        admission=admission,
        admission_excess=np.maximum(counts.decided - counts.incomplete, 0.0).sum(axis=2),
        one_stage=counts.decided.sum(axis=(1, 2)) == 0,
        present=present,
        **flows,
        breaks=breaks,
    )


def merge_providers(counts: Counts, successors: Sequence[Successor]) -> Counts:
    """Each merged provider's lists counted with its successor's in every month ([[successor]])."""
    heirs = {item.from_provider: item.to_provider for item in successors}
    if not heirs:
        return counts
    renamed = [(heirs.get(provider, provider), specialty) for provider, specialty in counts.lists]
    lists = tuple(sorted(set(renamed)))
    row = {key: index for index, key in enumerate(lists)}
    target = np.array([row[key] for key in renamed])

    def added(values: Floats) -> Floats:
        total = np.zeros((len(lists), *values.shape[1:]))
        np.add.at(total, target, values)
        return total

    reported = np.zeros((len(lists), *counts.reported.shape[1:]), dtype=bool)
    np.logical_or.at(reported, target, counts.reported)
    summed = ("incomplete", "decided", "admitted", "non_admitted", "clock_starts")
    unknown = ("admitted_unknown", "non_admitted_unknown")
    arrays: dict[str, Any] = {name: added(getattr(counts, name)) for name in summed + unknown}
    return dataclasses.replace(counts, lists=lists, reported=reported, **arrays)


def until(counts: Counts, month: str) -> Counts:
    """``counts`` as if nothing after ``month`` were known."""
    keep = months_between(counts.months[0], month) + 1
    names = [field.name for field in dataclasses.fields(Counts)]
    arrays: dict[str, Any] = {
        n: getattr(counts, n)[:, :keep] for n in names if isinstance(getattr(counts, n), np.ndarray)
    }
    files = tuple(file for file in counts.files if file.month <= month)
    return dataclasses.replace(counts, months=counts.months[:keep], files=files, **arrays)


def _reconciled(
    counts: Counts, present: np.ndarray, restatement: Floats, broken: np.ndarray
) -> dict[str, Floats | np.ndarray]:
    """R4, solved for other removals, in every month with both ends and the clock starts known."""
    waiting = counts.incomplete.sum(axis=2)
    known = present & counts.reported[:, :, PARTS.index("3")]
    closed = np.zeros_like(known)
    closed[:, 1:] = known[:, 1:] & present[:, :-1]
    restatement = np.where(closed, restatement, 0.0)
    removals = np.full(waiting.shape, np.nan)
    gone = waiting[:, :-1] + counts.clock_starts[:, 1:] - counts.stops[:, 1:] - waiting[:, 1:]
    removals[:, 1:] = np.where(closed[:, 1:], gone + restatement[:, 1:], np.nan)
    return {
        "observed_flows": closed,
        "other_removals": removals,
        "restatement": restatement,
        "fit_months": closed & ~broken,
    }


def provider_breaks(history: History, providers: Sequence[str]) -> tuple[Break, ...]:
    """The breaks of ``providers`` only."""
    return tuple(item for item in history.breaks if item.provider in set(providers))
