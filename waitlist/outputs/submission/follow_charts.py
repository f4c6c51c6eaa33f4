"""The pictures of a follow-up: XmR charts as the NHS draws them, and a difference from plan step by step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from waitlist.calendar import month_end
from waitlist.outputs import charts
from waitlist.outputs.charts import CONFIG, GREY, INK, Drawing

CONCERN, IMPROVEMENT, NEITHER = "#e46c0a", "#00b0f0", "#7c2855"
MARKS = {
    "common": ("circle", GREY, 45),
    "improvement": ("diamond", IMPROVEMENT, 190),
    "concern": ("triangle-up", CONCERN, 170),
    "neither": ("square", NEITHER, 110),
}
"""What a point means: its shape, its colour, its size. Each shape is another, so that colour is never needed."""


def control(points: pd.DataFrame, unit: str) -> Drawing:
    """An XmR chart: values joined in grey, the mean solid, the limits dashed, special causes as MARKS has them.

    points: month, value, mean, low, high, sense of one line, in order. A month without a value breaks the line.
    """
    values = points["value"].astype(object).where(points["value"].notna(), None)
    seen = pd.DataFrame({"month_end": [str(month_end(month)) for month in points["month"]]}, dtype=object)
    seen = seen.assign(value=values.to_list(), sense=points["sense"].to_list())
    across = points[["mean", "low", "high"]].head(1).melt(var_name="which", value_name="at").dropna()
    is_mean = across["which"] == "mean"
    return Drawing(_control(unit), {"seen": seen, "mean": across[is_mean], "limits": across[~is_mean]})


@cache
def _control(unit: str) -> dict[str, Any]:
    scale = alt.Scale(zero=False, nice=True)
    axis = alt.Axis(format=",~f", tickCount=5, titlePadding=12)
    y = alt.Y("value:Q", title=unit, scale=scale, axis=axis)
    when = alt.Axis(format="%b %y", tickCount=5, labelOverlap=True)
    x = alt.X("month_end:T", title=None, scale=alt.Scale(type="utc"), axis=when)
    seen = alt.Chart(alt.NamedData("seen")).encode(x=x, y=y)
    across = alt.Y("at:Q", title=unit, scale=scale, axis=axis)
    limits = alt.Chart(alt.NamedData("limits")).mark_rule(color=INK, strokeDash=[6, 4], strokeWidth=1.5)
    mean = alt.Chart(alt.NamedData("mean")).mark_rule(color=INK, strokeWidth=1.5)
    marks = seen.transform_filter("isValid(datum.value)").mark_point(filled=True, opacity=1, stroke=INK, strokeWidth=1)
    marks = marks.encode(shape=_by_sense("shape", 0), fill=_by_sense("fill", 1), size=_by_sense("size", 2))
    chart = alt.layer(limits.encode(y=across), mean.encode(y=across), seen.mark_line(color=GREY, strokeWidth=2), marks)
    return {**chart.properties(width=410, height=200).to_dict(validate=False), "config": CONFIG}


def _by_sense(channel: str, part: int) -> Any:
    """The scale of one channel over the senses of a point."""
    scale = alt.Scale(domain=list(MARKS), range=[mark[part] for mark in MARKS.values()])
    return {"shape": alt.Shape, "fill": alt.Fill, "size": alt.Size}[channel]("sense:N", scale=scale, legend=None)


def fall(first: tuple[str, float], steps: Sequence[tuple[str, float, str]], last: tuple[str, float]) -> Drawing:
    """From ``first`` to ``last`` step by step, in people; a step is its name, its contribution and its label."""
    rows, at = [(first[0], first[1], first[1], "whole", f"{first[1]:,.0f}")], first[1]
    for name, change, label in steps:
        rows.append((name, at, at + change, "up" if change > 0 else "down", label))
        at += change
    rows.append((last[0], last[1], last[1], "whole", f"{last[1]:,.0f}"))
    frame = pd.DataFrame(rows, columns=["step", "begins", "ends", "kind", "label"])
    edges = frame[["begins", "ends"]]
    low, high = float(edges.min().min()), float(edges.max().max())
    # Near the figures, not at zero: it is the steps that are looked for.
    frame.loc[frame["kind"] == "whole", "begins"] = max(0.0, low - 0.15 * max(high - low, 1.0))
    frame = frame.assign(place=range(len(frame)), right=frame[["begins", "ends"]].max(axis=1))
    drawn = charts.waterfall(frame, "People")
    # Room for names and numbers in a wider font than the one they were measured in.
    room = {"left": 16, "right": 28, "top": 5, "bottom": 5}
    config = {**CONFIG, "axisX": {"labelOverlap": "parity", "labelSeparation": 12}}
    return Drawing({**drawn.chart, "padding": room, "config": config}, drawn.data)
