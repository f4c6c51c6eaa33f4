"""The engine steered to an outlook: paces of departure by month and weeks waited, found so that its people go there.

Nothing is painted over the engine's figures: what is changed is how fast people leave, and everything else follows
from the same state, so that R4 holds. Theatres do as much as they have done lately: where more of the longest waits
leave, admitted stops of others are fewer. The paces of a list are found by Gauss-Newton: the kernel steps one small
change in each lane, which gives the slope of every stock to every pace exactly as it measures them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.calendar import Horizon, days_of
from waitlist.models.assumptions import Assumptions, Factors
from waitlist.models.engine import started_until, stepped, until
from waitlist.models.forecast import Asked
from waitlist.models.layout import ADMITTED, F_ADMITTED, FACTORS, LANES, STARTS
from waitlist.models.outlook import Outlook
from waitlist.models.record import FLOORS
from waitlist.models.sharing import Strays, shared, stray_paths

ROUNDS = 2
"""Gauss-Newton rounds, after which a list's expected stocks are near their aims; PASSES do the rest."""
PASSES = 3
"""Times that the draws are led: first each to its own aims, then all alike, so that their mean is the outlook's."""
FIRMLY = 1.2
"""How many times its miss the mean is turned by: draws that cannot follow stand still."""
NUDGE = 0.05
"""Change of a log pace that a slope is taken over."""
WIDEST = 2.0
"""No log pace is further from 0: seven times as fast, or a seventh."""
NEAR, NEAR_FLOW = 0.003, 0.1
"""Log miss of a stock, and of a month's admitted stops, that is as good as none."""
CHANCE = 0.03
"""The part of a count's chance that a provider's outlook holds: it is an expectation, not a count."""
ROUGH, FAR = 3e-4, 3e-5
"""What a change from one month to the next, and a distance from the observed pace, cost against a miss (squared)."""
STEERED = (ADMITTED, *range(STARTS + 1, FACTORS))
"""The factors that are steered: that of admitted stops, and the pace at each of KNOTS."""


@dataclass(frozen=True)
class Paces:
    """The mean of what the draws of N lists are steered with, H months ahead [N, H, STEERED]; 1 is as observed."""

    lists: tuple[tuple[str, str], ...]
    mean: Floats


@dataclass(frozen=True)
class _Slopes:
    """How one list answers: base [5, H] log people over FLOORS and log admitted stops by month, at log paces theta

    [H, STEERED]; by_pace [5 × H, H × STEERED] their slopes.
    """

    theta: Floats
    base: Floats
    by_pace: Floats


def steered(
    assumed: Assumptions,
    factors: Factors,
    time: Horizon,
    ahead: Outlook,
    strays: Strays | None,
    admitted: Floats,
    seed: int,
) -> tuple[Factors, Paces]:
    """``factors`` that lead the lists of each provider together to its outlook, each draw to its own path.

    ``assumed`` holds all lists of the outlook's providers; admitted [N, H] are their stops a working day in each month,
    NaN where they are not known: then they go on as they would unled.
    Beyond the outlook's months the paces of its last go on.
    """
    reach = ahead.expected.shape[2]
    asked, days = _month_ends(time, reach), _working_days(assumed, time, reach)
    months, means = factors.months.copy(), np.empty((len(assumed.lists), reach, len(STEERED)))
    for p, provider in enumerate(ahead.providers):
        rows = [n for n, key in enumerate(assumed.lists) if key[0] == provider]
        lists = [_only(assumed, n) for n in rows]
        still = [_slopes(one, time, asked, np.zeros((reach, len(STEERED)))) for one in lists]
        now = np.array([_over(one) for one in lists])
        people = shared(now, np.exp([one.base[:-1] for one in still]) - 1, ahead.expected[p])
        unled = np.array([np.exp(one.base[-1]) - 1 for one in still])
        stops = np.where(np.isnan(admitted[rows]), unled, admitted[rows] * days)
        courses = [_log(np.vstack(pair)) for pair in zip(people, stops, strict=True)]
        weights = _weights(ahead.expected[p] / CHANCE, stops.sum(axis=0))
        own = [_weights(*pair) for pair in zip(people, stops, strict=True)]
        found = [_led(*one, time, asked) for one in zip(lists, courses, own, still, strict=True)]
        random = np.random.default_rng([seed, crc32(provider.encode())])
        led = [_strayed(*one, strays, factors.draws, random) for one in zip(found, own, now, strict=True)]
        together = _answer(_together(found), weights)
        surprise = factors.months[rows, :reach, ADMITTED, : factors.draws] / assumed.season[:reach, [ADMITTED]]
        aims = np.concatenate([ahead.draws[p], (stops[..., None] * surprise).sum(axis=0)[None]])
        expected = np.concatenate([ahead.expected[p], aims[-1:].mean(axis=-1)])
        for turned in range(PASSES):
            went = np.zeros_like(aims)
            for i, n in enumerate(rows):
                _put(months[n], factors.months[n], led[i])
                went += _answers(lists[i], Factors(months[[n]], factors.tilt[[n]], factors.draws), time, asked)
            missed = _log(expected) - _log(went.mean(axis=-1))
            turn = np.tensordot(together, FIRMLY * missed[..., None] if turned else _log(aims) - _log(went), 2)
            led = [np.clip(theta + turn, -WIDEST, WIDEST) for theta in led]
        for i, n in enumerate(rows):
            means[n] = np.exp(led[i]).mean(axis=-1)
            _put(months[n], factors.months[n], _carried_on(led[i], months.shape[1]))
    return replace(factors, months=months), Paces(assumed.lists, means)


