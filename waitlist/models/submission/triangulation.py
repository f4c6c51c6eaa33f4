"""Every check of a submission, by id: what it asks, how severe it is, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from waitlist.models.submission import challenges, identities
from waitlist.models.submission.challenges import Questioned
from waitlist.models.submission.figures import Figures
from waitlist.models.submission.identities import Finding, Periods, Severity
from waitlist.models.submission.standards import Judgement
from waitlist.planning_year import PlanningYear
from waitlist.submission import Override

COLUMNS = ("check", "severity", "result", "org", "month", "figures", "sentence")


@dataclass(frozen=True)
class Overruled:
    """An override beside what the model has, and the share of draws at its value or better; None if not forecast."""

    item: Override
    model: float
    chance: float | None


@dataclass(frozen=True)
class Case:
    """What is checked: the figures questioned, those sent (on the plan's basis), the year, its standards judged,
    overrides, and what else is to be said.

    notes: (check's id, sentence) of what was found on the way: what the plan changes, leaves out or asks for.
    """

    questioned: Questioned
    sent: Figures
    year: PlanningYear
    periods: Periods
    judgements: Sequence[Judgement]
    overruled: Sequence[Overruled]
    notes: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Check:
    """One check: its id, severity, what holds where it passes, and how it looks."""

    id: str
    severity: Severity
    holds: str
    find: Callable[[Case], Iterator[Finding]]


def checked(case: Case) -> pd.DataFrame:
    """COLUMNS: each check's findings, or that it passed."""
    rows: list[tuple[str, ...]] = []
    for check in CHECKS:
        found = list(check.find(case))
        for item in found:
            result = "note" if check.severity == "note" else "fails"
            rows.append((check.id, check.severity, result, item.org, item.month, item.figures, item.sentence))
        if not found:
            rows.append((check.id, check.severity, "passes", "", "", "", check.holds))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_both(case: Case, find: Callable[[Figures], Iterator[Finding]]) -> Iterator[Finding]:
    """What ``find`` finds in the figures, and in those sent where they are on another basis."""
    yield from find(case.questioned.figures)
    if case.sent is not case.questioned.figures:
        yield from find(case.sent)


def blocking(checks: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``checks`` that stop a submission from being final."""
    return checks[(checks["severity"] == "blocks") & (checks["result"] == "fails")]


def _complete(case: Case) -> Iterator[Finding]:
    """Figures that the data or the forecast should give and do not."""
    figures = case.sent
    for metric in case.year.submitted:
        line = case.year.line_of(metric.ref)
        for org in figures.providers:
            blank = [
                m for m, value in zip(figures.months[1:], figures.of(org, line)[1:], strict=True) if value != value
            ]
            if not blank:
                continue
            when = "every month" if len(blank) == 12 else ", ".join(blank)
            said = {
                "supplementary": "Which file of submission.supplementary gives it? It is not in the inputs.",
                "ratio": "Which ratio in [submission.ratios], or which supplementary file, gives it?",
                "sum": "Its parts are blank.",
            }.get(metric.given_by, "Which month's extract, or the month before's, is missing?")
            yield Finding(org, "", f"{metric.ref} blank in {when}", f"{metric.name}: {said}")


def _standards(case: Case) -> Iterator[Finding]:
    for item in case.judgements:
        if item.verdict == "missed":
            by = f"{item.missed_by:.1f} points" if item.missed_by >= 0.05 else f"{item.missed_by:.2g} points"
            by = by if item.missed_by else "being no less"
            if item.unit == "people":
                by = "1 person" if item.missed_by == 1 else f"{item.missed_by:,.0f} people"
            unit = "" if item.unit == "people" else "%"
            recalled = " (check)" if item.standard.sure == "check" else ""
            places = 0 if item.unit == "people" else 1
            asks = "less than" if item.standard.below else ""
            yield Finding(
                item.org,
                item.month,
                f"{item.value:,.{places}f}{unit}, standard {asks} {item.required:,.{places}f}{unit}".replace("  ", " "),
                f"{item.standard.name}{recalled}: missed by {by}. What would meet it, and by when?",
            )


def _not_judged(case: Case) -> Iterator[Finding]:
    for item in case.judgements:
        if item.verdict == "not judged":
            recalled = " (check)" if item.standard.sure == "check" else ""
            yield Finding(item.org, item.month, "", f"{item.standard.name}{recalled}: not judged, because {item.why}.")


def _unlikely(case: Case) -> Iterator[Finding]:
    for one in case.overruled:
        if one.chance is not None and one.chance < challenges.UNLIKELY:
            yield Finding(
                one.item.provider,
                one.item.month,
                f"{identities.words(one.item.measure)} {one.item.value:,} for the model's {one.model:,.0f}",
                f"Our draws put this at {_percent(one.chance)}. {one.item.author} says: {one.item.reason}",
            )


def _overridden(case: Case) -> Iterator[Finding]:
    for one in case.overruled:
        chance = "it is not forecast" if one.chance is None else f"our draws put this at {_percent(one.chance)}"
        yield Finding(
            one.item.provider,
            one.item.month,
            f"{identities.words(one.item.measure)} {one.item.value:,} for the model's {one.model:,.0f}",
            f"Overridden by {one.item.author}: {one.item.reason} ({chance}).{_rebound(one)}",
        )


def _rebound(one: Overruled) -> str:
    """What a list's override does to the flow that takes it up."""
    if one.item.measure != "waiting_list":
        nobody = " Other removals take it up: the list is as it was, and nobody waits less."
        return nobody if one.item.balance == "other_removals" else ""
    flow = identities.words(one.item.balance or "other_removals")
    return f" Its {flow} take up {abs(one.item.value - one.model):,.0f} in the month and give them back in the next."


def _percent(share: float) -> str:
    return "under 1%" if 0 < share < 0.01 else "over 99%" if 0.99 < share < 1 else f"{share:.0%}"


def _recalled(case: Case) -> Iterator[Finding]:
    for metric in case.year.metric:
        if metric.sure == "check":
            yield Finding("", "", metric.ref, f"{metric.name} (check): {metric.source}.")
    for item in case.year.standard:
        if item.sure == "check" and item.level != "icb":
            yield Finding("", "", item.id, f"{item.name} (check): {item.source}.")


def _noted(name: str) -> Callable[[Case], Iterator[Finding]]:
    def find(case: Case) -> Iterator[Finding]:
        return (Finding("", "", "", sentence) for check, sentence in case.notes if check == name)

    return find


def _asked(name: str) -> Callable[[Case], Iterator[Finding]]:
    return lambda case: challenges.CHALLENGES[name](case.questioned)


CHECKS: tuple[Check, ...] = (
    Check("r4", "blocks", "Every list closes (R4).", lambda c: _of_both(c, identities.r4)),
    Check("nesting", "blocks", "Thresholds are nested.", lambda c: _of_both(c, identities.nesting)),
    Check("icb-sum", "blocks", "The ICB is its providers' sum.", lambda c: _of_both(c, identities.icb_sum)),
    Check(
        "period-sums",
        "blocks",
        "Months add up to quarters and the year.",
        lambda c: identities.period_sums(c.questioned.figures, c.year, c.periods),
    ),
    Check(
        "numerators",
        "blocks",
        "Counts are within what they are part of.",
        lambda c: _of_both(c, partial(identities.numerators, year=c.year)),
    ),
    Check(
        "whole-numbers",
        "blocks",
        "Figures are whole and not below zero.",
        lambda c: _of_both(c, identities.whole_numbers),
    ),
    Check(
        "transfers-balance",
        "blocks",
        "As many come by transfer as go.",
        lambda c: _of_both(c, identities.transfers_balance),
    ),
    Check("out-of-scale", "blocks", "No figure is beyond all that is known.", _asked("out-of-scale")),
    Check("complete", "warns", "No figure is blank.", _complete),
    Check("standards", "warns", "Every standard that is judged is met.", _standards),
    Check("working-days", "warns", "Months follow their working days.", _asked("working-days")),
    Check("activity-with-stops", "warns", "Activity goes with clock stops.", _asked("activity-with-stops")),
    Check("list-with-demand", "warns", "The list goes with starts and stops.", _asked("list-with-demand")),
    Check(
        "supported-by-activity", "warns", "Activity supports the % within 18 weeks.", _asked("supported-by-activity")
    ),
    Check("faster-than-ever", "warns", "Nothing improves faster than it ever did.", _asked("faster-than-ever")),
    Check("jump-at-the-end", "warns", "The last month is no jump.", _asked("jump-at-the-end")),
    Check("zero-from-nowhere", "warns", "No number falls to none at once.", _asked("zero-from-nowhere")),
    Check("big-moves", "warns", "No month moves by far more than any did.", _asked("big-moves")),
    Check("identical-months", "warns", "No list is the month before's again.", _asked("identical-months")),
    Check("restated", "warns", "Nothing is a change in what is reported.", _asked("restated")),
    Check("unlikely-override", "warns", "No override is unlikely by the draws.", _unlikely),
    Check("part-of-a-provider", "warns", "Providers are whole.", _noted("part-of-a-provider")),
    Check("overridden", "note", "Nothing is overridden.", _overridden),
    Check("flatters", "note", "No percentage flatters (R13).", _asked("flatters")),
    Check("not-judged", "note", "Every standard is judged.", _not_judged),
    Check("recalled", "note", "Every metric and standard is sourced.", _recalled),
    Check("plan-changes", "note", "The plan changes no metric or standard.", _noted("plan-changes")),
    Check("by-ratio", "note", "Hospital activity is as counted.", _noted("by-ratio")),
    Check("not-derivable", "note", "Everything asked for can be derived.", _noted("not-derivable")),
    Check("basis", "note", "The basis is said.", _noted("basis")),
    Check("horizon", "note", "The plan's own horizon reaches the year's end.", _noted("horizon")),
    Check("mutual-aid", "note", "The transfers planned are in the figures.", _noted("mutual-aid")),
)
"""Every check, those that block first."""
