"""The report drawn by a second process while this one writes the workbook: charts take as long as cells.

The second process only saves time: wherever it cannot start, or fails, the report is drawn here instead.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from waitlist.results import ALL, Result

_READY: list[subprocess.Popen[bytes]] = []
"""A process that has been made ready and not been told a result yet."""


@contextmanager
def made_ready() -> Iterator[None]:
    """Have the second process load its libraries while the result is still to come."""
    _READY.extend(filter(None, [_started()]))
    try:
        yield
    finally:
        while _READY:
            _ended(_READY.pop())


@contextmanager
def report_of(result: Result) -> Iterator[Callable[[], str]]:
    """Have the report drawn meanwhile; what is given waits for it and returns its HTML."""
    process = _READY.pop() if _READY else _started()
    spared = _not_in_the_report(result)
    with ThreadPoolExecutor(max_workers=1) as talk:
        try:
            told = pickle.dumps(replace(result, **spared)) if process else b""
            heard = talk.submit(_told, process, told) if process else None

            def wait() -> str:
                if process and heard:
                    page = heard.result()
                    if process.returncode == 0:
                        return page.decode("utf-8")
                from waitlist.outputs import report  # noqa: PLC0415 - loads charts

                return report.render(result)

            yield wait
        finally:
            if process:
                process.kill()
    if process:
        _ended(process)


def _not_in_the_report(result: Result) -> dict[str, Any]:
    """The longest tables, cut to what the report shows of them."""
    cut = {"trajectory_weekly": result.trajectory_weekly.iloc[:0]}
    for name in ("scenarios", "waterfall", "scenario_cohorts", "scenario_breakeven"):
        table = getattr(result, name)
        if table is not None:
            cut[name] = table[table["specialty"] == ALL]
    return cut


def _started() -> subprocess.Popen[bytes] | None:
    """A process that waits to be told a result; none where it cannot be started."""
    name = os.path.basename(sys.executable or "")
    if sys.flags.isolated or not re.fullmatch(r"python[\d.]*(\.exe)?", name):  # not ours to start again
        return None
    paths = os.pathsep.join(path for path in sys.path if isinstance(path, str) and path)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "waitlist.outputs.aside"],  # -P: nothing from the working folder
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError):
        return None


def _told(process: subprocess.Popen[bytes], result: bytes) -> bytes:
    """Its report of the pickled ``result``, or what it wrote until it went."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})  # of this thread: that it went ends nothing here
    return process.communicate(result)[0]


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with process:
        pass  # closes its pipes and waits for its end


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
