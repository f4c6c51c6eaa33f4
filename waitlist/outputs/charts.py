"""The report's pictures: Altair charts drawn once as still SVG, without a browser or a network.

Keys to lines and bands stand in the page beside them: dashes and shades differ, never colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from markupsafe import Markup

DARK, MID, LIGHT = "#003087", "#5A8FCB", "#CFE0F3"
INK, GREY, WARM = "#212B32", "#4C6272", "#B34700"

_AXIS: dict[str, Any] = {
    "labelFontSize": 14,
    "titleFontSize": 14,
    "titleFontWeight": "normal",
    "labelColor": INK,
    "titleColor": INK,
    "gridColor": "#E1E6EA",
    "domainColor": GREY,
    "tickColor": GREY,
}
_MONTHS = alt.Axis(format="%b %Y", tickCount=5, labelOverlap=True)
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": None,
    "font": "Arial, sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
}


@dataclass(frozen=True)
class Drawing:
    """A chart as Vega-Lite, drawn once for all providers, and one provider's data by name."""

    chart: dict[str, Any]
    data: dict[str, pd.DataFrame]


def waits(frame: pd.DataFrame, thresholds: Sequence[int]) -> Drawing:
    """Who waits how long: bars by week waited, the admission stage darker, a line at each threshold.

    frame: weeks_waited (0-104), bottom and top of the bar in people, admission (true or false).
    """
    data = {"bars": frame.assign(end=frame["weeks_waited"] + 1), "thresholds": pd.DataFrame({"week": list(thresholds)})}
    return Drawing(_waits(), data)


@cache
def _waits() -> dict[str, Any]:
    weeks = alt.Scale(domain=[0, 106], nice=False)
    bars = (
        alt.Chart(alt.NamedData("bars"))
        .mark_rect(stroke="white", strokeWidth=0.3)
        .encode(
            x=alt.X("weeks_waited:Q", title="Weeks waited (last bar: 104 and over)", scale=weeks),
            x2="end:Q",
            y=_people("bottom", "People waiting"),
            y2="top:Q",
            color=alt.Color("admission:N", scale=alt.Scale(range=[MID, DARK]), legend=None),
        )
    )
    marks = alt.Chart(alt.NamedData("thresholds")).encode(x="week:Q")
    rules = marks.mark_rule(strokeDash=[5, 3], strokeWidth=1.5, color=WARM)
    labels = marks.mark_text(baseline="bottom", dy=-3, fontSize=14, color=WARM)
    return _spec(alt.layer(bars, rules, labels.encode(text="week:Q", y=alt.value(0))))


def trajectory(past: pd.DataFrame, ahead: pd.DataFrame, unit: str, stepped: Sequence[str]) -> Drawing:
    """The observed past as a solid line, the forecast dashed within its 50 % and 90 % fans.

    past: month_end, value (None where nothing was reported). ahead: month_end, p05, p25, p50, p75, p95.
    stepped: month ends at which what is reported changed, each marked by an upright line. Dates as ISO text.
    The axis starts near the figures, not at zero: it is the change that is looked for.
    """
    steps = pd.DataFrame({"month_end": list(stepped)})
    return Drawing(_trajectory(unit), {"past": past, "ahead": ahead, "steps": steps})


@cache
def _trajectory(unit: str) -> dict[str, Any]:
    forecast = alt.Chart(alt.NamedData("ahead")).encode(x=_time("month_end"))
    fans = [
        forecast.mark_area(color=shade, stroke=GREY, strokeWidth=0.6).encode(y=_people(low, unit, False), y2=high)
        for low, high, shade in (("p05", "p95", LIGHT), ("p25", "p75", MID))
    ]
    middle = forecast.mark_line(color=DARK, strokeDash=[6, 3], strokeWidth=2.5)
    seen = alt.Chart(alt.NamedData("past")).mark_line(color=INK, strokeWidth=2.5)
    steps = alt.Chart(alt.NamedData("steps"))
    chart = alt.layer(
        steps.mark_rule(color=WARM, strokeDash=[2, 3], strokeWidth=2).encode(x=_time("month_end")),
        *fans,
        middle.encode(y=_people("p50", unit, False)),
        seen.encode(x=_time("month_end"), y=_people("value", unit, False)),
    )
    return _spec(chart)


