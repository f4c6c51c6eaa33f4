"""report.html: one self-contained page that opens offline, with a table beside every chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from waitlist.calendar import month_end, months_after, months_between
from waitlist.outputs import charts, lookback, noted, sentences
from waitlist.outputs import words as say
from waitlist.outputs.aid import aid_part
from waitlist.outputs.compared import compared
from waitlist.outputs.parts import Figure, Table, template
from waitlist.outputs.recorded import past_record
from waitlist.results import ALL, Result

CHARTED = 12
"""Providers that get charts, largest first; the rest get tables only, so that the page stays small."""

TRAJECTORIES = {
    "waiting_list": "People waiting",
    "percent_within_18_weeks": "% within 18 weeks",
    "over_52_weeks": "People over 52 weeks",
    "over_65_weeks": "People over 65 weeks",
}
"""The measures drawn as trajectories, with the title of their axis."""

FEW_COMPARED = 5
"""Providers whose scenarios are in the report, the largest; the CSV has all."""

QUANTILES = ("p05", "p25", "p50", "p75", "p95")


@dataclass(frozen=True)
class Section:
    """One provider's part of the page (or that of all providers together)."""

    anchor: str
    name: str
    headline: Sequence[str]
    figures: Sequence[Figure]
    tables: Sequence[Table]
    specialties: Table


def render(result: Result) -> str:
    """The whole page as HTML; every text from the data is escaped."""
    providers = sentences.by_size(result)
    parts = _by_provider(result, providers)
    sections = [_section(result, parts[code], code, place <= CHARTED) for place, code in enumerate(providers)]
    return template("report.html.j2").render(
        result=result,
        say=say,
        sections=sections,
        providers=[sentences.in_one(result, code) for code in providers[1 : CHARTED + 1]],
        charted=CHARTED if len(providers) > CHARTED + 1 else 0,
        end=sentences.horizon_end(result),
        overview=_overview(result),
        compared=compared(result, providers[: FEW_COMPARED + 1]),
        aid=aid_part(result.aid, result.provider_names, result.specialty_names),
        planned=result.scenarios is not None,
        record=past_record(result, ALL),
        looked_back=lookback.figures(result, ALL, "record"),
        recorded=lookback.table(result, providers[: CHARTED + 1]),
        demand=_demand(result, providers[: CHARTED + 1]),
        supposing=sentences.supposing(result.plan),
        led=result.paces["month_end"].nunique(),
        paces=_paces(result, providers[: CHARTED + 1]),
        breaks=noted.breaks(result.breaks, result.provider_names, result.specialty_names),
        warnings=noted.problems(result.warnings),
        flatters=sentences.flatters(result),
        clearance_rule=sentences.clearance_rule(result.plan),
    )


def _by_provider(result: Result, providers: Sequence[str]) -> dict[str, dict[str, pd.DataFrame]]:
    """Each table's rows by provider, split once: looking for them one by one is slow for England."""
    split: dict[str, dict[str, pd.DataFrame]] = {code: {} for code in providers}
    for name in ("position", "trajectory", "observed", "breakeven", "clearance", "cohorts", "waits"):
        table: pd.DataFrame = getattr(result, name)
        groups = dict(list(table.groupby("provider", observed=True)))
        for code, parts in split.items():
            parts[name] = groups.get(code, table.iloc[:0])
    return split


def _section(result: Result, parts: dict[str, pd.DataFrame], code: str, charted: bool) -> Section:
    whole = {name: table[table["specialty"] == ALL] for name, table in parts.items()}
    anchor = f"provider-{code}"
    name = say.provider_name(code, result.provider_names)
    figures: list[Figure] = []
    if charted:
        figures.append(_waits(whole["waits"], name, anchor, result.plan.thresholds_weeks))
        stepped = _restated(result, code)
        for measure, unit in TRAJECTORIES.items():
            figures += _trajectory(whole, measure, unit, name, anchor, stepped)
        figures += _burn_downs(whole["cohorts"], name, anchor)
        if code != ALL:
            figures += lookback.figures(result, code, anchor)
    return Section(
        anchor=anchor,
        name=name,
        headline=[*sentences.headline(result, code, whole), *(past_record(result, code) if code != ALL else [])],
        figures=figures,
        tables=[
            _breakeven(sentences.at_snapshot(whole["breakeven"], result), name),
            _clearance(whole["clearance"], name),
        ],
        specialties=_specialties(result, parts, name),
    )


def _restated(result: Result, code: str) -> list[str]:
    """The month ends at which what is reported changed most, three at most, to be marked in the charts."""
    own = [found for found in result.breaks if found.size and code in (found.provider, ALL)]
    largest = sorted(own, key=lambda found: -abs(found.size))[:3]
    return sorted({str(month_end(found.month)) for found in largest})


