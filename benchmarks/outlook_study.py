"""What each choice in the outlook is worth: other choices, scored at every earlier month.

    python -m benchmarks.outlook_study

At each month from September 2023 on, providers with a list over 2,000 are forecast three and six months ahead from
what was known then, and scored by their WAPE ÷ that of the best of four baselines: the last value, England's
drift, England's last year and the provider's own drift, the best being picked afterwards. Real data are read from
../shared/data, or $WAITLIST_SHARED/data.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.table import publish
from waitlist import Plan, read
from waitlist.models import outlook as outlooks
from waitlist.models.record import Record, record_of

DATA = Path(os.environ.get("WAITLIST_SHARED", Path(__file__).parents[2] / "shared")) / "data"
FIRST, AHEAD = "2023-09", (3, 6)
Lines = Callable[[np.ndarray, int], np.ndarray]


def cut(record: Record, origin: int) -> Record:
    """What was known at ``origin``."""
    upto = slice(origin + 1)
    parts = record.own[..., upto], record.england[..., upto], record.jumps[..., upto]
    return Record(record.months[upto], record.providers, *parts)


def line(*parts: str, fades: float = outlooks.FADES) -> Lines:
    """England's line as the mean of ``parts`` for every stock."""

    def lines(england: np.ndarray, q: int) -> np.ndarray:
        ahead = np.arange(1, outlooks.MONTHS + 1)
        known = {
            "none": np.zeros((len(england), len(ahead))),
            "year": (england[:, [q]] - england[:, [q - 12]]) * ahead / 12,
            "half": (england[:, [q]] - england[:, [q - 6]]) * ahead / 6,
            "last year": england[:, q - 11 : q + 1] - england[:, [q - 12]],
        }
        return np.mean([known[part] for part in parts], axis=0) * fades ** (ahead / 6)

    return lines


CHOICES: dict[str, dict[str, object]] = {
    "as built": {},
    "England's line alone, no departures": {"KEPT": (0.0,) * 4},
    "departures whole": {"KEPT": (1.0,) * 4},
    "departures by 0.8 for every stock": {"KEPT": (0.8,) * 4},
    "departures by 0.6": {"KEPT": (0.6,) * 4},
    "movements hardly limited": {"MOST_MOVED": (1.0, 1.0, 2.0, 2.0)},
    "movements limited half as tightly": {"MOST_MOVED": (0.3, 0.3, 0.6, 0.6)},
    "movements limited twice as tightly": {"MOST_MOVED": (0.075, 0.075, 0.15, 0.15)},
    "movements over 1, 2, 3, 6, 9 and 12 months": {"LAGS": (1, 2, 3, 6, 9, 12)},
    "movements over 12 months alone": {"LAGS": (12,)},
    "line does not fade": {"FADES": 1.0},
    "line: the year's drift": {"_lines": line("year")},
    "line: as last year": {"_lines": line("last year")},
    "line: drift and last year": {"_lines": line("year", "last year")},
    "line: year, half-year and last year": {"_lines": line("year", "half", "last year")},
    "line: level": {"_lines": line("none")},
}


def ratios(record: Record, choice: dict[str, object]) -> np.ndarray:
    """WAPE ÷ the best baseline's [origins × distances, 4]."""
    found = []
    log = np.log(np.maximum(record.own, outlooks.NOBODY))
    england = np.log(record.england)
    for origin in range(record.months.index(FIRST), len(record.months) - min(AHEAD)):
        alone = [patch.object(outlooks, name, value) for name, value in choice.items()]
        for item in alone:
            item.start()
        now = record.own[:, :, origin]
        large = tuple(p for p, size in zip(record.providers, now[:, 0], strict=True) if size > outlooks.LEAST_LIST)
        expected = outlooks.outlook(cut(record, origin), large, max(AHEAD), 2, 1).expected  # type: ignore[union-attr]
        for item in alone:
            item.stop()
        rows = np.isin(record.providers, large)
        for h in AHEAD:
            if origin + h >= len(record.months):
                continue
            complete = np.isfinite(record.own[rows, 0, origin - 12 : origin + h + 1]).all(axis=1)
            actual, last = record.own[rows, :, origin + h][complete], now[rows][complete]
            drift = h * (england[:, origin] - england[:, origin - 12]) / 12
            same = england[:, origin - 12 + h] - england[:, origin - 12]
            own = h * (log[rows, :, origin] - log[rows, :, origin - 12])[complete] / 12
            missed = [np.abs(last * np.exp(move) - actual).sum(axis=0) for move in (0.0, drift, same, own)]
            found.append(np.abs(expected[complete, :, h - 1] - actual).sum(axis=0) / np.min(missed, axis=0))
    return np.array(found)


def main() -> None:
    """Score every choice and publish the table."""
    plan = Plan(name="study", inputs=DATA / "rtt_full_extract", history=(DATA / "history",))
    record = record_of(read(plan.inputs, plan))
    rows = []
    for name, choice in CHOICES.items():
        found = ratios(record, choice)
        late = found[-9:]
        rows.append([name, *(f"{x:.3f}" for x in (*found.mean(axis=0), *late.mean(axis=0)))])
        print(*rows[-1], flush=True)
    stocks = ("list", "over 18", "over 52", "over 65")
    columns = ["choice", *stocks, *(f"{stock}, since Nov 2024" for stock in stocks)]
    note = (
        f"{len(found)} origins and distances from {FIRST} on; three and six months ahead; below 1 beats every baseline."
    )
    publish("outlook", "The outlook and other choices: WAPE ÷ the best of four baselines", columns, rows, [note])


if __name__ == "__main__":
    main()
