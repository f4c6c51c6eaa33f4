"""The files of a submission: what is sent, what a board reads, and what stands behind both."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from waitlist.outputs import tidy
from waitlist.outputs.submission import book, long, pack_docx, pack_html, template
from waitlist.submitted import Submission


def write(made: Submission, folder: Path) -> None:
    """Write every file of ``made`` into ``folder``. Raises OSError, and Refusal where the template is wrong."""
    settings = made.settings
    (folder / "submission.csv").write_bytes(long.as_csv(made))
    book.write(made, folder / "submission.xlsx")
    addresses = {} if made.disclosed else book.cells_of(made)
    (folder / "pack.html").write_text(pack_html.render(made, addresses), encoding="utf-8", newline="\n")
    pack_docx.write(made, addresses, folder / "pack.docx")
    if settings.template and settings.mapping:
        template.fill(made, settings.template, settings.mapping, folder / f"{settings.template.stem}-filled.xlsx")
    tables = {"checks": made.checks, "standards": made.standards, "overrides": made.overrides}
    if not made.disclosed:
        tables |= {"figures": made.figures, "ranges": made.ranges}
        tables |= {} if made.commissioner is None else {"commissioner": made.commissioner}
    tidy.write({name: _defused(frame) for name, frame in tables.items()}, folder)


def _defused(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with no text that a spreadsheet takes for a formula: what planners wrote is only text."""
    found = frame.copy()
    for name in frame:
        if frame[name].dtype.kind not in "fiub":
            found[name] = frame[name].map(_quoted)
    return found


def _quoted(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(long.FORMULA_STARTS) else value