def _waits(frame: pd.DataFrame, name: str, anchor: str, thresholds: Sequence[int]) -> Figure:
    wide = frame.pivot_table(index="weeks_waited", columns="stage", values="waiting", aggfunc="sum")
    total = wide.sum(axis=1)
    nothing = pd.Series(0.0, index=total.index)
    admission = wide.get("admission", nothing)
    bars = pd.concat(
        [
            pd.DataFrame({"bottom": low, "top": high, "admission": part})
            for low, high, part in ((nothing, admission, True), (admission, total, False))
        ]
    ).reset_index(names="weeks_waited")
    title = f"How long people have waited: {name}"
    about = (
        f"Bars by week waited, {say.count(total.sum())} people in all, with lines at "
        f"{say.list_join([str(t) for t in thresholds])} weeks. The table has every figure."
    )
    rows = [
        ["104 and over" if week == 104 else str(week), *map(say.count, figures)]
        for week, *figures in zip(total.index, total, total - admission, admission, strict=True)
    ]
    columns = ["Weeks", "Waiting", "Before a decision", "Decision to admit"]
    svg = charts.draw(charts.waits(bars, thresholds), f"{anchor}-waits", title, about)
    return Figure(title, svg, "waits", Table(title, columns, rows))


def _trajectory(
    whole: dict[str, pd.DataFrame], measure: str, unit: str, name: str, anchor: str, stepped: Sequence[str]
) -> list[Figure]:
    """One measure's past and forecast; none where nothing is forecast (nobody is waiting)."""
    past, ahead = (table[table["measure"] == measure] for table in (whole["observed"], whole["trajectory"]))
    past, ahead = (table.assign(month_end=_iso(table["month_end"])) for table in (past, ahead))
    ahead = ahead.dropna(subset=["p50"])
    if ahead.empty:
        return []
    title = f"{say.MEASURES[measure]}: {name}"
    last = ahead.iloc[-1]
    about = (
        f"Forecast {say.figure(measure, last['p50'])} at {say.day(last['month_end'])}, "
        f"90% of draws between {say.figure(measure, last['p05'])} and {say.figure(measure, last['p95'])}. "
        "The table has every figure."
    )
    seen = [[say.month(row.month_end), say.figure(measure, row.value), *[""] * 5] for row in _rows(past)]
    coming = [
        [say.month(row.month_end), "", *(say.figure(measure, getattr(row, q)) for q in QUANTILES)]
        for row in _rows(ahead)
    ]
    columns = ["End of", "Observed", "5th", "25th", "Middle (50th)", "75th", "95th"]
    drawn = charts.trajectory(_with_gaps(past), _from_now(past, ahead), unit, stepped)
    svg = charts.draw(drawn, f"{anchor}-{measure}", title, about)
    return [Figure(title, svg, "restated" if stepped else "trajectory", Table(title, columns, [*seen, *coming]))]


def _with_gaps(past: pd.DataFrame) -> pd.DataFrame:
    """The past by month, without a value where none was reported, so that no line bridges it (R3)."""
    if past.empty:
        return past[["month_end", "value"]]
    first, last = past["month_end"].min()[:7], past["month_end"].max()[:7]
    months = [months_after(first, ahead) for ahead in range(months_between(first, last) + 1)]
    ends = [str(month_end(month)) for month in months]
    values = past.set_index("month_end")["value"].reindex(ends).astype(object)
    return pd.DataFrame({"month_end": ends, "value": values.where(values.notna(), None).to_list()})


def _from_now(past: pd.DataFrame, ahead: pd.DataFrame) -> pd.DataFrame:
    """The forecast with the last observed month before it, so that its fan opens from there."""
    drawn = ahead[["month_end", *QUANTILES]]
    if past.empty:
        return drawn
    now = past.iloc[-1]
    return pd.concat([pd.DataFrame([{"month_end": now["month_end"], **dict.fromkeys(QUANTILES, now["value"])}]), drawn])


def _burn_downs(cohorts: pd.DataFrame, name: str, anchor: str) -> list[Figure]:
    groups = cohorts.groupby(["threshold_weeks", "deadline"], observed=True, sort=True)
    return [
        _burn_down(frame, name, f"{anchor}-cohort-{place}")
        for place, (_, frame) in enumerate(groups)
        if frame["p50"].iloc[0] >= 1
    ]


def _burn_down(frame: pd.DataFrame, name: str, key: str) -> Figure:
    frame = frame.assign(week_ending=_iso(frame["week_ending"]))
    first, last = frame.iloc[0], frame.iloc[-1]
    weeks, deadline = first["threshold_weeks"], first["deadline"]
    title = f"Cohort over {weeks} weeks at {say.day(deadline)}: {name}"
    about = (
        f"{say.count(first['p50'])} would be over {weeks} weeks by then if not treated; the forecast "
        f"leaves {say.count(last['p50'])} (80% of draws {say.count(last['p10'])} to "
        f"{say.count(last['p90'])}). Emptying it takes {say.count(first['required_per_week'])} a week."
    )
    figures = ["p10", "p50", "p90", "required_per_week", "joined", "left"]
    rows = [
        [say.short_day(row.week_ending), *(say.count(getattr(row, column)) for column in figures)]
        for row in _rows(frame)
    ]
    columns = ["Week ending", "10th", "Middle (50th)", "90th", "Required", "Joined", "Left"]
    drawn = charts.burn_down(frame[["week_ending", "p10", "p50", "p90"]])
    return Figure(title, charts.draw(drawn, key, title, about), "cohort", Table(title, columns, rows))


