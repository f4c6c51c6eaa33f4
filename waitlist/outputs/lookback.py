"""The record that the report opens with: how forecasts made this way have fared, in words, a picture and a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from waitlist.calendar import month_end, months_after
from waitlist.outputs import charts
from waitlist.outputs import words as say
from waitlist.outputs.parts import Figure, Table
from waitlist.results import ALL, Result

MEASURES = {
    "waiting_list": "the waiting list",
    "over_18_weeks": "the number over 18 weeks",
    "over_52_weeks": "the number over 52 weeks",
    "over_65_weeks": "the number over 65 weeks",
}
"""The measures looked back on, within a sentence."""
DRAWN = {
    "waiting_list": "People waiting",
    "over_18_weeks": "People over 18 weeks",
    "over_52_weeks": "People over 52 weeks",
}
"""Those drawn for all providers together, with the title of their axis; a provider's is of the first."""
BREAKS = {
    "step": "restated",
    "absorbed": "joined another provider",
    "missing": "no return",
    "starts": "began to report",
    "stops": "no longer reports",
}
"""Kinds of breaks in a few words."""
SPREAD = ("p05", "p25", "p50", "p75", "p95")


def sentences(result: Result, provider: str) -> list[str]:
    """How past forecasts of ``provider`` (or ALL) fared, and where the record is poor; nothing without a record."""
    lines = _lines(result, provider)
    whole = lines.get("waiting_list")
    if whole is None:
        return []
    last = [
        f"{say.share(lines[m].held_90)} of the 90% intervals held {what}, average error {say.percent(lines[m].error)} "
        f"against {say.percent(lines[m].naive_error)} for doing nothing"
        for m, what in MEASURES.items()
        if m in lines and m in ("waiting_list", "over_52_weeks")
    ]
    origins = f"the last {whole.origins} origins" if whole.origins > 1 else "the last origin"
    return [f"Forecasts made this way at {origins}: {'; '.join(last)}.", *_poor(lines)]


def _poor(lines: dict[str, Any]) -> list[str]:
    poor = [MEASURES[m] for m in MEASURES if m in lines and lines[m].poor]
    if not poor:
        return []
    why = "; ".join(dict.fromkeys(line.why for line in lines.values() if line.why))
    because = (
        f"What is reported changed in that time ({_in_words(why)}), which no forecast could know"
        if why
        else "No change in what is reported explains it"
    )
    return [f"The record is poor for {say.list_join(poor)}. {because}."]


def _in_words(why: str) -> str:
    """Breaks such as ``R1H step 2025-05`` in words."""
    return re.sub(
        r"(\w+) (\d{4}-\d{2})",
        lambda found: f"{BREAKS.get(found[1], found[1])} in {say.month(month_end(found[2]))}",
        why,
    )


def table(result: Result, providers: Sequence[str]) -> Table:
    """The record of ``providers``, a line for each measure."""
    rows = [
        [
            say.provider_name(provider, result.provider_names),
            say.MEASURES[measure],
            f"{say.share(line.held_90)} of {line.intervals}",
            say.percent(line.error),
            say.percent(line.naive_error),
            "; ".join([*(["poor"] if line.poor else []), *([_in_words(line.why)] if line.why else [])]),
        ]
        for provider in providers
        for measure, line in _lines(result, provider).items()
    ]
    columns = ["Provider", "Measure", "90% intervals that held", "Average error", "Doing nothing", "Remark"]
    return Table("How forecasts made this way have fared", columns, rows)


def figures(result: Result, provider: str, anchor: str) -> list[Figure]:
    """Past fans against what happened: every DRAWN measure for ALL, the waiting list for a provider."""
    if result.fans is None:
        return []
    fans = result.fans[result.fans["provider"] == provider]
    seen = result.observed[(result.observed["provider"] == provider) & (result.observed["specialty"] == ALL)]
    name = say.provider_name(provider, result.provider_names)
    measures = DRAWN if provider == ALL else {"waiting_list": DRAWN["waiting_list"]}
    return [
        _figure(fans[fans["measure"] == m], seen[seen["measure"] == m], m, unit, name, f"{anchor}-past-{m}")
        for m, unit in measures.items()
        if (fans["measure"] == m).any()
    ]


def _figure(fans: pd.DataFrame, seen: pd.DataFrame, measure: str, unit: str, name: str, key: str) -> Figure:
    ends = [month_end(months_after(o, int(h))) for o, h in zip(fans["origin"], fans["horizon_months"], strict=True)]
    fans = fans.assign(month_end=list(map(str, ends)))
    title = f"Past forecasts of {MEASURES[measure]} and what came: {name}"
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


def _lines(result: Result, provider: str) -> dict[str, Any]:
    """The record's line of each measure, in order."""
    if result.record is None:
        return {}
    own = result.record[result.record["provider"] == provider]
    rows = {row.measure: row for row in own.itertuples(index=False)}
    return {measure: rows[measure] for measure in MEASURES if measure in rows}
