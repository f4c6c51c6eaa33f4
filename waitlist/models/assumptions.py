"""What the engine is told: the lists as they are, their rates and starts, and what each draw multiplies them by (R11).

``assume`` is the one place where a better forecast of demand and rates is to be put: everything after it
takes its Assumptions as given.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from zlib import crc32

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import Horizon, month_end, snapshot_held_share, working_days
from waitlist.history import History
from waitlist.models import replay
from waitlist.models.controls import Controls, nobody
from waitlist.models.demand import Starts
from waitlist.models.layout import ADMITTED, FACTORS, LANES, NON_ADMITTED, REMOVED, STARTS
from waitlist.models.moving import Moves, no_moves
from waitlist.models.rates import Rates

LEVEL_MONTHS = 12
"""Observed months whose mean is a draw's level: a year of them, as the rates use."""
LATELY = 3
"""Months whose changes tell how a list grows whose starts are never told."""
LAG = 3
"""Months by which the fitted level lags behind the snapshot: the drift in them is in every draw."""
LEAST_PEOPLE = 3.0
"""People below whom a band's chance is not made wilder still."""


Key = tuple[str, str]


@dataclass(frozen=True)
class Assumptions:
    """What the engine is told of N lists over K weeks. Rates as in models.rates.

    opening [N, 2, 105] and held [N] at the snapshot; starts [N, K] a week; span [K] the month of each week, of
    M; season [M, 4] factors on the departures; shocks [M', N, 5] the observed months' ratios that draws are
    made of; lasting [N, 5] the part of such a month that stays for good.
    """

    lists: tuple[Key, ...]
    opening: Floats
    held: Floats
    departures: Floats
    returns: Floats
    starts: Floats
    season: Floats
    span: np.ndarray
    shocks: Floats
    lasting: Floats


@dataclass(frozen=True)
class Factors:
    """What the draws of N lists are multiplied by, in the kernel's layout, LANES draws to a block.

    months [N, M, FACTORS, B × LANES] and tilt [N, B, 105, LANES] as kernel.step_row takes them; draws: how many
    of the lanes are draws, the rest being idle.
    """

    months: Floats
    tilt: Floats
    draws: int


@dataclass(frozen=True)
class Carried:
    """What goes on by rates at P ``lists``: stops [P, B, K, 3, LANES] as Controls.carried; mean [P, K, 9] over draws of
    those three, of conversions, and of stops among those over each of THRESHOLDS.
    """

    lists: tuple[int, ...]
    stops: Floats
    mean: Floats


@dataclass(frozen=True)
class Planned:
    """Which of N lists go by activity (R7): place [N] among ``told``, -1 where by rates; and who moves (R12)."""

    place: np.ndarray
    told: Controls
    moves: Moves


def first_blocks(factors: Factors, planned: Planned, blocks: int) -> tuple[Factors, Planned]:
    """Both with the first ``blocks`` blocks of draws alone: enough to look for an answer with."""
    blocks = min(blocks, factors.tilt.shape[1])
    months = np.ascontiguousarray(factors.months[..., : blocks * LANES])
    tilt = np.ascontiguousarray(factors.tilt[:, :blocks])
    told = planned.told._replace(carried=np.ascontiguousarray(planned.told.carried[:, :blocks]))
    return Factors(months, tilt, min(blocks * LANES, factors.draws)), replace(planned, told=told)


def assume(history: History, rates: Rates, time: Horizon, keep: list[int], ahead: Starts) -> Assumptions:
    """The carry-on assumptions for the lists at positions ``keep``; ``ahead`` are the starts of all lists."""
    opening = np.stack([history.outpatient[keep, -1], history.admission[keep, -1]], axis=1)
    held = opening[:, 0, 0] * snapshot_held_share(time.snapshot)
    opening[:, 0, 0] -= held
    middles = [day + timedelta(days=4) for day in time.week_ends[:-1]]
    month = np.array([day.year * 12 + day.month - 1 for day in middles])
    span = month - month[0]
    departures = replay.corrected(history, rates, keep)
    leaving = (departures[:, :, [ADMITTED, NON_ADMITTED, REMOVED]].sum(axis=2) * opening).sum(axis=(1, 2))
    seen = ahead.level[keep].any(axis=1, keepdims=True)
    starts = np.where(seen, ahead.by_week(time)[keep], _unseen_starts(history, keep, leaving, time))
    spread = rates.residuals[:, keep].std(axis=0)
    return Assumptions(
        lists=tuple(history.lists[n] for n in keep),
        opening=opening,
        held=held,
        departures=departures,
        returns=rates.returns[keep],
        starts=starts,
        season=rates.season[(month[0] + np.arange(span.max() + 1)) % 12],
        span=span,
        shocks=rates.residuals[:, keep],
        lasting=rates.drift / np.maximum(spread, np.maximum(rates.drift, 1e-9)),
    )


