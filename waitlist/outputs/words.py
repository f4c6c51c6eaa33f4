"""How figures, dates and names are said to people: NHS style numbers, plain dates, field terms."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from waitlist.results import ALL

MEASURES = {
    "waiting_list": "Waiting list",
    "within_18_weeks": "Waiting within 18 weeks",
    "over_18_weeks": "Waiting over 18 weeks",
    "over_52_weeks": "Waiting over 52 weeks",
    "over_65_weeks": "Waiting over 65 weeks",
    "over_78_weeks": "Waiting over 78 weeks",
    "over_104_weeks": "Waiting over 104 weeks",
    "clock_starts": "Clock starts",
    "stops_admitted": "Clock stops, admitted",
    "stops_non_admitted": "Clock stops, non-admitted",
    "other_removals": "Other removals (net of returns)",
    "transfers_in": "Transfers in",
    "transfers_out": "Transfers out",
    "restatement": "Restatement",
    "conversions": "Decisions to admit (conversions)",
    "percent_within_18_weeks": "Within 18 weeks, %",
    "percent_over_52_weeks": "Over 52 weeks, %",
    "median_wait_weeks": "Median wait, weeks",
    "p92_wait_weeks": "92nd percentile wait, weeks",
    "tip_in_18_weeks": "Crossing 18 weeks in the month",
    "tip_in_52_weeks": "Crossing 52 weeks in the month",
    "tip_in_65_weeks": "Crossing 65 weeks in the month",
    "tip_in_78_weeks": "Crossing 78 weeks in the month",
    "tip_in_104_weeks": "Crossing 104 weeks in the month",
}
"""Every measure of the tables, in words."""

COLUMNS = {
    "month_end": "Month end",
    "week_ending": "Week ending",
    "threshold_weeks": "Over weeks",
    "as_of": "In the month to",
    "inflow_per_week": "Joining a week",
    "other_removals_per_week": "Other removals a week",
    "breakeven_per_week": "Breakeven stops a week",
    "current_per_week": "Current stops a week",
    "gap_per_week": "Gap a week",
    "waiting_now": "Waiting now",
    "straight_line_date": "Straight-line date",
    "p10_date": "Clears, 10th percentile",
    "p50_date": "Clears, middle (50th)",
    "p90_date": "Clears, 90th percentile",
    "share_of_draws_cleared": "Draws that clear",
    "required_per_week": "Required a week",
    "p10": "10th percentile",
    "p50": "Middle (50th)",
    "p90": "90th percentile",
    "percent_per_year": "% a year",
    "standard_error": "Standard error, % a year",
    "starts_per_year": "Clock starts a year",
    "in_plan": "Used",
    "weeks_waited": "Weeks waited",
    "pace": "Pace",
}
"""Columns of the tables whose own names would not be understood, in words."""

GROWTHS = {
    "fitted": "As fitted",
    "stated": "As stated (0% if nothing is)",
    "population": "By population",
    "scenario": "With the scenario",
}
"""Ways in which demand may grow, as a reader sees them."""

NONE = "–"
"""What stands where there is no figure."""

_SMALL = {"AND", "AT", "FOR", "IN", "OF", "ON", "THE", "UPON", "WITH"}
_ACRONYMS = {"NHS", "ICB", "ICS", "CIC", "LLP", "PLC", "UK", "BMI", "ISTC", "ENT", "II", "III"}


def is_none(value: object) -> bool:
    """Whether ``value`` stands for nothing: None, empty text, NaN or NaT."""
    if value is None or value == "":
        return True
    return value != value  # NaN and NaT alone differ from themselves


def count(value: float | None) -> str:
    """A number of people: ``1,234``; ``−5`` below zero."""
    if value is None or not math.isfinite(value):
        return NONE
    whole = f"{abs(value):,.0f}"
    return f"−{whole}" if value < 0 and whole != "0" else whole


def decimal(value: float | None) -> str:
    """A number with one decimal: ``12.3``."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.1f}"
    return f"−{text}" if value < 0 and text != "0.0" else text


def rate(value: float | None) -> str:
    """People a week: whole from 100 on, with one decimal below."""
    return count(value) if value is not None and abs(value) >= 100 else decimal(value)


def percent(value: float | None) -> str:
    """A percentage given as 0 to 100: ``3.4%``; of nobody there is none."""
    text = decimal(value)
    return "no data" if text == NONE else f"{text}%"


def share(value: float | None) -> str:
    """A share given as 0 to 1, as a whole percentage that says 0% or 100% only when it is so."""
    if value is None or not math.isfinite(value):
        return NONE
    if 0 < value < 0.01:
        return "under 1%"
    if 0.99 < value < 1:
        return "over 99%"
    return f"{value:.0%}"


def figure(measure: str, value: float | None) -> str:
    """``value`` in the style of its measure: people, per cent or weeks."""
    if measure.startswith("percent_"):
        return percent(value)
    return decimal(value) if measure.endswith("_wait_weeks") else count(value)


def as_date(value: Any) -> date | None:
    """The day that ``value`` (ISO text, date or timestamp) names; None for none."""
    if is_none(value):
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def day(value: Any) -> str:
    """A date in full: ``31 August 2025``."""
    found = as_date(value)
    return NONE if found is None else f"{found.day} {found:%B %Y}"


def short_day(value: Any) -> str:
    """A date for a table: ``31 Aug 2025``."""
    found = as_date(value)
    return NONE if found is None else f"{found.day} {found:%b %Y}"


def month(value: Any) -> str:
    """A date's month: ``March 2027``."""
    found = as_date(value)
    return NONE if found is None else f"{found:%B %Y}"


def list_join(parts: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def pair(sender: str, receiver: str, names: Mapping[str, str]) -> str:
    """Who sends to whom, by their ``names`` where known."""
    return f"{names.get(sender, sender)} to {names.get(receiver, receiver)}"


def provider_name(code: str, names: Mapping[str, str]) -> str:
    """The provider's name for reading: ``Barts Health NHS Trust``; its code where it has none."""
    return "All providers" if code == ALL else title_case(_printable(names.get(code) or code))


def specialty_name(code: str, names: Mapping[str, str]) -> str:
    """The treatment function's name for reading; its code where it has none."""
    return "All specialties" if code == ALL else _printable(names.get(code) or code)


def title_case(name: str) -> str:
    """A name that shouts, said calmly; a name with small letters, or a lone code, is left alone."""
    if name != name.upper() or " " not in name:
        return name
    words = re.split(r"([\s\-/(]+)", name)
    return "".join(_said(word, first=place == 0) for place, word in enumerate(words))


def _printable(name: str) -> str:
    """A name without the control characters that would command a terminal."""
    return "".join(letter for letter in name if letter.isprintable())


def _said(word: str, first: bool) -> str:
    bare = word.strip(".,()'’")
    if bare in _ACRONYMS:
        return word
    return word.lower() if bare in _SMALL and not first else word[:1] + word[1:].lower()
