"""The badge in a certificate as PDF: the one file attached to it (ISO 32000-1, 7.5 and 7.11).

Reads what the typesetter writes and nothing more: one table of objects, each object where the table says,
one attached file.  PDF is large, and readers that mend broken files disagree about what is in them; a badge
needs none of that.  No byte is read twice, 256 KiB of objects at most, and no more is unpacked than a badge
may have.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.credentials.carriers.pdf_objects import Reference, read_object

__all__ = ["badge_in_pdf"]

_END = re.compile(rb"startxref\s+(\d{1,10})\s+%%EOF\s*\Z")
_TABLE = re.compile(rb"xref\s+0 (\d{1,5})\s*\n")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?:\r\n| \n| \r)")
_STREAM = re.compile(rb"\s*stream\r?\n")
_MOST_OBJECTS = 5000
_MOST_READ = 256 * 1024
_SAVE = "open it in a PDF reader, save the attached badge.json, and verify that"
_STREAM_NAMES = {"Type", "Subtype", "Params", "Length", "Filter"}


def badge_in_pdf(content: bytes, limit: int) -> bytes:
    """Return the file attached to a PDF.

    Parameters
    ----------
    content : bytes
        The whole PDF.
    limit : int
        How many bytes the attached file may have.

    Raises
    ------
    DataFormatError
        When there is no attached file or more than one, or it was written by another program or damaged.
    """
    objects = _objects(content)
    files = [each for each, _ in objects.values() if _type(each) == "Filespec"]
    streams = [number for number, (each, _) in objects.items() if _type(each) == "EmbeddedFile"]
    if not files and not streams:
        raise DataFormatError(
            "this PDF holds no badge: expected badge.json attached to it, as in certificate.pdf as it was "
            "issued. Printing it anew loses the badge"
        )
    if len(files) != 1 or len(streams) != 1:
        raise DataFormatError(
            f"this PDF holds {max(len(files), len(streams))} attached files: expected one badge"
        )
    named = files[0].get("EF")
    if not isinstance(named, dict) or [*named.values()] != [Reference(streams[0], 0)] * max(1, len(named)):
        raise DataFormatError("what this PDF calls its attached file is not the one in it")
    return _unpacked(*objects[streams[0]], limit)


def _objects(content: bytes) -> dict[int, tuple[Mapping[str, Any], bytes]]:
    """Return number to dictionary and what follows it, for the objects of the table that are dictionaries."""
    end = _END.search(content, max(0, len(content) - 100))
    table = _TABLE.match(content, int(end[1])) if end else None
    if end is None or table is None or int(table[1]) > _MOST_OBJECTS:
        raise DataFormatError(
            f"this PDF was cut off, or saved by a program other than the one that made it: {_SAVE}"
        )
    starts, at = {}, table.end()
    for number in range(int(table[1])):
        entry = _ENTRY.match(content, at)
        if entry is None:
            raise DataFormatError(_damaged("its table of objects has a broken line"))
        at = entry.end()
        if entry[3] == b"n":
            starts[int(entry[1])] = number
    _check_trailer(content, at, end.start())
    # Each object ends before the next begins, so none is read twice, whatever the table says.
    places = [*sorted(starts), int(end[1])]
    found: dict[int, tuple[Mapping[str, Any], bytes]] = {}
    left = _MOST_READ
    for start, stop in pairwise(places):
        chunk = content[start:stop]
        value, at = _object(chunk[:left], starts[start])
        left -= at
        if isinstance(value, dict):
            found[starts[start]] = (value, chunk[at:])
    return found


def _check_trailer(content: bytes, at: int, end: int) -> None:
    if content[at : at + 7] != b"trailer":
        raise DataFormatError(_damaged("no trailer follows its table of objects"))
    trailer, _ = read_object(content[at + 7 : end], 0)
    if not isinstance(trailer, dict):
        raise DataFormatError(_damaged("its trailer is none"))
    if "Encrypt" in trailer:
        raise DataFormatError(f"this PDF is encrypted: {_SAVE}")
    if {"Prev", "XRefStm"} & trailer.keys():
        raise DataFormatError(f"something was added to this PDF after it was made: {_SAVE}")


def _object(chunk: bytes, number: int) -> tuple[Any, int]:
    head = re.match(rb"%d 0 obj\b" % number, chunk)
    if head is None:
        raise DataFormatError(_damaged(f"object {number} is not where its table says"))
    return read_object(chunk, head.end())


def _unpacked(about: Mapping[str, Any], rest: bytes, limit: int) -> bytes:
    length, head = about.get("Length"), _STREAM.match(rest)
    packing = about.get("Filter")
    if head is None or not isinstance(length, int) or set(about) - _STREAM_NAMES:
        raise DataFormatError(_damaged("its attached file is not written as a stream"))
    packed = rest[head.end() : head.end() + length]
    if not re.match(rb"\s*endstream\b", rest[head.end() + length :]):
        raise DataFormatError(_damaged("its attached file is longer or shorter than it says"))
    if packing is None:
        return packed
    if packing != "/FlateDecode":
        raise DataFormatError(f"its attached file is packed in a way that is not read here: {_SAVE}")
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        raise DataFormatError(_damaged(f"its attached file does not unpack: {error}")) from None
    if len(unpacked) > limit:
        raise DataFormatError(
            f"its attached file unpacks to more than the {limit} bytes that a badge may have"
        )
    if not unpacker.eof or unpacker.unused_data:
        raise DataFormatError(_damaged("its attached file does not unpack"))
    return unpacked


def _type(value: Mapping[str, Any]) -> str:
    return str(value.get("Type", "")).removeprefix("/")


def _damaged(how: str) -> str:
    return f"this PDF was damaged or changed: {how}"
