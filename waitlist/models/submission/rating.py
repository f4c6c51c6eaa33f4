"""Plan against actual: green on plan, amber within 5 % of it, red beyond, by which way the metric is better."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.models.submission.control import xmr

AMBER = 5.0
"""% of plan within which a miss is amber."""
SHARE = "percent_within_18_weeks"
LATELY = 24
"""Months of an XmR chart."""
CONTROL = ("org", "line", "month", "value", "mean", "low", "high", "rules", "sense")


def rating(plan: float, actual: float, direction: str) -> str:
    """green, amber or red; empty where neither way is better or a figure is not known."""
    if direction == "neither" or math.isnan(plan) or math.isnan(actual):
        return ""
    worse = actual - plan if direction == "lower" else plan - actual
    if worse <= 0:
        return "green"
    return "amber" if plan and 100 * worse / abs(plan) <= AMBER else "red"


def control(org: str, line: str, months: Sequence[str], values: Floats, direction: str) -> Iterator[tuple[object, ...]]:
    """CONTROL: one line's last months with its limits and special causes."""
    months, values = months[-LATELY:], values[-LATELY:]
    better = {"lower": True, "higher": False}.get(direction)
    chart = xmr([None if math.isnan(v) else float(v) for v in values], better)
    for month, point in zip(months, chart.points, strict=True):
        limits = (chart.mean, chart.low, chart.high)
        yield (org, line, month, point.value, *limits, ",".join(point.rules), point.sense)


def control_table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """The rows of several charts as CONTROL; what is not known is NaN."""
    frame = pd.DataFrame(rows, columns=list(CONTROL))
    for name in ("value", "mean", "low", "high"):
        frame[name] = pd.to_numeric(frame[name]).astype(float)
    return frame


def share(part: Floats, whole: Floats) -> Floats:
    """A percentage; NaN of nobody."""
    return np.asarray(100 * part / np.where(whole > 0, whole, np.nan))
