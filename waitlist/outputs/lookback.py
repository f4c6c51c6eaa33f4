"""The record that the report opens with: how forecasts made this way have fared, in a picture and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from waitlist.calendar import month_end, months_after
from waitlist.outputs import charts, recorded
from waitlist.outputs import words as say
from waitlist.outputs.parts import Figure, Table
from waitlist.results import ALL, Result

DRAWN = {
    "waiting_list": "People waiting",
    "over_18_weeks": "People over 18 weeks",
    "over_52_weeks": "People over 52 weeks",
}
"""Those drawn, with the title of their axis."""
SPREAD = ("p05", "p25", "p50", "p75", "p95")


def table(result: Result, providers: Sequence[str]) -> Table:
    """The record of ``providers``, a line for each measure."""
    rows = [
        [
            say.provider_name(provider, result.provider_names),
            say.MEASURES[measure],
            f"{say.share(line.held_90)} of {line.intervals}",
            say.percent(line.error),
            say.percent(line.naive_error),
            "; ".join(filter(None, ["poor" * line.poor, recorded.in_words(line.why, result.provider_names)])),
        ]
        for provider in providers
        for measure, line in recorded.record_lines(result, provider).items()
    ]
    columns = ["Provider", "Measure", "90% intervals that held", "Average error", "Doing nothing", "Remark"]
    return Table("How forecasts made this way have fared", columns, rows)


def figures(result: Result, provider: str, anchor: str) -> list[Figure]:
    """Past fans against what happened: every DRAWN measure for ALL, those whose record is poor for a provider."""
    if result.fans is None:
        return []
    fans = result.fans[result.fans["provider"] == provider]
    seen = result.observed[(result.observed["provider"] == provider) & (result.observed["specialty"] == ALL)]
    name = say.provider_name(provider, result.provider_names)
    lines = recorded.record_lines(result, provider)
    measures = {m: unit for m, unit in DRAWN.items() if provider == ALL or (m in lines and lines[m].poor)}
    return [
        _figure(fans[fans["measure"] == m], seen[seen["measure"] == m], m, unit, name, f"{anchor}-past-{m}")
        for m, unit in measures.items()
        if (fans["measure"] == m).any()
    ]


def _figure(fans: pd.DataFrame, seen: pd.DataFrame, measure: str, unit: str, name: str, key: str) -> Figure:
    ends = [month_end(months_after(o, int(h))) for o, h in zip(fans["origin"], fans["horizon_months"], strict=True)]
    fans = fans.assign(month_end=list(map(str, ends)))
    title = f"Past forecasts of {recorded.RECORDED[measure]} and what came: {name}"
    held = int(((fans["p05"] <= fans["actual"]) & (fans["actual"] <= fans["p95"])).sum())
    about = f"{held} of {len(fans)} of the 90% intervals held what came. The table has every figure."
    past = pd.DataFrame({"month_end": [str(say.as_date(day)) for day in seen["month_end"]], "value": seen["value"]})
    now = past.set_index("month_end")["value"]
    starts = [
        {"origin": origin, "month_end": day, **dict.fromkeys(SPREAD, now[day])}
        for origin in fans["origin"].unique()
        if (day := str(month_end(origin))) in now.index
    ]
    drawn = pd.concat([pd.DataFrame(starts), fans[["origin", "month_end", *SPREAD]]], ignore_index=True)
    svg = charts.draw(charts.past_fans(past, drawn.sort_values(["origin", "month_end"]), unit), key, title, about)
    lines: list[Any] = list(fans.sort_values(["origin", "horizon_months"]).itertuples(index=False))
    rows = [
        [
            say.month(row.month_end),
            say.month(month_end(row.origin)),
            *(say.figure(measure, getattr(row, q)) for q in SPREAD),
            say.figure(measure, row.actual),
        ]
        for row in lines
    ]
    columns = ["End of", "Forecast from", "5th", "25th", "Middle (50th)", "75th", "95th", "What came"]
    return Figure(title, svg, "trajectory", Table(title, columns, rows))
