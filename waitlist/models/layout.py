"""Where the engine's numbers lie: flows, factors, and the rows of its scratch array."""

from __future__ import annotations

import numpy as np

from waitlist.bands import BANDS, THRESHOLDS

OUTPATIENT, ADMISSION = 0, 1
ADMITTED, NON_ADMITTED, REMOVED, CONVERTED = range(4)
"""Departure flows, in the order of the rates' axis."""
STARTS = 4
"""The clock starts, after the departures, in the order of the multipliers' axis."""
KNOTS = (9, 26, 52, 68)
"""Bands that have a pace of their own, after the starts on the multipliers' axis; a band between two has its share of
both, one before the first or after the last has that one's."""
FACTORS = STARTS + 1 + len(KNOTS)
"""Length of the multipliers' axis."""
F_STARTS, F_ADMITTED, F_NON_ADMITTED, F_REMOVED, F_CONVERTED, F_HELD, F_TIP = range(7)
F_STOPS_OVER = F_TIP + len(THRESHOLDS)
"""Places of the weekly flows; F_TIP (those who cross) and F_STOPS_OVER are each one place per threshold."""
F_THEATRE, F_UNUSED_CLINICS, F_UNUSED_THEATRES = (F_STOPS_OVER + len(THRESHOLDS) + i for i in range(3))
"""Admitted stops from the admission stage, and the stops of each stage for which nobody was found."""
FLOWS = F_UNUSED_THEATRES + 1
A_IN, A_OUT, A_NET_OVER = 0, 1, 2
"""Places of what transfers move in a week: in, out, and net over each threshold; then at its end the weeks that a row's
people have waited, in all, and how many they are; and of those who came by transfer the people and the weeks."""
A_WAITED, A_PEOPLE, A_CAME, A_CAME_WAITED = (A_NET_OVER + len(THRESHOLDS) + i for i in range(4))
AID = A_CAME_WAITED + 1
FULL_WEEK = 5
"""Working days of a week in which nobody's rates take more than all of a band."""
LANES = 36
"""Draws stepped side by side, a multiple of what an instruction handles; 200 and 500 draws fill 6 and 14 blocks."""
FLOORS = np.array((0, *THRESHOLDS))
FLOOR_OF = np.full(BANDS, -1)
FLOOR_OF[FLOORS] = np.arange(len(FLOORS))
TOP = (BANDS - 1) * LANES
ROWS = (BANDS + 1) * LANES
"""A row of LANES for each band, and one more for those who stay in the open band while others join it."""
OUT, ADM, KEPT = (ROWS * i for i in range(3))
WHOLE = KEPT + LANES
PEOPLE = WHOLE + LANES
"""Where a list's people end: both stages, those held beside them, and the sum of both stages. The rest is no list's."""
TILT, PACE, OUT_LEAVE, ADM_LEAVE, ADM_STOPS, OVER = (PEOPLE + ROWS * i for i in range(6))
HELD = ROWS + LANES
"""After OVER: a row that stays 0, beyond the longest there being nobody, and those held beside the state."""
SEEN = HELD + LANES
MONTH = OVER + SEEN
LEFT, STOPS, FLOW, SCRATCH = (MONTH + LANES * (STARTS + 1 + i) for i in (0, 4, 10, 10 + FLOWS))
FAST = {"reassoc", "contract", "nsz", "arcp"}
"""What the compiler may do with sums."""
