"""Every figure of a submission: each provider's and the ICB's, by month; beside each the model's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from waitlist.bands import Floats
from waitlist.models.submission.overridden import with_overrides
from waitlist.models.submission.whole import FLOWS, Base, stocks
from waitlist.planning_year import BASES, PlanningYear
from waitlist.submission import STOCKS, Override

LINES = (*STOCKS, *FLOWS)
"""What every provider has, beside the metrics that ratios and supplementary files give."""
OF_STOPS = {
    "E.M.8": ("first_outpatient_per_non_admitted_stop", "stops_non_admitted"),
    "E.M.9": ("follow_up_per_non_admitted_stop", "stops_non_admitted"),
}
"""Hospital activity by the ratio and the stops it is derived from; admissions by ADMISSIONS and DAY_CASES."""
ADMISSIONS, DAY_CASES = "admissions_per_admitted_stop", "day_case_share"

Ratios = Mapping[str, Mapping[str, float]]
"""provider → ratio → value; a ratio that is not there is not known."""
Supplied = Mapping[tuple[str, str, str], float]
"""(provider, planning reference, month) → value."""


@dataclass(frozen=True)
class Figures:
    """O organisations (providers, then the ICB) × lines × 13 months, the one before the year first; NaN for blank.

    values are what is submitted, model what the model says; status [O, L, 13]: actual, forecast, derived (by ratio),
    supplied, overridden, adjusted (follows from an override) or blank.
    """

    orgs: tuple[str, ...]
    lines: tuple[str, ...]
    months: tuple[str, ...]
    values: Floats
    model: Floats
    status: np.ndarray

    @property
    def providers(self) -> tuple[str, ...]:
        """The organisations that are no sum."""
        return self.orgs[:-1]

    @property
    def icb(self) -> str:
        """The organisation that is the sum of the others."""
        return self.orgs[-1]

    def of(self, org: str, line: str) -> Floats:
        """[13] one organisation's figures."""
        return np.asarray(self.values[self.orgs.index(org), self.lines.index(line)])

    def at(self, org: str, line: str, month: str) -> float:
        """One figure."""
        return float(self.of(org, line)[self.months.index(month)])

    def table(self) -> pd.DataFrame:
        """Tidy: org, line, month, value, model_value, status; of the month before the year, people waiting."""
        rows = [
            (org, line, month, self.values[o, n, m], self.model[o, n, m], str(self.status[o, n, m]))
            for o, org in enumerate(self.orgs)
            for n, line in enumerate(self.lines)
            for m, month in enumerate(self.months)
            if m or line in STOCKS
        ]
        return pd.DataFrame(rows, columns=["org", "line", "month", "value", "model_value", "status"])


def figures_of(
    base: Base,
    year: PlanningYear,
    icb: str,
    ratios: Ratios,
    supplied: Supplied,
    overrides: Sequence[Override],
) -> Figures:
    """The Figures of a submission, with the plan's overrides, the model's own beside them."""
    extra = tuple(m.ref for m in year.submitted if m.given_by not in BASES)
    lines, orgs = (*LINES, *extra), (*base.providers, icb)
    changed = with_overrides(base, overrides)
    status = np.full((len(orgs), len(lines), len(base.months)), "", dtype=object)
    model = _all_lines(base, year, extra, ratios, supplied, (), status)
    values = _all_lines(changed, year, extra, ratios, supplied, overrides, status)
    status[:-1, : len(LINES)] = np.where(base.actual, "actual", "forecast")
    differ = ~((values == model) | (np.isnan(values) & np.isnan(model)))
    status[:-1][differ[:-1]] = "adjusted"
    for item in overrides:
        line = item.measure if item.measure in lines else year.line_of(item.measure)
        status[orgs.index(item.provider), lines.index(line), base.months.index(item.month)] = "overridden"
    status[:-1, :, 0] = "opening"
    status[:-1][np.isnan(values[:-1])] = "blank"
    status[-1] = _of_sum(status[:-1])
    return Figures(orgs, lines, base.months, values, model, status)


