"""How often the outlook's ranges have held, at every earlier month since 2023.

    python -m benchmarks.outlook_coverage

Providers with a list over 2,000 are forecast from what was known at each month; a range's ends are whole people. The
engine itself can look back no further than the extracts, from April 2024 on: `waitlist backtest` scores it there. Real
data are read from ../shared/data, or $WAITLIST_SHARED/data.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.outlook_study import DATA, cut
from benchmarks.table import publish
from waitlist import Plan, read
from waitlist.models.outlook import LEAST_LIST, outlook
from waitlist.models.record import Record, record_of

FIRST, AHEAD, DRAWS = "2023-01", (1, 3, 6, 12), 500
STOCKS = ("list", "over 18", "over 52", "over 65")
LEVELS = (0.05, 0.25, 0.75, 0.95)


def held(record: Record) -> pd.DataFrame:
    """For each origin, distance and stock: the share of providers held by 50 % and 90 %, and whether their sum was."""
    found = []
    for origin in range(record.months.index(FIRST), len(record.months) - min(AHEAD)):
        large = [p for p, size in enumerate(record.own[:, 0, origin]) if size > LEAST_LIST]
        said = outlook(cut(record, origin), tuple(record.providers[p] for p in large), max(AHEAD), DRAWS, 1)
        for ahead in AHEAD if said else ():
            if origin + ahead >= len(record.months):
                continue
            complete = np.isfinite(record.own[large, 0, origin : origin + ahead + 1]).all(axis=1)
            actual = record.own[large, :, origin + ahead][complete]
            draws = said.draws[complete, :, ahead - 1]  # type: ignore[union-attr]
            low, lower, upper, high = np.rint(np.quantile(draws, LEVELS, axis=-1))
            ends = np.quantile(draws.sum(axis=0), (LEVELS[0], LEVELS[-1]), axis=-1)
            for s, stock in enumerate(STOCKS):
                came = actual[:, s]
                half, most = ((a[:, s] <= came) & (came <= b[:, s]) for a, b in ((lower, upper), (low, high)))
                total = ends[0, s] <= came.sum() <= ends[1, s]
                found.append((record.months[origin], ahead, stock, len(came), half.sum(), most.sum(), total))
    return pd.DataFrame(found, columns=["origin", "ahead", "stock", "providers", "half", "most", "total"])


def main() -> None:
    """Publish what held."""
    plan = Plan(name="coverage", inputs=DATA / "rtt_full_extract", history=(DATA / "history",))
    found = held(record_of(read(plan.inputs, plan)))
    rows = []
    for stock in STOCKS:
        for ahead in AHEAD:
            cell = found[(found["stock"] == stock) & (found["ahead"] == ahead)]
            by_origin = cell["most"] / cell["providers"]
            pooled = [cell[name].sum() / cell["providers"].sum() for name in ("half", "most")]
            shares = [*pooled, by_origin.min(), by_origin.max(), cell["total"].mean()]
            rows.append([f"{stock}, {ahead} months ahead", str(len(cell)), *(f"{100 * x:.0f}" for x in shares)])
    columns = ["", "origins", "50 % held", "90 % held", "least, one origin", "most", "90 % of the sum held"]
    first, last = found["origin"].min(), found["origin"].max()
    note = f"Shares in %, pooled over providers and the origins {first} to {last}; the outlook alone, not the engine."
    publish("outlook_coverage", "How often the outlook's ranges have held", columns, rows, [note])


if __name__ == "__main__":
    main()
