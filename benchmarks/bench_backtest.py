"""How the forecast has fared against the best of six baselines: the tables of a backtest, published.

waitlist backtest models/england.toml --inputs … --origins 2024-11,2025-02,2025-05 --horizon 6 --out outputs/backtest
python -m benchmarks.bench_backtest outputs/backtest
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from benchmarks.table import publish

STOCKS = {"waiting_list": "list", "over_18_weeks": "over 18", "over_52_weeks": "over 52", "over_65_weeks": "over 65"}
AHEAD = (3, 6)
LEVELS = {"provider": "providers", "specialty": "lists", "total": "sum over providers"}


def rows_of(folder: Path) -> list[list[str]]:
    """A row for each level, origin and distance: ratios; then bias and coverage over origins."""
    ratios, scores = (pd.read_csv(folder / f"{name}.csv") for name in ("ratios", "scores"))
    ratios = ratios[ratios["horizon_months"].isin(AHEAD) & ratios["measure"].isin(STOCKS)]
    ours = scores[(scores["method"] == "forecast") & (scores["origin"] == "ALL")]
    rows = []
    for level in ("provider", "specialty"):
        cells = ratios[(ratios["level"] == level) & (ratios["origin"] != "ALL")]
        wide = cells.pivot(index=["origin", "horizon_months"], columns="measure", values="ratio_to_best")[list(STOCKS)]
        for (origin, ahead), line in wide.iterrows():
            rows.append([f"{LEVELS[level]}, from {origin}, {ahead} months: ratio", *(f"{x:.3f}" for x in line)])
        rows.append([f"{LEVELS[level]}: mean ratio", *(f"{x:.3f}" for x in wide.mean())])
    for level, said in LEVELS.items():
        for name, words in (("bias", "bias, %"), ("coverage_50", "50 % held"), ("coverage_90", "90 % held")):
            for ahead in AHEAD:
                at = ours[(ours["level"] == level) & (ours["horizon_months"] == ahead)].set_index("measure")[name]
                shown = [f"{at[m]:.1f}" if name == "bias" else f"{100 * at[m]:.0f}" for m in STOCKS]
                rows.append([f"{said}, {ahead} months: {words}", *shown])
    return rows


def main() -> None:
    """Publish the tables of the backtest in the folder named on the command line."""
    rows = rows_of(Path(sys.argv[1]))
    note = "Ratio: WAPE of the mean ÷ that of the best of six baselines in the same run, chosen afterwards."
    publish("backtest", "The forecast against what came", ["", *STOCKS.values()], rows, [note])


if __name__ == "__main__":
    main()
