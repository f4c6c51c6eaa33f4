"""Forecasts of lists, providers, specialties and England made to add up (MinT; Wickramasuriya et al., 2019)."""

from __future__ import annotations

import numpy as np

from waitlist.bands import Floats
from waitlist.models.rates import by_label


def reconciled(lists: Floats, totals: Floats, groups: tuple[np.ndarray, ...]) -> Floats:
    """The lists' forecasts [L, C] nearest to what the lists and their totals [G, C] were forecast to be.

    ``groups``: for each way of adding lists up, the label [L] of each list's total, counted from 0; ``totals`` has
    the totals of the first way first. Nearest: the sum of squared changes, each divided by a variance, which is
    taken to be in proportion to the forecast's size (structural scaling: a few months show no variances). With
    b lists of variances W, a totals of variances V and the summing S it is b + W Sᵀ (S W Sᵀ + V)⁻¹ (a − S b).
    A list below 0 becomes 0, the others of its first group giving what that adds, in proportion.
    """
    sizes = [int(group.max()) + 1 for group in groups]
    weight = np.maximum(lists.mean(axis=1), 0.0)
    starts = np.cumsum([0, *sizes])
    summed = np.zeros((starts[-1], starts[-1]))
    for g, one in enumerate(groups):
        for h, other in enumerate(groups):
            np.add.at(summed, (starts[g] + one, starts[h] + other), weight)
    own = np.concatenate([by_label(weight, group) for group in groups])
    gap = totals - np.concatenate([by_label(lists, group) for group in groups])
    moved = np.linalg.solve(summed + np.diag(np.maximum(own, 1e-9)), gap)
    found = lists + weight[:, None] * sum(moved[starts[g] + group] for g, group in enumerate(groups))
    first = groups[0]
    sums, kept = by_label(found, first), np.maximum(found, 0.0)
    return kept * (np.maximum(sums, 0.0) / np.maximum(by_label(kept, first), 1e-12))[first]
