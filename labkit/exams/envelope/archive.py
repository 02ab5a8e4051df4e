"""The zip around a submission: looked at before a library reads it, and never unpacked to disk."""

from __future__ import annotations

import re
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO

from labkit.core.errors import DataFormatError

__all__ = ["Limits", "members_of"]

_MEMBER = re.compile(
    r"manifest\.json|form\.json|form\.sig\.json|log\.jsonl|answers\.json|exam\.ipynb"
    r"|hand_ins/[A-Za-z0-9_-]{1,16}/(?:hand_in\.json|tensors\.safetensors)"
)
_FOLDER = re.compile(r"hand_ins/([A-Za-z0-9_-]{1,16}/)?")
_END = 22  # bytes of the record that ends a zip without a comment


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a submission may be.

    Attributes
    ----------
    archive, member, total : int
        Bytes of the zip, of one member, and of all members unpacked.
    members : int
    ratio : int
        Bytes unpacked for each byte packed.
    lines : int
        Entries of the log.
    """

    archive: int = 256 << 20
    member: int = 128 << 20
    total: int = 256 << 20
    members: int = 128
    ratio: int = 100
    lines: int = 100_000


def members_of(
    content: bytes, limits: Limits, refused: dict[str, str], known: re.Pattern[str] = _MEMBER
) -> dict[str, bytes]:
    """Return the members that the agreement knows; others are named in ``refused`` and not opened.

    Raises
    ------
    DataFormatError
        When the archive is damaged, or was built to hurt its reader.
    """
    _check_end(content, limits)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_entries(entries, limits, len(content))
            members = {}
            for entry in entries:
                if entry.is_dir() and _FOLDER.fullmatch(entry.filename) and not entry.file_size:
                    continue
                if not known.fullmatch(entry.filename):
                    refused[entry.filename[:200]] = "no part of a submission; it was not opened"
                    continue
                try:
                    members[entry.filename] = _unpacked(archive, entry)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                    refused[entry.filename] = f"damaged: {str(error)[:120]}"
            return members
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise DataFormatError(f"no zip that can be read: {str(error)[:120]}") from None


def _check_end(content: bytes, limits: Limits) -> None:
    """Look at the record that ends a zip before a library trusts it."""
    end = content[-_END:]
    if len(end) < _END or not end.startswith(b"PK\x05\x06") or end[20:22] != b"\0\0":
        raise DataFormatError("no zip, or one that is cut off or has something behind it")
    count, size, start = (int.from_bytes(end[a:b], "little") for a, b in ((10, 12), (12, 16), (16, 20)))
    if count > limits.members or size > limits.members * 512:
        raise DataFormatError(f"more than {limits.members} members")
    if end[4:8] != b"\0\0\0\0" or content[-_END - 20 : -_END].startswith(b"PK\x06\x07"):
        raise DataFormatError("a zip in several parts, or for more than 4 GB")
    if start + size + _END != len(content):
        raise DataFormatError("a zip with something before or inside its directory")


def _check_entries(entries: list[zipfile.ZipInfo], limits: Limits, size: int) -> None:
    """Refuse an archive that was built to hurt its reader."""
    seen = set()
    for entry in entries:
        name = entry.filename
        if name != entry.orig_filename or _leads_out(name):
            raise DataFormatError(f"a name that leads out of the folder: {entry.orig_filename[:80]!r}")
        folded = unicodedata.normalize("NFKC", name).casefold()
        if folded in seen:
            raise DataFormatError(f"the name {name[:80]!r} stands twice")
        seen.add(folded)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataFormatError(f"{name[:80]!r} is a link or a device")
        if entry.flag_bits & 0x2041:
            raise DataFormatError(f"{name[:80]!r} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataFormatError(f"{name[:80]!r} is packed in a way that is not read here")
        if entry.file_size > limits.member:
            raise DataFormatError(f"{name[:80]!r} is larger than {limits.member} bytes")
        if entry.file_size > max(1 << 16, limits.ratio * entry.compress_size):
            raise DataFormatError(f"{name[:80]!r} unpacks to more than {limits.ratio} times its size")
    if sum(entry.file_size for entry in entries) > limits.total:
        raise DataFormatError(f"the members are larger than {limits.total} bytes together")
    if sum(entry.compress_size for entry in entries) > size:
        raise DataFormatError("members that lie on top of one another")


def _leads_out(name: str) -> bool:
    parts = name.split("/")
    if parts[-1] == "":
        parts.pop()
    return (
        "\\" in name
        or ":" in name
        or not parts
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(letter) < 32 for letter in name)
    )


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return a member, and never more of it than its directory entry says."""
    with archive.open(entry) as file:
        text = file.read(entry.file_size + 1)
    if len(text) != entry.file_size:
        raise zipfile.BadZipFile("another size than its entry says")
    return text
