"""Open a submission as if it came from an enemy: what is not exactly as agreed is refused, with a reason.

Nothing is unpacked to disk and nothing in it is ever run.  There are two kinds of refusal.  An
archive that was built to hurt its reader (links, paths that lead out, names that stand twice,
bombs) is refused whole, with :class:`~labkit.core.errors.DataFormatError`.  A member that is not
what it says (a pickle, a cut-off tensor, a number that is none) is refused alone: it stands in
:attr:`Envelope.refused`, and the rest is graded.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.exams.envelope.archive import Limits, members_of
from labkit.exams.envelope.strict import read_json, read_json_lines, read_tensors, tensor_header

__all__ = ["Envelope", "HandedIn", "Limits", "read_envelope", "read_submission_bytes"]


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What was handed in for one task: plain values, and the bytes of a checked safetensors file."""

    values: Mapping[str, Any] = field(default_factory=dict)
    tensor_bytes: bytes | None = None

    def tensors(self) -> dict[str, Any]:
        """Return the tensors by name (this imports torch)."""
        return {} if self.tensor_bytes is None else read_tensors("tensors.safetensors", self.tensor_bytes)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A submission that could be opened.

    Attributes
    ----------
    sha256 : str
        Of the whole file.
    manifest, form, signature : mapping
    form_sha256 : str
        Of the bytes of ``form.json``.
    log : sequence of mapping
        Entries of the event log, unchecked but for their form.
    answers : mapping
        Item to answer.
    hand_ins : mapping of str to HandedIn
        By task.
    notebook : bytes or None
        ``exam.ipynb``, unread.
    refused : mapping of str to str
        Member to the reason why it was not taken.
    """

    sha256: str
    manifest: Mapping[str, Any]
    form: Mapping[str, Any]
    signature: Mapping[str, Any]
    form_sha256: str
    log: tuple[Mapping[str, Any], ...] | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    hand_ins: Mapping[str, HandedIn] = field(default_factory=dict)
    notebook: bytes | None = None
    refused: Mapping[str, str] = field(default_factory=dict)


_NEEDED = ("manifest.json", "form.json", "form.sig.json")
_MOST_NAMED = 100


def read_submission_bytes(path: Path, limits: Limits | None = None) -> bytes:
    """Return the bytes of a file that somebody else put there; what is graded is what was hashed.

    Raises
    ------
    DataFormatError
        When it is no plain file (a link, a pipe, a device), cannot be read, or is too large.
    """
    limits = limits or Limits()
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    if path.is_symlink():
        raise DataFormatError("the submission cannot be read: it is a link, so name the file itself")
    try:
        handle = os.open(path, flags)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise DataFormatError("the submission is no plain file")
            content = file.read(limits.archive + 1)
    except OSError as error:
        raise DataFormatError(f"the submission cannot be read: {error.strerror or error}") from None
    if len(content) > limits.archive:
        raise DataFormatError(f"the submission is larger than {limits.archive} bytes")
    return content


def read_envelope(content: bytes, limits: Limits | None = None) -> Envelope:
    """Open a submission.

    Parameters
    ----------
    content : bytes
        The zip.
    limits : Limits, optional

    Raises
    ------
    DataFormatError
        When it is refused whole; the message is the reason.
    """
    limits = limits or Limits()
    refused: dict[str, str] = {}
    members = members_of(content, limits, refused)
    for name in _NEEDED:
        if name not in members:
            raise DataFormatError(f"{name} is missing" + (f": {refused[name]}" if name in refused else ""))
    manifest, form, signature = (_table(name, members[name]) for name in _NEEDED)
    _check_digests(manifest, members, refused)
    if "form.json" in refused or "form.sig.json" in refused:
        raise DataFormatError("the form in the submission was altered after sealing")

    def read(name: str, reader: Callable[[str, bytes], Any]) -> Any:
        """Return what a member holds; None, with the reason recorded, when it is refused."""
        if name in refused or name not in members:
            return None
        try:
            return reader(name, members[name])
        except DataFormatError as error:
            refused[name] = str(error)
            return None

    log = read("log.jsonl", lambda name, text: _entries(name, text, limits))
    answers = read("answers.json", _table)
    hand_ins = {}
    slots = sorted({name.split("/")[1] for name in members if name.startswith("hand_ins/")})
    for slot in slots:
        values = read(f"hand_ins/{slot}/hand_in.json", _table)
        tensors = read(f"hand_ins/{slot}/tensors.safetensors", _checked_tensors)
        hand_ins[slot] = HandedIn(values or {}, tensors)
    return Envelope(
        sha256=hashlib.sha256(content).hexdigest(),
        manifest=manifest,
        form=form,
        signature=signature,
        form_sha256=hashlib.sha256(members["form.json"]).hexdigest(),
        log=None if log is None else tuple(log),
        answers=answers or {},
        hand_ins=hand_ins,
        notebook=None if "exam.ipynb" in refused else members.get("exam.ipynb"),
        refused=refused,
    )


def _check_digests(manifest: Mapping[str, Any], members: dict[str, bytes], refused: dict[str, str]) -> None:
    """Refuse each member that the manifest does not list with these very bytes."""
    listed = manifest.get("files")
    listed = listed if isinstance(listed, dict) else {}
    for name, content in members.items():
        entry = listed.get(name)
        if name == "manifest.json":
            continue
        if not isinstance(entry, dict):
            refused[name] = "not listed in the manifest"
        elif entry.get("sha256") != hashlib.sha256(content).hexdigest() or entry.get("size") != len(content):
            refused[name] = "altered after sealing: not the digest that the manifest lists"
    gone = sorted(listed.keys() - members.keys() - refused.keys())
    for name in gone[:_MOST_NAMED]:
        refused[name[:200]] = "listed in the manifest and not there"
    if more := len(gone[_MOST_NAMED:]):
        # What is recorded is kept with the sheet, and a manifest must not decide how long that is.
        refused["manifest.json"] = f"{more} more files are listed and not there"


def _table(name: str, content: bytes) -> dict[str, Any]:
    value = read_json(name, content)
    if not isinstance(value, dict):
        raise DataFormatError(f"{name}: expected a table of names and values, got {type(value).__name__}")
    return value


def _checked_tensors(name: str, content: bytes) -> bytes:
    tensor_header(name, content)
    return content


def _entries(name: str, content: bytes, limits: Limits) -> list[Any]:
    entries = read_json_lines(name, content, most=64 << 20, lines=limits.lines)
    if not all(isinstance(entry, dict) for entry in entries):
        raise DataFormatError(f"{name}: a line that is no table")
    return entries
