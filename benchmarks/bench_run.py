"""What whole commands cost, each in a process of its own: seconds and the most memory held.

    python -m benchmarks.bench_run [--without-england]      (or make bench)

Real data are read from ../shared/data, or $WAITLIST_SHARED/data.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import publish

ROOT = Path(__file__).parents[1]
EXTRACTS = Path(os.environ.get("WAITLIST_SHARED", ROOT.parent / "shared")) / "data" / "rtt_full_extract"
WAITLIST = [sys.executable, "-c", "from waitlist.cli import main; main()"]
READ = [sys.executable, "-c", "import sys, waitlist as wl; wl.read(sys.argv[1])"]


PEAK = "Peak memory is the first process's; the second, which draws the report, held 250 MB more for three trusts."


def cost(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds and peak MiB of ``command``, run in a folder of its own with the cache folder ``cache``."""
    with tempfile.TemporaryDirectory() as desk, tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=desk, env=os.environ | {"WAITLIST_CACHE": str(cache)}, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command[3:])} failed:\n{said.read().decode()}")
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return seconds, used.ru_maxrss / unit


def main() -> None:
    """Measure each command once, help five times, and publish the table."""
    rows = []

    def add(name: str, goal: str, command: list[str], cache: Path, times: int = 1) -> None:
        seconds, memory = min(cost(command, cache) for _ in range(times))
        rows.append([name, f"{seconds:,.1f}", f"{memory:,.0f}", goal])
        print(*rows[-1], sep="  ", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        cache, sample = Path(scratch) / "cache", Path(scratch) / "sample"
        add("waitlist --help", "0.3 s", [*WAITLIST, "--help"], cache, 5)
        add("waitlist sample", "", [*WAITLIST, "sample", "--to", str(sample)], cache)
        plan = str(ROOT / "models" / "sample.toml")
        add("run sample.toml", "", [*WAITLIST, "run", plan, "--inputs", str(sample)], cache, 2)
        if EXTRACTS.is_dir():
            extracts, nel = str(EXTRACTS), str(ROOT / "models" / "nel.toml")
            run = [*WAITLIST, "run", nel, "--inputs", extracts]
            add("run nel.toml, cold", "90 s, 2,048 MiB", run, cache)
            add("run nel.toml, warm", "15 s, 2,048 MiB", run, cache, 2)
            target = ["--target", "percent_within_18_weeks,65,2026-03-31"]
            sought = [*WAITLIST, "capacity", nel, "--inputs", extracts, *target]
            add("capacity nel.toml, one target over all lists, warm", "60 s", sought, cache)
            theatres = str(ROOT / "models" / "nel-theatres.toml")
            compared = [*WAITLIST, "run", theatres, "--inputs", extracts]
            add("run nel-theatres.toml, six scenarios, two targets, warm", "", compared, cache)
            add("read 17 national months, warm", "seconds", [*READ, extracts], cache)
            if "--without-england" not in sys.argv:
                england = str(ROOT / "models" / "england.toml")
                add(
                    "run england.toml, warm",
                    "300 s, 6,144 MiB",
                    [*WAITLIST, "run", england, "--inputs", extracts],
                    cache,
                )
    skipped = (
        [] if EXTRACTS.is_dir() else ["The published extracts are not here (set WAITLIST_SHARED): those are skipped."]
    )
    notes = ["Least of the times it ran: help five, the sample's and the warm run two, the others one.", PEAK, *skipped]
    publish("run", "Whole commands", ["command", "seconds", "peak MiB", "to reach"], rows, notes)


if __name__ == "__main__":
    main()
