"""From counts as reported to a History: merged providers, stages, breaks and R4 (R3-R5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waitlist.bands import Floats
from waitlist.calendar import month_end
from waitlist.errors import Problem
from waitlist.history import PARTS, Counts, History, Population, Summaries
from waitlist.inputs.breaks import find_breaks, merged_breaks, provider_rows, restatements
from waitlist.plan import PlannedBreak, Successor

PART_OF = {
    "admitted": "1A",
    "admitted_unknown": "1A",
    "non_admitted": "1B",
    "non_admitted_unknown": "1B",
    "incomplete": "2",
    "decided": "2A",
    "clock_starts": "3",
}
"""The part of the return that each array of Counts is from."""


def history_of(counts: Counts, successors: Sequence[Successor] = (), planned: Sequence[PlannedBreak] = ()) -> History:
    """The History of ``counts``, with mergers applied and every break named (R3-R5)."""
    sent, counts = counts, without_empty_lists(merge_providers(counts, successors))
    breaks = merged_breaks(find_breaks(counts), planned)
    restatement, broken = restatements(counts, breaks)
    present = counts.reported[:, :, PARTS.index("2")]
    admission = np.minimum(counts.decided, counts.incomplete)
    flows: dict[str, Any] = _reconciled(counts, present, restatement, broken)
    return History(
        sent=sent if successors else counts,
        counts=counts,
        outpatient=counts.incomplete - admission,
        admission=admission,
        admission_excess=np.maximum(counts.decided - counts.incomplete, 0.0).sum(axis=2),
        one_stage=counts.decided.sum(axis=(1, 2)) == 0,
        present=present,
        **flows,
        breaks=breaks,
    )


def until(counts: Counts, month: str) -> Counts:
    """``counts`` without the months after ``month``."""
    count = counts.months.index(month) + 1
    arrays: dict[str, Any] = {name: getattr(counts, name)[:, :count] for name in (*PART_OF, "reported")}
    files = tuple(file for file in counts.files if file.month <= month)
    return dataclasses.replace(counts, months=counts.months[:count], files=files, **arrays)


def summaries_until(summaries: Summaries, month: str) -> Summaries:
    """``summaries`` without the months after ``month``, later strikes, and estimates of later years' population."""
    count = sum(known <= month for known in summaries.months)
    return dataclasses.replace(
        summaries,
        months=summaries.months[:count],
        stocks=summaries.stocks[:, :, :count],
        england=summaries.england[:, :count],
        england_flows=summaries.england_flows[:, :count],
        strikes=tuple(strike for strike in summaries.strikes if strike.day <= month_end(month)),
        population=_population_until(summaries.population, month),
        files=tuple(dataclasses.replace(file, month=min(file.month, month)) for file in summaries.files),
    )


def _population_until(population: Population | None, month: str) -> Population | None:
    """``population`` without estimates, which are of the middle of a year, later than ``month``; projections stay.

    A projection that such an estimate replaced when the files were read is not known again.
    """
    if population is None:
        return None
    year = int(month[:4]) - (month[5:] < "06")
    kept = [y for y, known in enumerate(population.years) if known <= year or known > population.last_estimate]
    years = tuple(population.years[y] for y in kept)
    last = min(population.last_estimate, year)
    return dataclasses.replace(population, years=years, last_estimate=last, people=population.people[:, kept])


def merge_providers(counts: Counts, successors: Sequence[Successor]) -> Counts:
    """Each merged provider's lists counted with its successor's in every month ([[successor]]).

    A part counts as reported before the merger's date where all who merge and ever sent it did, and from
    its month on where any of them did, for then one return holds them both; where it does not, it is 0 (R3).
    """
    if not successors:
        return counts
    heirs = {item.from_provider: item.to_provider for item in successors}
    renamed = [(_heir(provider, heirs), specialty) for provider, specialty in counts.lists]
    lists = tuple(sorted(set(renamed)))
    row = {key: index for index, key in enumerate(lists)}
    target = np.array([row[key] for key in renamed])

    members: dict[str, dict[str, NDArray[np.bool_]]] = {}
    for provider, rows in provider_rows(counts).items():
        members.setdefault(_heir(provider, heirs), {})[provider] = counts.reported[rows[0]]
    by_heir = {
        heir: _sent_together(sent, successors, counts.months) if len(sent) > 1 else next(iter(sent.values()))
        for heir, sent in members.items()
    }
    reported = np.array([by_heir[provider] for provider, _ in lists])
    arrays: dict[str, Any] = {}
    for name, part in PART_OF.items():
        values = getattr(counts, name)
        arrays[name] = np.zeros((len(lists), *values.shape[1:]))
        np.add.at(arrays[name], target, values)
        arrays[name][~reported[:, :, PARTS.index(part)]] = 0.0
    return dataclasses.replace(counts, lists=lists, reported=reported, **arrays)


