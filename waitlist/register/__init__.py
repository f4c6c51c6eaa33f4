"""The register: every version of a submission, kept as it was.

``open_register(where)`` opens one, made or brought up to date; ``next_number`` is the next free number;
``add`` stores a version for good; ``read`` gives one, verified; ``latest`` gives the newest; ``listed`` names all.
"""

from waitlist.register.store import add, latest, listed, next_number, open_register, read
from waitlist.register.version import Cell, Version, content_hash

__all__ = [
    "Cell",
    "Version",
    "add",
    "content_hash",
    "latest",
    "listed",
    "next_number",
    "open_register",
    "read",
]
