"""Breaks: changes in what is reported, found, named and dated (R3, R4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from waitlist.bands import Floats
from waitlist.history import PARTS, Break, Counts
from waitlist.plan import PlannedBreak

LEAST_LIST = 500
"""People on a provider's list below which a step is not told from noise."""
LEAST_STEP = 0.05
"""A step's least size, as a share of the list."""
LEAST_SURPRISE = 4.0
"""A step's least size in robust standard deviations of the provider's own months."""
INCOMPLETE = PARTS.index("2")


def find_breaks(counts: Counts) -> tuple[Break, ...]:
    """Every break in ``counts``: missing months, and providers that stop, start, pause, are absorbed, step or
    send new parts. A missing month is everyone's: its provider is ``ALL``.
    """
    there: NDArray[np.bool_] = np.any(counts.reported, axis=(0, 2))
    read = np.flatnonzero(there)
    absent = [month for month, sent in zip(counts.months, there.tolist(), strict=True) if not sent]
    found = [Break("ALL", "ALL", month, "missing", 0.0, "the month is not in the data") for month in absent]
    stops, waiting_by_list = counts.stops, counts.incomplete.sum(axis=2)
    for provider, rows in provider_rows(counts).items():
        reported = counts.reported[rows[0]]
        waiting = waiting_by_list[rows].sum(axis=0)
        found += _gaps(counts, provider, reported[:, INCOMPLETE], waiting, read)
        found += _new_parts(counts, provider, reported, waiting)
        found += _steps(counts, provider, rows, waiting, stops[rows].sum(axis=0))
    return tuple(sorted(_absorptions(found), key=lambda b: (b.month, b.provider, b.specialty, b.kind)))


def provider_rows(counts: Counts) -> dict[str, Sequence[int]]:
    """The lists of each provider, as positions."""
    rows: dict[str, list[int]] = {}
    for index, (provider, _) in enumerate(counts.lists):
        rows.setdefault(provider, []).append(index)
    return {provider: rows[provider] for provider in sorted(rows)}


def merged_breaks(found: Sequence[Break], planned: Sequence[PlannedBreak]) -> tuple[Break, ...]:
    """The breaks after the plan has overruled them: ``ignore`` drops those of its provider, specialty and
    month, anything else replaces or adds; a plan that gives no size keeps the one that was found.
    """
    breaks = list(found)
    for item in planned:
        key = (item.provider, item.specialty, item.month)
        same = [b for b in breaks if (b.provider, b.specialty, b.month) == key]
        breaks = [b for b in breaks if b not in same]
        if not item.ignore:
            size = sum(b.size for b in same if b.kind == "step") if item.size is None else item.size
            breaks.append(Break(*key, "step", size, item.reason or "named in the plan", "plan"))
    return tuple(sorted(breaks, key=lambda b: (b.month, b.provider, b.specialty, b.kind)))


def _gaps(counts: Counts, provider: str, present: np.ndarray, waiting: Floats, read: np.ndarray) -> list[Break]:
    """The provider's own stops and starts, from one month that was read to the next (R3)."""
    found = []
    for before, m in zip(read, read[1:], strict=False):
        month = counts.months[m]
        if present[before] and not present[m]:
            back = [counts.months[j] for j in read if j > m and present[j]]
            size = -float(waiting[before])
            if back:
                reason = f"no return from {month}; back in {back[0]}"
                found.append(Break(provider, "ALL", month, "missing", size, reason))
            else:
                reason = f"no return after {counts.months[before]}"
                found.append(Break(provider, "ALL", month, "stops", size, reason))
        elif present[m] and not present[before]:
            again = bool(present[:m].any())
            reason = "returns after a gap" if again else "first return in these data"
            found.append(Break(provider, "ALL", month, "starts", float(waiting[m]), reason))
    return found


def _new_parts(counts: Counts, provider: str, reported: np.ndarray, waiting: Floats) -> list[Break]:
    found = []
    for part in ("1A", "1B", "2A", "3"):
        sent = reported[:, PARTS.index(part)]
        if sent.all() or not sent.any() or waiting.max() < LEAST_LIST:
            continue
        for m in range(1, len(counts.months)):
            both = reported[m, INCOMPLETE] and reported[m - 1, INCOMPLETE]
            if both and sent[m] != sent[m - 1]:
                change = "first sent" if sent[m] else "no longer sent"
                found.append(Break(provider, "ALL", counts.months[m], "new_part", 0.0, f"part {part} {change}"))
    return found


