"""What a submission costs: north east London's whole year, from the extracts to checks, workbook and pack.

python -m benchmarks.bench_submission
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import waitlist as wl
from waitlist.follow_up import follow
from waitlist.planning_round import submission
from waitlist.versions import write

SHARED = Path(os.environ.get("WAITLIST_SHARED", Path(__file__).parents[2] / "shared"))


def main() -> None:
    """Print seconds: cold and warm, made and written; then plan against actual from April."""
    data = SHARED / "data"
    with tempfile.TemporaryDirectory() as scratch:
        plan = wl.Plan.load(
            Path(__file__).parents[1] / "models" / "nel-submission.toml",
            inputs=data / "rtt_full_extract",
            history=[data / "history", data / "reference"],
        )
        settings = plan.submission.model_copy(update={"register_": f"{scratch}/register.sqlite"})
        plan = plan.model_copy(update={"submission": settings})
        for said in ("first", "again"):
            began = time.perf_counter()
            history = wl.read(plan.inputs, plan)
            read = time.perf_counter()
            made = submission(plan, history)
            computed = time.perf_counter()
            write(made, Path(scratch) / "round", draft=True)
            ended = time.perf_counter()
            print(
                f"{said}: read {read - began:.1f} s, made {computed - read:.1f} s, written {ended - computed:.1f} s, "
                f"in all {ended - began:.1f} s"
            )
        april = plan.model_copy(update={"override": ()})
        write(submission(april, wl.read(plan.inputs, plan, "2025-04")), Path(scratch) / "april")
        began = time.perf_counter()
        follow(april, plan.inputs)
        print(f"plan against actual from April: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
