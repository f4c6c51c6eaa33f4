"""Shared ground for the tests: where the real data lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data, read where it lies."""
    folder = Path(os.environ.get("WAITLIST_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("the shared data folder is not here: set WAITLIST_SHARED to read it")
    return folder
