"""What `waitlist submission` does: make one, compare two, hold one against what came; each printed, and written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from waitlist.console import print_alone, progress

if TYPE_CHECKING:
    from waitlist.plan import Plan


def submit(
    plan: Plan, origin: str | None, out: Path | None, draft: bool, disclosure: bool, no_cache: bool, as_json: bool
) -> None:
    """Make a submission and print it; with ``out`` write it and register it."""
    from waitlist.outputs import terminal  # noqa: PLC0415
    from waitlist.outputs.submission import long, printed  # noqa: PLC0415
    from waitlist.pipeline import read  # noqa: PLC0415
    from waitlist.planning_round import submission as made_of  # noqa: PLC0415
    from waitlist.versions import write  # noqa: PLC0415

    with progress() as tell:
        made = made_of(plan, read(plan.inputs, plan, origin, not no_cache, tell), tell)
        if out:
            tell("Writing", 0, 1)
            made = write(made, out, draft, disclosure)
    print(terminal.as_json(long.long_table(made)) if as_json else printed.submission(made))
    if out and not as_json:
        print(f"\nWrote {len(list(out.iterdir()))} files in {out}: {made.version_words()}.")


def compare(plan: Plan, which: tuple[str, str], out: Path | None, as_json: bool) -> None:
    """Compare two versions and print what differs; with ``out`` write it."""
    from waitlist.outputs.submission import printed  # noqa: PLC0415
    from waitlist.versions import compare as compared  # noqa: PLC0415

    print_alone(compared(plan, *which), lambda found: printed.comparison(found.table, *which), out, as_json)


def follow(plan: Plan, actual: Path, out: Path | None, no_cache: bool, as_json: bool) -> None:
    """Hold the submission against what came and print it; with ``out`` write it."""
    from waitlist.follow_up import follow as followed  # noqa: PLC0415
    from waitlist.outputs import folder, terminal  # noqa: PLC0415
    from waitlist.outputs.submission import printed  # noqa: PLC0415

    if out:
        folder.check_place(out, actual)
    with progress() as tell:
        held = followed(plan, actual, not no_cache, tell)
        if out:
            tell("Writing", 0, 1)
            folder.write_follow_up(held, out)
    print(terminal.as_json(held.against) if as_json else printed.follow_up(held))
