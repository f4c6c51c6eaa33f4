"""The pictures of mutual aid: a map of flows, people before and after, and the schedule as a heat map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from waitlist.outputs.charts import CONFIG, DARK, GREY, INK, LIGHT, MID, Drawing
from waitlist.outputs.parts import lines

NEAR = 0.72
"""How far along its line a flow's arrow stands, so that both ways of a pair can be told apart."""
APART = 0.22
"""The least distance of two places on the map, of its width."""


def flows(places: Mapping[str, tuple[float, float]], pairs: pd.DataFrame) -> Drawing:
    """Places, and between them lines as wide as the people who move, each with an arrow where it leads.

    places: latitude and longitude by code; where one is missing all stand on a circle. pairs: from_provider,
    to_provider, moved.
    """
    codes = sorted({*pairs["from_provider"], *pairs["to_provider"]})
    at = _on_map(places, codes) or _on_circle(codes)
    drawn = []
    for sender, receiver, people in lines(pairs):
        (x, y), (x2, y2) = at[sender], at[receiver]
        length = math.hypot(x2 - x, y2 - y) or 1.0
        aside = 0.018  # so that both ways of a pair do not lie on each other
        dx, dy = -(y2 - y) / length * aside, (x2 - x) / length * aside
        drawn.append(
            {
                "x": x + dx,
                "y": y + dy,
                "x2": x2 + dx,
                "y2": y2 + dy,
                "ax": x + dx + NEAR * (x2 - x),
                "ay": y + dy + NEAR * (y2 - y),
                "angle": math.degrees(math.atan2(x2 - x, y2 - y)),
                "people": float(people),
            }
        )
    spots = [{"x": at[code][0], "y": at[code][1], "name": code} for code in codes]
    columns = ["x", "y", "x2", "y2", "ax", "ay", "angle", "people"]
    return Drawing(_flows(), {"lines": pd.DataFrame(drawn, columns=columns), "spots": pd.DataFrame(spots)})


def _flows() -> dict[str, Any]:
    scale = alt.Scale(domain=[-0.15, 1.15], nice=False)
    x, y = alt.X("x:Q", axis=None, scale=scale), alt.Y("y:Q", axis=None, scale=scale)
    moves = alt.Chart(alt.NamedData("lines"))
    wide = alt.StrokeWidth("people:Q", scale=alt.Scale(range=[1, 12], zero=True), legend=None)
    arrows = moves.mark_point(shape="triangle-up", filled=True, color=DARK, opacity=1, size=120)
    spots = alt.Chart(alt.NamedData("spots")).encode(x=x, y=y)
    chart = alt.layer(
        moves.mark_rule(color=MID, opacity=0.75).encode(x=x, y=y, x2="x2:Q", y2="y2:Q", strokeWidth=wide),
        arrows.encode(
            x=alt.X("ax:Q", axis=None, scale=scale),
            y=alt.Y("ay:Q", axis=None, scale=scale),
            angle=alt.Angle("angle:Q", scale=None),
        ),
        spots.mark_circle(size=170, color=INK, opacity=1),
        spots.mark_text(dy=-15, fontSize=13, color=INK, fontWeight="bold").encode(text="name:N"),
    )
    return {**chart.properties(width=420, height=320).to_dict(validate=False), "config": CONFIG}


