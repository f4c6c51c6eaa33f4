"""What lists that go by activity are told, and where a week of theirs lies in the scratch array (R7)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from waitlist.bands import BANDS, Floats
from waitlist.models.layout import (
    LANES,
    ROWS,
    SCRATCH,
)

CLINICS, STRAIGHT, THEATRES = range(3)
"""The stops that go on: not admitted; admitted straight from the outpatient stage; from the admission stage."""
AT_CLINICS, AT_THEATRES, AT_OUTPATIENT, AT_BOTH, VALIDATED, AT_STRAIGHT = range(6)
"""Kinds of planned numbers: stops without admission; from the admission stage; any from the outpatient stage; from both
stages as they share them; people found not to be waiting; and theatre time for those admitted straight away."""
KINDS = 6
AS_OBSERVED, SKEWED, LONGEST_FIRST, THRESHOLD_FIRST = range(4)
"""Disciplines for all but the urgent share."""
FILLS = 8
"""Rounds in which stops that found no more of a band waiting are given to others; the longest waits get the rest."""
LEAST = 1e-9
"""People that are nobody."""
NEAR_ONE = 1 + 1e-9
"""As fast as observed, but for rounding: no band is asked for more than it has."""

NON_SHARE, STOP_SHARE, DECIDED, OUT_TAKEN, UNLIMITED, ADM_TAKEN, ROOM, ENDS, WEIGHT = (
    SCRATCH + ROWS * i for i in range(9)
)
"""Shares of those decided about that stop without admission, and that stop at all, some being admitted straight away;
the share of a band decided about in a day as observed. Those taken this week: of the outpatient stage, of them those
whose admission is not limited, and of the admission stage. Of one stage: those not taken yet, the share of them who
would stop, and their relative chances of being taken."""
UNGIVEN, GIVEN, UNUSED_CLINICS, UNUSED_THEATRES = (WEIGHT + ROWS + LANES * i for i in range(4))
STRAIGHT_PART, SUM, OUT_SCALE, ADM_SCALE = (UNUSED_THEATRES + LANES * (1 + i) for i in range(4))
OUT_NUMBER, ADM_NUMBER, OUT_SUM, OUT_SLOPE, ADM_SUM, ADM_SLOPE = (ADM_SCALE + LANES * (1 + i) for i in range(6))
ADMITTED_SUM, STOPPED_SUM, MOVED_SUM, OPERATED_SUM = (ADM_SLOPE + LANES * (1 + i) for i in range(4))
SEATED_OUT, SEATED_ADM = (OPERATED_SUM + LANES + ROWS * i for i in range(2))
"""Of those who came by transfer, whom stops kept for them are given to; they stand aside while the rest are given."""
SEATS_CLINICS, SEATS_THEATRES = (SEATED_ADM + ROWS + LANES * i for i in range(2))
"""The stops that those took, out of the list's number."""
WITH_ACTIVITY = SEATS_THEATRES + LANES
"""Length of the scratch array, these rows after the engine's own."""


class Controls(NamedTuple):
    """What P lists that go by activity are told, over K weeks.

    carried [Q, B, K, 3, LANES]: the stops that would go on in each draw at lists, by CLINICS, STRAIGHT, THEATRES, in
    blocks of LANES draws; source [P]: each list's place among them. keep [P, K, 3]: the part of them that does.
    add [P, K, KINDS, G]: planned numbers of each kind a week, among those in band floors[G] or longer.
    below [P, K, 2]: where above 0, people of the stage in shorter bands go by their rates times ``keep``, in place of
    ``carried``. whole [P]: whether the outpatient stage is all there is. discipline [P]; first [P]: the band from which
    THRESHOLD_FIRST is first; urgent [P, 2]: the share of stops given first, by ``profile`` [P, 2, 105], and
    routine [P, 2, 105] the relative chance of the rest where SKEWED.
    """

    carried: Floats
    source: np.ndarray
    keep: Floats
    add: Floats
    floors: np.ndarray
    below: np.ndarray
    whole: np.ndarray
    discipline: np.ndarray
    first: np.ndarray
    urgent: Floats
    profile: Floats
    routine: Floats


def nobody(blocks: int, weeks: int) -> Controls:
    """The Controls of no list."""
    return Controls(
        carried=np.zeros((0, blocks, weeks, 3, LANES)),
        source=np.zeros(0, dtype=int),
        keep=np.zeros((0, weeks, 3)),
        add=np.zeros((0, weeks, KINDS, 1)),
        floors=np.zeros(1, dtype=int),
        below=np.zeros((0, weeks, 2), dtype=int),
        whole=np.zeros(0, dtype=bool),
        discipline=np.zeros(0, dtype=int),
        first=np.zeros(0, dtype=int),
        urgent=np.zeros((0, 2)),
        profile=np.zeros((0, 2, BANDS)),
        routine=np.zeros((0, 2, BANDS)),
    )
