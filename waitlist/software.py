"""What computes the figures: the package's version, and its code but for what only writes them down."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import waitlist


@cache
def source() -> str:
    """SHA-256 of the package's code and planning years, without the room that writes outputs."""
    found = hashlib.sha256()
    package = Path(waitlist.__file__).parent
    for path in sorted([*package.rglob("*.py"), *package.rglob("planning_years/*.toml")]):
        if "outputs" not in path.relative_to(package).parts:
            found.update(path.read_bytes())
    return found.hexdigest()


def software() -> str:
    """Version and code in a few letters: ``waitlist 0.1.0 (1a2b3c4d)``."""
    return f"waitlist {waitlist.__version__} ({source()[:8]})"
