"""The command line: arguments → one call of the public API → printing. No logic."""

from __future__ import annotations

import gc
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from waitlist import submitting
from waitlist.console import print_alone, print_problems, progress
from waitlist.errors import Refusal

if TYPE_CHECKING:
    from waitlist.plan import Plan

app = typer.Typer(
    help="Forecast elective waiting lists: who will be waiting how long, and what it takes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
PlanFile = Annotated[Path, typer.Argument(help="The plan, a TOML file such as models/sample.toml.")]
Inputs = Annotated[Path | None, typer.Option("--inputs", help="Data folder, in place of the plan's.")]
PastFiles = Annotated[
    list[Path] | None,
    typer.Option("--history", help="File or folder of a longer past, in place of the plan's; may be repeated."),
]
Origin = Annotated[str | None, typer.Option("--origin", help="Know nothing after this month, YYYY-MM.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder to write; replaced whole if it is ours.")]
Draws = Annotated[int | None, typer.Option("--draws", min=1, help="Draws, in place of the plan's.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed, in place of the plan's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Read the files afresh, past the cache.")]


@app.command(epilog="Example: waitlist sample --to inputs/sample --seed 1")
def sample(
    to: Annotated[Path, typer.Option("--to", help="Folder to write.")] = Path("inputs/sample"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another system.")] = 1,
) -> None:
    """Write a made-up three-trust system in the layout of the published extracts."""
    from waitlist.inputs.sample import write_sample  # noqa: PLC0415

    print(f"Wrote a synthetic system to {write_sample(to, seed=seed)}")


@app.command(epilog="Example: waitlist check inputs/sample --json")
def check(
    inputs: Annotated[Path, typer.Argument(help="Data folder.")], as_json: AsJson = False, no_cache: NoCache = False
) -> None:
    """Check the data in a folder: every problem at once. Exit 1 if one makes a forecast wrong."""
    from waitlist.inputs.check import check as check_folder  # noqa: PLC0415

    with progress() as tell:
        problems = check_folder(inputs, cache=not no_cache, progress=tell)
    print_problems(problems, as_json)
    raise typer.Exit(1 if any(p.severity == "error" for p in problems) else 0)


@app.command(epilog="Example: waitlist run models/sample.toml --out outputs/sample")
def run(
    plan: PlanFile,
    inputs: Inputs = None,
    history: PastFiles = None,
    origin: Origin = None,
    out: Out = None,
    draws: Draws = None,
    seed: Seed = None,
    no_cache: NoCache = False,
) -> None:
    """Run a plan: every answer, as tables, a report and a workbook in one folder."""
    from waitlist.outputs.aside import made_ready  # noqa: PLC0415
    from waitlist.outputs.terminal import headline  # noqa: PLC0415
    from waitlist.pipeline import read, write  # noqa: PLC0415
    from waitlist.pipeline import run as answer  # noqa: PLC0415
    from waitlist.track import with_record  # noqa: PLC0415

    folder = out or Path("outputs") / plan.stem
    settings = _settings(plan, inputs, history, draws, seed, folder)
    with progress() as tell, ThreadPoolExecutor(max_workers=1) as beside:
        beside.submit(import_module, "statsmodels.tsa.statespace.structural")  # slow to load: while files are read
        known = read(settings.inputs, settings, origin, cache=not no_cache, progress=tell)
        with made_ready():
            result = with_record(answer(settings, known, tell), known, not no_cache, tell)
            tell("Writing", 0, 1)
            write(result, folder)
    print(headline(result))
    print(f"\nWrote {len(list(folder.iterdir()))} files in {folder}; the report is {folder / 'report.html'}")


@app.command(epilog="Example: waitlist position models/sample.toml --queueing --json")
def position(
    plan: PlanFile,
    queueing: Annotated[bool, typer.Option("--queueing", help="Each list as a queue: load, pressure, sizes.")] = False,
    target_weeks: Annotated[
        int, typer.Option("--target-weeks", min=1, max=103, help="With --queueing: the target wait.")
    ] = 18,
    standard_percent: Annotated[
        float, typer.Option("--standard-percent", min=1, max=99.9, help="With --queueing: % to be within it.")
    ] = 92.0,
    inputs: Inputs = None,
    history: PastFiles = None,
    origin: Origin = None,
    out: Out = None,
    draws: Draws = None,
    seed: Seed = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Who is waiting at the snapshot, by stage and weeks waited; with --queueing, each list as a queue."""
    if not queueing:
        _print_answer("position", _POSITION, plan, inputs, history, origin, out, draws, seed, no_cache, as_json)
        return
    from waitlist.models.queueing_table import WHY  # noqa: PLC0415
    from waitlist.outputs import terminal  # noqa: PLC0415
    from waitlist.pipeline import queueing as queues  # noqa: PLC0415
    from waitlist.pipeline import read  # noqa: PLC0415

    settings = _settings(plan, inputs, history, draws, seed, out)
    with progress() as tell:
        known = read(settings.inputs, settings, origin, not no_cache, tell)
        found = queues(settings, known, target_weeks, standard_percent / 100)
    print_alone(found, lambda answer: terminal.table(answer.table, WHY), out, as_json)


_POSITION = "Who is waiting at the snapshot, by stage and weeks waited."


def _answer(name: str, says: str) -> None:
    """Add the command that prints one answer's table."""

    def command(
        plan: PlanFile,
        inputs: Inputs = None,
        history: PastFiles = None,
        origin: Origin = None,
        out: Out = None,
        draws: Draws = None,
        seed: Seed = None,
        no_cache: NoCache = False,
        as_json: AsJson = False,
    ) -> None:
        _print_answer(name, says, plan, inputs, history, origin, out, draws, seed, no_cache, as_json)

    command.__doc__ = says
    app.command(name, epilog=f"Example: waitlist {name} models/sample.toml --json")(command)


def _print_answer(
    name: str,
    says: str,
    plan: Path,
    inputs: Path | None,
    history: list[Path] | None,
    origin: str | None,
    out: Path | None,
    draws: int | None,
    seed: int | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Forecast a plan, print the table of one of its answers, and with ``out`` write it."""
    from waitlist.outputs import folder, terminal  # noqa: PLC0415
    from waitlist.pipeline import answers_alone, read  # noqa: PLC0415

    settings = _settings(plan, inputs, history, draws, seed, out)
    with progress() as tell:
        result = answers_alone(settings, read(settings.inputs, settings, origin, not no_cache, tell), tell)
    written = "cohorts" if name == "cohort" else name
    frame = getattr(result, written)
    if out:
        folder.write(result, out, only=written)
    print(terminal.as_json(frame) if as_json else terminal.table(frame, says))


_answer("breakeven", "The weekly activity that holds each list and each threshold level.")
_answer("clearance", "When each backlog clears, and how sure that is.")
_answer("cohort", "Who must be treated by each deadline, week by week.")


@app.command(
    epilog="Example: waitlist capacity models/sample.toml --target percent_within_18_weeks,65,2026-03-31,MADE1,110"
)
def capacity(
    plan: PlanFile,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target", help="MEASURE,VALUE,DATE[,PROVIDER[,SPECIALTY]], in place of the plan's; may be repeated."
        ),
    ] = None,
    probability: Annotated[float, typer.Option("--probability", help="Share of draws that meet each --target.")] = 0.5,
    inputs: Inputs = None,
    history: PastFiles = None,
    origin: Origin = None,
    out: Out = None,
    draws: Draws = None,
    seed: Seed = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """The least extra weekly activity that meets a target, or what is best if none does."""
    from waitlist.outputs import terminal  # noqa: PLC0415
    from waitlist.pipeline import capacity as sought  # noqa: PLC0415
    from waitlist.pipeline import read  # noqa: PLC0415
    from waitlist.plan import targets_of  # noqa: PLC0415

    settings = _settings(plan, inputs, history, draws, seed, out)
    if target:
        settings = settings.model_copy(update={"target": targets_of(target, probability)})
    with progress() as tell:
        found = sought(settings, read(settings.inputs, settings, origin, not no_cache, tell), tell)
    print_alone(found, lambda answer: terminal.capacity(answer.table), out, as_json)


@app.command(epilog="Example: waitlist transfers models/nel-mutual-aid.toml --out outputs/mutual-aid")
def transfers(
    plan: PlanFile,
    happened: Annotated[
        Path | None,
        typer.Option("--happened", help="A schedule (transfers.csv) with a column happened; the rest is planned anew."),
    ] = None,
    fewest: Annotated[
        str | None, typer.Option("--fewest", help="WEEKS,DATE: the fewest transfers that leave nobody over it by then.")
    ] = None,
    inputs: Inputs = None,
    history: PastFiles = None,
    origin: Origin = None,
    out: Out = None,
    draws: Draws = None,
    seed: Seed = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Who should move from which trust to which, in which week, and what it does to everyone's waits."""
    from waitlist.collaborative import fewest as least  # noqa: PLC0415
    from waitlist.outputs import terminal  # noqa: PLC0415
    from waitlist.pipeline import read  # noqa: PLC0415
    from waitlist.pipeline import transfers as chosen  # noqa: PLC0415

    settings = _settings(plan, inputs, history, draws, seed, out)
    settings = least(settings, fewest) if fewest else settings
    with progress() as tell:
        found = chosen(settings, read(settings.inputs, settings, origin, not no_cache, tell), tell, happened)
    print_alone(found, terminal.transfers, out, as_json)


@app.command(epilog="Example: waitlist submission models/nel-submission.toml --draft --out outputs/round")
def submission(
    plan: PlanFile,
    draft: Annotated[bool, typer.Option("--draft", help="With --out: write it as a draft, whatever blocks.")] = False,
    disclosure: Annotated[
        bool, typer.Option("--disclosure", help="With --out: suppress counts of 1 to 7, round others to 5.")
    ] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", help="Two versions, numbers or files: every cell that differs, and why."),
    ] = None,
    actual: Annotated[
        Path | None, typer.Option("--actual", help="Folder of extracts that have come since: plan against actual.")
    ] = None,
    inputs: Inputs = None,
    history: PastFiles = None,
    origin: Origin = None,
    out: Out = None,
    draws: Draws = None,
    seed: Seed = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """The trajectory submission of a planning year: monthly, whole, checked, in versions, and followed up."""
    if compare and actual:
        raise typer.BadParameter("give --compare or --actual, not both")
    if (compare or actual) and (draft or disclosure or origin):
        raise typer.BadParameter("--draft, --disclosure and --origin are of a submission that is made")
    settings = _settings(plan, inputs, history, draws, seed, out)
    if compare:
        submitting.compare(settings, compare, out, as_json)
    elif actual:
        submitting.follow(settings, actual, out, no_cache, as_json)
    else:
        submitting.submit(settings, origin, out, draft, disclosure, no_cache, as_json)


@app.command(epilog="Example: waitlist backtest models/sample.toml --origins 2025-02,2025-05 --horizon 3")
def backtest(
    plan: PlanFile,
    origins: Annotated[str, typer.Option("--origins", help="Months to forecast from, YYYY-MM,YYYY-MM,…")],
    horizon: Annotated[int, typer.Option("--horizon", min=1, max=60, help="Months ahead to score.")],
    inputs: Inputs = None,
    history: PastFiles = None,
    out: Out = None,
    draws: Draws = None,
    seed: Seed = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Forecast from past months, knowing only what was known then, and score it by what came."""
    from waitlist.outputs import folder, terminal  # noqa: PLC0415
    from waitlist.rolling import backtest as score  # noqa: PLC0415

    settings = _settings(plan, inputs, history, draws, seed, out)
    with progress() as tell:
        found = score(settings, [month.strip() for month in origins.split(",")], horizon, not no_cache, tell)
        if out:
            tell("Writing", 0, 1)
            folder.write_tables(found, out)
    print(terminal.as_json(found.scores) if as_json else terminal.scores(found))


def _settings(
    plan_file: Path,
    inputs: Path | None,
    history: list[Path] | None,
    draws: int | None,
    seed: int | None,
    out: Path | None,
) -> Plan:
    """The plan as asked for; refuses at once an ``out`` that could not be written."""
    from waitlist.outputs.folder import check_place  # noqa: PLC0415
    from waitlist.plan import Plan  # noqa: PLC0415

    gc.set_threshold(200_000, 20, 50)  # nearly all that a run makes stays: looking it through often cost 3 %
    _refuse_missing(history or [])
    plan = Plan.load(plan_file, inputs=inputs, history=history or None, draws=draws, seed=seed)
    if out:
        check_place(out, plan_file, *plan.files)
    return plan


def _refuse_missing(history: list[Path]) -> None:
    """A path that is typed is meant, though one that a plan names may be missing."""
    from waitlist.errors import Problem, Refusal  # noqa: PLC0415

    rule, remedy = "there is no such file or folder", "Check the path."
    missing = [path for path in history if not path.exists()]
    if missing:
        raise Refusal(Problem("error", "the command", "history", str(path), rule, remedy) for path in missing)


def main() -> None:
    """Run the command line: exit 0 done, 1 the data or plan was refused or the output takes nothing, 2 wrong
    usage, 130 interrupted. A reader that goes away, as ``head`` does, ends it without a word, as it ends ``cat``.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # many small solves: threads would make them ten times slower
    if hasattr(signal, "SIGPIPE"):  # Windows has none
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - until the end
    if sys.stdout is None:
        sys.exit("Stopped: the output is closed, so there is nowhere to print.")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:  # a file, not the output
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or what is left is tried again at the end
        sys.exit(f"Stopped: the output cannot be written: {(error.strerror or str(error)).lower()}.")
    except Refusal as refusal:
        for problem in refusal.problems:
            print(f"Refused: {problem.sentence()}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code == 130:
            print("Stopped; nothing was written.", file=sys.stderr)
        raise
