"""How the process handles memory that it has freed, or might free."""

from __future__ import annotations

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Settings of the C library's mallopt."""


def keep_freed_memory() -> None:
    """Keep freed arrays for the next ones, where the C library is GNU's; elsewhere nothing.

    A run makes and drops arrays of tens of megabytes by the hundred, and asking the system anew for each took
    a quarter of its time. The highest threshold the library takes is 32 MiB.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, 1 << 25)
    mallopt(_TRIM_THRESHOLD, 1 << 30)


def collect_seldom() -> None:
    """Look for unreachable objects seldom: a workbook's 400,000 cells are all reachable, and each look sees them."""
    gc.set_threshold(200_000, 20, 50)
