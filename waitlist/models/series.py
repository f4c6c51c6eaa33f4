"""Monthly counts of providers and lists as far back as they are known: extracts, and published summaries before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from waitlist.bands import Floats, over
from waitlist.calendar import months_between
from waitlist.history import PARTS, STOCKS, History
from waitlist.models.baselines import pooled_growth
from waitlist.results import ALL

WATCHED = STOCKS[:-1]
"""The counts at month ends that baselines forecast, by the first axis of the arrays here."""
FLOWS = ("clock_starts", "stops_admitted", "stops_non_admitted")
"""The month's flows that can be held against what was reported."""
THRESHOLDS = (0, 18, 52, 65, 78)
"""Of WATCHED, in weeks."""

Key = tuple[str, str]


def provider_series(history: History, specialties: Sequence[str] | str) -> tuple[tuple[str, ...], Floats, Floats]:
    """Every provider, its counts [S, P, M] over ``specialties`` ("all" or codes), and England's growth [S, M].

    NaN where a provider did not report (R3). Where all specialties are meant, months before the extracts'
    come from the published summaries, and growth from the national series where that is known.
    """
    providers = history.providers
    row = {provider: place for place, provider in enumerate(providers)}
    values = np.zeros((len(WATCHED), len(providers), len(history.months)))
    present = np.zeros(values.shape[1:], bool)
    place = np.array([row[provider] for provider, _ in history.lists])
    used = np.array([specialties == "all" or specialty in specialties for _, specialty in history.lists])
    np.logical_or.at(present, place, history.present)
    for s, people in enumerate(_stocks(history)):
        np.add.at(values[s], place[used], people[used])
    values[:, ~present] = np.nan
    summaries = history.summaries
    if specialties != "all" or not summaries.months:
        return providers, values, np.stack([pooled_growth(people) for people in values])
    before = max(months_between(summaries.months[0], history.months[0]), 0)
    known = {provider: place for place, provider in enumerate(summaries.providers)}
    earlier = np.full((len(WATCHED), len(providers), before), np.nan)
    for provider in known.keys() & row.keys():
        told = summaries.stocks[known[provider], : len(WATCHED), :before]
        earlier[:, row[provider], : told.shape[1]] = told
    values = np.concatenate([earlier, values], axis=2)
    growth = np.stack([pooled_growth(people) for people in values])
    reach = min(len(summaries.months), values.shape[2]) if before else 0
    published = np.diff(np.log1p(summaries.england[: len(WATCHED), :reach]), axis=1, prepend=np.nan)
    growth[:, :reach] = np.where(np.isnan(published), growth[:, :reach], published)
    return providers, values, growth


def list_series(history: History, lists: Sequence[int]) -> tuple[Floats, Floats]:
    """The counts [S, N, M] of the lists at positions ``lists``, and their specialties' growth in England [S, N, M]."""
    specialty = np.array([specialty for _, specialty in history.lists])
    values = np.empty((len(WATCHED), len(lists), len(history.months)))
    growth = np.empty_like(values)
    for s, people in enumerate(_stocks(history)):
        people = np.where(history.present, people, np.nan)
        values[s] = people[lists]
        of_specialty = {code: pooled_growth(people[specialty == code]) for code in set(specialty[list(lists)])}
        growth[s] = [of_specialty[specialty[n]] for n in lists]
    return values, growth


def reported(history: History, rows: Sequence[Key], specialties: Sequence[str] | str) -> Floats:
    """What was reported of each row [WATCHED and FLOWS, R, M]: lists, providers, and their total (ALL, ALL).

    A provider is the sum of its lists of ``specialties``, those too that came later; the total is that of the
    providers among ``rows``. NaN where a provider did not send the part (R3).
    """
    counts = history.counts
    parts = [*_stocks(history), counts.clock_starts]
    parts.append(counts.admitted.sum(axis=2) + counts.admitted_unknown)
    parts.append(counts.non_admitted.sum(axis=2) + counts.non_admitted_unknown)
    sent = ["2"] * len(WATCHED) + ["3", "1A", "1B"]
    groups = _positions(history, rows, specialties)
    found = np.empty((len(parts), len(rows), len(history.months)))
    for s, (people, part) in enumerate(zip(parts, sent, strict=True)):
        known = np.where(counts.reported[:, :, PARTS.index(part)], people, np.nan)
        for r, positions in enumerate(groups):
            found[s, r] = known[positions].sum(axis=0)
    return found


def _positions(history: History, rows: Sequence[Key], specialties: Sequence[str] | str) -> list[list[int]]:
    """The lists that each row adds up."""
    at = {key: n for n, key in enumerate(history.lists)}
    of_provider: dict[str, list[int]] = {}
    for n, (provider, specialty) in enumerate(history.lists):
        if specialties == "all" or specialty in specialties:
            of_provider.setdefault(provider, []).append(n)
    everyone = [
        n for provider, specialty in rows if specialty == ALL and provider != ALL for n in of_provider[provider]
    ]
    groups = {key: of_provider[key[0]] for key in rows if key[1] == ALL and key[0] != ALL} | {(ALL, ALL): everyone}
    return [groups[key] if key[1] == ALL else [at[key]] for key in rows]


def _stocks(history: History) -> list[Floats]:
    return [over(history.waiting, weeks) for weeks in THRESHOLDS]
