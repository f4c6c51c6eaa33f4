"""Where each provider's stocks are heading, and how far such forecasts have missed.

A stock goes the way of England's line, moved by the provider's departure from it. England's line carries on what
the last twelve and six months and the same months of last year did. The departure is learned from every earlier
month of every provider, by a regression with absolute loss (Koenker and Bassett 1978) on how all its stocks have
moved against England's. What such forecasts missed is kept as whole paths, to be drawn from again (R11).
docs/explanation/how-the-forecast-is-made.md says what each choice was compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from waitlist.bands import Floats
from waitlist.models.record import FLOORS, Record

MONTHS = 12
"""Months ahead that an outlook reaches."""
LAGS = (1, 3, 6, 12)
"""Months over which a provider's stocks are compared with England's."""
MOST_MOVED = (0.15, 0.15, 0.30, 0.30)
"""Log departure over six months, by stock, beyond which more tells no more: what moves so far is often recounted."""
MOST_APART = 1.0
"""The same for the share of a list over 18, 52 and 65 weeks against England's."""
KEPT = (0.9, 0.8, 0.8, 0.8)
"""The part of a learned departure that is forecast, by stock."""
FADES = 0.85
"""The part of England's line that is left after six months, and of that after twelve."""
LEAST_LIST = 2000.0
"""People on a provider's list from which it is learned from."""
LEAST_STOCK = (0.0, 0.0, 10.0, 10.0)
"""People in a stock from whom its changes are learned."""
LEAST_ROWS = 300
"""Provider-months below which no departure is learned at that distance."""
LEAST_PATHS = 200
"""Paths of misses below which there are too few to draw from."""
NEAR, ROUNDS, RIDGE = 0.01, 15, 3e-3
"""The regression's log miss that is as good as none, its rounds, and its ridge."""
MOST_MISSED = 3.0
"""Log miss beyond which a miss is not told from a list that began or ended."""
WIDER = (1.0, 1.0, 1.5, 1.8)
"""How much wider the next misses are than those the departures were learned from, by stock (rolling origins)."""
NOBODY = 0.5
"""People that stand for none, in logs."""
FEW = 10.0
"""People added to a count before the log of its misses: below them a miss is a number rather than a proportion."""


@dataclass(frozen=True)
class Outlook:
    """P providers' people over FLOORS at H month ends ahead.

    expected [P, 4, H]; draws [P, 4, H, D] one path for each draw, whose mean is expected.
    """

    providers: tuple[str, ...]
    expected: Floats
    draws: Floats


def outlook(record: Record, providers: tuple[str, ...], months: int, draws: int, seed: int) -> Outlook | None:
    """The outlook of ``providers`` for ``months`` ahead, MONTHS at most; None where the record is too short for it."""
    england, own = _log(record.england), _log(record.own)
    steady = _without_jumps(own, england, record.jumps)
    origin, ahead = len(record.months) - 1, min(months, MONTHS)
    known = [q for q in range(12, origin + 1) if np.isfinite(england[:, q - 12 : q + 1]).all()]
    if origin not in known:
        return None
    lines = np.stack([_lines(england, q) for q in known])
    moved = np.stack([_moved(steady, england, q, record.providers) for q in known])
    leads = _leads(record, steady, england, np.array(known), moved)
    rows = [record.providers.index(provider) for provider in providers]
    now = np.maximum(record.own[rows, :, origin], NOBODY)
    expected = _in_order(now[:, :, None] * np.exp(lines[-1] + leads[-1, rows]))
    misses = _misses(record, england, np.array(known), lines, leads)
    if misses is None:
        return None
    drawn = _drawn(misses, providers, now, expected, draws, [seed, origin])
    return Outlook(providers, expected[:, :, :ahead], _in_order(drawn[:, :, :ahead]))


@dataclass(frozen=True)
class _Misses:
    """Log misses of earlier forecasts, path by path over MONTHS.

    england [K, 4, MONTHS]: of England's line. own [R, 4, MONTHS]: of the provider's people and FEW, had England's
    line been known, as multiples of their width; scale [4, MONTHS, 2]: as widths takes it.
    """

    england: Floats
    own: Floats
    scale: Floats


def _log(people: Floats) -> Floats:
    return np.log(np.maximum(people, NOBODY))


