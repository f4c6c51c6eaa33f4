"""manifest.json: what a folder was made from and what it holds; it also marks the folder as ours (R14)."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

import waitlist
from waitlist.plan import Plan
from waitlist.results import Answer, Backtest, Result
from waitlist.submitted import FollowUp, Submission

NAME = "manifest.json"
_LIBRARIES = (
    "altair",
    "duckdb",
    "holidays",
    "numba",
    "numpy",
    "pandas",
    "openpyxl",
    "pydantic",
    "python-docx",
    "scipy",
    "SQLAlchemy",
    "statsmodels",
    "XlsxWriter",
)


def told(plan: Plan) -> dict[str, Any]:
    """A plan as plain values; of its paths the names alone, and no register: they are one machine's own."""
    found = plan.model_dump(mode="json", by_alias=True)
    found |= {"inputs": plan.inputs.resolve().name, "history": [path.resolve().name for path in plan.history]}
    for key, names in (
        ("mutual_aid", ("coordinates", "travel")),
        ("submission", ("supplementary", "template", "mapping")),
    ):
        table = found.get(key)
        if table is not None:
            table |= {name: _names_alone(table.get(name)) for name in names}
    if found.get("submission") is not None:
        found["submission"]["register"] = None
    else:
        found = {key: value for key, value in found.items() if key not in ("submission", "override")}
    return found


def _names_alone(value: Any) -> Any:
    """The names of a path, or of several."""
    if isinstance(value, list):
        return [_names_alone(item) for item in value]
    return PurePath(value).name if isinstance(value, str) else value


def write(result: Result | Backtest | Answer | Submission | FollowUp, folder: Path) -> None:
    """Write the manifest of all files in ``folder``. No clock and no machine's path is in it (R11)."""
    plan = told(result.plan)
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


def _window(result: Result | Backtest | Answer | Submission | FollowUp) -> dict[str, Any]:
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
