"""Mutual aid in the report: what moves, who gains and who does not, the schedule, and why not more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from waitlist.outputs import aid_charts, charts
from waitlist.outputs import words as say
from waitlist.outputs.parts import Figure, Table, lines
from waitlist.results import ALL, Aid

MOST_PAIRS = 20
"""Pairs in the heat map, those with most offers; the table has them all."""
FEW_PROVIDERS = 30
"""Providers in a chart of before and after."""


@dataclass(frozen=True)
class AidPart:
    """The section's parts; empty where the plan has no transfers."""

    sentences: Sequence[str] = ()
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    why: Sequence[str] = ()


def aid_part(aid: Aid | None, providers: Mapping[str, str], specialties: Mapping[str, str]) -> AidPart:
    """The section of ``aid``, with names of ``providers`` and ``specialties`` by code."""
    if aid is None:
        return AidPart()
    names = {code: say.provider_name(code, providers) for code in {*aid.mutual_aid["provider"], *providers}}
    found = AidPart(aid.sentences, why=list(aid.limits["sentence"]))
    if len(aid.transfers):
        pairs = by_pair(aid)
        found.figures.append(_flows(aid, pairs, names))
        found.figures.append(_heat(aid, names))
    found.figures.extend(_before_after(aid, names))
    found.tables.append(_effects(aid, names))
    if aid.happened is not None:
        found.tables.append(_happened(aid.happened, names, specialties))
    return found


def by_pair(aid: Aid) -> pd.DataFrame:
    """Offers, acceptances and moves of each pair: from_provider, to_provider, offered, accepted, moved."""
    keys = ["from_provider", "to_provider"]
    return aid.transfers.groupby(keys, as_index=False)[["offered", "accepted", "moved"]].sum()


