"""What must hold between the figures of a written submission (R14)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from waitlist.inputs.submitted_cells import DENOMINATOR, NUMERATOR, SUPPRESSED, Cell, Faults, Value, listed
from waitlist.planning_year import BASES, Metric, PlanningYear

ROUNDED = 5
"""A disclosed file's figures are multiples of it."""
MANY, FEW = 50, 0.1
"""Of so many figures, a smaller part than this are not multiples of it in a disclosed file."""
OFF = 2
"""How far rounding may take a figure."""
LONGEST_FIRST = ("over_104_weeks", "over_78_weeks", "over_65_weeks", "over_52_weeks")


def judge(
    cells: Mapping[Cell, Value],
    year: PlanningYear,
    orgs: Sequence[str],
    faults: Faults,
    unsummed: Collection[tuple[str, str]] = (),
) -> None:
    """Find what does not hold between ``cells``, of which those that could not be read are left out; the last of
    ``orgs`` is the sum of the others, but for months and references ``unsummed``. A figure that one fault puts in doubt
    is not judged again."""
    known = dict(cells)
    off = OFF if _disclosed(known, faults) else 0
    case = _Case(known, year.months, year.submitted, orgs, faults, off)
    _blanks(case)
    _denominators(case)
    _nesting(case)
    _sums(case, unsummed)


def nothing_but(value: Value | None) -> str:
    """A value as it is told."""
    return f"{value:,}" if isinstance(value, int) else value or "blank"


@dataclass(frozen=True)
class _Case:
    """The figures known, off: how far rounding may have taken each."""

    cells: dict[Cell, Value]
    months: Sequence[str]
    metrics: Sequence[Metric]
    orgs: Sequence[str]
    faults: Faults
    off: int

    def of(self, org: str, month: str, ref: str) -> Value | None:
        """A reference's own count; None where it is not known."""
        return self.cells.get(Cell(org, month, ref, NUMERATOR))

    def number(self, org: str, month: str, ref: str) -> int | None:
        """The count where it is a number."""
        value = self.of(org, month, ref)
        return value if isinstance(value, int) else None

    def doubt(self, org: str, month: str, refs: Iterable[str]) -> None:
        """Judge these counts no further."""
        for ref in refs:
            self.cells.pop(Cell(org, month, ref, NUMERATOR), None)

    def times(self) -> Iterator[tuple[str, str]]:
        """Every organisation and month."""
        return ((org, month) for org in self.orgs for month in self.months)


def _disclosed(cells: dict[Cell, Value], faults: Faults) -> bool:
    """Whether the file is disclosed: nearly every figure is rounded, or as many are hidden as are not rounded. What is
    not so in a disclosed file, or is hidden in another, is a fault and left out."""
    hidden = [cell for cell, value in cells.items() if value == SUPPRESSED]
    people = [cell for cell, value in cells.items() if isinstance(value, int) and value]
    exact = [cell for cell in people if int(cells[cell]) % ROUNDED]
    rounded = len(people) >= MANY and len(exact) < FEW * len(people)
    if rounded or (hidden and len(hidden) >= len(exact)):
        for cell in exact:
            rule = f"every figure of a disclosed file, with * or rounded throughout, must be a multiple of {ROUNDED}"
            sort, remedy = "a figure not rounded in a disclosed file", "Round it, or write the file anew."
            faults.add(sort, cell.words(), nothing_but(cells.pop(cell)), rule, remedy)
        return True
    for cell in hidden:
        rule = f"* may stand only in a disclosed file, whose figures are all multiples of {ROUNDED}"
        sort, remedy = "* in a file that is not disclosed", "Write the figure itself."
        faults.add(sort, cell.words(), nothing_but(cells.pop(cell)), rule, remedy)
    return False