def _led(one: Assumptions, aims: Floats, weights: Floats, slopes: _Slopes, time: Horizon, asked: Asked) -> _Slopes:
    """How a list answers at the log paces that lead it to ``aims`` [5, H], as far as they are worth it.

    They minimise Σ weights × (log miss)² + ROUGH × Σ (change between months)² + FAR × Σ (log pace)².
    """
    for _ in range(ROUNDS):
        missed = aims - slopes.base + (slopes.by_pace @ slopes.theta.ravel()).reshape(aims.shape)
        theta = np.tensordot(_answer(slopes, weights), missed, 2)
        slopes = _slopes(one, time, asked, np.clip(theta, -WIDEST, WIDEST))
    return slopes


def _answer(slopes: _Slopes, weights: Floats) -> Floats:
    """How paces answer a log miss [H, STEERED, 5, H]: the inverse of the slopes, regularised as _led says."""
    reach = len(slopes.theta)
    change = np.diff(np.eye(reach), axis=0)
    cost = ROUGH * np.kron(change.T @ change, np.eye(len(STEERED))) + FAR * np.eye(slopes.theta.size)
    weighed = slopes.by_pace.T * weights.ravel()
    answer = np.linalg.solve(weighed @ slopes.by_pace + cost, weighed)
    return np.asarray(answer).reshape(*slopes.theta.shape, *weights.shape)


def _strayed(
    found: _Slopes,
    weights: Floats,
    now: Floats,
    strays: Strays | None,
    draws: int,
    random: np.random.Generator,
) -> Floats:
    """A list's log paces [H, STEERED, D]: those found, and what makes each draw stray from its provider."""
    theta = np.repeat(found.theta[..., None], draws, axis=-1)
    if strays is None:
        return theta
    away = stray_paths(strays, now, draws, random)[:, : len(theta)]
    missed = np.concatenate([away, np.zeros((1, *away.shape[1:]))])
    return np.clip(theta + np.tensordot(_answer(found, weights), missed, 2), -WIDEST, WIDEST)


def _together(lists: list[_Slopes]) -> _Slopes:
    """How lists answer together to the same change in all their paces."""
    people = np.array([np.exp(one.base) - 1 for one in lists])
    share = people / np.maximum(people.sum(axis=0), 1e-9)
    slopes = sum(part.reshape(-1, 1) * one.by_pace for part, one in zip(share, lists, strict=True))
    return _Slopes(lists[0].theta, _log(people.sum(axis=0)), slopes)


