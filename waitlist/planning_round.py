"""A trajectory submission, the whole way on one page: year → forecast → whole numbers → overrides → checks."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from waitlist.calendar import month_of, months_after
from waitlist.errors import Problem, Refusal, refuse
from waitlist.history import DataFile, History
from waitlist.known import KEPT, Known, reaching, record, record_table, value_at
from waitlist.known import known as known_of
from waitlist.models.submission import standards as judging
from waitlist.models.submission.challenges import Questioned
from waitlist.models.submission.chances import Draws, chance
from waitlist.models.submission.commissioned import Commissioned, OnBasis, on_basis
from waitlist.models.submission.figures import Figures, figures_of, fitted_ratios
from waitlist.models.submission.identities import periods_of
from waitlist.models.submission.overridden import with_overrides
from waitlist.models.submission.triangulation import Case, Overruled, checked
from waitlist.models.submission.whole import FLOWS, Base, Series, base_of
from waitlist.pipeline import Progress, planned_lists, unplannable
from waitlist.plan import Plan
from waitlist.planning_year import BASES, InForce, PlanningYear, in_force
from waitlist.results import ALL
from waitlist.submission import STOCKS, Override, SubmissionSettings
from waitlist.submitted import OTHER, Submission

SHARES = (0.1, 0.5, 0.9)
"""The draws' shares that stand beside a figure."""

Sources = list[tuple[str, str, float, str]]
"""(provider, ratio, value, stated or fitted)."""


def submission(plan: Plan, history: History, progress: Progress | None = None) -> Submission:
    """The plan's trajectory submission from ``history``, overrides and checks included.

    Raises Refusal where the plan has no [submission], the year is not known, a provider has no data in a baseline
    month, an override or a supplementary file is wrong, or the plan asks for what is not there.
    """
    tell = progress or (lambda what, done, of: None)
    settings, year = asked(plan)
    plan, notes = reaching(plan, history, year.year)
    known = known_of(plan, history, tell)
    providers = known.providers
    months = (months_after(year.year.months[0], -1), *year.year.months)
    snapshot = history.months[-1]
    longer = record(known, settings.icb)
    base = base_of(months, snapshot, {p: longer[p] for p in providers}, {p: known.means[p] for p in providers})
    _refuse_board(settings.icb, providers)
    _refuse_overrides(plan, year.year, providers, snapshot)
    supplied, ratios, sources = _activity(settings, year.year, providers, known.observed)
    figures = figures_of(base, year.year, settings.icb, ratios, supplied, plan.override)
    judgements = judging.judged(figures, year.year, _baselines(plan, year.year, known, figures))
    overruled = [_overruled(one, figures, known.draws, year.year, ratios) for one in plan.override]
    basis = _commissioner(plan, history, with_overrides(base, plan.override), settings.icb)
    of_icb = None if basis is None else figures_of(basis.base, year.year, settings.icb, _and_elsewhere(ratios), {}, ())
    notes += _notes(plan, year, history, of_icb is not None, settings, sources)
    questioned = Questioned(figures, int(base.actual.sum()), longer, ratios)
    periods = periods_of(figures, year.year)
    sent = figures if of_icb is None or settings.basis == "provider" else of_icb
    case = Case(questioned, sent, year.year, periods, judgements, overruled, notes)
    return Submission(
        plan=plan,
        snapshot=history.snapshot,
        files=(*history.counts.files, *history.summaries.files, *map(_file, settings.supplementary)),
        breaks=tuple(item for item in history.breaks if item.provider in {*providers, ALL}),
        assumptions=(),
        warnings=(*history.problems, *unplannable(plan, history, planned_lists(plan, history))),
        year=year.year,
        changed=year.changed,
        names={
            **{p: history.counts.provider_names.get(p, p) for p in providers},
            settings.icb: settings.icb_name or settings.icb,
        },
        orgs=figures.orgs,
        months=months,
        figures=figures.table(),
        periods=_periods_table(figures, periods),
        commissioner=None if basis is None or of_icb is None else basis.table(of_icb),
        ranges=_ranges(known.draws, figures),
        standards=judging.table(judgements),
        checks=checked(case),
        overrides=_overrides_table(overruled),
        ratios=pd.DataFrame(sources, columns=["provider", "ratio", "value", "source"]),
        record=record_table(longer),
        aid=known.aid,
        author=settings.author or "",
    )


def asked(plan: Plan) -> tuple[SubmissionSettings, InForce]:
    """The plan's [submission], and its year as the plan has it. Raises Refusal where either is not there."""
    if plan.submission is None:
        rule, remedy = "a submission needs a table [submission]", "Add one with year and icb to the plan."
        raise refuse("the plan", "submission", "", rule, remedy)
    settings = plan.submission
    _refuse_board(settings.icb, (*(plan.providers if plan.providers != "all" else ()), *plan.hub_codes))
    return settings, in_force(settings.year, settings.metric, settings.standard)


