"""What must hold exactly before a submission may be final: the identities of its figures (R4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from waitlist.bands import Floats
from waitlist.models.submission.figures import Figures
from waitlist.models.submission.whole import FLOWS, SIGNS
from waitlist.planning_year import PlanningYear
from waitlist.submission import STOCKS

Severity = Literal["blocks", "warns", "note"]
NESTED = ("over_104_weeks", "over_78_weeks", "over_65_weeks", "over_52_weeks", "over_18_weeks")
MAY_BE_BELOW_ZERO = ("other_removals", "restatement")

Periods = Mapping[tuple[str, str], Floats]
"""(organisation, line) → four quarters and the year."""


@dataclass(frozen=True)
class Finding:
    """Something that a check found: whose, of which month (empty where of the year), the figures and the sentence."""

    org: str
    month: str
    figures: str
    sentence: str


def periods_of(figures: Figures, year: PlanningYear) -> Periods:
    """Quarters and year of every line: a flow's sum, a stock's last month; NaN where a month is blank."""
    stock = {*STOCKS, *(year.line_of(metric.ref) for metric in year.submitted if metric.stock)}
    found = {}
    for org in figures.orgs:
        for line in figures.lines:
            months = figures.of(org, line)[1:].reshape(4, 3)
            quarters = months[:, -1] if line in stock else months.sum(axis=1)
            found[org, line] = np.append(quarters, quarters[-1] if line in stock else quarters.sum())
    return found


def r4(figures: Figures) -> Iterator[Finding]:
    """closing = opening + starts − stops − other removals + transfers + restatement, of each month."""
    for org in figures.orgs:
        size = figures.of(org, "waiting_list")
        flows = np.stack([figures.of(org, name) for name in FLOWS])
        closing = size[:-1] + (SIGNS[:, None] * flows[:, 1:]).sum(axis=0)
        for m in np.flatnonzero(np.abs(closing - size[1:]) > 0.5):
            month = figures.months[m + 1]
            yield Finding(
                org,
                month,
                f"opening and flows give {closing[m]:,.0f}, the list is {size[m + 1]:,.0f}",
                f"Which of {org}'s flows in {month} is wrong by {abs(closing[m] - size[m + 1]):,.0f}?",
            )


def nesting(figures: Figures) -> Iterator[Finding]:
    """104+ ≤ 78+ ≤ 65+ ≤ 52+ ≤ 18+ ≤ list, and within 18 weeks the rest of it."""
    for org in figures.orgs:
        held = {name: figures.of(org, name)[1:] for name in STOCKS}
        chain = [*NESTED, "waiting_list"]
        for less, more in zip(chain, chain[1:], strict=False):
            for m in np.flatnonzero(held[less] > held[more] + 0.5):
                yield Finding(
                    org,
                    figures.months[m + 1],
                    f"{words(less)} {held[less][m]:,.0f}, {words(more)} {held[more][m]:,.0f}",
                    f"How can more people be {words(less)} than {words(more)} at {org}?",
                )
        rest = held["waiting_list"] - held["over_18_weeks"]
        for m in np.flatnonzero(np.abs(rest - held["within_18_weeks"]) > 0.5):
            yield Finding(
                org,
                figures.months[m + 1],
                f"within 18 weeks {held['within_18_weeks'][m]:,.0f}, list less those over {rest[m]:,.0f}",
                f"Who of {org}'s list is neither within 18 weeks nor over?",
            )


def icb_sum(figures: Figures) -> Iterator[Finding]:
    """The ICB is the sum of its providers, line by line and month by month."""
    for line in figures.lines:
        whole = figures.of(figures.icb, line)
        parts = np.sum([figures.of(org, line) for org in figures.providers], axis=0)
        for m in np.flatnonzero(np.abs(whole - parts) > 0.5):
            if m or line in STOCKS:
                yield Finding(
                    figures.icb,
                    figures.months[m],
                    f"{words(line)}: {whole[m]:,.0f}, the providers' sum is {parts[m]:,.0f}",
                    f"Which provider's {words(line)} is not in {figures.icb}'s, or is there twice?",
                )


def period_sums(figures: Figures, year: PlanningYear, periods: Periods) -> Iterator[Finding]:
    """Months add up to quarters and quarters to the year; a stock's quarter is its last month."""
    right = periods_of(figures, year)
    for key, told in periods.items():
        for q in np.flatnonzero(np.abs(told - right[key]) > 0.5):
            org, line = key
            when = f"quarter {q + 1}" if q < 4 else "the year"
            yield Finding(
                org,
                "",
                f"{words(line)}, {when}: {told[q]:,.0f}, its months give {right[key][q]:,.0f}",
                f"Which month of {org}'s {words(line)} is missing from {when}?",
            )


def numerators(figures: Figures, year: PlanningYear) -> Iterator[Finding]:
    """A count is within what it is a share of, and the parts of a sum add up to it."""
    for metric in year.submitted:
        for org in figures.orgs:
            count = figures.of(org, year.line_of(metric.ref))[1:]
            if metric.denominator:
                whole = figures.of(org, year.line_of(metric.denominator))[1:]
                for m in np.flatnonzero(count > whole + 0.5):
                    yield Finding(
                        org,
                        figures.months[m + 1],
                        f"{metric.ref} {count[m]:,.0f}, {metric.denominator} {whole[m]:,.0f}",
                        f"How can {org}'s {metric.ref} be more than the {metric.denominator} that it is part of?",
                    )
            if metric.of:
                parts = np.sum([figures.of(org, year.line_of(ref))[1:] for ref in metric.of], axis=0)
                for m in np.flatnonzero(np.abs(count - parts) > 0.5):
                    yield Finding(
                        org,
                        figures.months[m + 1],
                        f"{metric.ref} {count[m]:,.0f}, {' + '.join(metric.of)} {parts[m]:,.0f}",
                        f"Which of {org}'s {' and '.join(metric.of)} is wrong?",
                    )


def whole_numbers(figures: Figures) -> Iterator[Finding]:
    """Every figure is a whole number, and none but net removals and restatements below zero."""
    for o, org in enumerate(figures.orgs):
        for n, line in enumerate(figures.lines):
            value = figures.values[o, n, 1:]
            wrong = np.abs(value - np.rint(value)) > 1e-6
            if line not in MAY_BE_BELOW_ZERO:
                wrong |= value < 0
            for m in np.flatnonzero(wrong & ~np.isnan(value)):
                yield Finding(
                    org,
                    figures.months[m + 1],
                    f"{words(line)} {value[m]:g}",
                    f"What should {org}'s {words(line)} be? People are counted in whole numbers from zero.",
                )


def transfers_balance(figures: Figures) -> Iterator[Finding]:
    """As many come by transfer as go, among the submission's providers."""
    came, went = (
        np.sum([figures.of(org, line)[1:] for org in figures.providers], axis=0)
        for line in ("transfers_in", "transfers_out")
    )
    for m in np.flatnonzero(np.abs(came - went) > 0.5):
        yield Finding(
            figures.icb,
            figures.months[m + 1],
            f"in {came[m]:,.0f}, out {went[m]:,.0f}",
            f"Who sends or receives the other {abs(came[m] - went[m]):,.0f}, and is it in their submission too?",
        )


def words(line: str) -> str:
    """A line as it is said."""
    return line.replace("_", " ")
