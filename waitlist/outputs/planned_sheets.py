"""The workbook's sheets of what is planned: scenarios, waterfalls, money, unused capacity and what targets need."""

from __future__ import annotations

import pandas as pd

from waitlist.calendar import next_march_end
from waitlist.outputs import sentences
from waitlist.outputs import words as say
from waitlist.outputs.compared import COMPARED, DRAWN, MONEY, scenario_name, unused
from waitlist.outputs.needs import needs
from waitlist.outputs.sheets import MOST_ROWS, Kind, Sheet, limited, listed
from waitlist.plan import BASE
from waitlist.results import ALL, Aid, Result


def planned_sheets(result: Result) -> list[Sheet]:
    """The sheets that the plan asks for."""
    found = []
    if result.scenarios is not None and result.waterfall is not None and result.stages is not None:
        found += [
            _scenarios(result, result.scenarios),
            _waterfall(result, result.waterfall),
            _unused(result, result.stages),
        ]
    if result.money is not None:
        found.append(_money(result, result.money))
    if result.capacity is not None:
        found.append(_capacity(result, result.capacity))
    if result.aid is not None:
        found += [_before_and_after(result, result.aid), _transfers(result, result.aid)]
    return found


def _before_and_after(result: Result, aid: Aid) -> Sheet:
    rows, cut = limited(aid.mutual_aid, "mutual_aid.csv")
    kinds: list[Kind] = ["count", "date", *["count"] * 6]  # type: ignore[list-item]
    note = f"People over each threshold at its deadline, without and with the transfers, by the simulation.{cut}"
    return listed(result, Sheet("Mutual aid", "Mutual aid: without and with", note, rows, kinds), [])


def _transfers(result: Result, aid: Aid) -> Sheet:
    frame = aid.transfers
    names = {c: say.provider_name(c, result.provider_names) for c in {*frame["from_provider"], *frame["to_provider"]}}
    shown = pd.DataFrame(
        {
            "Offer in week ending": frame["offer_week"],
            "Move in week ending": frame["week_ending"],
            "From": frame["from_provider"].map(names),
            "To": frame["to_provider"].map(names),
            "Specialty": [say.specialty_name(code, result.specialty_names) for code in frame["specialty"]],
            "Stage": frame["stage"],
            "Weeks waited, at least": frame["min_weeks_waited"],
            "Offered": frame["offered"],
            "Accept": frame["accepted"],
            "Move (mean)": frame["moved"],
        }
    ).head(MOST_ROWS)
    kinds: list[Kind] = ["date", "date", "text", "text", "text", "text", "count", "count", "count", "decimal"]
    note = "Every offer; the sheets that booking teams fill in are in schedule.xlsx."
    return Sheet("Transfers", "Transfers", note, shown, kinds, 2)


def _at_marches(result: Result, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows at each 31 March and at the end of the forecast."""
    end = sentences.horizon_end(result)
    days, march = [end.isoformat()], next_march_end(result.snapshot)
    while march < end:
        days.append(march.isoformat())
        march = next_march_end(march)
    return frame[frame["month_end"].astype(str).str[:10].isin(days)]


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(scenario=frame["scenario"].map(scenario_name))


def _scenarios(result: Result, scenarios: pd.DataFrame) -> Sheet:
    rows = _at_marches(result, scenarios[scenarios["measure"].isin(COMPARED)])
    rows, cut = limited(rows, "scenarios.csv", ["scenario", "provider", "specialty", "month_end"])
    keys = ["scenario", "provider", "specialty", "month_end"]
    wide = rows.pivot(index=keys, columns="measure", values=["mean", "difference_from_base"])
    flat = pd.DataFrame({m: wide["mean", m] for m in COMPARED})
    for m in COMPARED:
        flat[f"{m} difference"] = wide["difference_from_base", m]
    order = {name: place for place, name in enumerate(dict.fromkeys(scenarios["scenario"]))}
    flat = flat.reset_index().sort_values("scenario", key=lambda names: names.map(order), kind="stable")
    one: list[Kind] = ["decimal" if m.startswith("percent") else "count" for m in COMPARED]
    note = (
        "Means over the same draws, at each 31 March and at the end; every month, measure and percentile is in "
        f"scenarios.csv.{cut}"
    )
    columns = ["scenario", "month_end"]
    flat = _named(flat)[
        ["provider", "specialty", *columns, *(c for c in flat if c not in (*columns, "provider", "specialty"))]
    ]
    kinds: list[Kind] = ["text", "date", *one, *one]
    return listed(result, Sheet("Scenarios", "Scenarios", note, flat, kinds), [])


def _waterfall(result: Result, falls: pd.DataFrame) -> Sheet:
    rows = _at_marches(result, falls[falls["measure"].isin(DRAWN)])
    rows, cut = limited(rows, "waterfall.csv")
    note = (
        "From the plan (base) to each scenario: what each part changes when it alone differs, then what they do to "
        "each other (interaction); they add up exactly. At each 31 March and at the end; all else is in "
        f"waterfall.csv.{cut}"
    )
    rows = _named(rows).assign(measure=rows["measure"].map(say.MEASURES))
    rows = rows[["provider", "specialty", "scenario", "month_end", "measure", "step", "contribution"]]
    kinds: list[Kind] = ["text", "date", "text", "text", "decimal"]
    return listed(result, Sheet("Waterfall", "What each part contributes", note, rows, kinds), [])


def _unused(result: Result, stages: pd.DataFrame) -> Sheet:
    base = stages[stages["scenario"] == BASE]
    rows = base[(base["provider"] != ALL) & (base["specialty"] != ALL)]
    total = rows.groupby(["provider", "specialty", "stage"], as_index=False)[["stops", "unused_stops"]].sum()
    total = total[total["unused_stops"] >= 1].sort_values("unused_stops", ascending=False)
    said = unused(result)
    note = (
        "Stops of the plan for which nobody was waiting, over the whole forecast."
        if said
        else ("Every stop of the plan found somebody waiting.")
    )
    kinds: list[Kind] = ["text", "count", "count"]
    return listed(result, Sheet("Unused", "Capacity that found nobody", note, total, kinds), [])


def _money(result: Result, money: pd.DataFrame) -> Sheet:
    rows, cut = limited(money[money["stage"] == ALL], "money.csv")
    rows = _named(rows)[["provider", "specialty", "scenario", "month_end", *MONEY]]
    note = (
        "Pounds. Income is the price of each stop above what is funded, lost below it; marginal cost is that of the "
        f"same stops. Stages are in money.csv.{cut}"
    )
    kinds: list[Kind] = ["text", "date", "count", "count", "count", "count", "count", "count"]
    return listed(result, Sheet("Money", "Money by month", note, rows, kinds), [])


def _capacity(result: Result, capacity: pd.DataFrame) -> Sheet:
    note = " ".join(needs(capacity, result.provider_names, result.specialty_names))
    frame = capacity.assign(attainable=capacity["attainable"].map({True: "yes", False: "no"}))
    kinds: list[Kind] = [
        "text",
        "text",
        "date",
        "share",
        "decimal",
        "decimal",
        "decimal",
        "text",
        "decimal",
        "text",
        "date",
    ]
    kinds += ["text", "text"]
    return listed(result, Sheet("Capacity", "What targets need, stops a week", note, frame, kinds), [])