def _refuse_board(icb: str, others: tuple[str, ...]) -> None:
    """Refuse a board whose code is another organisation's, or stands for something else."""
    if icb in (*others, ALL, OTHER):
        rule = "the board's code must not be a provider's or a hub's, nor ALL or OTHER"
        raise refuse("the plan", "submission.icb", icb, rule, "Write the code of the integrated care board.")


def _refuse_overrides(plan: Plan, year: PlanningYear, providers: tuple[str, ...], snapshot: str) -> None:
    """Refuse overrides of a provider, month or measure that cannot be overruled."""
    refs = {metric.ref: metric.given_by for metric in year.submitted if metric.given_by not in ("sum", "none")}
    overrulable = {*STOCKS, *FLOWS[:3]}
    problems = []
    for number, item in enumerate(plan.override, 1):
        place = f"override (no. {number})"

        def wrong(key: str, value: str, rule: str, remedy: str, place: str = place) -> None:
            problems.append(Problem("error", "the plan", f"{place}.{key}", value, rule, remedy))

        if item.provider not in providers:
            wrong(
                "provider", item.provider, "an override is of a provider of the plan", f"One of {', '.join(providers)}."
            )
        if item.month not in year.months:
            wrong(
                "month", item.month, f"an override's month is one of the year {year.year}", "Choose one of its months."
            )
        elif item.month <= snapshot:
            rule = f"months until {snapshot} are actuals, which no planner overrules"
            wrong("month", item.month, rule, "Choose a later month, or name a [[break]].")
        if item.measure in refs and refs[item.measure] in BASES:
            rule = "a figure that is a measure is overruled by its name"
            wrong("measure", item.measure, rule, f'Write measure = "{refs[item.measure]}".')
        elif item.measure not in overrulable and item.measure not in refs:
            rule = f"an override's measure is one of {', '.join(sorted(overrulable | set(refs)))}"
            wrong("measure", item.measure, rule, "Choose one of them.")
    if problems:
        raise Refusal(problems)


def _activity(
    settings: SubmissionSettings, year: PlanningYear, providers: tuple[str, ...], observed: Mapping[str, Series]
) -> tuple[dict[tuple[str, str, str], float], dict[str, dict[str, float]], Sources]:
    """What supplementary files give, each provider's ratios, and (provider, ratio, value, source) of them."""
    from waitlist.inputs.supplementary import read_supplementary  # noqa: PLC0415

    refs = {metric.ref for metric in year.submitted if metric.given_by in ("supplementary", "ratio")}
    supplied = read_supplementary(settings.supplementary, providers, refs)
    stops = {
        (provider, flow, month): value
        for provider in providers
        for flow in FLOWS[:3]
        for month, value in observed[provider][flow].items()
    }
    stated = {name: value for name, value in settings.ratios.model_dump().items() if value is not None}
    ratios: dict[str, dict[str, float]] = {}
    sources: Sources = []
    for provider in providers:
        fitted = fitted_ratios(supplied, stops, provider)
        ratios[provider] = stated | fitted
        for name, value in ratios[provider].items():
            sources.append((provider, name, value, "fitted" if name in fitted else "stated"))
    return supplied, ratios, sources


def _file(path: Path) -> DataFile:
    """A supplementary file as what the figures rest on."""
    return DataFile(path.name, "", hashlib.sha256(path.read_bytes()).hexdigest())


def _baselines(plan: Plan, year: PlanningYear, known: Known, figures: Figures) -> dict[tuple[str, str, str], float]:
    """The % of the list in each baseline month, observed, or forecast where it is still to come.

    Refuses a provider that has no data in one that has passed, unless the history's summaries have it.
    """
    found, problems = {}, []
    for ref, month in judging.baseline_months(year):
        line, count, size = year.line_of(ref), 0.0, 0.0
        for provider in figures.providers:
            pair = [value_at(known, provider, name, month) for name in (line, "waiting_list")]
            if pair[0] is None or not pair[1]:
                if provider not in plan.hub_codes:
                    rule = f"a standard of {year.year} looks back to {month}, where {provider} has no data"
                    remedy = "Put that month's extract into the inputs, or overrule it with [[submission.standard]]."
                    problems.append(Problem("error", "the data", f"{provider} {month}", "", rule, remedy))
                continue
            found[provider, ref, month] = 100 * pair[0] / pair[1]
            count, size = count + pair[0], size + pair[1]
        if size:
            found[figures.icb, ref, month] = 100 * count / size
    if problems:
        raise Refusal(problems)
    return found


