"""What one system's observed past is: the arrays that everything else shares (R3-R5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from waitlist.bands import Floats
from waitlist.calendar import month_end
from waitlist.errors import Problem

PARTS = ("1A", "1B", "2", "2A", "3")
"""Parts of the return: completed admitted, completed non-admitted, incomplete, with a decision to admit,
new periods."""

STOCKS = ("waiting_list", "over_18_weeks", "over_52_weeks", "over_65_weeks", "over_78_weeks", "over_104_weeks")
"""What published summaries count at each month's end, in the order of their arrays' axis."""
NATIONAL_FLOWS = ("clock_starts", "stops_admitted", "stops_non_admitted")
"""England's monthly flows in the national series, in the order of their array's axis."""


@dataclass(frozen=True)
class DataFile:
    """One file that was read: its name, the month it holds (YYYY-MM) and its SHA-256."""

    name: str
    month: str
    sha256: str


@dataclass(frozen=True)
class Counts:
    """Counts as reported, before anything is inferred. L lists × M months × 105 bands, in people.

    months: consecutive YYYY-MM from the first reported to the last, gaps included.
    lists: (provider, specialty) of each of the L lists, sorted.
    incomplete, decided: [L, M, 105] Part 2 and Part 2A at the month's end.
    admitted, non_admitted: [L, M, 105] Parts 1A and 1B by weeks waited at the stop.
    admitted_unknown, non_admitted_unknown: [L, M] stops whose clock start is unknown.
    clock_starts: [L, M] Part 3.
    reported: [L, M, 5] whether the list's *provider* sent each of PARTS that month (R3); counts are 0
    where it did not. A list without a row in a part its provider sent is none, not missing.
    provider_names, specialty_names: names by code, as last published. files: what was read.
    """

    months: tuple[str, ...]
    lists: tuple[tuple[str, str], ...]
    provider_names: Mapping[str, str]
    specialty_names: Mapping[str, str]
    incomplete: Floats
    decided: Floats
    admitted: Floats
    non_admitted: Floats
    admitted_unknown: Floats
    non_admitted_unknown: Floats
    clock_starts: Floats
    reported: NDArray[np.bool_]
    files: tuple[DataFile, ...]

    @property
    def stops(self) -> Floats:
        """[L, M] everyone treated, admitted or not, unknown clock starts among them; in people a month."""
        known = self.admitted.sum(axis=2) + self.non_admitted.sum(axis=2)
        return known + self.admitted_unknown + self.non_admitted_unknown


@dataclass(frozen=True)
class Break:
    """A change in what is reported, named and dated (R3, R4).

    kind: ``missing``, ``stops``, ``starts``, ``absorbed``, ``step`` or ``new_part``; specialty is ``ALL``
    where the whole provider is meant, and so is provider where a month is missing for everyone; month is
    the first month of the new state; size is the people by which the list was restated (0 where unknown
    or none); source is ``found`` or ``plan``.
    """

    provider: str
    specialty: str
    month: str
    kind: str
    size: float
    reason: str
    source: str = "found"


@dataclass(frozen=True)
class Strike:
    """A day of strikes: who struck, and for what part of the day (0 to 1)."""

    day: date
    staff_group: str
    share: float


@dataclass(frozen=True)
class Population:
    """People by area, year and age band: estimates, then a projection. people [A, Y, G], NaN where not known.

    areas: names by code. last_estimate: the last of ``years`` that is estimated; 0 where none is.
    """

    areas: Mapping[str, str]
    years: tuple[int, ...]
    last_estimate: int
    age_bands: tuple[str, ...]
    people: Floats


@dataclass(frozen=True)
class Summaries:
    """What published summaries tell beyond the extracts, none of it later than the snapshot.

    P providers × H consecutive months (YYYY-MM, gaps included); NaN where not known.
    stocks: [P, 6, H] people at each month's end, STOCKS by provider. england: [6, H] the same for England.
    england_flows: [3, H] people a month, NATIONAL_FLOWS, with the publisher's estimates for missing returns.
    strikes: days of strikes until the snapshot. population: None where no file tells.
    files: what was read; their month is the last they hold.
    """

    months: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    stocks: Floats = field(default_factory=lambda: np.zeros((0, len(STOCKS), 0)))
    england: Floats = field(default_factory=lambda: np.zeros((len(STOCKS), 0)))
    england_flows: Floats = field(default_factory=lambda: np.zeros((len(NATIONAL_FLOWS), 0)))
    strikes: tuple[Strike, ...] = ()
    population: Population | None = None
    files: tuple[DataFile, ...] = ()


@dataclass(frozen=True)
class History:
    """One system's observed past. L lists × M months × 105 bands, in people; ``counts`` as reported.

    sent, summaries_sent: the counts and summaries before any provider was merged with another.
    outpatient, admission: [L, M, 105] the two stages; they always add up to Part 2 (R5).
    admission_excess: [L, M] people by which bands of Part 2A exceeded Part 2 (R5).
    one_stage: [L] lists without Part 2A.
    present: [L, M] months in which the list's provider sent Part 2 (R3).
    observed_flows: [L, M] months whose flows and both ends are known, so that R4 is closed.
    other_removals: [L, M] net of returns, from R4; NaN where a flow or an end is missing.
    restatement: [L, M] changes in what is reported; 0 where none (R4).
    fit_months: [L, M] months whose flows may enter a rate: observed, and free of breaks.
    breaks: what was found or planned, in order of month.
    problems: what deserves a look in the files (warnings and notes), for the manifest and the report.
    summaries: what the plan's history files tell beyond the extracts; empty where it has none.
    """

    sent: Counts
    counts: Counts
    outpatient: Floats
    admission: Floats
    admission_excess: Floats
    one_stage: NDArray[np.bool_]
    present: NDArray[np.bool_]
    observed_flows: NDArray[np.bool_]
    other_removals: Floats
    restatement: Floats
    fit_months: NDArray[np.bool_]
    breaks: tuple[Break, ...]
    problems: tuple[Problem, ...] = ()
    summaries: Summaries = Summaries()
    summaries_sent: Summaries = Summaries()

    @property
    def months(self) -> tuple[str, ...]:
        """The observed months, YYYY-MM."""
        return self.counts.months

    @property
    def lists(self) -> tuple[tuple[str, str], ...]:
        """(provider, specialty) of every list."""
        return self.counts.lists

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider, sorted."""
        return tuple(sorted({provider for provider, _ in self.lists}))

    @property
    def specialties(self) -> tuple[str, ...]:
        """Every specialty, sorted."""
        return tuple(sorted({specialty for _, specialty in self.lists}))

    @property
    def snapshot(self) -> date:
        """The date of the last snapshot."""
        return month_end(self.months[-1])

    @property
    def waiting(self) -> Floats:
        """[L, M, 105] everyone waiting (Part 2)."""
        return self.counts.incomplete