def _steps(counts: Counts, provider: str, rows: Sequence[int], waiting: Floats, stops: Floats) -> list[Break]:
    """Months in which the removals that R4 implies are far from the provider's usual ones."""
    starts = counts.clock_starts[rows].sum(axis=0)
    known = counts.reported[rows[0]][:, [PARTS.index("2"), PARTS.index("3")]].all(axis=1)
    usable = known[1:] & counts.reported[rows[0], :-1, INCOMPLETE] & (waiting[:-1] > 0)
    if usable.sum() < 6 or waiting.max() < LEAST_LIST:
        return []
    removed = np.where(usable, waiting[:-1] + starts[1:] - stops[1:] - waiting[1:], np.nan)
    share = removed / np.where(waiting[:-1] > 0, waiting[:-1], np.nan)
    usual = float(np.nanmedian(share))
    spread = 1.4826 * float(np.nanmedian(np.abs(share - usual))) + 0.01
    moves = np.where(usable, np.diff(waiting), np.nan)
    found = []
    for m in np.flatnonzero(usable):
        departure = share[m] - usual
        if abs(departure) < LEAST_STEP or abs(departure) / spread < LEAST_SURPRISE:
            continue
        others = np.delete(moves, m)
        size = float(moves[m] - np.nanmedian(others))
        if abs(size) < 0.5 * LEAST_STEP * waiting[m] or np.sign(size) == np.sign(departure):
            size = float(-departure * waiting[m])
        reason = (
            f"the list moved by {moves[m]:+,.0f}; R4 leaves {removed[m]:+,.0f} other removals "
            f"where {usual * waiting[m]:,.0f} is usual"
        )
        found.append(Break(provider, "ALL", counts.months[m + 1], "step", size, reason))
    return found


def _absorptions(found: list[Break]) -> list[Break]:
    """Pair a provider that stops with one that steps up by about as much in the same month."""
    stops = [b for b in found if b.kind == "stops"]
    replaced = dict.fromkeys(found)
    for stop in stops:
        near = [
            b
            for b in found
            if b.month == stop.month
            and b.kind in ("step", "starts")
            and b.provider != stop.provider
            and 0.65 < b.size / max(-stop.size, 1.0) < 1.5
            and -stop.size >= LEAST_LIST
        ]
        if near:
            heir = min(near, key=lambda b: abs(b.size + stop.size))
            replaced.pop(stop, None)
            reason = f"its list seems to have passed to {heir.provider}; if so, add a [[successor]] to the plan"
            merged = Break(stop.provider, "ALL", stop.month, "absorbed", stop.size, reason)
            replaced[merged] = None
    return list(replaced)


def restatements(counts: Counts, breaks: Sequence[Break]) -> tuple[Floats, np.ndarray]:
    """The people restated, and the months that no rate may use, both [L, M] (R4).

    A provider's step is shared over its lists by each list's own departure from its usual monthly move,
    and what is left by list size, so that the lists' restatements sum to the provider's. A list's own step is
    a part of its provider's, not on top of it; a break without people only marks its month.
    """
    shape = counts.clock_starts.shape
    sizes, broken = np.zeros(shape), np.zeros(shape, dtype=bool)
    waiting = counts.incomplete.sum(axis=2)
    position = {month: m for m, month in enumerate(counts.months)}
    own_steps = {
        (b.provider, b.specialty, b.month): b.size
        for b in breaks
        if b.kind == "step" and b.specialty != "ALL" and b.size and (b.provider, b.specialty) in counts.lists
    }
    for item in breaks:
        rows = [
            index
            for index, (provider, specialty) in enumerate(counts.lists)
            if provider == item.provider and item.specialty in ("ALL", specialty)
        ]
        m = position.get(item.month, 0)
        if not rows or m == 0:
            continue
        broken[rows, m] = True
        if item.kind != "step" or not item.size:
            continue
        size = item.size
        if item.specialty == "ALL":
            apart = [index for index in rows if (*counts.lists[index], item.month) in own_steps]
            rows = [index for index in rows if index not in apart]
            size -= sum(own_steps[(*counts.lists[index], item.month)] for index in apart)
        if rows:
            moves = np.diff(waiting[rows], axis=1)
            own = (
                moves[:, m - 1] - np.median(np.delete(moves, m - 1, axis=1), axis=1)
                if moves.shape[1] > 1
                else moves[:, 0]
            )
            weight = waiting[rows, m - 1] + waiting[rows, m] + 1e-9
            sizes[rows, m] += own + (size - own.sum()) * weight / weight.sum()
    return sizes, broken