def _unseen_starts(history: History, keep: list[int], leaving: Floats, time: Horizon) -> Floats:
    """[N, K] starts of lists whose starts are never told: as many as leave, ``leaving`` [N] a working day, and what
    the list has lately grown by (the median of its last LATELY changes), which fades away over a year.
    """
    months = history.months[-LATELY - 1 :]
    days = [working_days(month_end(before), month_end(month)) for before, month in itertools.pairwise(months)]
    people = history.waiting[keep][:, -len(months) :].sum(axis=2)
    known = history.present[keep][:, -len(months) :].all(axis=1) & (len(months) > LATELY)
    growth = np.where(known, np.median(np.diff(people) / days, axis=1), 0.0) if days else np.zeros(len(keep))
    fades = np.maximum(1.0 - np.arange(time.weeks) / 52, 0.0)
    return np.asarray(np.maximum(leaving[:, None] + growth[:, None] * fades, 0.0) * time.working_days)


def months_drawn(assumed: Assumptions, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which observed months make each draw [draws, …]: its level, each month ahead, and what lasts of each."""
    months, used = len(assumed.season), len(assumed.shocks)
    random = np.random.default_rng(seed)
    level = random.integers(used, size=(draws, LEVEL_MONTHS))
    month = random.integers(used, size=(draws, months))
    return level, month, random.integers(used, size=(draws, LAG + months))


def multipliers(assumed: Assumptions, n: int, drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Floats:
    """Each draw's factors [M, FACTORS, D] on the list at ``n``, by month ahead; its paces are 1.

    The season of the departures is in them; that of the starts is in the starts.

    Observed months are drawn whole, the same for all lists, so that what moves together goes on doing so:
    LEVEL_MONTHS of them give the draw's level, one more each month its month, and of a third what lasts.
    Their mean over the draws is the season, so that what is expected is what was assumed.
    """
    level, month, lasting = drawn
    shocks = assumed.shocks[:, n]
    steps = np.clip(shocks - 1.0, -0.5, 0.5) * assumed.lasting[n]
    steps -= steps.mean(axis=0)
    lasted = np.exp(np.cumsum(steps[lasting], axis=1))[:, LAG:]
    factors = shocks[level].mean(axis=1)[:, None] * shocks[month] * lasted
    factors /= np.maximum(factors.mean(axis=0), 1e-9)
    factors[..., :STARTS] *= assumed.season
    paces = np.ones((*factors.shape[:2], FACTORS - STARTS - 1))
    return np.moveaxis(np.concatenate([factors, paces], axis=2), 0, -1)


def chance(assumed: Assumptions, n: int, draws: int, seed: int) -> Floats:
    """Each draw's factors [105, D] on the departures of the list at ``n``: how few people are not an average.

    Independent by band, gamma with mean 1 and variance 1 ÷ (h_b × people in band b or longer), h_b being the
    week's hazard. A cohort passes each band once, so that its expected number stays as it was, and after
    many bands the number over T varies as a count of people does (Greenwood's variance of survival).
    """
    provider, specialty = assumed.lists[n]
    random = np.random.default_rng([seed, crc32(f"{provider}/{specialty}".encode())])
    people = assumed.opening[n]
    over = np.maximum(people.sum(axis=0)[::-1].cumsum()[::-1], LEAST_PEOPLE)
    weight = (people + 1e-6) / (people + 1e-6).sum(axis=0)
    hazard = 5 * (assumed.departures[n].sum(axis=1) * weight).sum(axis=0)
    shape = np.maximum(hazard, 1e-3) * over
    factors = random.gamma(shape, 1 / shape, size=(draws, BANDS)).T
    factors[-1] = 1.0  # the open band is passed again and again
    return factors


def factors_drawn(assumed: Assumptions, draws: int, seed: int) -> Factors:
    """The Factors of ``draws`` draws of every list."""
    blocks = -(-draws // LANES)
    months = np.zeros((len(assumed.lists), len(assumed.season), FACTORS, blocks * LANES))
    tilt = np.empty((len(assumed.lists), blocks, BANDS, LANES))
    drawn = months_drawn(assumed, draws, seed)

    def fill(n: int) -> None:
        months[n, ..., :draws] = multipliers(assumed, n, drawn)
        months[n, ..., draws:] = months[n, ..., :1]
        bands = np.ones((BANDS, blocks * LANES))
        bands[:, :draws] = chance(assumed, n, draws, seed)
        tilt[n] = bands.reshape(BANDS, blocks, LANES).swapaxes(0, 1)

    with ThreadPoolExecutor(max_workers=2) as lists:  # drawing at random leaves the interpreter free
        list(lists.map(fill, range(len(assumed.lists))))
    return Factors(months, tilt, draws)


def by_rates(lists: int) -> Planned:
    """Nothing is planned for any of ``lists``."""
    return Planned(np.full(lists, -1), nobody(1, 1), no_moves(lists, 1))