def _blanks(case: _Case) -> None:
    """RTT counts are blank all together, or not at all."""
    refs = [metric.ref for metric in case.metrics if metric.given_by in BASES]
    for org, month in case.times():
        values = {ref: case.of(org, month, ref) for ref in refs}
        if not any(values.values()) and 0 not in values.values():
            continue
        for ref, value in values.items():
            if value == "":
                rule = f"{org}'s {ref} may not be blank where its other RTT figures are not"
                case.faults.add("a blank Value", month, "blank", rule, "Write the count.", together=True)
                case.doubt(org, month, [ref])


def _denominators(case: _Case) -> None:
    """A Denominator repeats the Numerator of the reference it is."""
    for base in case.metrics:
        of_it = [metric.ref for metric in case.metrics if metric.denominator == base.ref]
        for org, month in case.times() if of_it else ():
            right = case.of(org, month, base.ref)
            told = {ref: case.cells.get(Cell(org, month, ref, DENOMINATOR)) for ref in of_it}
            wrong = {} if right is None else {r: v for r, v in told.items() if v is not None and v != right}
            swapped = [ref for ref, value in wrong.items() if _swapped(case.of(org, month, ref), value, right)]
            for ref in swapped:
                rule = (
                    f"Numerator and Denominator of {ref}: swapped? The Numerator may not be more than the Denominator"
                )
                value = f"Numerator {nothing_but(case.of(org, month, ref))}, Denominator {nothing_but(wrong.pop(ref))}"
                remedy = "Put each in the other's row."
                case.faults.add("Numerator and Denominator swapped", f"{org} {ref} {month}", value, rule, remedy)
                case.doubt(org, month, [ref])
            if wrong:
                values = {f"Denominator {nothing_but(value)}": None for value in wrong.values()}
                value = f"{', '.join(values)}; Numerator of {base.ref} {nothing_but(right)}"
                rule = f"the Denominator of {' and '.join(wrong)} must repeat the Numerator of {base.ref}"
                sort = "a Denominator that does not repeat its Numerator"
                remedy = "Find which of them is right."
                case.faults.add(sort, f"{org} {month}", value, rule, remedy)
                if 2 * len(wrong) >= sum(value is not None for value in told.values()):
                    case.doubt(org, month, [base.ref])


def _swapped(numerator: Value | None, denominator: Value | None, right: Value | None) -> bool:
    """Whether the Numerator is what the Denominator should be, and more than it."""
    numbers = isinstance(numerator, int) and isinstance(denominator, int)
    return numbers and numerator == right and numerator > denominator  # type: ignore[operator]


def _nesting(case: _Case) -> None:
    """Longer waits are part of shorter ones, and a count of what it is a share of."""
    for org, month in case.times():
        broken = list(_broken(case, org, month))
        if not broken:
            continue
        rule = " and ".join(f"{less} may not be more than {more}" for less, _, more, _, _ in broken)
        value = "; ".join(f"{less} {small:,}, {more} {large:,}" for less, small, more, large, _ in broken)
        remedy = "Find which of them is wrong."
        case.faults.add("a part that is more than its whole", f"{org} {month}", value, rule, remedy)
        for *_, refs in broken:
            case.doubt(org, month, refs)


def _broken(case: _Case, org: str, month: str) -> Iterator[tuple[str, int, str, int, tuple[str, ...]]]:
    """Parts that are more than their wholes: name and figure of the part, and of the whole; references in doubt."""
    by_base = {metric.given_by: metric.ref for metric in case.metrics}
    size, soon = by_base.get("waiting_list", ""), by_base.get("within_18_weeks", "")
    held = [(by_base[name], case.number(org, month, by_base[name])) for name in LONGEST_FIRST if name in by_base]
    chain = [(ref, count) for ref, count in held if count is not None]
    told = set()
    for (less, small), (more, large) in zip(chain, chain[1:], strict=False):
        if small > large:
            told.add(less)
            yield less, small, more, large, (less, more)
    everyone, within = case.number(org, month, size), case.number(org, month, soon)
    if chain and everyone is not None and within is not None and within <= everyone:
        less, small = chain[-1]
        if small > everyone - within + 3 * case.off:
            told.add(less)
            yield less, small, f"{size} less {soon}", everyone - within, (less, size, soon)
    for metric in case.metrics:
        part, whole = case.number(org, month, metric.ref), case.number(org, month, metric.denominator)
        if metric.ref not in told and part is not None and whole is not None and part > whole:
            yield metric.ref, part, metric.denominator, whole, (metric.ref, metric.denominator)


