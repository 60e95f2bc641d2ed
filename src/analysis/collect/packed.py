"""The bytes of a file, unpacked where it is packed; a file made to fill the memory is refused."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from analysis.collect.inputs import Input
from analysis.run.errors import UserError

BLOCK_BYTES = 1 << 22
MOST_BYTES, SUSPECT_BYTES, SUSPECT_RATIO = 2 << 30, 100 << 20, 200
_GZIP = b"\x1f\x8b"


def is_packed(one: Input) -> bool:
    """Whether the file lies in an archive or is one that gzip packed."""
    if one.part:
        return True
    with one.path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def open_bytes(one: Input) -> BinaryIO:
    """The bytes of a file, unpacked; raises UserError where a password is needed."""
    if not one.part:
        return gzip.open(one.path) if is_packed(one) else one.path.open("rb")
    try:
        return zipfile.ZipFile(one.path).open(one.part)
    except (RuntimeError, NotImplementedError) as problem:
        raise UserError(
            f"{one.name} cannot be unpacked: {str(problem).removeprefix('File ')}. Pack it anew as a "
            "plain zip archive without a password, or put the file itself there."
        ) from None


def blocks(one: Input) -> Iterator[bytes]:
    """The bytes block by block; raises UserError for a file that is damaged or a bomb."""
    packed, seen = one.path.stat().st_size if is_packed(one) else None, 0
    try:
        with open_bytes(one) as file:
            while block := file.read(BLOCK_BYTES):
                seen += len(block)
                if packed and seen > max(SUSPECT_BYTES, SUSPECT_RATIO * packed):  # no export does
                    raise UserError(
                        f"{one.name} unpacks from {packed / 1e6:,.1f} to more than {seen / 1e6:,.0f} MB: "
                        "made to do harm? If it is truly that large, unpack it and name the plain file."
                    )
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as problem:
        raise UserError(
            f"{one.name} cannot be read: the packed file is cut or damaged ({problem}). Fetch it again."
        ) from None


def refuse_bomb(archive: zipfile.ZipFile, name: str) -> None:
    """Raise UserError for a workbook that would unpack to more than any real one."""
    unpacked = sum(member.file_size for member in archive.infolist())
    packed = sum(member.compress_size for member in archive.infolist())
    if unpacked > min(MOST_BYTES, max(SUSPECT_BYTES, SUSPECT_RATIO * packed)):
        raise UserError(
            f"{name} would unpack from {packed / 1e6:,.1f} to {unpacked / 1e6:,.0f} MB: too large, or "
            "made to do harm. Allowed are 2 GB, and beyond 100 MB at most 200 times the packed size. "
            "Export it as CSV, or in parts."
        )
