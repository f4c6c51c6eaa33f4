"""The order of treatment, as observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waitlist.bands import Floats
from waitlist.history import History
from waitlist.models.rates import Rates


@dataclass(frozen=True)
class Order:
    urgent: Floats
    skew: Floats
    profile: Floats
    routine: Floats


def routine_at(order: Order, skew: float) -> Floats:
    return np.broadcast_to(skew ** (np.arange(105) / 52), order.routine.shape)


def fit_order(history: History, fitted: Rates) -> Order:
    L = len(history.lists)
    return Order(
        np.full((L, 2), 0.3), np.ones((L, 2)), np.ones((L, 2, 1)) * np.exp(-np.arange(105) / 8), np.ones((L, 2, 105))
    )
