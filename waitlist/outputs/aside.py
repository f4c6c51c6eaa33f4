"""The report drawn by a second process while this one writes the workbook: charts take as long as cells.

The second process only saves time: wherever it cannot start, or fails, the report is drawn here instead.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from waitlist.results import Result

HELD = ".result"
"""The file, in the folder being built, in which the second process finds the result."""


@contextmanager
def report_of(result: Result, folder: Path) -> Iterator[Callable[[], str]]:
    """Have the report drawn meanwhile; what is given waits for it and returns its HTML. ``folder`` is ours alone."""
    process = _started(result, folder)

    def wait() -> str:
        if process:
            drawn, _ = process.communicate()
            if process.returncode == 0:
                return drawn.decode("utf-8")
        from waitlist.outputs import report  # noqa: PLC0415 - loads charts

        return report.render(result)

    try:
        yield wait
    finally:
        if process:
            process.kill()
            with process:
                pass  # closes its pipe and waits for its end
        (folder / HELD).unlink(missing_ok=True)


def _started(result: Result, folder: Path) -> subprocess.Popen[bytes] | None:
    if not Path(sys.executable or "").name.startswith("python"):  # a program that only holds Python
        return None
    with suppress(OSError, pickle.PicklingError):
        (folder / HELD).write_bytes(pickle.dumps(result))
        paths = os.pathsep.join(path for path in sys.path if path)  # and never the working folder (-P)
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "waitlist.outputs.aside", str(folder / HELD)],
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    return None


def main(held: Path) -> None:
    """Write the report of the result in ``held`` to standard output."""
    from waitlist.outputs import report  # noqa: PLC0415 - loads charts

    sys.stdout.buffer.write(report.render(pickle.loads(held.read_bytes())).encode("utf-8"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
