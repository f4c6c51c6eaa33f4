"""How far the six simple forecasts have missed England's providers, from the published summaries alone.

    python -m benchmarks.bench_baselines      (a minute)

Providers with more than 2,000 waiting at the origin that reported in every month of the window; England is the
published national line. Real data are read from ../shared/data, or $WAITLIST_SHARED/data.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.table import publish
from waitlist.models.baselines import BASELINES

HISTORY = Path(os.environ.get("WAITLIST_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "history"
MEASURES = {"incomplete_total": "list", "over_18": "over 18", "gt52wk": "over 52", "gt65wk": "over 65"}
WINDOWS = (("2024-08", 6), ("2024-08", 12), ("2025-02", 6))


def main() -> None:
    """Publish WAPE, %, by method and window: list / over 18 / over 52 / over 65 weeks."""
    paths = sorted(HISTORY.glob("rtt_incomplete_summary_*.csv"))
    if not paths:
        sys.exit("The published summaries are not here: set WAITLIST_SHARED.")
    rows = pd.read_csv(paths[-1], dtype={"code": str})
    rows["over_18"] = rows["incomplete_total"] - rows["within_18wk"]
    lines = {name: [name] for name in BASELINES}
    for origin, ahead in WINDOWS:
        for name, figures in missed(rows, origin, ahead).items():
            lines[name].append(" / ".join(f"{figure:.1f}" for figure in figures))
    columns = ["method", *(f"{origin}, {ahead} months" for origin, ahead in WINDOWS)]
    note = f"WAPE, %: {', '.join(MEASURES.values())}."
    publish("baselines", "How far simple forecasts miss", columns, list(lines.values()), [note])


def missed(rows: pd.DataFrame, origin: str, ahead: int) -> dict[str, list[float]]:
    """Each method's WAPE by measure, ``ahead`` months after ``origin``."""
    found: dict[str, list[float]] = {name: [] for name in BASELINES}
    kept = np.empty(0)
    for measure in MEASURES:
        wide = rows[rows["level"] == "provider"].pivot(index="code", columns="month", values=measure)
        england = rows[rows["level"] == "national"].set_index("month")[measure].reindex(wide.columns)
        values, at = wide.to_numpy(float), [month[:7] for month in wide.columns].index(origin)
        if measure == "incomplete_total":
            kept = (values[:, at] > 2000) & ~np.isnan(values[:, at : at + ahead + 1]).any(axis=1)
        growth = np.append(np.nan, np.diff(np.log1p(england.to_numpy(float))))
        for name, method in BASELINES.items():
            said = method(values[kept, : at + 1], growth[: at + 1], ahead)[:, -1]
            came = values[kept, at + ahead]
            found[name].append(100 * float(np.abs(said - came).sum() / came.sum()))
    return found


if __name__ == "__main__":
    main()
