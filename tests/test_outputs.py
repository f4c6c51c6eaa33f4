"""What is written: the folder whole or not at all, the same bytes, safe text in every place."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from waitlist.bands import THRESHOLDS
from waitlist.calendar import horizon
from waitlist.errors import Problem, Refusal
from waitlist.history import Break, DataFile
from waitlist.outputs import folder, terminal
from waitlist.outputs.words import MEASURES, provider_name, title_case
from waitlist.plan import Plan
from waitlist.results import Result

SNAPSHOT = date(2025, 8, 31)
NAMES = {
    "QA1": "NORTHMARSH AND EASTWICK <script>alert(1)</script> NHS TRUST",
    "QA2": "=HYPERLINK(\"http://example.invalid\",\"ST ELSWITH'S\")",
    "QA3": "UPPER THRIMBLE UNIVERSITY HOSPITALS NHS FOUNDATION TRUST",
}
SPECIALTIES = {"110": "Trauma and Orthopaedics", "130": "Ophthalmology", "X02": "+Other & Medical"}
QUANTILES = ("mean", "p05", "p10", "p25", "p50", "p75", "p90", "p95")
SPREAD = np.array([0.0, -1.64, -1.28, -0.67, 0.0, 0.67, 1.28, 1.64])
SIZES = {
    "waiting_list": 40_000, "within_18_weeks": 24_000, "over_18_weeks": 16_000, "over_52_weeks": 1_400,
    "over_65_weeks": 260, "over_78_weeks": 30, "over_104_weeks": 1, "percent_within_18_weeks": 60,
    "percent_over_52_weeks": 3.5, "median_wait_weeks": 14, "p92_wait_weeks": 43,
}  # fmt: skip


def keys() -> list[tuple[str, str, float]]:
    """Every list and total, with its share of the whole."""
    return [
        (provider, specialty, (1 if provider == "ALL" else 1 / (2 + n)) * (1 if m == 3 else 0.5 - m / 10))
        for n, provider in enumerate([*NAMES, "ALL"])
        for m, specialty in enumerate([*SPECIALTIES, "ALL"])
    ]


def size(measure: str, share: float) -> float:
    """A believable figure for one list."""
    whole = SIZES.get(measure, 3_000.0)
    return whole if measure.startswith(("percent", "median", "p92")) else whole * share


def over_time(times: list[str], column: str, slope: float) -> pd.DataFrame:
    """Percentiles for each list, time and measure, fanning out."""
    rows = []
    for provider, specialty, share in keys():
        for measure in MEASURES:
            middle = size(measure, share) * (1 + slope * np.arange(1, len(times) + 1))[:, None]
            values = middle * (1 + 0.01 * np.sqrt(np.arange(len(times)))[:, None] * SPREAD)
            frame = pd.DataFrame(values, columns=list(QUANTILES))
            frame.insert(0, "measure", measure)
            frame.insert(0, column, times)
            frame.insert(0, "specialty", specialty)
            frame.insert(0, "provider", provider)
            rows.append(frame)
    return pd.concat(rows, ignore_index=True)


def made_up(months: int = 36) -> Result:
    """A run of three made-up trusts by three specialties, as the engine would give it."""
    span = horizon(SNAPSHOT, months)
    ahead = [str(end.day) for end in span.month_ends]
    weekly = [str(day) for day in span.week_ends[1:105]]
    past = [str(day.date()) for day in pd.date_range("2024-05-31", "2025-08-31", freq="ME")]
    lists = keys()
    observed = over_time(past, "month_end", 0.001).rename(columns={"mean": "value"})
    position, breakeven, clearance, waits = [], [], [], []
    for provider, specialty, share in lists:
        for stage, part in (("ALL", 1.0), ("outpatient", 0.8), ("admission", 0.2)):
            position += [(provider, specialty, stage, m, size(m, share * part)) for m in MEASURES]
            weeks = np.arange(105)
            people = 40_000 * share * part * np.exp(-weeks / 18) / 18.5
            waits += [(provider, specialty, stage, *row) for row in zip(weeks, people, strict=True)]
        for t in (0, *THRESHOLDS):
            flow = 900 * share * np.exp(-t / 30)
            breakeven += [
                (provider, specialty, t, when, flow, flow * 0.1, flow * 0.9, flow * 0.8, flow * 0.1)
                for when in (str(SNAPSHOT), *ahead)
            ]
            dates = {52: ("2026-07-31", "2027-03-31", ""), 104: (str(SNAPSHOT),) * 3}.get(t, ("", "", ""))
            shares = {52: 0.874, 104: 1.0, 18: 0.123}.get(t, 0.0)
            if t:
                now = size(f"over_{t}_weeks", share)
                clearance.append((provider, specialty, t, now, "2028-01-12", *dates, shares))
    cohorts = []
    for provider, specialty, share in lists:
        for t in THRESHOLDS:
            start = 20_000 * share * np.exp(-t / 25)
            for n in range(31):
                left = start * (1 - 0.028 * n)
                week = "2026-03-31" if n == 30 else str(span.week_ends[n])
                row = (left * 0.9, left, left * 1.1, left / max(30 - n, 1), 2.0, start * 0.03)
                cohorts.append((provider, specialty, t, "2026-03-31", week, *row))
    key = ["provider", "specialty"]
    return Result(
        plan=Plan(name="Made-up <b>system</b>", inputs=Path("sample"), horizon_months=months),
        snapshot=SNAPSHOT,
        provider_names=NAMES,
        specialty_names=SPECIALTIES,
        files=(DataFile("august.csv", "2025-08", "ab" * 32),),
        position=pd.DataFrame(position, columns=[*key, "stage", "measure", "value"]),
        trajectory=over_time(ahead, "month_end", -0.004),
        trajectory_weekly=over_time(weekly, "week_ending", -0.001),
        observed=observed[[*key, "month_end", "measure", "value"]],
        breakeven=pd.DataFrame(
            breakeven,
            columns=[*key, "threshold_weeks", "as_of", "inflow_per_week", "other_removals_per_week",
                     "breakeven_per_week", "current_per_week", "gap_per_week"],
        ),
        clearance=pd.DataFrame(
            clearance,
            columns=[*key, "threshold_weeks", "waiting_now", "straight_line_date", "p10_date", "p50_date",
                     "p90_date", "share_of_draws_cleared"],
        ),
        cohorts=pd.DataFrame(
            cohorts,
            columns=[*key, "threshold_weeks", "deadline", "week_ending", "p10", "p50", "p90",
                     "required_per_week", "joined", "left"],
        ),
        waits=pd.DataFrame(waits, columns=[*key, "stage", "weeks_waited", "waiting"]),
        rates=pd.DataFrame(columns=[*key, "stage", "flow", "own_weight"]),
        breaks=(Break("QA1", "ALL", "2025-05", "step", 11_921.0, "@a step in what is reported"),),
        assumptions=("Demand stays at its recent level.", "<img src=x onerror=alert(2)>"),
        warnings=(Problem("warning", "august.csv", "QA3", "7", "a small thing <i>", "Have a look."),),
    )  # fmt: skip