def _without_jumps(own: Floats, england: Floats, jumps: np.ndarray) -> Floats:
    """``own`` with each jump's change put at England's, what was before it moved to the new level."""
    change = np.diff(own - england, axis=2, prepend=np.nan)
    step = np.where(jumps[:, None], np.nan_to_num(change), 0.0)
    later = step[:, :, ::-1].cumsum(axis=2)[:, :, ::-1] - step  # of the jumps after each month
    return own + later


def _lines(england: Floats, q: int) -> Floats:
    """England's log change [4, MONTHS] after month ``q``: for the list and over 18 weeks the mean of what the last
    twelve months, the last six and the same months of last year would give; over 52 weeks the last of these; over 65
    the mean of the first and last.
    """
    ahead = np.arange(1, MONTHS + 1)
    year = (england[:, [q]] - england[:, [q - 12]]) * ahead / 12
    half = (england[:, [q]] - england[:, [q - 6]]) * ahead / 6
    last_year = england[:, q - 11 : q + 1] - england[:, [q - 12]]
    all_three = (year + half + last_year) / 3
    line = np.stack([all_three[0], all_three[1], last_year[2], (year[3] + last_year[3]) / 2])
    return line * FADES ** (ahead / 6)


def _moved(steady: Floats, england: Floats, q: int, providers: tuple[str, ...]) -> Floats:
    """What tells of each provider's departure after month ``q`` [P, F]; NaN where it is not known."""
    found = []
    for s, most in enumerate(MOST_MOVED):
        for lag in LAGS:
            limit = most * np.sqrt(lag / 6)
            departure = steady[:, s, q] - steady[:, s, q - lag] - (england[s, q] - england[s, q - lag])
            found.append(np.clip(departure, -limit, limit))
    for s in range(1, len(FLOORS)):
        apart = steady[:, s, q] - steady[:, 0, q] - (england[s, q] - england[0, q])
        found.append(np.clip(apart, -MOST_APART, MOST_APART))
    trust = np.array([provider.startswith("R") for provider in providers])  # NHS trusts, not the independent sector
    return np.stack([*found, ~trust, np.ones(len(providers))], axis=1)


def _leads(record: Record, steady: Floats, england: Floats, known: np.ndarray, moved: Floats) -> Floats:
    """Each provider's departure from England's line [Q, P, 4, MONTHS], as learned from all months until the last."""
    leads = np.zeros((*moved.shape[:2], len(FLOORS), MONTHS))
    origin = len(record.months) - 1
    usable = np.nan_to_num(moved)
    for s in range(len(FLOORS)):
        for h in range(1, MONTHS + 1):
            earlier = known[known + h <= origin]
            people = record.own[:, s, earlier].T
            change = (steady - england)[:, s, earlier + h].T - (steady - england)[:, s, earlier].T
            large = (record.own[:, 0, earlier].T > LEAST_LIST) & (people >= LEAST_STOCK[s])
            rows = large & np.isfinite(change) & np.isfinite(moved[: len(earlier)]).all(axis=2)
            if rows.sum() < LEAST_ROWS:
                leads[..., s, h - 1] = leads[..., s, h - 2] if h > 1 else 0.0
                continue
            weights = _least_absolute(moved[: len(earlier)][rows], np.clip(change[rows], -1, 1), people[rows] ** 0.5)
            leads[..., s, h - 1] = KEPT[s] * np.clip(usable @ weights, -0.7, 0.7)
    return leads


def _least_absolute(known: Floats, change: Floats, size: Floats) -> Floats:
    """The weights [F] on ``known`` [R, F] with the least Σ size × |change − known · weights|, slightly ridged.

    By iteratively reweighted least squares (Schlossmacher 1973).
    """
    spread = known.std(axis=0)
    spread[spread < 1e-9] = 1.0
    scaled, weights = known / spread, np.zeros(known.shape[1])
    for _ in range(ROUNDS):
        weight = size / np.maximum(np.abs(change - scaled @ weights), NEAR)
        weight /= weight.sum()
        curve = (scaled.T * weight) @ scaled + RIDGE * np.eye(len(weights))
        weights = np.linalg.solve(curve, (scaled.T * weight) @ change)
    return weights / spread


