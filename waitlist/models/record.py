"""The long record: what is known of every provider's stocks, month by month, as far back as any file goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats, over
from waitlist.calendar import months_after, months_between
from waitlist.history import History
from waitlist.results import ALL

FLOORS = (0, 18, 52, 65)
"""Weeks waited beyond which each stock of the record counts; 0 is the whole list."""
STEPS = ("step", "absorbed")
"""Kinds of breaks that move a provider's stocks from one month to the next."""


@dataclass(frozen=True)
class Record:
    """Stocks of P providers and of England in M consecutive months, in people; NaN where not known (R3).

    own [P, 4, M] and england [4, M]: people over FLOORS, as published. jumps [P, M]: months in which a break
    moved the provider's stocks (R4).
    """

    months: tuple[str, ...]
    providers: tuple[str, ...]
    own: Floats
    england: Floats
    jumps: np.ndarray


def record_of(history: History) -> Record:
    """The record of ``history``: its own months, and before them what its summaries know.

    England is as published, or else as _grown_on says.
    """
    summaries = history.summaries
    first = min((history.months[0], *summaries.months[:1]))
    count = months_between(first, history.months[-1]) + 1
    providers = tuple(sorted({*history.providers, *summaries.providers}))
    row = {provider: p for p, provider in enumerate(providers)}
    own = np.full((len(providers), len(FLOORS), count), np.nan)
    england = np.full((len(FLOORS), count), np.nan)
    if summaries.months:
        at = months_between(first, summaries.months[0])
        england[:, at : at + len(summaries.months)] = summaries.england[: len(FLOORS)]
        for p, provider in enumerate(summaries.providers):
            own[row[provider], :, at : at + len(summaries.months)] = summaries.stocks[p, : len(FLOORS)]
    at = months_between(first, history.months[0])
    counted = np.stack([over(history.waiting, floor) for floor in FLOORS], axis=1)
    lists = np.array([row[provider] for provider, _ in history.lists])
    people, here = np.zeros((len(providers), *counted.shape[1:])), np.zeros((len(providers), len(history.months)), bool)
    np.add.at(people, lists, counted)
    np.logical_or.at(here, lists, history.present)
    own[:, :, at:] = np.where(here[:, None], people, own[:, :, at:])
    jumps = np.zeros((len(providers), count), bool)
    for item in history.breaks:
        if item.kind in STEPS and item.specialty == ALL and item.provider in row and item.month in history.months:
            jumps[row[item.provider], at + history.months.index(item.month)] = True
    months = tuple(months_after(first, m) for m in range(count))
    return Record(months, providers, own, _grown_on(england, own), jumps)


def _grown_on(england: Floats, own: Floats) -> Floats:
    """``england`` [4, M], where it is not known grown as the providers known in both months did (R3).

    Where nothing before is known, what the providers add up to.
    """
    found = england.copy()
    for m in range(england.shape[1]):
        known = np.isfinite(own[:, :, m])
        both = known & np.isfinite(own[:, :, m - 1]) if m else np.zeros_like(known)
        now, before = (np.where(both, own[:, :, at], 0.0).sum(axis=0) for at in (m, m - 1))
        grown = found[:, m - 1] * now / np.maximum(before, 1.0) if m else np.full(len(FLOORS), np.nan)
        summed = np.where(known.any(axis=0), np.where(known, own[:, :, m], 0.0).sum(axis=0), np.nan)
        guess = np.where(np.isfinite(grown) & both.any(axis=0), grown, summed)
        found[:, m] = np.where(np.isnan(found[:, m]), guess, found[:, m])
    return found