def past_fans(past: pd.DataFrame, fans: pd.DataFrame, unit: str) -> Drawing:
    """What came as a solid line over the fans that were forecast from each origin.

    past: month_end, value. fans: origin, month_end, p05, p25, p50, p75, p95, each origin's months in order.
    """
    return Drawing(_past_fans(unit), {"past": past, "fans": fans})


@cache
def _past_fans(unit: str) -> dict[str, Any]:
    said = alt.Chart(alt.NamedData("fans")).encode(x=_time("month_end"), detail="origin:N")
    fans = [
        said.mark_area(color=shade, stroke=GREY, strokeWidth=0.6).encode(y=_people(low, unit, False), y2=high)
        for low, high, shade in (("p05", "p95", LIGHT), ("p25", "p75", MID))
    ]
    middle = said.mark_line(color=DARK, strokeDash=[6, 3], strokeWidth=2.5).encode(y=_people("p50", unit, False))
    seen = alt.Chart(alt.NamedData("past")).mark_line(color=INK, strokeWidth=2.5)
    return _spec(alt.layer(*fans, middle, seen.encode(x=_time("month_end"), y=_people("value", unit, False))))


def scenarios(lines: pd.DataFrame, band: pd.DataFrame, unit: str) -> Drawing:
    """One measure by scenario: each a line of its own colour and dash, over the plan's own 80 % of draws.

    lines: scenario, month_end, mean. band: month_end, p10, p90.
    """
    return Drawing(_scenarios(unit, tuple(dict.fromkeys(lines["scenario"]))), {"lines": lines, "band": band})


@cache
def _scenarios(unit: str, names: tuple[str, ...]) -> dict[str, Any]:
    fan = alt.Chart(alt.NamedData("band")).mark_area(color=LIGHT)
    looks = [_LOOKS[place % len(_LOOKS)] for place in range(len(names))]
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelFontSize=13, labelLimit=380, symbolSize=400)
    drawn = (
        alt.Chart(alt.NamedData("lines"))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=_time("month_end"),
            y=_people("mean", unit, False),
            color=alt.Color("scenario:N", scale=alt.Scale(domain=names, range=[c for c, _ in looks]), legend=legend),
            strokeDash=alt.StrokeDash(
                "scenario:N", scale=alt.Scale(domain=names, range=[d for _, d in looks]), legend=legend
            ),
        )
    )
    return _spec(alt.layer(fan.encode(x=_time("month_end"), y=_people("p10", unit, False), y2="p90"), drawn))


_LOOKS: tuple[tuple[str, list[int]], ...] = (
    (GREY, [2, 3]),
    (DARK, [1, 0]),
    (WARM, [6, 3]),
    ("#006747", [10, 4]),
    ("#7C2855", [8, 3, 2, 3]),
    ("#425563", [4, 2]),
    ("#0072CE", [12, 3, 3, 3]),
    ("#8A1538", [3, 6]),
)
"""Colours and dashes of scenarios: nothing planned, the plan, then the others; they come round again after eight."""


def waterfall(steps: pd.DataFrame, unit: str) -> Drawing:
    """From one figure to another, step by step: bars that begin where the one before ended, each with its value.

    steps: step, place, begins, ends, kind (whole, up or down), label.
    """
    return Drawing(_waterfall(unit, len(steps)), {"steps": steps})


@cache
def _waterfall(unit: str, count: int) -> dict[str, Any]:
    order = alt.EncodingSortField("place")
    base = alt.Chart(alt.NamedData("steps")).encode(
        y=alt.Y("step:N", sort=order, title=None, axis=alt.Axis(labelLimit=220))
    )
    kinds = alt.Scale(domain=["whole", "up", "down"], range=[DARK, WARM, MID])
    bars = base.mark_bar(height=22).encode(
        x=alt.X(
            "begins:Q", title=unit, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(format=",~f", tickCount=4)
        ),
        x2="ends:Q",
        color=alt.Color("kind:N", scale=kinds, legend=None),
    )
    labels = base.mark_text(align="left", dx=5, fontSize=13, color=INK).encode(x="right:Q", text="label:N")
    return {
        **alt.layer(bars, labels).properties(width=300, height=32 * count).to_dict(validate=False),
        "config": CONFIG,
    }