def _weights(expected: Floats, stops: Floats) -> Floats:
    """[5, H] what a squared log miss of each aim costs: as exact as its provider's people can be counted on."""
    stocks = NEAR**2 / (NEAR**2 + 1 / np.maximum(expected, 1.0))
    flows = NEAR**2 / (NEAR_FLOW**2 + 1 / np.maximum(stops, 1.0))
    return np.vstack([stocks, flows])


def _slopes(one: Assumptions, time: Horizon, asked: Asked, theta: Floats) -> _Slopes:
    """How a list answers at ``theta``: each lane carries one pace nudged, the first none."""
    size = theta.size
    nudged = theta + np.concatenate([np.zeros((1, size)), NUDGE * np.eye(size)]).reshape(-1, *theta.shape)
    blocks = -(-len(nudged) // LANES)
    months = np.ones((1, len(one.season), FACTORS, blocks * LANES))
    months[0, :, :STARTS] = one.season[..., None]
    factors = Factors(months, np.ones((1, blocks, BANDS, LANES)), len(nudged))
    _put(months[0], months[0], np.moveaxis(nudged, 0, -1))
    found = _log(_answers(one, factors, time, asked))
    slopes = (found[..., 1:] - found[..., :1]) / NUDGE
    return _Slopes(theta, found[..., 0], slopes.reshape(-1, size))


def _put(target: Floats, base: Floats, theta: Floats) -> None:
    """Write into ``target`` what ``base`` [M, FACTORS, lanes] is with log paces [H, STEERED, D] in its first months."""
    reach, _, draws = theta.shape
    target[:reach, ADMITTED, :draws] = base[:reach, ADMITTED, :draws] * np.exp(theta[:, 0])
    target[:reach, STARTS + 1 :, :draws] = np.exp(theta[:, 1:])


def _answers(one: Assumptions, factors: Factors, time: Horizon, asked: Asked) -> Floats:
    """People [4, H, D] over FLOORS at the month ends, and admitted stops of each month's weeks: [5, H, D]."""
    weeks = min(int(asked.days.week[-1]) + 1, time.weeks)
    short, cut = until(time, weeks), started_until(one, weeks)
    went = stepped(cut, factors, short, [0], asked)
    reach = went.over.shape[1]
    months = np.minimum(cut.span, reach - 1)
    begins = np.flatnonzero(np.diff(months, prepend=-1))
    return np.concatenate([went.over, np.add.reduceat(went.flows[F_ADMITTED], begins, axis=0)[None]])


def _month_ends(time: Horizon, reach: int) -> Asked:
    days = days_of(time.snapshot, [end.day for end in time.month_ends[:reach]])
    return Asked(days, FLOORS, (), np.zeros((0, 0), dtype=int))


def _working_days(assumed: Assumptions, time: Horizon, reach: int) -> Floats:
    """[H] working days of the weeks of each of the first H months, a week beyond them counting with the last."""
    weeks = min(int(_month_ends(time, reach).days.week[-1]) + 1, time.weeks)
    return np.bincount(np.minimum(assumed.span[:weeks], reach - 1), time.working_days[:weeks], reach).astype(float)


def _only(assumed: Assumptions, n: int) -> Assumptions:
    """The assumptions of the list at ``n`` alone."""
    at = slice(n, n + 1)
    return replace(
        assumed,
        lists=assumed.lists[at],
        opening=assumed.opening[at],
        held=assumed.held[at],
        departures=assumed.departures[at],
        returns=assumed.returns[at],
        starts=assumed.starts[at],
        shocks=assumed.shocks[:, at],
        lasting=assumed.lasting[at],
    )


def _over(one: Assumptions) -> Floats:
    """[4] people of a list over FLOORS at the snapshot."""
    people = one.opening.sum(axis=(0, 1))
    return np.array([people[floor:].sum() + (one.held.sum() if floor == 0 else 0.0) for floor in FLOORS])


def _carried_on(theta: Floats, months: int) -> Floats:
    """``theta`` [H, STEERED, D] for all ``months``: beyond H as in the last of them."""
    return theta[np.minimum(np.arange(months), len(theta) - 1)]


def _log(people: Floats) -> Floats:
    return np.log(np.maximum(people, 0.0) + 1.0)
