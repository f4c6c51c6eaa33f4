"""Shared ground for the tests: where the real data lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import waitlist as wl
from waitlist.inputs.sample import write_sample

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data, read where it lies."""
    folder = Path(os.environ.get("WAITLIST_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("the shared data folder is not here: set WAITLIST_SHARED to read it")
    return folder


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    """A folder with the made-up system in ``sample``; plans are written beside it."""
    folder = tmp_path_factory.mktemp("made-up")
    write_sample(folder / "sample")
    return folder


@pytest.fixture(scope="session")
def history(place) -> wl.History:
    """The made-up system's past."""
    return wl.read(place / "sample")
