"""Problems as a table for the terminal: those of one rule together, errors first."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from waitlist.errors import Problem


def table(problems: Sequence[Problem]) -> str:
    """``problems`` in their order, under one heading for each severity and rule; a sentence where there are none."""
    from rich.console import Console  # noqa: PLC0415 - slow to load, and not needed for --help
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    if not problems:
        return "No problems found."
    console = Console(width=None if sys.stdout.isatty() else 120)
    groups: dict[tuple[str, str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.severity, problem.rule, problem.remedy), []).append(problem)
    with console.capture() as capture:
        for (severity, rule, remedy), found in groups.items():
            console.print(f"[bold]{severity}: {escape(rule)}[/bold]. {escape(remedy)}", highlight=False)
            rows = Table(box=None, padding=(0, 2), header_style="dim")
            rows.add_column("file", no_wrap=True)
            rows.add_column("row or provider", no_wrap=len(found) > 1)
            rows.add_column("value")
            for problem in found:
                rows.add_row(*map(escape, (problem.file, problem.place, problem.value)))
            console.print(rows)
            console.print()
        counts = {s: sum(p.severity == s for p in problems) for s in ("error", "warning", "note")}
        console.print(", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items()), highlight=False)
    return capture.get().rstrip()