def extras(frame: pd.DataFrame) -> Drawing:
    """More activity a week by specialty: one bar for each, theatres darker than clinics.

    frame: name, place, begins, ends, theatres (true or false).
    """
    return Drawing(_extras(frame["name"].nunique()), {"extras": frame})


@cache
def _extras(count: int) -> dict[str, Any]:
    bars = (
        alt.Chart(alt.NamedData("extras"))
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort=alt.EncodingSortField("place"), title=None, axis=alt.Axis(labelLimit=240)),
            x=alt.X("begins:Q", title="More stops a week", axis=alt.Axis(format=",~f", tickCount=4)),
            x2="ends:Q",
            color=alt.Color("theatres:N", scale=alt.Scale(domain=[False, True], range=[MID, DARK]), legend=None),
        )
    )
    return {**bars.properties(width=300, height=26 * count).to_dict(validate=False), "config": CONFIG}


def burn_down(frame: pd.DataFrame) -> Drawing:
    """A cohort's remaining people by week, with the straight line that empties it by its deadline.

    frame: week_ending, p10, p50, p90 of one cohort; its last row is the deadline.
    """
    ends = frame.iloc[[0, -1]][["week_ending"]].assign(p50=[frame["p50"].iloc[0], 0.0])
    return Drawing(_burn_down(), {"cohort": frame, "needed": ends})


@cache
def _burn_down() -> dict[str, Any]:
    weeks = alt.Chart(alt.NamedData("cohort")).encode(x=_time("week_ending"))
    needed = alt.Chart(alt.NamedData("needed")).mark_line(
        color=WARM, strokeDash=[1, 5], strokeCap="round", strokeWidth=3
    )
    y = _people("p50", "People remaining")
    chart = alt.layer(
        weeks.mark_area(color=LIGHT, stroke=GREY, strokeWidth=0.6).encode(
            y=_people("p10", "People remaining"), y2="p90"
        ),
        needed.encode(x=_time("week_ending"), y=y),
        weeks.mark_line(color=DARK, strokeDash=[6, 3], strokeWidth=2.5).encode(y=y),
    )
    return _spec(chart)


def _spec(chart: alt.LayerChart | alt.FacetChart) -> dict[str, Any]:
    return {**chart.properties(width=410, height=220).to_dict(validate=False), "config": CONFIG}


def draw(drawing: Drawing, key: str, title: str, description: str) -> Markup:
    """The chart as inline SVG that a screen reader can name; ``key`` keeps its ids apart in a page."""
    data = {name: frame.to_dict(orient="records") for name, frame in drawing.data.items()}
    svg = vl_convert.vegalite_to_svg({**drawing.chart, "datasets": data})
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", svg)  # one picture, not a picture of each part
    box = re.search(r'viewBox="([^"]+)"', svg)
    ids = {name: f"{key}-{place}" for place, name in enumerate(re.findall(r'\bid="([^"]+)"', svg))}
    for name, ours in ids.items():
        svg = svg.replace(f'id="{name}"', f'id="{ours}"').replace(f"url(#{name})", f"url(#{ours})")
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="{}" role="img"'
        ' aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}'
    ).format(
        box.group(1) if box else "0 0 480 280",
        *(key, key, key, title, key, description),
        Markup(svg[svg.index(">") + 1 :]),  # noqa: S704 - our own drawing, its texts already escaped
    )


def _time(field: str) -> alt.X:
    """A time axis that reads ISO dates the same on every machine, whatever its time zone."""
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc"), axis=_MONTHS)


def _people(field: str, title: str, zero: bool = True) -> alt.Y:
    """A scale of people (or per cent), from zero or from near the least."""
    scale = alt.Scale(zero=zero, nice=True)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(format=",~f", tickCount=5))
