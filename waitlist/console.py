"""What every command shows: progress while it works, one answer, the problems of a folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from waitlist.errors import Problem

if TYPE_CHECKING:
    from waitlist.results import Answer


class Bar:
    """A progress bar on the error stream, where a terminal is watching."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress  # noqa: PLC0415

        self.bars = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self.tasks: dict[str, int] = {}

    def __call__(self, what: str, done: int, of: int) -> None:
        """Show that ``done`` of ``of`` steps of ``what`` are done."""
        if what not in self.tasks:
            self.tasks[what] = int(self.bars.add_task(what, total=of))
        self.bars.update(self.tasks[what], completed=done, total=of)  # type: ignore[arg-type]


@contextmanager
def progress() -> Iterator[Bar]:
    """A Bar that goes when the work is done."""
    bar = Bar()
    with bar.bars:
        yield bar


def print_alone(found: Answer, shown: Callable[[Answer], str], out: Path | None, as_json: bool) -> None:
    """Print an answer that needs no whole run as it is ``shown``, or as JSON; and with ``out`` write it."""
    from waitlist.outputs import folder, terminal  # noqa: PLC0415

    if out:
        folder.write_tables(found, out)
    print(terminal.as_json(found.table) if as_json else shown(found))


def print_problems(problems: list[Problem], as_json: bool) -> None:
    """Print problems as a table, or as JSON."""
    if as_json:
        print(json.dumps([problem.as_dict() for problem in problems], indent=2, ensure_ascii=False))
        return
    from waitlist.outputs.problems import table  # noqa: PLC0415

    print(table(problems))
