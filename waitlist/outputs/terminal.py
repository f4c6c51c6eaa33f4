"""What is printed: the headline after a run, one answer's table, or the same as JSON."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from waitlist.outputs import sentences
from waitlist.outputs import words as say
from waitlist.outputs.needs import needs
from waitlist.outputs.recorded import past_record
from waitlist.results import ALL, Answer, Backtest, Result

if TYPE_CHECKING:
    import pandas as pd

MOST_LINES = 15
"""Providers in the headline's table, the largest first."""

MOST_WHY = 5
"""Sentences on why not more."""
_MONTHS_SHOWN = (1, 3, 6, 12)
"""Months ahead whose scores are printed, beside the last."""

_HOW_SCORED = (
    "WAPE: errors as a percentage of the people, the mean over origins. Naive: that of nothing changing. Best: that of "
    "the best simple method, chosen afterwards for each origin. Ratio: ours to it, the mean over origins. Bias: above "
    "zero where too many were forecast. 50%, 90%: how often the range held what came."
)

_TENTHS = ("_per_week", "_wait_weeks", "best_attainable")
_HUNDREDTHS = ("load", "pressure", "probability", "urgent_share", "skew")

_KEYS = ("provider", "specialty", "threshold_weeks", "deadline", "stage")
"""Columns that go into headings, in this order, where a table is too wide for its terminal."""


def headline(result: Result) -> str:
    """The position of each provider as a small table, then what matters most in sentences.

    Fits a terminal of 80 columns: names, which the report has in full, are cut to what is left of the line.
    """
    tables = {name: getattr(result, name) for name in ("position", "breakeven", "clearance")}
    lines = sentences.summary(result, {n: t[t["specialty"] == ALL] for n, t in tables.items()}, "provider")
    weeks, end = sentences.watched(result.plan), f"{sentences.horizon_end(result):%b %Y}"
    rows = [["", *("Over",) * 3, "Within", "Hold a", "Stops", "Clears"]]
    rows.append(["Waiting", "18", "52", "65", "18", "week", "a week", str(weeks)])
    names = ["", "Provider"]
    for code, row in list(lines.iterrows())[: MOST_LINES + 1]:
        name = say.provider_name(str(code), result.provider_names)
        names.append(name if name in (code, "All providers") else f"{code} {name}")
        rows.append(
            [
                *(say.count(row[m]) for m in ("waiting_list", "over_18_weeks", "over_52_weeks", "over_65_weeks")),
                say.percent(row["percent_within_18_weeks"]),
                *(say.rate(row[flow]) for flow in ("breakeven_per_week", "current_per_week")),
                f"{end}+" if say.is_none(row["p50_date"]) else f"{say.as_date(row['p50_date']):%b %Y}",
            ]
        )
    width = _width() or 120
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = max(12, min(max(map(len, names)), width - sum(widths) - len(widths) - 1))
    grid = [
        " ".join([_cut(name, room), *(cell.rjust(w) for cell, w in zip(row, widths, strict=True))])
        for name, row in zip(names, rows, strict=True)
    ]
    more = len(lines) - MOST_LINES - 1
    notes = ["Hold a week: clock stops a week that hold the list level. +: not clear by then in half of the draws."]
    if more > 0:
        notes.append(f"{more} more providers are in the report.")
    told = (*past_record(result, ALL), *sentences.headline(result, ALL), *result.remarks)
    if result.capacity is not None:
        told = (*told, *needs(result.capacity, result.provider_names, result.specialty_names))
    said = [textwrap.fill(sentence, min(width, 100)) for sentence in told]
    title = f"{result.plan.name} at {say.day(result.snapshot)}"
    return "\n".join(
        [title, "", *(line.rstrip() for line in grid), *(textwrap.fill(note, width) for note in notes), "", *said]
    )


def capacity(frame: pd.DataFrame) -> str:
    """What each target needs in a sentence, then by list and stage."""
    width = min(_width() or 100, 100)
    return table(frame, "\n".join(textwrap.fill(sentence, width) for sentence in needs(frame)))


def table(frame: pd.DataFrame, title: str) -> str:
    """``frame`` as aligned text under ``title``: whole lines always, never wrapped and never cut.

    Where a terminal is too narrow, provider, specialty and the other keys go into headings, as many as it
    takes; what is not a terminal has no width.
    """
    texts = {str(name): _texts(frame, str(name)) for name in frame.columns}
    keys = [key for key in _KEYS if key in texts]
    for taken in range(len(keys) + 1):
        heads, columns = keys[:taken], [name for name in texts if name not in keys[:taken]]
        widths = {name: max(len(name), *map(len, texts[name]), 1) for name in columns}
        if sum(widths.values()) + 2 * (len(widths) - 1) <= (_width() or sys.maxsize):
            break
    return "\n".join([title, "", *_lines(frame, texts, heads, widths)])


