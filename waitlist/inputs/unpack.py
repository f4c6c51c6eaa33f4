"""Gets at one month's CSV, zipped or not, without trusting what is in the file (R14)."""

from __future__ import annotations

import codecs
import lzma
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from waitlist.errors import refuse

UNPACKED_LIMIT = 1 << 30
"""Bytes that one month may unpack to: a published month is 80 MB."""
FETCH = "Fetch the published file again."
UNZIPPABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
)
"""What the standard library raises on a file that is not a whole, plain zip."""


@contextmanager
def unpacked(path: Path, limit: int = UNPACKED_LIMIT) -> Iterator[tuple[Path, str]]:
    """The CSV in ``path`` as a file of its own that goes when done, and its encoding: utf-8 or latin-1.

    Raises Refusal where it is not a readable file, not a zip of one CSV, or larger than ``limit`` bytes.
    """
    with tempfile.TemporaryDirectory(prefix="waitlist-") as scratch:
        target = Path(scratch) / "month.csv"
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise refuse(path.name, "", "", "an input must be a file, not a folder or device", "Remove it.")
            if path.suffix.lower() == ".zip":
                encoding = _unzip(path, target, limit)
            else:
                with path.open("rb") as source:
                    encoding = _copy(source, target, limit, path.name, "")
        except OSError as error:
            rule = f"the file cannot be read: {error.strerror or error}"
            raise refuse(path.name, "", "", rule, "Check the file or link.") from None
        yield target, encoding


def _unzip(path: Path, target: Path, limit: int) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            outside = [m.filename for m in members if "/" in m.filename or "\\" in m.filename]
            if outside:
                rule = "a member's name may not hold a path"
                raise refuse(path.name, "zip member", outside[0][:80], rule, "Zip the CSV alone.")
            sheets = [member for member in members if member.filename.lower().endswith(".csv")]
            if len(sheets) != 1:
                found = f"{len(sheets)} of {len(members)} members"
                raise refuse(path.name, "zip members", found, "a zip must hold one CSV", "Zip one month's CSV.")
            with archive.open(sheets[0]) as source:
                return _copy(source, target, limit, path.name, sheets[0].filename[:80])
    except UNZIPPABLE as error:
        rule = f"the zip cannot be opened: {error}"
        raise refuse(path.name, "", "", rule, FETCH) from None


def _copy(source: IO[bytes], target: Path, limit: int, file: str, place: str) -> str:
    """Copy in pieces, so that nothing larger than the limit is ever held, and tell the encoding."""
    size, encoding = 0, "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")()
    with target.open("wb") as out:
        while piece := source.read(1 << 20):
            size += len(piece)
            if size > limit:
                rule = f"a month may not unpack to more than {limit:,} bytes"
                raise refuse(file, place, f"over {limit:,} bytes", rule, FETCH)
            if encoding == "utf-8":
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    encoding = "latin-1"
            out.write(piece)
    try:
        decoder.decode(b"", final=encoding == "utf-8")
    except UnicodeDecodeError:
        encoding = "latin-1"
    return encoding
