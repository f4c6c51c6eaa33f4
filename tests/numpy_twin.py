"""A plain NumPy twin of the kernel, one week written as R6 says it: the kernel's oracle."""

from __future__ import annotations

import numpy as np

THRESHOLDS = (18, 52, 65, 78, 104)


def step_weeks(opening, held, rates, returns, days, season, starts, last_day_share, multipliers, tilt, span):
    """As kernel.step_weeks, but returning waiting [D, N, K + 1, 105], flows [D, N, K, 16], stages [D, N, 2, 105]."""
    draws, lists, weeks = len(multipliers), len(opening), len(days)
    state = np.broadcast_to(opening, (draws, *opening.shape)).copy()
    holding = np.broadcast_to(held, (draws, lists)).copy()
    waiting = np.empty((draws, lists, weeks + 1, 105))
    flows = np.empty((draws, lists, weeks, 16))
    waiting[:, :, 0] = state.sum(axis=2)
    for k in range(weeks):
        factor = days[k] * season[None, :, k] * multipliers[:, span[k], :, :4]  # D, N, 4
        share = rates[None] * tilt[:, :, None, None] * factor[:, :, None, :, None]  # D, N, 2, 4, 105
        share[:, :, 1, 3] = 0.0  # conversions leave the outpatient stage only
        share = share / np.maximum(1.0, share.sum(axis=3, keepdims=True))
        left = share * state[:, :, :, None]
        back = days[k] * returns[None]
        state = state - left.sum(axis=3) + back
        state[:, :, 1] += left[:, :, 0, 3]
        stops = left[:, :, :, :2].sum(axis=(2, 3))
        flows[:, :, k, 1] = left[:, :, :, 0].sum(axis=(2, 3))
        flows[:, :, k, 2] = left[:, :, :, 1].sum(axis=(2, 3))
        flows[:, :, k, 3] = left[:, :, :, 2].sum(axis=(2, 3)) - back.sum(axis=(2, 3))
        flows[:, :, k, 4] = left[:, :, 0, 3].sum(axis=2)
        for i, t in enumerate(THRESHOLDS):
            flows[:, :, k, 6 + i] = state[:, :, :, t - 1].sum(axis=2)
            flows[:, :, k, 11 + i] = stops[..., t:].sum(axis=2)
        aged = np.zeros_like(state)
        aged[..., 1:] = state[..., :-1]
        aged[..., 104] += state[..., 104]
        started = starts[None, :, k] * multipliers[:, span[k], :, 4]
        aged[:, :, 0, 0] = holding + started * (1 - last_day_share[k])
        holding = started * last_day_share[k]
        flows[:, :, k, 0], flows[:, :, k, 5] = started, holding
        state = aged
        waiting[:, :, k + 1] = state.sum(axis=2)
    return waiting, flows, state
