"""Forecasts of elective waiting lists: who will be waiting how long, and what it takes.

import waitlist as wl
history = wl.read("inputs/sample")
plan = wl.Plan.load("models/sample.toml")
result = wl.run(plan, history)
result.breakeven
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waitlist.errors import Problem, Refusal
    from waitlist.history import History
    from waitlist.pipeline import capacity, read, run, write
    from waitlist.plan import Plan
    from waitlist.results import Backtest, Result
    from waitlist.rolling import backtest
    from waitlist.track import with_record

__version__ = "0.1.0"
__all__ = [
    "Backtest",
    "History",
    "Plan",
    "Problem",
    "Refusal",
    "Result",
    "backtest",
    "capacity",
    "read",
    "run",
    "with_record",
    "write",
]

_HOMES = {
    "History": "history",
    "Plan": "plan",
    "Problem": "errors",
    "Refusal": "errors",
    "Result": "results",
    "Backtest": "results",
    "backtest": "rolling",
    "capacity": "pipeline",
    "read": "pipeline",
    "run": "pipeline",
    "with_record": "track",
    "write": "pipeline",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that ``waitlist --help`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'waitlist' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"waitlist.{_HOMES[name]}"), name)
