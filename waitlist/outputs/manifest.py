"""manifest.json: what a folder was made from and what it holds; it also marks the folder as ours (R14)."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import waitlist
from waitlist.results import Answer, Backtest, Result

NAME = "manifest.json"
_LIBRARIES = (
    "altair",
    "duckdb",
    "holidays",
    "numba",
    "numpy",
    "pandas",
    "pydantic",
    "scipy",
    "statsmodels",
    "XlsxWriter",
)


def write(result: Result | Backtest | Answer, folder: Path) -> None:
    """Write the manifest of all files in ``folder``. No clock and no machine's path is in it (R11)."""
    plan = result.plan.model_dump(mode="json", by_alias=True)
    plan |= {"inputs": result.plan.inputs.resolve().name, "history": [p.resolve().name for p in result.plan.history]}
    record: dict[str, Any] = {
        "tool": "waitlist",
        "version": waitlist.__version__,
        "plan": plan,
        "snapshot": result.snapshot.isoformat(),
        "seed": result.plan.seed,
        "draws": result.plan.draws,
        "python": platform.python_version(),
        "libraries": _versions(),
        "data": [asdict(file) for file in result.files],
        "breaks": [asdict(found) for found in result.breaks],
        "assumptions": list(result.assumptions),
        "warnings": [problem.as_dict() for problem in result.warnings],
        **_window(result),
        "files": [_entry(path) for path in sorted(folder.iterdir()) if path.name != NAME],
    }
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / NAME).write_text(text, encoding="utf-8", newline="\n")


def _window(result: Result | Backtest | Answer) -> dict[str, Any]:
    """What a backtest was asked for beyond its plan."""
    if not isinstance(result, Backtest):
        return {}
    return {"origins": list(result.origins), "months_ahead": result.horizon_months}


def is_ours(folder: Path) -> bool:
    """Whether ``folder`` holds a manifest that a run of this tool wrote."""
    try:
        record = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("tool") == "waitlist" and "files" in record


def _entry(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "sha256": digest, "bytes": path.stat().st_size}


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