def merge_summaries(summaries: Summaries, successors: Sequence[Successor]) -> Summaries:
    """Each merged provider's stocks counted with its successor's ([[successor]]), where all that is due is known."""
    if not successors:
        return summaries
    heirs = {s.from_provider: s.to_provider for s in successors}
    providers = tuple(sorted({_heir(provider, heirs) for provider in summaries.providers}))
    stocks = np.full((len(providers), *summaries.stocks.shape[1:]), np.nan)
    for heir, out in zip(providers, stocks, strict=True):
        members = [p for p, provider in enumerate(summaries.providers) if _heir(provider, heirs) == heir]
        known = {summaries.providers[p]: np.isfinite(summaries.stocks[p]).T for p in members}
        complete = _sent_together(known, successors, summaries.months) if len(members) > 1 else known.popitem()[1]
        out[complete.T] = np.nansum(summaries.stocks[members], axis=0)[complete.T]
    return dataclasses.replace(summaries, providers=providers, stocks=stocks)


def _heir(provider: str, heirs: Mapping[str, str]) -> str:
    while provider in heirs:
        provider = heirs[provider]
    return provider


def _sent_together(
    sent: Mapping[str, NDArray[np.bool_]], successors: Sequence[Successor], months: Sequence[str]
) -> NDArray[np.bool_]:
    """Which parts the merged provider sent, [M, parts], from what each of those who merge ``sent``.

    Until it merges, and again from when another joins it, a provider is expected to send what it ever sends.
    """
    ends = np.array([month_end(month) for month in months], dtype="datetime64[D]")
    shape = next(iter(sent.values())).shape
    some, complete = np.zeros(shape, bool), np.ones(shape, bool)
    for provider, parts in sent.items():
        leaves = min((s.date for s in successors if s.from_provider == provider), default=date.max)
        joined = min((s.date for s in successors if s.to_provider == provider), default=date.min)
        alone = ends < np.datetime64(leaves)
        for span in (alone & (ends < np.datetime64(joined)), alone & (ends >= np.datetime64(joined))):
            complete[span] &= parts[span] | ~parts[span].any(axis=0)
        some |= parts
    return some & complete


def without_empty_lists(counts: Counts) -> Counts:
    """``counts`` without lists that hold nobody in any month: a past cut short has none that come later."""
    used = np.logical_or.reduce([getattr(counts, n).reshape(len(counts.lists), -1).any(axis=1) for n in PART_OF])
    if used.all():
        return counts
    arrays: dict[str, Any] = {name: getattr(counts, name)[used] for name in (*PART_OF, "reported")}
    kept = tuple(key for key, use in zip(counts.lists, used, strict=True) if use)
    return dataclasses.replace(counts, lists=kept, **arrays)


def unused_keys(counts: Counts, successors: Sequence[Successor], planned: Sequence[PlannedBreak]) -> list[Problem]:
    """Notes on the plan's mergers and breaks that these data do not reach, so that none is lost unseen."""
    rule = "the plan names it, and these data do not hold it"
    found = [("successor.from", s.from_provider) for s in successors if s.from_provider not in counts.provider_names]
    found += [("break.month", b.month) for b in planned if b.month not in counts.months]
    notes = [Problem("note", "the plan", key, value, rule, "Check the key if it should.") for key, value in found]
    return notes + _idle_breaks(counts, successors, planned)


def _idle_breaks(counts: Counts, successors: Sequence[Successor], planned: Sequence[PlannedBreak]) -> list[Problem]:
    """Warnings on the plan's breaks that change nothing: in the first month, or of a list that is not there."""
    heirs = {s.from_provider: s.to_provider for s in successors}
    lists = {(_heir(provider, heirs), s) for provider, specialty in counts.lists for s in (specialty, "ALL")}
    remedy = "Check the [[break]], or leave it out."
    problems = []
    for b in planned:
        if b.month == counts.months[0]:
            rule = "a break in the first month of the data changes nothing, for no month before it is known (R4)"
            problems.append(Problem("warning", "the plan", "break.month", b.month, rule, remedy))
        if (b.provider, b.specialty) not in lists:
            rule, value = "the plan's break is of a list that is not in the data", f"{b.provider} {b.specialty}"
            problems.append(Problem("warning", "the plan", "break", value, rule, remedy))
    return problems


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
