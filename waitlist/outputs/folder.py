"""A run's folder: it appears whole or not at all (R14)."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from waitlist.errors import refuse
from waitlist.outputs import aside, manifest, tidy
from waitlist.results import Aid, Answer, Backtest, Result
from waitlist.submitted import FollowUp, Submission

_REMEDIES = {
    errno.ENOSPC: "Free some space, or give another place with --out.",
    errno.EDQUOT: "Free some of your quota, or give another place with --out.",
    errno.EACCES: "Close its files in other programs, or give another place with --out.",
    errno.EFBIG: "A file may not grow so large there; give another place with --out.",
}
_ELSEWHERE = "Give another place with --out, or ask for permission to write there."


def check_place(out: Path, *read: Path) -> None:
    """Refuse, before any work, a place that ``write`` may not replace or cannot make (R14).

    ``read`` are the files and folders that the plan names, which are never replaced. Raises Refusal.
    """
    try:
        rule, remedy = _objection(out, read)
    except OSError as error:
        rule, remedy = f"the folder cannot be: {(error.strerror or str(error)).lower()}", "Name another folder."
    if rule:
        raise refuse(str(out), "", "", rule, remedy)


def write(result: Result, out: Path, only: str | None = None) -> Path:
    """Write every file of ``result``, or the table ``only`` alone, into the folder ``out`` and return it.

    Whole or not at all, as ``_whole`` says. Raises Refusal naming the place and the remedy.
    """

    def fill(building: Path) -> None:
        if only:
            tidy.write({only: result.tables()[only]}, building)
        else:
            _write_all(result, building)

    return _whole(result, out, fill)


def write_tables(made: Backtest | Answer, out: Path) -> Path:
    """Write the tables of ``made`` into the folder ``out``, whole or not at all, and return it. Raises Refusal."""

    def fill(building: Path) -> None:
        tidy.write(made.tables(), building)
        if isinstance(made, Answer):
            _write_schedule(made.aid, made, made.names, made.names, building)

    return _whole(made, out, fill)


def write_submission(made: Submission, out: Path, register: Callable[[], None]) -> Path:
    """Write a submission's files into the folder ``out`` and return it; ``register`` it once they are all there.

    Whole or not at all: where registering refuses, no file is written. Raises Refusal.
    """
    from waitlist.outputs.submission import files  # noqa: PLC0415 - loads Word and Excel

    def fill(building: Path) -> None:
        files.write(made, building)

    return _whole(made, out, fill, register)


def write_follow_up(held: FollowUp, out: Path) -> Path:
    """Write a follow-up's tables and page into the folder ``out``, whole or not at all. Raises Refusal."""
    from waitlist.outputs.submission import follow  # noqa: PLC0415 - loads charts

    def fill(building: Path) -> None:
        tidy.write(held.tables(), building)
        (building / "follow_up.html").write_text(follow.render(held), encoding="utf-8", newline="\n")

    return _whole(held, out, fill)


def _whole(
    made: Result | Backtest | Answer | Submission | FollowUp,
    out: Path,
    fill: Callable[[Path], None],
    at_last: Callable[[], None] = lambda: None,
) -> Path:
    """Have ``fill`` write a folder, add its manifest, do ``at_last``, and put it in the place of ``out``.

    All is built in a hidden folder beside ``out`` and put in its place in one step; whatever stops it
    (Ctrl-C, a full disk), nothing is left behind and an older folder stands as it was.
    """
    check_place(out, *made.plan.files)
    target = Path(os.path.abspath(out))
    try:
        with _built_beside(target) as building:
            fill(building)
            manifest.write(made, building)
            _flush([*building.iterdir(), building])
            with _interrupts_held():
                at_last()
                _replace(target, building)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        remedy = _REMEDIES.get(error.errno or 0, _ELSEWHERE)
        raise refuse(str(out), "", said, "the folder cannot be written, and nothing was", remedy) from None
    return out


def _write_all(result: Result, folder: Path) -> None:
    from waitlist.outputs import workbook  # noqa: PLC0415 - loads xlsxwriter

    with aside.report_of(result) as report:
        tidy.write(result.tables(), folder)
        workbook.write(result, folder / "workbook.xlsx")
        _write_schedule(result.aid, result, result.provider_names, result.specialty_names, folder)
        (folder / "report.html").write_text(report(), encoding="utf-8", newline="\n")


def _write_schedule(
    aid: Aid | None, made: Result | Answer, providers: Mapping[str, str], specialties: Mapping[str, str], folder: Path
) -> None:
    """The schedule that booking teams work from, where there are transfers."""
    if aid is not None:
        from waitlist.outputs import schedule  # noqa: PLC0415 - loads xlsxwriter

        schedule.write(aid, folder / "schedule.xlsx", made.plan.name, made.snapshot, providers, specialties)


def _objection(out: Path, read: Iterable[Path]) -> tuple[str, str]:
    """Why ``out`` cannot be the run's folder and what to do, or two empty texts."""
    if out.is_symlink():
        return "this is a link, and a run's folder is never written through one", "Name the folder itself."
    target = out.resolve()
    if target.exists() and not target.is_dir():
        return "there is a file of this name", "Name a folder."
    protected = [Path.cwd().resolve(), *(path.resolve() for path in read)]
    if any(place.is_relative_to(target) for place in protected):
        rule = "this holds the data or the place you work in, or the plan or its register, and would be replaced whole"
        return rule, "Name a new folder."
    if target.is_mount():
        return "this is a disk's own place, which cannot be replaced", "Name a folder in it."
    if target.is_dir() and not manifest.is_ours(target) and any(target.iterdir()):
        return "the folder holds something that no run wrote (R14)", "Name a new folder, or empty this one."
    parent = next(place for place in target.parents if place.exists())
    if not parent.is_dir():
        return f"{parent.name} is a file, not a folder", "Name a folder."
    if not os.access(parent, os.W_OK | os.X_OK):
        return f"{parent} may not be written", _ELSEWHERE
    return "", ""


@contextmanager
def _built_beside(target: Path) -> Iterator[Path]:
    """A hidden folder on the same disk as ``target``, gone at the end with any parents that were made."""
    made = [place for place in target.parents if not place.exists()]
    building = _hidden_beside(target)
    try:
        building.mkdir(parents=True)
        yield building
    finally:
        with _interrupts_held():
            shutil.rmtree(building, ignore_errors=True)
            if not target.exists():
                for place in made:
                    _remove_empty(place)


def _replace(target: Path, building: Path) -> None:
    """Put ``building`` where ``target`` is; an older folder goes back to its place if that fails."""
    old = _hidden_beside(target)
    if target.exists():
        target.rename(old)
    try:
        building.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    _flush([target.parent])
    shutil.rmtree(old, ignore_errors=True)


def _hidden_beside(target: Path) -> Path:
    return target.parent / f".{target.name}-{secrets.token_hex(4)}"


def _flush(paths: Iterable[Path]) -> None:
    """Have the disk hold every one of ``paths``, so that not even a power cut leaves half of them."""
    for path in paths:
        if path.is_dir() and os.name == "nt":  # Windows cannot flush a folder
            continue
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # somebody else has put something there
        return


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Do not hear a Ctrl-C during what may not be half done, and is done in a moment."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread hears it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
