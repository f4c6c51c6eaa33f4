"""How a benchmark says what it found: printed, and kept beside it as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def publish(name: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
    """Print a table and write it to ``benchmarks/results/<name>.md``; the first column is left, others right."""
    grid = [list(columns), *map(list, rows)]
    widths = [max(len(row[i]) for row in grid) for i in range(len(columns))]
    lines = ["| " + " | ".join(_aligned(row, widths)) + " |" for row in grid]
    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    text = "\n".join([f"# {title}", "", lines[0], rule, *lines[1:], "", *notes, "", f"Measured on {machine}."]) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
