"""A plain NumPy twin of the kernel, one week written as R6 says it: the kernel's oracle."""

from __future__ import annotations

import numpy as np

THRESHOLDS = (18, 52, 65, 78, 104)
KNOTS = (9, 26, 52, 68)


def step_weeks(opening, held, rates, returns, starts, multipliers, tilt, days, last_day_share, span):
    """As kernel.step_row is told, each list by itself, all its bands given: by list, draw and week.

    waiting [N, D, K + 1, 105], flows [N, D, K, 19], stages [N, D, 2, 105] at the end.
    """
    lists, weeks, draws = len(opening), len(days), multipliers.shape[-1]
    multipliers = np.moveaxis(multipliers, -1, 1)  # N, D, M, 9
    tilt = np.moveaxis(tilt, -1, 2).reshape(lists, draws, 105)
    state = np.repeat(opening[:, None], draws, axis=1)
    holding = np.repeat(held[:, None], draws, axis=1)
    waiting = np.empty((lists, draws, weeks + 1, 105))
    flows = np.zeros((lists, draws, weeks, 19))
    waiting[:, :, 0] = state.sum(axis=2)
    for k in range(weeks):
        month = multipliers[:, :, span[k]]
        pace = np.apply_along_axis(lambda knots: np.interp(np.arange(105), KNOTS, knots), 2, month[..., 5:]) * tilt
        share = rates[:, None] * month[:, :, None, :4, None] * pace[:, :, None, None]  # N, D, 2, 4, 105
        share[:, :, 1, 3] = 0.0  # conversions leave the outpatient stage only
        share[:, :, 1, 1] = 0.0  # and non-admitted stops
        share = days[k] * share / np.maximum(1.0, 5 * share.sum(axis=3, keepdims=True))
        left = share * state[:, :, :, None]
        back = days[k] * returns[:, None]
        state = state - left.sum(axis=3) + back
        state[:, :, 1] += left[:, :, 0, 3]
        stops = left[:, :, :, :2].sum(axis=(2, 3))
        flows[:, :, k, 1] = left[:, :, :, 0].sum(axis=(2, 3))
        flows[:, :, k, 2] = left[:, :, :, 1].sum(axis=(2, 3))
        flows[:, :, k, 3] = left[:, :, :, 2].sum(axis=(2, 3)) - back.sum(axis=(2, 3))
        flows[:, :, k, 4] = left[:, :, 0, 3].sum(axis=2)
        flows[:, :, k, 16] = left[:, :, 1, 0].sum(axis=2)
        for i, t in enumerate(THRESHOLDS):
            flows[:, :, k, 6 + i] = state[:, :, :, t - 1].sum(axis=2)
            flows[:, :, k, 11 + i] = stops[..., t:].sum(axis=2)
        aged = np.zeros_like(state)
        aged[..., 1:] = state[..., :-1]
        aged[..., 104] += state[..., 104]
        started = starts[:, k, None] * month[..., 4]
        aged[:, :, 0, 0] = holding + started * (1 - last_day_share[k])
        holding = started * last_day_share[k]
        flows[:, :, k, 0], flows[:, :, k, 5] = started, holding
        state = aged
        waiting[:, :, k + 1] = state.sum(axis=2)
    return waiting, flows, state