def _breakeven(now: pd.DataFrame, name: str) -> Table:
    figures = ["inflow", "other_removals", "breakeven", "current", "gap"]
    rows = [
        [
            f"Over {row.threshold_weeks} weeks" if row.threshold_weeks else "Whole list",
            *(say.decimal(getattr(row, f"{column}_per_week")) for column in figures),
            _held(row.gap_per_week),
        ]
        for row in _rows(now)
    ]
    columns = ["Who", "Joining", "Other removals (net)", "Breakeven stops", "Stops now", "Gap", "So the number is"]
    return Table(f"Breakeven, people a week in the last month: {name}", columns, rows)


def _held(gap: float) -> str:
    """What a gap means, in a word."""
    if say.is_none(gap):
        return say.NONE
    return "level" if abs(gap) < 0.05 else "growing" if gap > 0 else "falling"


def _clearance(frame: pd.DataFrame, name: str) -> Table:
    rows = [
        [
            f"Over {row.threshold_weeks} weeks",
            say.count(row.waiting_now),
            *(say.day(getattr(row, f"p{q}_date")) for q in (10, 50, 90)),
            say.share(row.share_of_draws_cleared),
            say.day(row.straight_line_date),
        ]
        for row in _rows(frame)
    ]
    columns = ["Backlog", "Waiting now", "Clears, 10th percentile", "Middle (50th)", "90th",
               "Draws that clear", "Straight line"]  # fmt: skip
    return Table(f"Clearance dates: {name}", columns, rows)


def _specialties(result: Result, parts: dict[str, pd.DataFrame], name: str) -> Table:
    lines = sentences.summary(result, parts, "specialty")
    names = [say.specialty_name(code, result.specialty_names) for code in lines.index]
    return _summary_table(result, f"By specialty, longest list first: {name}", "Specialty", names, lines)


def _overview(result: Result) -> Table:
    tables = {name: getattr(result, name) for name in ("position", "breakeven", "clearance")}
    whole = {name: table[table["specialty"] == ALL] for name, table in tables.items()}
    lines = sentences.summary(result, whole, "provider")
    names = [say.provider_name(code, result.provider_names) for code in lines.index]
    return _summary_table(result, f"Position at {say.day(result.snapshot)}", "Provider", names, lines)


def _summary_table(result: Result, caption: str, first: str, names: Sequence[str], lines: pd.DataFrame) -> Table:
    columns = [first, "Waiting", "Over 18 weeks", "Over 52 weeks", "Over 65 weeks", "Within 18 weeks",
               "Breakeven stops a week", "Stops a week now",
               f"Over {sentences.watched(result.plan)} weeks: clears"]  # fmt: skip
    rows = [
        [
            name,
            *map(say.count, (row.waiting_list, row.over_18_weeks, row.over_52_weeks, row.over_65_weeks)),
            say.percent(row.percent_within_18_weeks),
            say.rate(row.breakeven_per_week),
            say.rate(row.current_per_week),
            sentences.clears(row.p50_date, row.share_of_draws_cleared, result),
        ]
        for name, row in zip(names, _rows(lines), strict=True)
    ]
    return Table(caption, columns, rows)


def _demand(result: Result, providers: Sequence[str]) -> Table:
    """The ways of growing side by side, of all providers together and the largest."""
    frame = result.demand.set_index(["provider", "growth"])
    kinds = list(dict.fromkeys(result.demand["growth"]))
    used = [kind for kind in kinds if frame.loc[(ALL, kind), "in_plan"]]
    columns = ["Provider"]
    for kind in kinds:
        columns += [f"{say.GROWTHS[kind]}{', used' if kind in used else ''}: % a year", "Starts a year"]
    rows = [
        [
            say.provider_name(code, result.provider_names),
            *(
                text
                for kind in kinds
                for row in [frame.loc[(code, kind)]]
                for text in (say.percent(row["percent_per_year"]), say.count(row["starts_per_year"]))
            ),
        ]
        for code in providers
    ]
    return Table("Ways in which demand may grow", columns, rows)


def _paces(result: Result, providers: Sequence[str]) -> Table:
    """How fast people leave against the observed rates: the mean of the outlook's months, of the largest providers."""
    whole = result.paces[result.paces["specialty"] == ALL]
    mean = whole.groupby(["provider", "weeks_waited"])["pace"].mean()
    knots = sorted(set(whole["weeks_waited"]) - {0})
    rows = [
        [say.provider_name(code, result.provider_names), *(f"{mean[code, knot]:.2f}" for knot in (*knots, 0))]
        for code in providers
        if code in set(whole["provider"])
    ]
    columns = ["Provider", *(f"About {knot} weeks waited" for knot in knots), "Admitted stops, beside it"]
    return Table("Pace of departure, 1 being as observed", columns, rows)


def _iso(dates: pd.Series[Any]) -> list[str]:
    return [str(say.as_date(value)) for value in dates]


def _rows(frame: pd.DataFrame) -> list[Any]:
    return list(frame.itertuples(index=False, name="Row"))