def _misses(record: Record, england: Floats, known: np.ndarray, lines: Floats, leads: Floats) -> _Misses | None:
    """What the same forecasts, made at each earlier month, have missed; None where they are too few.

    Steps that breaks made are among them: the next may come as those did. Where no month is MONTHS old, paths go
    as far as they are known and grow on from there as a random walk does.
    """
    origin = len(record.months) - 1
    for reach in range(min(MONTHS, origin - known[0]), 0, -1):
        earlier = known[known + reach <= origin]
        ahead = earlier[:, None] + np.arange(1, reach + 1)
        line_missed = (england[:, ahead] - england[:, earlier, None]).swapaxes(0, 1) - lines[: len(earlier), :, :reach]
        people = np.moveaxis(record.own[:, :, earlier], 2, 0)
        moved = (england[:, ahead] - england[:, earlier, None]).swapaxes(0, 1)[:, None]
        moved = moved + leads[: len(earlier), ..., :reach]
        came = np.moveaxis(record.own[:, :, ahead], 2, 0)
        missed = np.log(came + FEW) - np.log(np.maximum(people, NOBODY)[..., None] * np.exp(moved) + FEW)
        rows = (people[:, :, 0] > LEAST_LIST) & np.isfinite(missed).all(axis=(2, 3))
        line_missed = line_missed[np.isfinite(line_missed).all(axis=(1, 2))]
        if rows.sum() >= LEAST_PATHS:
            break
    else:
        return None
    missed, people = missed[rows], people[rows]
    scale = fitted_scale(missed, people)
    own, scale = grown_on(deviations(missed, people, scale), scale)
    return _Misses(grown_on(line_missed, scale)[0], own, scale)


def fitted_scale(missed: Floats, people: Floats) -> Floats:
    """The scale [4, H, 2] of ``missed`` [R, 4, H], as widths takes it.

    Weighed by √people, so that large stocks are fitted as well as many small ones.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 - slow to load

    limited, known = np.abs(np.clip(missed, -MOST_MISSED, MOST_MISSED)), _terms(people)
    scale = np.empty((*missed.shape[1:], 2))
    for s in range(missed.shape[1]):
        weight = np.sqrt(np.maximum(people[:, s], 1.0))
        for h in range(missed.shape[2]):
            scale[s, h] = nnls(known[:, s] * weight[:, None], limited[:, s, h] * weight)[0]
    return scale


def widths(scale: Floats, people: Floats) -> Floats:
    """How far stocks of ``people`` [R, 4] are missed, on average [R, 4, H]: scale[0] + scale[1] ÷ √(people + FEW)."""
    return np.asarray(np.einsum("shk,rsk->rsh", scale, _terms(people)))


def deviations(missed: Floats, people: Floats, scale: Floats) -> Floats:
    """``missed`` [R, 4, H] as multiples of its width."""
    return np.clip(missed, -MOST_MISSED, MOST_MISSED) / np.maximum(widths(scale, people), 1e-9)


def grown_on(paths: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """``paths`` [R, 4, H] and ``scale`` [4, H, 2] for all MONTHS: beyond H paths keep, and the scale grows as a random

    walk's does.
    """
    reach = paths.shape[2]
    reached = np.minimum(np.arange(MONTHS), reach - 1)
    grown = np.sqrt(np.maximum(np.arange(1, MONTHS + 1) / reach, 1.0))
    return paths[..., reached], scale[:, np.minimum(reached, scale.shape[1] - 1)] * grown[:, None]


def _terms(people: Floats) -> Floats:
    return np.stack([np.ones_like(people), (people + FEW) ** -0.5], axis=-1)


def _drawn(
    misses: _Misses, providers: tuple[str, ...], now: Floats, expected: Floats, draws: int, seed: list[int]
) -> Floats:
    """People [P, 4, MONTHS, D], on average as ``expected`` [P, 4, MONTHS]: for each draw one of England's paths, grown

    or shrunk by a normal number, for all providers, and for each provider a path of its own, the same whichever
    others there are.
    """
    random = np.random.default_rng(seed)
    path = random.integers(len(misses.england), size=draws)
    shared = misses.england[path] * random.standard_normal(draws)[:, None, None]
    deviation = widths(misses.scale, now) * np.array(WIDER)[:, None]
    each = [np.random.default_rng([*seed, crc32(provider.encode())]) for provider in providers]
    own = misses.own[[random.integers(len(misses.own), size=draws) for random in each]]
    known = expected[:, None] * np.exp(shared)
    people = np.maximum((known + FEW) * np.exp(own * deviation[:, None]) - FEW, 0.0) + 1e-9
    return np.moveaxis(people * (expected[:, None] / people.mean(axis=1, keepdims=True)), 1, -1)


def _in_order(people: Floats) -> Floats:
    """``people`` [P, 4, …] with no more over a longer wait than over the one before it."""
    return np.minimum.accumulate(people, axis=1)