def _all_lines(
    base: Base,
    year: PlanningYear,
    extra: Sequence[str],
    ratios: Ratios,
    supplied: Supplied,
    overrides: Sequence[Override],
    status: np.ndarray,
) -> Floats:
    """[O, L, 13] of every organisation; the status of what is derived or supplied is noted on the way."""
    held = stocks(base.pieces)
    of_base = np.stack([held[name] for name in STOCKS] + [base.flows[:, f] for f in range(len(FLOWS))], axis=1)
    of_base[:, len(STOCKS) :, 0] = np.nan
    found = np.concatenate([of_base, np.full((len(base.providers), len(extra), len(base.months)), np.nan)], axis=1)
    place = {ref: len(LINES) + i for i, ref in enumerate(extra)}
    for p, provider in enumerate(base.providers):
        derived = _derived(base, p, ratios.get(provider, {}))
        for ref in extra:
            for m, month in enumerate(base.months[1:], 1):
                given = supplied.get((provider, ref, month))
                value = derived[ref][m] if given is None and ref in derived else given
                found[p, place[ref], m] = np.nan if value is None else value
                status[p, place[ref], m] = "derived" if given is None else "supplied"
        for item in overrides:
            if item.provider == provider and item.measure in place:
                found[p, place[item.measure], base.months.index(item.month)] = item.value
    for ref in extra:
        parts = year.metric_of(ref).of
        if parts:
            found[:, place[ref]] = found[:, [place[part] for part in parts]].sum(axis=1)
            status[:-1, place[ref]] = status[:-1, place[parts[0]]]
    return np.concatenate([found, found.sum(axis=0, keepdims=True)])


def _derived(base: Base, p: int, ratios: Mapping[str, float]) -> dict[str, Floats]:
    """Hospital activity [13] of the provider at ``p``, by reference, where its ratios are known."""
    found = {}
    for ref, (name, flow) in OF_STOPS.items():
        if name in ratios:
            found[ref] = np.rint(ratios[name] * base.flows[p, FLOWS.index(flow)])
    if ADMISSIONS in ratios and DAY_CASES in ratios:
        admissions = np.rint(ratios[ADMISSIONS] * base.flows[p, FLOWS.index("stops_admitted")])
        found["E.M.10a"] = np.rint(ratios[DAY_CASES] * admissions)
        found["E.M.10b"] = admissions - found["E.M.10a"]
    return found


def _of_sum(status: np.ndarray) -> np.ndarray:
    """[L, 13] what a sum of figures of ``status`` [P, L, 13] is."""
    order = ("blank", "overridden", "adjusted", "supplied", "derived", "forecast", "actual", "opening")
    found = np.full(status.shape[1:], "", dtype=object)
    for name in reversed(order):
        found[(status == name).any(axis=0)] = "adjusted" if name == "overridden" else name
    return found


def fitted_ratios(supplied: Supplied, stops: Mapping[tuple[str, str, str], float], provider: str) -> dict[str, float]:
    """A provider's ratios of activity to stops, as sums over the observed months that have both.

    ``stops``: (provider, flow, month) → people, of the months that were observed.
    """
    found = {}
    for ref, (name, flow) in OF_STOPS.items():
        both = [(supplied[key], stops[at]) for key, at in _both(supplied, stops, provider, ref, flow)]
        if sum(stop for _, stop in both) > 0:
            found[name] = sum(value for value, _ in both) / sum(stop for _, stop in both)
    a = _both(supplied, stops, provider, "E.M.10a", "stops_admitted")
    pairs = [
        (supplied[key], supplied[provider, "E.M.10b", key[2]], stops[at])
        for key, at in a
        if (provider, "E.M.10b", key[2]) in supplied
    ]
    admissions = sum(day + stay for day, stay, _ in pairs)
    if admissions > 0 and sum(stop for *_, stop in pairs) > 0:
        found[ADMISSIONS] = admissions / sum(stop for *_, stop in pairs)
        found[DAY_CASES] = sum(day for day, *_ in pairs) / admissions
    return found


def _both(
    supplied: Supplied, stops: Mapping[tuple[str, str, str], float], provider: str, ref: str, flow: str
) -> list[tuple[tuple[str, str, str], tuple[str, str, str]]]:
    """The keys of a reference's supplied months whose stops are observed, and of those stops."""
    pairs = [(key, (provider, flow, key[2])) for key in supplied if key[:2] == (provider, ref)]
    return [(key, at) for key, at in pairs if at in stops]