def scores(backtest: Backtest) -> str:
    """How the forecast has fared by measure and months ahead, providers pooled over origins, and in a sentence."""
    width = min(_width() or 100, 100)
    title = f"{backtest.plan.name}: forecasts from {', '.join(backtest.origins)}, all providers scored together"
    texts = (_HOW_SCORED, sentences.fared(backtest))
    return "\n\n".join([title, "\n".join(_score_lines(backtest)), *(textwrap.fill(text, width) for text in texts)])


def _score_lines(backtest: Backtest) -> list[str]:
    cell = ["measure", "horizon_months"]
    scored, ratios = (t[t["level"] == "provider"] for t in (backtest.scores, backtest.ratios))
    ours = scored[(scored["method"] == "forecast") & (scored["origin"] == ALL)].set_index(cell).drop(columns="wape")
    naive = scored[(scored["method"] == "last_value") & (scored["origin"] != ALL)]
    mean = ratios[ratios["origin"] == ALL].set_index(cell)[["wape", "best_wape", "ratio_to_best"]]
    ours = ours.join(mean).join(naive.groupby(cell)["wape"].mean().rename("naive")).reset_index()
    last = ours["horizon_months"].max()
    grid = [["Measure", "Months", "WAPE", "Naive", "Best", "Ratio", "Bias", "50%", "90%"]]
    shown = ours[ours["horizon_months"].isin((*_MONTHS_SHOWN, last))]
    rows: list[Any] = list(shown.itertuples(index=False))
    for row in rows:
        ratio = say.NONE if say.is_none(row.ratio_to_best) else f"{row.ratio_to_best:.2f}"
        errors = [*map(say.decimal, (row.wape, row.naive, row.best_wape)), ratio, say.decimal(row.bias)]
        held = [say.share(row.coverage_50), say.share(row.coverage_90)]
        grid.append([say.MEASURES[str(row.measure)], str(row.horizon_months), *errors, *held])
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return ["  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]) for cells in grid]


def transfers(found: Answer) -> str:
    """What moves by pair, what it does, and why not more."""
    aid = found.aid
    if aid is None:
        return ""
    width = min(_width() or 100, 100)
    why = aid.limits["sentence"].head(MOST_WHY)
    said = [textwrap.fill(str(sentence), width) for sentence in (*aid.sentences, *why)]
    if not len(aid.transfers):
        return "\n".join(said)
    by_pair = aid.transfers.groupby(["from_provider", "to_provider"], sort=False)
    rows = by_pair.agg(
        first=("offer_week", "min"),
        last=("week_ending", "max"),
        offered=("offered", "sum"),
        accepted=("accepted", "sum"),
        moved=("moved", "sum"),
    ).reset_index()
    return "\n".join([table(rows, "Transfers by pair; the weeks are in transfers.csv."), "", *said])


def as_json(frame: pd.DataFrame) -> str:
    """``frame`` as a JSON array of records, to three decimals; null where there is none."""
    dates = {name: frame[name].replace("", None) for name in map(str, frame) if name.endswith("_date")}
    return frame.assign(**dates).round(3).to_json(orient="records", force_ascii=False, date_format="iso", indent=2)


def _lines(frame: pd.DataFrame, texts: dict[str, list[str]], heads: Sequence[str], widths: dict[str, int]) -> list[str]:
    numeric = {name: name in frame and frame[name].dtype.kind in "fi" for name in widths}

    def line(values: Sequence[str]) -> str:
        cells = zip(values, widths.items(), strict=True)
        return "  ".join(v.rjust(w) if numeric[n] else v.ljust(w) for v, (n, w) in cells).rstrip()

    found = [] if heads else [line(list(widths))]
    before: tuple[str, ...] = ()
    for place in range(len(frame)):
        here = tuple(texts[head][place] for head in heads)
        if heads and here != before:
            said = ", ".join(f"{head.replace('_', ' ')} {value}" for head, value in zip(heads, here, strict=True))
            found += ["", said, line(list(widths))] if before else [said, line(list(widths))]
            before = here
        found.append(line([texts[name][place] for name in widths]))
    return found


def _cut(name: str, room: int) -> str:
    return name.ljust(room) if len(name) <= room else f"{name[: room - 1]}…"


def _texts(frame: pd.DataFrame, name: str) -> list[str]:
    """One column in words: people whole, flows a week with a decimal, shares in per cent."""
    values: list[Any] = frame[name].tolist()
    if name == "value":
        return [say.figure(measure, value) for measure, value in zip(frame["measure"], values, strict=True)]
    if frame[name].dtype.kind != "f":
        return [say.NONE if say.is_none(value) else str(value) for value in values]
    style = say.share if name.startswith("share_") else say.decimal if name.endswith(_TENTHS) else say.count
    style = _hundredths if name in _HUNDREDTHS else style
    return [style(value) for value in values]


def _hundredths(value: float | None) -> str:
    return say.NONE if say.is_none(value) else f"{value:.2f}"


def _width() -> int:
    """The terminal's width in characters; 0 where the output is not one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
