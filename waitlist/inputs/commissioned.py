"""Who pays for whom at the last snapshot: the extract's rows of one ICB's people, and everyone's, by provider."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from waitlist.bands import BANDS, THRESHOLDS, Floats
from waitlist.inputs.database import database
from waitlist.inputs.fields import BAND_COLUMNS, TOTAL
from waitlist.inputs.unpack import unpacked

EDGES = (0, *THRESHOLDS, BANDS)
"""Bands at which the list is divided by weeks waited."""


def read_commissioned(
    path: Path, icb: str, providers: Sequence[str], specialties: Sequence[str]
) -> tuple[dict[str, Floats], dict[str, Floats], Floats] | None:
    """(people of the ICB by provider, everyone by provider, people of the ICB elsewhere), each [9] people.

    The nine: the list within 18 weeks, 18-52, 52-65, 65-78, 78-104 and over 104; clock starts, admitted and
    non-admitted stops of the month. ``icb`` is a commissioner's parent's code. None where the file knows no such
    parent, or has no column for it. ``path`` is a month that has been read before, so its rows are known to be sound.
    """
    with unpacked(path) as (csv, encoding), database(csv.parent) as db:
        try:
            rows = db.execute(_query(csv, encoding), [icb, list(specialties)]).fetchall()
        except duckdb.Error:  # the columns of the parents are not needed to read a month
            return None
    mine: dict[str, Floats] = {}
    everyone: dict[str, Floats] = {}
    elsewhere = np.zeros(len(EDGES) + 2)
    for provider, part, is_mine, *numbers in rows:
        values = np.zeros(len(EDGES) + 2)
        if part == "Part_2":
            values[: len(EDGES) - 1] = numbers[:-1]
        else:
            values[{"Part_3": -3, "Part_1A": -2, "Part_1B": -1}[part]] = numbers[-1]
        if provider in providers:
            everyone[provider] = everyone.get(provider, np.zeros_like(values)) + values
        if is_mine and provider in providers:
            mine[provider] = mine.get(provider, np.zeros_like(values)) + values
        elif is_mine:
            elsewhere += values
    if not mine:
        return None
    nothing = np.zeros_like(elsewhere)
    return (
        {code: mine.get(code, nothing) for code in providers},
        {code: everyone.get(code, nothing) for code in providers},
        elsewhere,
    )


def _query(csv: Path, encoding: str) -> str:
    place = str(csv).replace("'", "''")
    sums = ", ".join(
        f"coalesce(sum({' + '.join(_number(column) for column in BAND_COLUMNS[low:high])}), 0)"
        for low, high in zip(EDGES, EDGES[1:], strict=False)
    )
    return (
        f'select "Provider Org Code", "RTT Part Type", "Commissioner Parent Org Code" = $1, {sums}, '
        f"coalesce(sum({_number(TOTAL)}), 0) from read_csv('{place}', all_varchar=true, header=true, "
        f"encoding='{encoding}', delim=',', quote='\"', escape='\"') "
        "where \"Commissioner Org Code\" <> 'NONC' and \"Treatment Function Code\" <> 'C_999' "
        "and list_contains($2, replace(\"Treatment Function Code\", 'C_', '')) "
        "and \"RTT Part Type\" in ('Part_1A', 'Part_1B', 'Part_2', 'Part_3') group by 1, 2, 3 order by 1, 2, 3"
    )


def _number(column: str) -> str:
    return f'coalesce(try_cast("{column}" as integer), 0)'
