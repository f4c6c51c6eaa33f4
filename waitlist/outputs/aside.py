"""The report drawn by a second process while this one writes the workbook: charts take as long as cells.

The second process only saves time: wherever it cannot start, or fails, the report is drawn here instead.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from waitlist.results import Result


@contextmanager
def report_of(result: Result) -> Iterator[Callable[[], str]]:
    """Have the report drawn meanwhile; what is given waits for it and returns its HTML."""
    process = None

    def wait() -> str:
        if process:
            page, _ = process.communicate()
            if process.returncode == 0:
                return page.decode("utf-8")
        from waitlist.outputs import report  # noqa: PLC0415 - loads charts

        return report.render(result)

    try:
        process = _started(result)
        yield wait
    finally:
        if process:
            process.kill()
            with process:
                pass  # closes its pipe and waits for its end


def _started(result: Result) -> subprocess.Popen[bytes] | None:
    """The process, told the result through a file without a name, which nobody else can change."""
    name = os.path.basename(sys.executable or "")
    if sys.flags.isolated or not re.fullmatch(r"python[\d.]*(\.exe)?", name):  # not ours to start again
        return None
    weekly = result.trajectory_weekly.iloc[:0]  # by far the longest table, and not in the report
    paths = os.pathsep.join(path for path in sys.path if isinstance(path, str) and path)
    try:
        with tempfile.TemporaryFile() as told:
            pickle.dump(replace(result, trajectory_weekly=weekly), told)
            told.seek(0)
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "waitlist.outputs.aside"],  # -P: nothing from the working folder
                env=os.environ | {"PYTHONPATH": paths},
                stdin=told,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
    except (OSError, pickle.PicklingError, TypeError, AttributeError, ValueError):
        return None


def main() -> None:
    """Write the report of the result on standard input to standard output."""
    with ThreadPoolExecutor(max_workers=1) as beside:  # the drawing engine starts while all else is loaded
        beside.submit(_start_drawing)
        from waitlist.outputs import report  # noqa: PLC0415 - loads charts

        sys.stdout.buffer.write(report.render(pickle.load(sys.stdin.buffer)).encode("utf-8"))


def _start_drawing() -> None:
    import vl_convert  # noqa: PLC0415 - slow to load

    vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "point"})


if __name__ == "__main__":
    main()
