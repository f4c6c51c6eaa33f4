"""How much of something dated falls in each week."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from waitlist.bands import Floats
from waitlist.calendar import Horizon, is_working_day
from waitlist.planned import Dated


def level(item: Dated, time: Horizon, ramp_weeks: int = 0) -> Floats:
    """[K] the part of each week's working days on which ``item`` holds, those along its ramp counting in part."""
    working = is_working_day(_days(time))
    holds = np.where(working, _along(item, time, ramp_weeks), 0.0).reshape(time.weeks, 7).sum(axis=1)
    return np.asarray(holds / np.maximum(time.working_days, 1.0))


def weeks_done(item: Dated, time: Horizon, ramp_weeks: int = 0) -> Floats:
    """[K] how many weeks' worth of something that is planned by the week falls in each week.

    In all as many as there are between its dates (calendar days ÷ 7, as R8 counts), done on its working days; on any
    day where it has none, as a weekend.
    """
    holds, along = _along(item, time, 0) > 0, _along(item, time, ramp_weeks)
    done = holds & is_working_day(_days(time))
    done = done if done.any() else holds
    each = holds.sum() / 7 / max(int(done.sum()), 1)
    return np.asarray(np.where(done, along * each, 0.0).reshape(time.weeks, 7).sum(axis=1))


def _days(time: Horizon) -> np.ndarray:
    return np.datetime64(time.snapshot + timedelta(days=1), "D") + np.arange(7 * time.weeks)


def _along(item: Dated, time: Horizon, ramp_weeks: int) -> Floats:
    """[7 K] how much of ``item`` there is on each day: 0 outside its dates, less than 1 along its ramp."""
    day = _days(time)
    first = np.datetime64(item.begins or time.snapshot + timedelta(days=1), "D")
    last = np.datetime64(item.until or date.max, "D")
    along = np.clip(((day - first).astype(float) + 1) / (7 * ramp_weeks), 0.0, 1.0) if ramp_weeks else 1.0
    return np.where((first <= day) & (day <= last), along, 0.0)
