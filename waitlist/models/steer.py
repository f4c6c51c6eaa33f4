"""The engine steered to an outlook: paces of departure by month and weeks waited, found so that its people go there.

Nothing is painted over the engine's figures: what is changed is how fast people leave, and everything else follows
from the same state, so that R4 holds. The paces of a provider are found by Gauss-Newton on its own lists: the kernel
steps one small change in each lane, which gives the slope of every stock to every pace exactly as it measures them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import Horizon, days_of
from waitlist.models.engine import Asked, Assumptions, Factors, stepped
from waitlist.models.kernel import FACTORS, KNOTS, LANES, STARTS
from waitlist.models.outlook import Outlook
from waitlist.models.record import FLOORS

ROUNDS = 3
"""Gauss-Newton rounds: after them the expected stocks are within half a percent of their aims."""
NUDGE = 0.05
"""Change of a log pace that a slope is taken over."""
WIDEST = 1.2
"""No log pace is further from 0: three times as fast, or a third."""
NEAR = 0.003
"""Log miss that is as good as none; with it, people in a stock count as a count does (1 ÷ √people)."""
ROUGH, FAR = 0.0003, 0.00003
"""What a change from one month to the next, and a distance from the observed pace, cost against a miss (squared)."""
LAST = 6
"""Months at the outlook's end whose mean log pace goes on beyond it."""
FADES = 0.72
"""The part of that which is left a year later: as much as of England's lines in the outlook."""
PACES = STARTS + 1
"""Where the paces begin among the factors."""


@dataclass(frozen=True)
class Paces:
    """How fast people leave against the observed rates, by provider, month ahead and KNOTS of weeks waited.

    mean [P, H, knots]: of the expected forecast; draws [P, H, knots, D]: of each draw.
    """

    providers: tuple[str, ...]
    mean: Floats
    draws: Floats


def found(assumed: Assumptions, factors: Factors, time: Horizon, ahead: Outlook) -> Paces:
    """The paces that lead the lists of each provider together to its outlook, and each draw to its own path.

    ``assumed`` holds all lists of the outlook's providers. Draws are led by the slopes of the expected forecast.
    """
    asked = _month_ends(time, ahead.expected.shape[2])
    means, draws = [], []
    for p, provider in enumerate(ahead.providers):
        rows = [n for n, key in enumerate(assumed.lists) if key[0] == provider]
        lists = _only(assumed, rows)
        mean, answer = _mean_paces(lists, time, asked, ahead.expected[p])
        own = replace(factors, months=factors.months[rows], tilt=factors.tilt[rows])
        own.months[:, : len(mean), PACES:] = np.exp(mean)[None, ..., None]
        missed = _log(ahead.draws[p]) - _log(_stocks(lists, own, time, asked))
        means.append(mean)
        draws.append(np.clip(mean[..., None] + np.tensordot(answer, missed, 2), -WIDEST, WIDEST))
    return Paces(ahead.providers, np.exp(means), np.exp(draws))


def steered(assumed: Assumptions, factors: Factors, paces: Paces) -> Factors:
    """``factors`` with ``paces``; beyond their months the mean of the LAST goes on, and fades (FADES)."""
    months = factors.months.copy()
    for provider, draws in zip(paces.providers, paces.draws, strict=True):
        later = np.arange(1, max(months.shape[1] - len(draws), 0) + 1) / 12
        fading = np.log(draws[-LAST:]).mean(axis=0) * (FADES**later)[:, None, None]
        carried_on = np.concatenate([draws, np.exp(fading)])[: months.shape[1]]
        for n, key in enumerate(assumed.lists):
            if key[0] == provider:
                months[n, :, PACES:, : factors.draws] = carried_on
    return replace(factors, months=months)


