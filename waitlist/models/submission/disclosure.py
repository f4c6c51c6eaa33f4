"""Disclosure control: counts of few people are withheld, with what would give them away; all others are rounded.

Counts 1 to 7 are suppressed, 0 stays, others are rounded to the nearest 5: NHS England's rules for publishing Hospital
Episode Statistics. Suppressing more so that sums do not give a cell away, and checking it by looking for other tables
that would be published just so: Hundepool and others, Statistical Disclosure Control (2012), chapter 4.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, hstack

SUPPRESSED = "*"
SMALL = 7
"""The greatest count that is suppressed for itself."""
BASE = 5
"""Others are rounded to the nearest multiple."""
LEAST_SPREAD = 2
"""By which the greatest and least value a suppressed cell could have must differ: three values at least."""
BOX = 7
"""How far from the truth other tables are looked for; looking further only finds more of them."""
CHEAP = 0.1
"""What a step of a cell not yet shown safe costs, where that of another costs 1."""
SOON = {"mip_rel_gap": 0.5}
"""Any answer near the cheapest will do."""
NEARLY = 1e-6
"""What the solver may leave of a whole number."""

K = TypeVar("K", bound=Hashable)
Steps = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Sum(Generic[K]):
    """What is known to hold of the counts: Σ left = Σ right, as opening + starts = closing + stops + removals. One key
    alone on its side is a total, and is suppressed after its parts."""

    left: tuple[K, ...]
    right: tuple[K, ...]


def total(whole: K, parts: Iterable[K]) -> Sum[K]:
    """The sum by which the whole is all of its parts."""
    return Sum((whole,), tuple(parts))


def rounded(count: int) -> int:
    """A count of 8 or more, or -8 or less, to the nearest 5, away from which it is at most 2; 0 is 0."""
    size = (abs(count) + BASE // 2) // BASE * BASE
    return size if count >= 0 else -size


def protect(values: Mapping[K, int | None], sums: Sequence[Sum[K]]) -> dict[K, int | str | None]:
    """The counts as they may be published: rounded, "*" where suppressed, None where there is none; keys in order.

    Suppressed are counts of 1 to 7 (and -1 to -7); in a sum with one suppressed term, the next smallest (parts before
    totals, zeros last), until no sum has just one; and, wherever all tables that would be published just so leave a
    suppressed cell fewer than three values, the next smallest beside it, until none does or nothing is left to
    suppress. A reader is taken to know every sum, how counts are rounded, and of a suppressed cell its sign and
    whether it is 0, which is more than anybody does. Sums with a blank term say nothing. Raises ValueError for a sum
    that does not hold or names a key with no value.
    """
    table = _table(values, sums)
    hidden = (table.counts != 0) & (np.abs(table.counts) <= SMALL)
    _hide_beside_lone(table, hidden)
    while True:
        beside = _beside_exposed(table, hidden)
        if not beside:
            break
        hidden[list(beside)] = True
        _hide_beside_lone(table, hidden)
    kept = {key: SUPPRESSED if hidden[at] else rounded(int(table.counts[at])) for key, at in table.places.items()}
    return {key: kept.get(key) for key in values}


@dataclass(frozen=True)
class _Table:
    """N known counts [N] and S sums of them: places by key; terms of each sum, in the order in which they would be
    suppressed; the sums of each count; signs [S, N], 1 left and -1 right."""

    counts: np.ndarray
    places: dict
    terms: list[list[int]]
    sums_of: list[list[int]]
    signs: csr_array


def _table(values: Mapping[K, int | None], sums: Sequence[Sum[K]]) -> _Table:
    known = {key: int(count) for key, count in values.items() if count is not None}
    places = {key: at for at, key in enumerate(known)}
    counts = np.array(list(known.values()), dtype=np.int64)
    terms: list[list[int]] = []
    sums_of: list[list[int]] = [[] for _ in known]
    entries: list[tuple[int, int, int]] = []
    for each in sums:
        unknown = [key for key in (*each.left, *each.right) if key not in values]
        if unknown:
            raise ValueError(f"a sum names {unknown[0]!r}, of which no value is given")
        if any(key not in places for key in (*each.left, *each.right)):
            continue
        left, right = (sum(known[key] for key in side) for side in (each.left, each.right))
        if left != right:
            raise ValueError(f"a sum does not hold: {each.left!r} make {left}, {each.right!r} make {right}")
        entries += [(len(terms), places[key], 1) for key in each.left]
        entries += [(len(terms), places[key], -1) for key in each.right]
        totals = {places[side[0]] for side in (each.left, each.right) if len(side) == 1}
        among = {places[key] for key in (*each.left, *each.right)}
        for at in among:
            sums_of[at].append(len(terms))
        terms.append(sorted(among, key=lambda at: (counts[at] == 0, at in totals, abs(counts[at]), at)))
    rows, columns, signs = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    return _Table(
        counts, places, terms, sums_of, csr_array(coo_array((signs, (rows, columns)), shape=(len(terms), len(counts))))
    )


def _hide_beside_lone(table: _Table, hidden: np.ndarray) -> None:
    """Marks in hidden [N] the next smallest term of every sum with just one hidden, until there is no such sum."""
    waiting = list(reversed(range(len(table.terms))))
    while waiting:
        terms = table.terms[waiting.pop()]
        shown = [at for at in terms if not hidden[at]]
        if shown and len(terms) - len(shown) == 1:
            hidden[shown[0]] = True
            waiting += reversed(table.sums_of[shown[0]])


def _beside_exposed(table: _Table, hidden: np.ndarray) -> set[int]:
    """What to suppress for the cells that are hidden and yet known too closely: the first in order of their sums."""
    chosen: set[int] = set()
    for at in _exposed(table, hidden):
        seen: set[int] = set()
        around = set(table.sums_of[at])
        while around - seen:
            seen |= around
            near = {term for each in around for term in table.terms[each]}
            shown = sorted(
                (table.counts[term] == 0, abs(table.counts[term]), term) for term in near if not hidden[term]
            )
            if shown:
                if not near & chosen:
                    chosen.add(shown[0][2])
                break
            around = {each for term in near for each in table.sums_of[term]}
    return chosen


def _exposed(table: _Table, hidden: np.ndarray) -> list[int]:
    """The hidden cells, of those in any sum, that are much the same in all tables found that are published alike.

    Tables are looked for as whole steps [N] away from the truth, which is one of them: every sum holds, what is shown
    stays within its rounding, what is hidden keeps its sign.
    """
    limits = _steps(table.counts, hidden)
    holds = LinearConstraint(hstack([table.signs, -table.signs]), 0, 0)
    lowest, highest = np.zeros(len(hidden)), np.zeros(len(hidden))
    exposed = []
    for at in (int(at) for at in np.flatnonzero(hidden) if table.sums_of[at]):
        for way in (LEAST_SPREAD, -LEAST_SPREAD, 1, -1):
            if highest[at] - lowest[at] >= LEAST_SPREAD:
                break
            known = hidden & (highest - lowest >= LEAST_SPREAD)
            for step in _moved(at, way, limits, holds, hidden & ~known):
                np.minimum(lowest, step, out=lowest)
                np.maximum(highest, step, out=highest)
        else:
            if highest[at] - lowest[at] < LEAST_SPREAD:
                exposed.append(at)
    return exposed


def _moved(at: int, way: int, limits: Steps, holds: LinearConstraint, free: np.ndarray) -> list[np.ndarray]:
    """Steps [N] by which the cell moves so far, and the same backwards if they may be; none if it cannot.

    Of all such steps those with the fewest elsewhere, which are found far sooner than any that go as far as they can;
    steps of the free [N] cost little, so that one answer shows many of them safe.
    """
    least, most = limits
    if not least[at] <= way <= most[at]:
        return []
    down, up = np.maximum(-least, 0), np.maximum(most, 0)
    ceiling = np.concatenate([up, down])
    floor = np.zeros(len(ceiling))
    here, there = (at, at + len(least)) if way > 0 else (at + len(least), at)
    floor[here] = ceiling[here] = abs(way)
    ceiling[there] = 0
    alike = np.ones(2 * len(least))
    cheap = np.tile(np.where(free, CHEAP, 1.0), 2)
    # Nearly always the cheapest steps, whole or not, are whole: asking for it can take a hundred times as long.
    for cost, whole in ((cheap, False), (alike, False), (alike, True)):
        asked = np.full(len(cost), int(whole))
        found = milp(cost, integrality=asked, bounds=Bounds(floor, ceiling), constraints=holds, options=SOON).x
        if found is None:
            return []
        moved = found[: len(least)] - found[len(least) :]
        step = np.rint(moved)
        if np.abs(moved - step).max() < NEARLY:
            break
    return [step, -step] if np.all((least <= -step) & (-step <= most)) else [step]


def _steps(counts: np.ndarray, hidden: np.ndarray) -> Steps:
    """How far each count [N] may step down and up, published as it is: least and greatest."""
    sizes = np.abs(counts)
    # A hidden 0 may be anything that is not negative; any other hidden count keeps its sign.
    inwards = np.where(hidden, np.maximum(np.minimum(sizes, 1) - sizes, -BOX), 0)
    outwards = np.where(hidden, BOX, 0)
    shown = ~hidden & (counts != 0)
    centre = (sizes + BASE // 2) // BASE * BASE
    inwards = np.where(shown, centre - BASE // 2 - sizes, inwards)
    outwards = np.where(shown, centre + BASE // 2 - sizes, outwards)
    negative = counts < 0
    return np.where(negative, -outwards, inwards), np.where(negative, -inwards, outwards)