def _and_elsewhere(ratios: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """``ratios`` with those of providers outside the plan: the mean of these providers', where all have one."""
    shared = set.intersection(*map(set, ratios.values()))
    return {**ratios, OTHER: {name: float(np.mean([own[name] for own in ratios.values()])) for name in sorted(shared)}}


def _commissioner(plan: Plan, history: History, base: Base, icb: str) -> OnBasis | None:
    """The figures on the commissioner basis, where the last extract tells who commissions."""
    from waitlist.inputs.commissioned import read_commissioned  # noqa: PLC0415 - loads DuckDB

    files = [file.name for file in history.counts.files if file.month == history.months[-1]]
    path = Path(plan.inputs) / files[0] if files else None
    if path is None or not path.is_file():
        return None
    specialties = sorted({s for _, s in history.lists if plan.specialties == "all" or s in plan.specialties})
    sent = {s.from_provider for s in plan.successor}
    own = [p for p in base.providers if p not in plan.hub_codes and p not in sent]
    found = read_commissioned(path, icb, own, specialties)
    if found is None or len(own) < len(base.providers):
        return None
    return on_basis(base, Commissioned(*found))


def _notes(
    plan: Plan, year: InForce, history: History, commissioned: bool, settings: SubmissionSettings, ratios: Sources
) -> list[tuple[str, str]]:
    """What is to be said beside the figures: (check's id, sentence)."""
    found = [("plan-changes", sentence) for sentence in year.changed]
    for metric in year.year.metric:
        if metric.given_by == "none":
            found.append(("not-derivable", f"{metric.name}: {metric.source}."))
    basis = (
        f"The figures are on the provider basis: everyone waiting at these providers; {settings.icb} is their sum."
        if settings.basis == "provider"
        else f"submission.csv is on the commissioner basis: the provider basis × the share that {settings.icb} "
        f"commissioned in {month_of(history.snapshot)}, held. Standards are judged on the provider basis."
    )
    found.append(("basis", basis))
    if ratios:
        each = sorted({f"{name.replace('_', ' ')} {value:.2f} ({how})" for _, name, value, how in ratios})
        more = " and others" if len(each) > 4 else ""
        found.append(
            (
                "by-ratio",
                "Hospital activity without a supplied figure follows from clock stops by ratios, of actual months too: "
                f"{'; '.join(each[:4])}{more}. A fitted ratio takes the place of a stated one.",
            )
        )
    if not commissioned:
        said = f"no commissioner's parent in the last extract is {settings.icb}, so there is no commissioner basis"
        if settings.basis == "commissioner":
            raise refuse("the data", "Commissioner Parent Org Code", settings.icb, said, 'Write basis = "provider".')
        found.append(("basis", f"{said[0].upper()}{said[1:]}."))
    if plan.specialties != "all":
        found.append(("part-of-a-provider", f"Only these specialties are in it: {', '.join(plan.specialties)}."))
    for code in sorted(plan.hub_codes):
        found.append(("part-of-a-provider", f"{code} is a hub of the plan: its code is not an organisation's."))
    if plan.mutual_aid is not None:
        said = "Chosen transfers are not in the figures: those agreed on stand in the plan as [[transfer]]."
        found.append(("mutual-aid", said))
    return found


def _overruled(
    item: Override, figures: Figures, draws: Draws, year: PlanningYear, ratios: Mapping[str, Mapping[str, float]]
) -> Overruled:
    """An override beside the model's figure, and how often the draws are there or better."""
    o, m = figures.orgs.index(item.provider), figures.months.index(item.month)
    model = float(figures.model[o, figures.lines.index(item.measure), m])
    own = ratios[item.provider]
    return Overruled(item, model, chance(draws, year, item.provider, item.measure, item.month, item.value, own))


def _overrides_table(overruled: list[Overruled]) -> pd.DataFrame:
    rows = [
        (
            *(one.item.provider, one.item.measure, one.item.month, one.model, one.item.value),
            math.nan if one.chance is None else one.chance,
            one.item.balance or _usual_balance(one.item.measure),
            one.item.reason,
            one.item.author,
        )
        for one in overruled
    ]
    columns = ["provider", "measure", "month", "model_value", "value", "chance", "balance", "reason", "author"]
    return pd.DataFrame(rows, columns=columns)


def _usual_balance(measure: str) -> str:
    if measure in FLOWS[:3]:
        return "waiting_list"
    return "other_removals" if measure == "waiting_list" else ""


def _periods_table(figures: Figures, periods: Mapping[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    rows = [(*key, *values, "") for key, values in periods.items()]
    return pd.DataFrame(rows, columns=["org", "line", "q1", "q2", "q3", "q4", "year", "suppressed"])


def _ranges(draws: Draws, figures: Figures) -> pd.DataFrame:
    """p10, p50 and p90 of each organisation's months ahead; the ICB's draws are those of all lists together (R11)."""

    def rows() -> Iterator[tuple[object, ...]]:
        for org in figures.orgs:
            there = draws.values.get(ALL if org == figures.icb else org, {})
            for month in figures.months[1:]:
                if month not in draws.months:
                    continue
                of = {name: value[draws.months.index(month)] for name, value in there.items()}
                within = 100 * of["within_18_weeks"] / np.maximum(of["waiting_list"], 1.0)
                for name in KEPT:
                    yield (org, name, month, *np.rint(np.quantile(of[name], SHARES)).tolist())
                yield (org, "percent_within_18_weeks", month, *np.quantile(within, SHARES).tolist())

    return pd.DataFrame(rows(), columns=["org", "measure", "month", "p10", "p50", "p90"])
