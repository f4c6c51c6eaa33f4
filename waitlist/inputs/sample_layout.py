"""Writes a made-up system in the very layout of NHS England's RTT full extracts, traps included.

A month is a zip of one CSV with 121 columns: a row per provider, commissioner, part and treatment function
with anybody in it, C_999 totals beside them, NONC rows, Total filled for completed parts only, bands blank
for Part 3, and one provider that leaves cells blank where the others write 0.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from waitlist.bands import BANDS
from waitlist.calendar import month_end
from waitlist.inputs.fields import fields, treatment_functions
from waitlist.inputs.sample_draw import ADMITTED, NON_ADMITTED, Simulated

DESCRIPTIONS = {
    "Part_1A": "Completed Pathways For Admitted Patients",
    "Part_1B": "Completed Pathways For Non-Admitted Patients",
    "Part_2": "Incomplete Pathways",
    "Part_2A": "Incomplete Pathways with DTA",
    "Part_3": "New RTT Periods - All Patients",
}
TOTAL_CODE = "C_999"
ZIP_TIME = (2020, 1, 1, 0, 0, 0)
"""Every member's time, so that the same draw gives the same bytes."""

Row = list[object]


def file_name(month: str) -> str:
    """The zip that holds ``month`` (YYYY-MM)."""
    return f"RTT-{month}-full-extract.zip"


def month_file(happened: Simulated, month: str) -> bytes:
    """The zip of one CSV for ``month``, one of ``happened``'s."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([field.name for field in fields()])
    writer.writerows(_rows(happened, month))
    end = month_end(month)
    member = zipfile.ZipInfo(f"{end:%Y%m%d}-RTT-{end:%B-%Y}-full-extract-revised.csv", ZIP_TIME)
    member.compress_type = zipfile.ZIP_DEFLATED
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(member, text.getvalue())
    return packed.getvalue()


def _rows(happened: Simulated, month: str) -> Iterator[Row]:
    """The month's rows: providers in order, then who pays, then the part, then the treatment function."""
    truth = happened.truth
    period = f"RTT-{month_end(month):%B-%Y}"
    parts = _parts(happened, happened.months.index(month))
    home = truth.commissioners[0]
    last = max(truth.trusts)
    for code, name in sorted(truth.trusts.items()):
        for payer in sorted(range(len(truth.commissioners)), key=lambda c: truth.commissioners[c].parent):
            who = truth.commissioners[payer]
            lead = [period, home.parent, home.parent_name, code, name, who.parent, who.parent_name, who.code, who.name]
            mine = {
                f"C_{truth.lists[row].specialty}": stream
                for stream, (row, paid_by) in enumerate(happened.streams)
                if paid_by == payer and truth.lists[row].provider == code
            }
            for part, counts in parts.items():
                there = {function: counts[mine[function]] for function in sorted(mine) if counts[mine[function]].any()}
                if there:
                    there[TOTAL_CODE] = np.sum(list(there.values()), axis=0)
                for function, people in there.items():
                    label = treatment_functions().get(function.removeprefix("C_"), "Total")
                    blank = code == last and function != TOTAL_CODE
                    yield [*lead, part, DESCRIPTIONS[part], function, label, *_cells(part, people, blank)]


def _parts(happened: Simulated, m: int) -> dict[str, NDArray[np.int64]]:
    """Each part's people [S, 105] in the month at ``m``; Part 3's [S, 1]."""
    left = happened.left[:, m].sum(axis=1)
    return {
        "Part_1A": left[:, ADMITTED],
        "Part_1B": left[:, NON_ADMITTED],
        "Part_2": happened.waiting[:, m].sum(axis=1),
        "Part_2A": happened.waiting[:, m, 1],
        "Part_3": happened.starts[:, m, None],
    }


def _cells(part: str, people: NDArray[np.int64], blank: bool) -> Row:
    """The bands, Total, unknown clock starts and Total All of one row."""
    total = int(people.sum())
    if part == "Part_3":
        return [""] * (BANDS + 2) + [total]
    bands: Row = [count if count or not blank else "" for count in people.tolist()]
    if part in ("Part_1A", "Part_1B"):
        return [*bands, total, "" if blank else 0, total]
    return [*bands, "", "", total]