def _sums(case: _Case, unsummed: Collection[tuple[str, str]]) -> None:
    """A sum is that of its parts, and the ICB of the others. One figure that breaks both is told once."""
    icb, others = case.orgs[-1], case.orgs[:-1]
    for month in case.months:
        for metric in case.metrics:
            for org in case.orgs if metric.of else ():
                _parts(case, metric, org, month)
    for metric in case.metrics:
        for month in case.months:
            parts = {org: case.of(org, month, metric.ref) for org in others}
            whole = case.of(icb, month, metric.ref)
            gap = _gap(whole, list(parts.values()), case.off)
            if gap and (month, metric.ref) not in unsummed:
                value = f"{icb} {nothing_but(whole)}, the others {_total(parts)}"
                rule = f"{metric.ref} of {icb} must be the sum of the other organisations'"
                remedy = "Find which organisation's figure is wrong."
                sort = "an ICB that is not the sum of the others"
                case.faults.add(sort, f"{icb} {metric.ref} {month}", value, rule, remedy)


def _parts(case: _Case, metric: Metric, org: str, month: str) -> None:
    whole, parts = case.of(org, month, metric.ref), {ref: case.of(org, month, ref) for ref in metric.of}
    gap = _gap(whole, list(parts.values()), case.off)
    if not gap:
        return
    rule, remedy = f"{metric.ref} must be {' + '.join(metric.of)}", "Find which of them is wrong."
    sort = "a sum that is not that of its parts"
    lone = None if isinstance(gap, str) or case.off else _lone(case, metric, org, month, gap)
    if lone:
        ref, right = lone
        found = f"{nothing_but(case.of(org, month, ref))}, where these ask for {right:,}"
        rule = f"{rule}, and {ref} of {case.orgs[-1]} the sum of the other organisations'"
        case.faults.add(sort, f"{org} {ref} {month}", found, rule, "Correct it.")
        case.doubt(org, month, [ref])
        return
    value = f"{metric.ref} {nothing_but(whole)}, {' + '.join(metric.of)} {_total(parts)}"
    case.faults.add(sort, f"{org} {month}", value, rule, remedy)
    if isinstance(gap, str):
        case.doubt(org, month, [metric.ref, *metric.of])


def _lone(case: _Case, metric: Metric, org: str, month: str, gap: int) -> tuple[str, int] | None:
    """The one reference whose figure, set right, mends the sum of parts and the ICB's sum; and the right figure."""
    icb, others = case.orgs[-1], case.orgs[:-1]
    for ref in (metric.ref, *metric.of):
        told = case.number(org, month, ref)
        right = (told or 0) - (gap if ref == metric.ref else -gap)
        seen = _gap(case.of(icb, month, ref), [case.of(one, month, ref) for one in others], 0)
        excess = (told or 0) - right
        if told is not None and right >= 0 and seen == (excess if org == icb else -excess):
            return ref, right
    return None


def _gap(whole: Value | None, parts: Sequence[Value | None], off: int) -> int | str:
    """By how much a whole is more than its parts, beyond rounding; a word where one is blank and the other is not."""
    values = [whole, *parts]
    if any(value is None or value == SUPPRESSED for value in values):
        return 0
    if (whole == "") != ("" in parts):
        return "blank"
    if whole == "":
        return 0
    gap = int(whole or 0) - sum(int(part or 0) for part in parts)
    return gap if abs(gap) > off * len(values) else 0


def _total(parts: Mapping[str, Value | None]) -> str:
    blank = [name for name, value in parts.items() if value == ""]
    if blank:
        return f"not known, for {listed(blank)} is blank"
    return f"{sum(value for value in parts.values() if isinstance(value, int)):,}"
