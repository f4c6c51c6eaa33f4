"""submission.xlsx: the whole submission as planners know it, with live formulas that show that it adds up."""

from __future__ import annotations

import io
from datetime import datetime, time
from pathlib import Path

import xlsxwriter

from waitlist.outputs.submission.book_checks import checks
from waitlist.outputs.submission.book_org import address, organisation
from waitlist.outputs.submission.book_page import Pages, title_of
from waitlist.outputs.submission.book_rows import QUARTERS, SHARES, Held
from waitlist.outputs.submission.book_sheets import tables
from waitlist.submission import STOCKS
from waitlist.submitted import Submission


def write(made: Submission, path: Path) -> None:
    """Write the workbook; the same submission gives the same bytes (R11). Raises OSError."""
    held, stream = Held(made), io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(stream, {"in_memory": True, **plain})
    draft = "DRAFT: " if made.status == "draft" else ""
    book.set_properties(
        {
            "title": f"{draft}{title_of(made)}",
            "author": made.author,
            "comments": f"Made by waitlist; {made.version_words()}",
            "created": datetime.combine(made.snapshot, time()),
        }
    )
    pages = Pages(book, made)
    checks(pages, held)
    for org in made.orgs:
        organisation(pages, held, org)
    for table in tables(held):
        pages.table(table)
    book.close()
    path.write_bytes(stream.getbuffer())


def cells_of(made: Submission) -> dict[tuple[str, str, str], str]:
    """Where each figure stands in the workbook: (organisation, line, column) → ``R1H!F10``.

    A line is one of the figures' lines, ``percent_within_18_weeks`` or ``percent_over_52_weeks``; a column is a month,
    ``opening`` (stocks alone), one of ``q1`` to ``q4``, or ``year``.
    """
    held = Held(made)
    lines = (*dict.fromkeys(made.figures["line"]), *SHARES)
    columns = (*made.year.months, *QUARTERS, "year")
    found: dict[tuple[str, str, str], str] = {}
    for org in made.orgs:
        for line in lines:
            if line in held.place:
                names = ("opening", *columns) if line in (*STOCKS, *SHARES) else columns
                found |= {(org, line, name): address(held, org, line, name) for name in names}
    return found