def _on_map(places: Mapping[str, tuple[float, float]], codes: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Where ``codes`` lie in a square of 1, north up; nothing where one is unknown or all are at one place."""
    if any(code not in places for code in codes) or len(codes) < 2:
        return {}
    middle = sum(places[code][0] for code in codes) / len(codes)
    flat = {c: (places[c][1] * math.cos(math.radians(middle)), places[c][0]) for c in codes}
    if len(set(flat.values())) == 1:
        return {}
    at = _in_square(flat)
    return _apart({c: (x, y + (1 - max(spot[1] for spot in at.values())) / 2) for c, (x, y) in at.items()})


def _apart(at: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The places moved apart where they would lie on each other."""
    for _ in range(60):
        for one in at:
            for other in at:
                dx, dy = at[other][0] - at[one][0], at[other][1] - at[one][1]
                far = math.hypot(dx, dy)
                if one < other and far < APART:
                    push = (APART - far) / 2 / (far or 1.0)
                    dx, dy = (dx, dy) if far else (1.0, 0.0)
                    at[one] = at[one][0] - push * dx, at[one][1] - push * dy
                    at[other] = at[other][0] + push * dx, at[other][1] + push * dy
    return _in_square(at)


def _in_square(at: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The places moved and scaled alike both ways, so that they just lie in a square of 1."""
    low = [min(spot[i] for spot in at.values()) for i in (0, 1)]
    span = max(max(spot[i] for spot in at.values()) - low[i] for i in (0, 1)) or 1.0
    return {code: ((x - low[0]) / span, (y - low[1]) / span) for code, (x, y) in at.items()}


def _on_circle(codes: Sequence[str]) -> dict[str, tuple[float, float]]:
    turn = 2 * math.pi / max(len(codes), 1)
    return {code: (0.5 + 0.5 * math.sin(turn * i), 0.5 + 0.5 * math.cos(turn * i)) for i, code in enumerate(codes)}


def before_after(frame: pd.DataFrame) -> Drawing:
    """A row for each provider: a hollow dot without transfers, a filled one with them, and a bar of 80 % of draws.

    frame: name, before_p10, before_p50, before_p90, after_p10, after_p50, after_p90, in the order of the rows.
    """
    columns, data = ["name", "low", "middle", "high"], {}
    for side, when in (("Without", "before"), ("With", "after")):
        part = frame[["name", f"{when}_p10", f"{when}_p50", f"{when}_p90"]]
        data[side] = part.set_axis(columns, axis="columns")
    return Drawing(_before_after(list(frame["name"])), data)


def _before_after(order: list[str]) -> dict[str, Any]:
    layers = []
    for side, shift, colour, filled in (("Without", -6, GREY, False), ("With", 6, DARK, True)):
        names = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=220))
        rows = alt.Chart(alt.NamedData(side)).encode(y=names)
        people = alt.X("low:Q", title="People", scale=alt.Scale(zero=True), axis=alt.Axis(format=",~f", tickCount=5))
        layers.append(
            rows.mark_rule(strokeWidth=4, color=LIGHT if filled else "#D8DDE0", yOffset=shift).encode(
                x=people, x2="high:Q"
            )
        )
        layers.append(
            rows.mark_point(size=90, filled=filled, color=colour, strokeWidth=2, opacity=1, yOffset=shift).encode(
                x="middle:Q"
            )
        )
    chart = alt.layer(*layers)
    size = chart.properties(width=300, height=alt.Step(44)).to_dict(validate=False)
    return {**size, "config": CONFIG}


def heat(frame: pd.DataFrame) -> Drawing:
    """Offers of each pair by week: the darker the more, with the number in the cell.

    frame: pair, week (ISO), offered; every pair and week once.
    """
    return Drawing(
        _heat(len(frame["week"].unique())),
        {"cells": frame.assign(dark=frame["offered"] > 0.45 * frame["offered"].max())},
    )


def _heat(weeks: int) -> dict[str, Any]:
    cells = alt.Chart(alt.NamedData("cells")).encode(
        x=alt.X("week:O", title="Week of the offer, ending", axis=alt.Axis(labelAngle=-90, labelFontSize=11)),
        y=alt.Y("pair:N", title=None, axis=alt.Axis(labelLimit=260, labelFontSize=12), sort=None),
    )
    shade = alt.Color("offered:Q", scale=alt.Scale(scheme="blues", domainMin=0), legend=None)
    ink = alt.Color("dark:N", scale=alt.Scale(domain=[False, True], range=[INK, "#FFFFFF"]), legend=None)
    said = cells.transform_filter("datum.offered > 0").mark_text(fontSize=9)
    chart = alt.layer(
        cells.mark_rect(stroke="#E1E6EA").encode(color=shade), said.encode(text="offered:Q", color=ink)
    ).resolve_scale(color="independent")
    return {
        **chart.properties(width=max(24 * weeks, 200), height=alt.Step(22)).to_dict(validate=False),
        "config": CONFIG,
    }
