"""How a provider's outlook is shared among its lists, and how far a list strays from its provider.

A list is expected between two places: where its provider's growth would take it, and where its own rates would. Between
the two is better than either (benchmarks/results/backtest.md). All shares add up to the provider's outlook.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats, over
from waitlist.history import History
from waitlist.models.outlook import LEAST_PATHS, MONTHS, NOBODY, deviations, fitted_scale, grown_on, widths
from waitlist.models.rates import by_label
from waitlist.models.record import FLOORS

OWN = np.array([0.2, 0.4, 0.5, 0.5])
"""The weight of a list's own rates against its provider's growth, in logs, by stock."""
LEAST_LIST = 50.0
"""People on a list from which it is learned from."""
EVERY = 2
"""Months between the origins whose strays are learned from."""


@dataclass(frozen=True)
class Strays:
    """Log strays of lists from their providers: own [R, 4, MONTHS] as multiples of their width, scale for widths."""

    own: Floats
    scale: Floats


def strays(history: History) -> Strays | None:
    """How lists have strayed from their providers in ``history``; None where the months are too few to tell."""
    provider = np.unique([key[0] for key in history.lists], return_inverse=True)[1]
    people = np.stack([over(history.waiting, floor) for floor in FLOORS], axis=1)
    known = history.present
    apart = np.log(np.maximum(people, NOBODY)) - np.log(np.maximum(by_label(people, provider), NOBODY))[provider]
    for reach in range(min(MONTHS, known.shape[1] - 1), 0, -1):
        found, size = [], []
        for q in range(known.shape[1] - reach - 1, -1, -EVERY):
            rows = known[:, q : q + reach + 1].all(axis=1) & (people[:, 0, q] >= LEAST_LIST)
            found.append((apart[:, :, q + 1 : q + reach + 1] - apart[:, :, [q]])[rows])
            size.append(people[rows, :, q])
        strayed, now = np.concatenate(found), np.concatenate(size)
        if len(strayed) >= LEAST_PATHS:
            scale = fitted_scale(strayed, now)
            return Strays(*grown_on(deviations(strayed, now, scale), scale))
    return None


def shared(now: Floats, own: Floats, expected: Floats) -> Floats:
    """The people [N, 4, H] of a provider's N lists that add up to its ``expected`` [4, H].

    now [N, 4]: people at the snapshot. own [N, 4, H]: where the lists' own rates would take them.
    """
    growth = expected / np.maximum(now.sum(axis=0), NOBODY)[:, None]
    by_rates = own * expected / np.maximum(own.sum(axis=0), NOBODY)
    own_weight = OWN[:, None]
    between = own_weight * np.log(by_rates + NOBODY) + (1 - own_weight) * np.log(now[..., None] * growth + NOBODY)
    people = np.maximum(np.exp(between) - NOBODY, 0.0) + 1e-9
    return np.asarray(people * expected / people.sum(axis=0))


def stray_paths(known: Strays, now: Floats, draws: int, random: np.random.Generator) -> Floats:
    """[4, MONTHS, D] how far each draw of a list with ``now`` [4] people strays from its provider, in logs."""
    own = known.own[random.integers(len(known.own), size=draws)]
    return np.moveaxis(own, 0, -1) * widths(known.scale, now[None])[0][..., None]