def _flows(aid: Aid, pairs: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    title = "Who moves where"
    rows = [
        [f"{names.get(c, c)} ({c})" for c in (p.from_provider, p.to_provider)]
        + [say.count(p.offered), say.count(p.accepted), say.decimal(p.moved)]
        for p in lines(pairs.sort_values("moved", ascending=False))
    ]
    most = rows[0]
    about = (
        "Places, by their codes, and lines between them, as wide as the people who move; the widest is from "
        f"{most[0]} to {most[1]}, {most[4]} people. The table has every pair."
    )
    drawn = aid_charts.flows(aid.places, pairs[["from_provider", "to_provider", "moved"]])
    table = Table(title, ["From", "To", "Offered", "Accept", "Move (mean)"], rows)
    return Figure(title, charts.draw(drawn, "aid-flows", title, about), "flows", table)


def _heat(aid: Aid, names: Mapping[str, str]) -> Figure:
    title = "The schedule: people offered a move, by pair and week"
    moves = aid.transfers
    frame = moves.assign(pair=moves["from_provider"] + " to " + moves["to_provider"])
    said = {
        say.pair(a, b, {}): say.pair(a, b, names)
        for a, b in zip(moves["from_provider"], moves["to_provider"], strict=True)
    }
    wide = frame.pivot_table(index="pair", columns="offer_week", values="offered", aggfunc="sum", fill_value=0)
    wide = wide.loc[wide.sum(axis=1).sort_values(ascending=False).index]
    drawn = wide.head(MOST_PAIRS)
    cells = drawn.reset_index().melt(id_vars="pair", var_name="week", value_name="offered")
    about = f"Each row a pair, each column a week, darker for more; {say.count(wide.to_numpy().sum())} offers in all."
    columns = ["Pair", *(say.short_day(day) for day in wide.columns), "In all"]
    rows = [
        [said[str(pair)], *(say.count(float(x)) if x else "" for x in row), say.count(float(row.sum()))]
        for pair, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return Figure(
        title, charts.draw(aid_charts.heat(cells), "aid-heat", title, about), "heat", Table(title, columns, rows)
    )


def _before_after(aid: Aid, names: Mapping[str, str]) -> list[Figure]:
    whole = aid.mutual_aid[aid.mutual_aid["specialty"] == ALL]
    found = []
    for place, ((weeks, deadline), frame) in enumerate(whole.groupby(["threshold_weeks", "deadline"], sort=True)):
        title = f"Over {weeks} weeks on {say.day(deadline)}, without and with transfers"
        hubs = _opened_empty(aid)
        trusts = frame[~frame["provider"].isin([ALL, *hubs])].assign(worse=frame["after_p50"] > frame["before_p50"])
        trusts = trusts.sort_values(["worse", "before_p50"], ascending=False, kind="stable")  # made worse off: first
        ordered = pd.concat([trusts, frame[frame["provider"].isin(hubs)], frame[frame["provider"] == ALL]])
        ordered = ordered.assign(name=[names.get(code, code) for code in ordered["provider"]])
        total = ordered.iloc[-1]
        about = (
            f"All together {say.count(total['before_p50'])} without and {say.count(total['after_p50'])} with them, "
            f"80% of draws {say.count(total['after_p10'])} to {say.count(total['after_p90'])}. "
            "The table has every provider."
        )
        figures = [f"{side}_{q}" for side in ("before", "after") for q in ("p50", "p10", "p90")]
        rows = [
            [row.name, *(say.count(getattr(row, name)) for name in figures), _said(row.after_p50 - row.before_p50)]
            for row in lines(ordered)
        ]
        columns = ["Provider", "Without (middle)", "10th", "90th", "With (middle)", "10th", "90th", "Change"]
        drawn = aid_charts.before_after(trusts.head(FEW_PROVIDERS).assign(name=ordered["name"]))
        svg = charts.draw(drawn, f"aid-before-{place}", title, about)
        found.append(Figure(title, svg, "before-after", Table(title, columns, rows)))
    return found


def _opened_empty(aid: Aid) -> set[str]:
    """Hubs: providers without anyone waiting there before."""
    lists = aid.effects[(aid.effects["measure"] == "waiting_list") & (aid.effects["specialty"] == ALL)]
    return set(lists[lists["before_mean"] == 0]["provider"]) - {ALL}


def _said(change: float) -> str:
    return f"+{say.count(change)}, worse off" if change > 0 else say.count(change) if change else "none"


def _effects(aid: Aid, names: Mapping[str, str]) -> Table:
    """Lists, longest waits, own patients' waits and clearance of every provider."""
    whole = aid.effects[aid.effects["specialty"] == ALL]
    rows = []
    for code, frame in whole.groupby("provider", sort=False):
        by = {row.measure: row for row in lines(frame)}
        line = [names.get(str(code), str(code))]
        for measure in ("waiting_list", "longest_wait_weeks", "own_mean_wait_weeks"):
            for side in ("before_p50", "after_p50"):
                value = float(getattr(by[measure], side)) if measure in by else float("nan")
                line.append(say.decimal(value) if measure == "own_mean_wait_weeks" else say.count(value))
        share = float(by["own_mean_wait_weeks"].worse) if "own_mean_wait_weeks" in by else float("nan")
        line.append(say.NONE if say.is_none(share) else say.share(share))
        rows.append(line)
    columns = [
        "Provider",
        "List without",
        "List with",
        "Longest wait without, weeks",
        "With",
        "Own patients' mean wait without, weeks",
        "With",
        "Draws beyond the tolerance",
    ]
    return Table("What transfers do at each provider, middle of the draws at the last deadline", columns, rows)


def _happened(frame: pd.DataFrame, names: Mapping[str, str], specialties: Mapping[str, str]) -> Table:
    rows = [
        [
            say.pair(row.from_provider, row.to_provider, names),
            say.short_day(row.week_ending),
            say.specialty_name(row.specialty, specialties),
            row.stage,
            *(say.count(getattr(row, column)) for column in ("planned", "happened", "missed")),
        ]
        for row in lines(frame)
    ]
    columns = ["Pair", "Week", "Specialty", "Stage", "Planned", "Happened", "Missed"]
    return Table("Transfers that were planned, and those that happened", columns, rows)
