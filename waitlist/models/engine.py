"""From what is assumed to forecasts: every draw of every list, and the totals over them (R6, R11)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from waitlist.bands import THRESHOLDS, Floats
from waitlist.calendar import Horizon, days_of
from waitlist.models.assumptions import Assumptions, Carried, Factors, Key, Planned, by_rates
from waitlist.models.controls import CLINICS, STRAIGHT, THEATRES
from waitlist.models.forecast import Asked, Forecast
from waitlist.models.kernel import step_row
from waitlist.models.layout import (
    AID,
    F_ADMITTED,
    F_CONVERTED,
    F_NON_ADMITTED,
    F_STOPS_OVER,
    F_THEATRE,
    FLOWS,
    LANES,
)
from waitlist.models.moving import among, joined_by, reached
from waitlist.models.reading import unfold
from waitlist.models.together import step_together
from waitlist.results import ALL

WAIT_SHARES = np.array([0.5, 0.92])
"""Shares of the list below whose wait they lie: the median and the 92nd percentile."""
ROWS_AT_ONCE = 8
"""Sums that are measured while their lists are stepped once: what they take in memory is held against that time."""


def until(time: Horizon, weeks: int) -> Horizon:
    """The first ``weeks`` weeks of ``time``, its month ends unchanged."""
    return replace(
        time,
        week_ends=time.week_ends[: weeks + 1],
        working_days=time.working_days[:weeks],
        last_day_share=time.last_day_share[:weeks],
    )


def started_until(assumed: Assumptions, weeks: int) -> Assumptions:
    """``assumed`` for the first ``weeks`` weeks."""
    return replace(assumed, starts=np.ascontiguousarray(assumed.starts[:, :weeks]), span=assumed.span[:weeks])


def project(
    assumed: Assumptions,
    factors: Factors,
    time: Horizon,
    rows: Mapping[Key, list[int]],
    wanted: Asked,
    planned: Planned | None = None,
) -> Iterator[tuple[Key, Forecast]]:
    """The Forecast of each of ``rows``: the positions of the lists it adds up.

    A list is stepped again for every row it is part of: that costs less than keeping what it gave (R11 holds,
    its draws being the same each time). Rows that transfers join are measured several at once.
    """
    told = planned or by_rates(len(assumed.lists))
    batches = _batches(rows, told)
    each = (found for batch in batches for found in _batch(assumed, factors, time, batch, wanted, told))
    return _one_ahead(each)


def stepped(
    assumed: Assumptions,
    factors: Factors,
    time: Horizon,
    lists: list[int],
    wanted: Asked,
    planned: Planned | None = None,
) -> Forecast:
    """The Forecast of the ``lists`` together: every draw of each stepped through the weeks; by rates where nothing is

    ``planned``.
    """
    told = planned or by_rates(len(assumed.lists))
    ((_, forecast),) = _batch(assumed, factors, time, {(ALL, ALL): lists}, wanted, told)
    return forecast


def going_on(assumed: Assumptions, factors: Factors, time: Horizon, lists: list[int]) -> Carried:
    """The stops of each of ``lists`` by its rates, draw by draw, to be held as numbers (R7)."""
    blocks = factors.tilt.shape[1]
    stops = np.empty((len(lists), blocks, time.weeks, 3, LANES))
    mean = np.empty((len(lists), time.weeks, 4 + len(THRESHOLDS)))
    nothing = Asked(days_of(time.snapshot, []), (), (), np.zeros((0, 0), dtype=int))
    for i, n in enumerate(lists):
        flows = _row(assumed, factors, time, [n], nothing, by_rates(len(assumed.lists)))[-1]
        stops[i, :, :, CLINICS], stops[i, :, :, THEATRES] = flows[:, :, F_NON_ADMITTED], flows[:, :, F_THEATRE]
        stops[i, :, :, STRAIGHT] = flows[:, :, F_ADMITTED] - flows[:, :, F_THEATRE]
        others = flows[:, :, [F_CONVERTED, *range(F_STOPS_OVER, F_STOPS_OVER + len(THRESHOLDS))]]
        every = np.concatenate([stops[i], others], axis=2).transpose(1, 2, 0, 3)
        mean[i] = every.reshape(time.weeks, mean.shape[2], -1)[:, :, : factors.draws].mean(axis=2)
    return Carried(tuple(lists), stops, mean)


def _one_ahead(items: Iterator[tuple[Key, Forecast]]) -> Iterator[tuple[Key, Forecast]]:
    """The same items, each made by another thread while the one before is worked on; Ctrl-C waits for one."""
    with ThreadPoolExecutor(max_workers=1) as maker:
        coming = maker.submit(lambda: next(items, None))
        while (item := coming.result()) is not None:
            coming = maker.submit(lambda: next(items, None))
            yield item


def _batches(rows: Mapping[Key, list[int]], planned: Planned) -> Iterator[dict[Key, list[int]]]:
    """``rows`` by what is stepped for them: a row that no transfer reaches alone, others with those of as many lists of
    the same specialty, or with the totals, ROWS_AT_ONCE at most."""
    alike: dict[str, dict[Key, list[int]]] = {}
    joined = reached(planned.moves)
    for key, lists in rows.items():
        if joined.isdisjoint(lists):
            yield {key: lists}
        else:
            alike.setdefault(key[1], {})[key] = lists
    for same in alike.values():
        keys = list(same)
        for first in range(0, len(keys), ROWS_AT_ONCE):
            yield {key: same[key] for key in keys[first : first + ROWS_AT_ONCE]}


def _batch(
    assumed: Assumptions,
    factors: Factors,
    time: Horizon,
    rows: Mapping[Key, list[int]],
    wanted: Asked,
    planned: Planned,
) -> Iterator[tuple[Key, Forecast]]:
    """The Forecast of each of ``rows``, whose lists are stepped once: together where transfers reach them."""
    members = joined_by(planned.moves, sorted({n for lists in rows.values() for n in lists}))
    moves, which = among(planned.moves, members)
    if not which and len(rows) == 1:
        ((key, lists),) = rows.items()
        over, waits, noted, flows = _row(assumed, factors, time, lists, wanted, planned)
        yield key, _forecast(assumed, factors, lists, wanted, over, waits, noted, flows)
        return
    place = {n: i for i, n in enumerate(members)}
    of_row = np.zeros((len(members), len(rows)), dtype=bool)
    for r, lists in enumerate(rows.values()):
        of_row[[place[n] for n in lists], r] = True
    shapes = (*_shapes(time, wanted), (*wanted.levels.shape, LANES), (time.weeks, AID, LANES))
    blocks = factors.tilt.shape[1]
    over, waits, noted, flows, joined, aid = (np.empty((len(rows), blocks, *shape)) for shape in shapes)
    told_once = all(specialty != ALL for _, specialty in rows)  # what moved is told with the lists, not with totals
    moved = np.empty((blocks if told_once else 0, len(which), time.weeks, LANES))
    _shared_out(
        step_together,
        blocks,
        members=np.array(members),
        rows=of_row,
        **_told(assumed, factors, time, wanted, planned),
        moves=moves,
        over=over,
        waits=waits,
        noted=noted,
        joined=joined,
        flows=flows,
        aid=aid,
        moved=moved,
    )
    mean = np.full((len(planned.moves.sender), time.weeks), np.nan)
    if told_once:
        mean[which] = moved.transpose(1, 2, 0, 3).reshape(len(which), time.weeks, -1)[..., : factors.draws].mean(axis=2)
    for r, (key, lists) in enumerate(rows.items()):
        forecast = _forecast(assumed, factors, lists, wanted, over[r], waits[r], noted[r], flows[r])
        came, what = (_by_draw(x[r], factors.draws) for x in (joined, aid))
        yield key, replace(forecast, joined=came, aid=what, moved=mean)


def _forecast(assumed: Assumptions, factors: Factors, lists: list[int], wanted: Asked, *written: Floats) -> Forecast:
    """The Forecast of ``lists`` from what was ``written`` for them: over, waits, noted and flows."""
    over, waits, noted, flows = (_by_draw(blocks, factors.draws) for blocks in written)
    people, held = assumed.opening[lists].sum(axis=(0, 1)), float(assumed.held[lists].sum())
    opening = np.array([people[floor:].sum() + (held if floor == 0 else 0.0) for floor in wanted.floors])
    return Forecast(wanted, over, waits, noted, flows, opening, held, assumed.returns[lists].sum(axis=(0, 1)))


def _row(
    assumed: Assumptions, factors: Factors, time: Horizon, lists: list[int], wanted: Asked, planned: Planned
) -> list[Floats]:
    """What step_row writes for the ``lists`` together."""
    blocks = factors.tilt.shape[1]
    written = [np.empty((blocks, *shape)) for shape in _shapes(time, wanted)]
    over, waits, noted, flows = written
    told = _told(assumed, factors, time, wanted, planned)
    _shared_out(step_row, blocks, members=np.array(lists), **told, over=over, waits=waits, noted=noted, flows=flows)
    return written


def _shared_out(step: Callable[..., None], blocks: int, **told: Any) -> None:
    """Have every block of draws stepped, by as many threads as there are processors: the kernel leaves the interpreter
    free, and each block writes places of its own."""
    parts = np.array_split(np.arange(blocks), min(blocks, os.cpu_count() or 1))
    with ThreadPoolExecutor(max_workers=len(parts)) as threads:
        list(threads.map(lambda part: step(part, **told), parts))


def _told(assumed: Assumptions, factors: Factors, time: Horizon, wanted: Asked, planned: Planned) -> dict[str, Any]:
    """The kernel's arguments, but for who is stepped."""
    days = wanted.days
    return {
        "opening": assumed.opening,
        "held": assumed.held,
        "rates": assumed.departures,
        "returns": assumed.returns,
        "starts": assumed.starts,
        "multipliers": factors.months,
        "tilt": factors.tilt,
        "days": time.working_days,
        "last_day_share": time.last_day_share,
        "span": assumed.span,
        "week": days.week,
        "flow_weight": days.flow_weight,
        "crossing": days.crossing,
        "floors": np.array(wanted.floors, dtype=int),
        "shares": WAIT_SHARES,
        "levels": wanted.levels,
        "planned": planned.place,
        "controls": planned.told,
    }


def _shapes(time: Horizon, wanted: Asked) -> list[tuple[int, ...]]:
    """The shapes of what is written of a block of draws: over, waits, noted and flows."""
    count = len(wanted.days.dates)
    return [
        (count, len(wanted.floors), LANES),
        (count, len(WAIT_SHARES), LANES),
        (*wanted.levels.shape, LANES),
        (time.weeks, FLOWS, LANES),
    ]


def _by_draw(blocks: Floats, draws: int) -> Floats:
    """[X, T, D] of what the kernel wrote in blocks [B, T, X, LANES]."""
    found = np.empty((blocks.shape[2], blocks.shape[1], draws))
    unfold(blocks, found)
    return found
