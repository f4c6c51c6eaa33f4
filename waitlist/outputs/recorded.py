"""How forecasts made this way have fared, in sentences for page, workbook and terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from waitlist.calendar import month_end
from waitlist.outputs import words as say
from waitlist.results import Result

RECORDED = {
    "waiting_list": "the waiting list",
    "over_18_weeks": "the number over 18 weeks",
    "over_52_weeks": "the number over 52 weeks",
    "over_65_weeks": "the number over 65 weeks",
}
"""The measures looked back on, within a sentence."""
BREAKS = {
    "step": "restated",
    "absorbed": "joined another provider",
    "missing": "no return",
    "starts": "began to report",
    "stops": "no longer reports",
}
"""Kinds of breaks in a few words."""


def past_record(result: Result, provider: str) -> list[str]:
    """How past forecasts of ``provider`` (or ALL) fared, and where the record is poor; nothing without a record."""
    lines = record_lines(result, provider)
    whole = lines.get("waiting_list")
    if whole is None:
        return []
    last = [
        f"{say.share(lines[m].held_90)} of the 90% intervals held {what}, average error {say.percent(lines[m].error)} "
        f"against {say.percent(lines[m].naive_error)} for doing nothing"
        for m, what in RECORDED.items()
        if m in lines and m in ("waiting_list", "over_52_weeks")
    ]
    origins = f"the last {whole.origins} origins" if whole.origins > 1 else "the last origin"
    return [f"Forecasts made this way at {origins}: {'; '.join(last)}.", *_poor(lines, result.provider_names)]


def _poor(lines: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    poor = [RECORDED[m] for m in RECORDED if m in lines and lines[m].poor]
    if not poor:
        return []
    why = "; ".join(dict.fromkeys(line.why for line in lines.values() if line.why))
    because = (
        f"What is reported changed in that time ({in_words(why, names)}), which no forecast could know"
        if why
        else "No large change in what is reported explains it"
    )
    return [f"The record is poor for {say.list_join(poor)}. {because}."]


def in_words(why: str, names: Mapping[str, str]) -> str:
    """Breaks such as ``R1H step 2025-05``, or ``step 2025-05`` of the provider spoken of, in words."""

    def said(found: re.Match[str]) -> str:
        who = f"{say.provider_name(found[1], names)} " if found[1] else ""
        return f"{who}{BREAKS.get(found[2], found[2])} in {say.month(month_end(found[3]))}"

    return re.sub(r"(?:(\w+) )?(\w+) (\d{4}-\d{2})", said, why)


def record_lines(result: Result, provider: str) -> dict[str, Any]:
    """The record's line of each measure, in order."""
    if result.record is None:
        return {}
    own = result.record[result.record["provider"] == provider]
    rows = {row.measure: row for row in own.itertuples(index=False)}
    return {measure: rows[measure] for measure in RECORDED if measure in rows}
