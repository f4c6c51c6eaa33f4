"""The 105 bands of weeks waited and the thresholds among them (R1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BANDS = 105
"""Whole weeks waited, 0 to 103, and an open band for 104 and over."""

THRESHOLDS = (18, 52, 65, 78, 104)
"""The waits, in weeks, that national standards watch; band T is the first that is over T weeks."""

Floats = NDArray[np.float64]


def band_of_days(days: int) -> int:
    """The band of a wait of ``days`` whole days: 0 for 0-7, b for 7b+1 to 7b+7, 104 beyond (R1)."""
    return max(0, min((days - 1) // 7, BANDS - 1))


def over(waiting: NDArray[Any], threshold: int) -> Any:
    """How many of ``waiting`` (… × band) are over ``threshold`` weeks, that is > 7T days (R1); 0 is all."""
    return waiting[..., threshold:].sum(axis=-1)


def percentile_wait(waiting: NDArray[Any], share: float) -> Floats:
    """The wait in weeks below which ``share`` of ``waiting`` (… × band) lies.

    Interpolated evenly within the band, as NHS England publishes it; waits in the open band are 104.
    An empty list has no wait: NaN.
    """
    counts = np.maximum(np.asarray(waiting, dtype=float), 0.0)
    upto = counts.cumsum(axis=-1)
    total = upto[..., -1]
    target = total * share
    band = np.minimum((upto < target[..., None]).sum(axis=-1), BANDS - 1)
    inside = np.take_along_axis(counts, band[..., None], axis=-1)[..., 0]
    before = np.take_along_axis(upto, band[..., None], axis=-1)[..., 0] - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        weeks = band + np.where(inside > 0, (target - before) / inside, 0.0)
    return np.where(total > 0, np.minimum(weeks, BANDS - 1), np.nan)