def _mean_paces(assumed: Assumptions, time: Horizon, asked: Asked, expected: Floats) -> tuple[Floats, Floats]:
    """Log paces [H, knots] that lead the lists of ``assumed`` to ``expected`` people [4, H], and how paces answer a

    miss: [H, knots, 4, H], the regularised inverse of the slopes.
    """
    reach, aim = expected.shape[1], _log(expected)
    size = reach * len(KNOTS)
    weight = (1 / (NEAR**2 + 1 / np.maximum(expected, 1.0))).ravel() * NEAR**2
    cost = _cost(reach)
    theta = np.zeros((reach, len(KNOTS)))
    for _ in range(ROUNDS):
        lanes = np.concatenate([np.zeros((1, size)), NUDGE * np.eye(size)]).reshape(-1, reach, len(KNOTS))
        stocks = _log(_stocks(assumed, _lanes(assumed, theta + lanes), time, asked)).reshape(len(FLOORS) * reach, -1)
        slopes = (stocks[:, 1:] - stocks[:, :1]) / NUDGE
        weighed = slopes.T * weight
        wanted = weighed @ (aim.ravel() - stocks[:, 0]) - cost @ theta.ravel()
        curve = weighed @ slopes + cost
        theta = np.clip(theta + np.linalg.solve(curve, wanted).reshape(theta.shape), -WIDEST, WIDEST)
    answer = np.linalg.solve(curve, weighed)
    return theta, np.asarray(answer).reshape(reach, len(KNOTS), len(FLOORS), reach)


def _cost(reach: int) -> Floats:
    """The penalty on log paces, as a matrix: ROUGH on changes between months, FAR on all."""
    change = np.diff(np.eye(reach), axis=0)
    rough = np.kron(change.T @ change, np.eye(len(KNOTS)))
    return ROUGH * rough + FAR * np.eye(reach * len(KNOTS))


def _month_ends(time: Horizon, reach: int) -> Asked:
    days = days_of(time.snapshot, [end.day for end in time.month_ends[:reach]])
    return Asked(days, FLOORS, (), np.zeros((0, 0), dtype=int))


def _stocks(assumed: Assumptions, factors: Factors, time: Horizon, asked: Asked) -> Floats:
    """People [4, H, D] over FLOORS at the month ends ``asked``."""
    weeks = min(int(asked.days.week[-1]) + 1, time.weeks)
    short = replace(
        time,
        week_ends=time.week_ends[: weeks + 1],
        working_days=time.working_days[:weeks],
        last_day_share=time.last_day_share[:weeks],
    )
    cut = replace(assumed, starts=assumed.starts[:, :weeks], span=assumed.span[:weeks])
    return stepped(cut, factors, short, list(range(len(assumed.lists))), asked).over


def _only(assumed: Assumptions, rows: list[int]) -> Assumptions:
    """The assumptions of the lists ``rows`` alone."""
    return replace(
        assumed,
        lists=tuple(assumed.lists[n] for n in rows),
        opening=assumed.opening[rows],
        held=assumed.held[rows],
        departures=assumed.departures[rows],
        returns=assumed.returns[rows],
        starts=assumed.starts[rows],
        shocks=assumed.shocks[:, rows],
        lasting=assumed.lasting[rows],
    )


def _lanes(assumed: Assumptions, theta: Floats) -> Factors:
    """Factors that carry log paces [D, H, knots], one in each lane, and the season, and no chance."""
    draws, reach = theta.shape[:2]
    blocks = -(-draws // LANES)
    months = np.ones((len(assumed.season), FACTORS, blocks * LANES))
    months[:, :STARTS] = assumed.season[..., None]
    months[:reach, PACES:, :draws] = np.moveaxis(np.exp(theta), 0, -1)
    shape = (len(assumed.lists), *months.shape)
    return Factors(np.broadcast_to(months, shape).copy(), np.ones((shape[0], blocks, 105, LANES)), draws)


def _log(people: Floats) -> Floats:
    return np.log(np.maximum(people, 0.0) + 1.0)
