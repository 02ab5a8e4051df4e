"""Score sheets as the grader wrote them: read strictly, known by their digest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.evidence.entry import canonical, digest_of
from labkit.exams.envelope.strict import read_json
from labkit.exams.grading.reproducing import OUTSTANDING
from labkit.exams.grading.sheet import ABOUT

__all__ = ["MODES", "Sheet", "read_sheet", "read_sheets", "sheet_of"]

MODES = ("practice", "exam", "rehearsal")
_MOST_BYTES = 8 << 20
_TEXTS = ("session", "exam", "blueprint", "mode", "grader", "envelope_sha256", "graded_at")
_LISTS = ("tasks", "items")
_TABLES = ("verified", "domains", "practical", "knowledge", "total", "decision")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One score sheet; ``content`` is what the grader wrote, in full.

    ``digest`` is the SHA-256 of the whole sheet, ``essence`` of what grading the same
    envelope again must give: everything but when, by which version, and what running it again said.
    """

    content: Mapping[str, Any] = field(hash=False)
    digest: str = ""
    essence: str = ""

    def __getattr__(self, name: str) -> Any:
        if name in _TEXTS:
            return self.content[name]
        raise AttributeError(name)

    @property
    def candidate(self) -> str:
        """Identifier of the candidate; the name, where none was given."""
        return _identifier(self.content["candidate"])

    @property
    def candidate_name(self) -> str:
        """Name of the candidate, or the identifier where the sheet gives no name."""
        given = self.content["candidate"]
        return str(given.get("name") or "") or self.candidate if isinstance(given, Mapping) else str(given)

    @property
    def is_verified(self) -> bool:
        """Whether form, owner, nonce, deadline and chain all held."""
        return all(value for key, value in self.content["verified"].items() if key != "reasons")

    @property
    def outstanding(self) -> str:
        """Why the reproduction of an exam is still to be done; empty when it was, or was left out."""
        told = self.content.get("reproduction") or {}
        if self.mode != "exam" or told.get("state") not in OUTSTANDING:
            return ""
        return f"{', '.join(told.get('asked', ()))} {told['state']}: {told.get('why') or 'not run yet'}"

    @property
    def is_passed(self) -> bool:
        return bool(self.content["decision"]["passed"])

    @property
    def share(self) -> float:
        return float(self.content["total"]["share"])

    def domain_shares(self) -> dict[str, float | None]:
        """Return the share reached in every domain, None where there was nothing to earn."""
        domains = self.content["domains"]
        return {
            key: (min(1.0, each["earned"] / each["points"]) if each["points"] else None)
            for key, each in sorted(domains.items())
        }


def sheet_of(content: Any, where: Path | str = "score sheet") -> Sheet:
    """Return ``content`` as a sheet.

    Raises
    ------
    DataFormatError
        When it is none: says where, what was expected and what came.
    """
    _check(content, str(where))
    whole = canonical(content)
    essence = {key: value for key, value in content.items() if key not in ABOUT}
    return Sheet(content, digest_of(whole), digest_of(canonical(essence)))


def read_sheet(path: Path) -> Sheet:
    """Return the score sheet in a file.

    Raises
    ------
    DataFormatError
        When the file cannot be read, is no strict JSON (no key twice, no NaN), or no sheet.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise DataFormatError(f"{path}: expected a score sheet below {_MOST_BYTES} bytes, got {size}")
        content = path.read_bytes()
    except OSError as error:
        raise DataFormatError(f"{path}: expected a score sheet in JSON: {error}") from None
    told = f"{path}: expected a score sheet in JSON"
    return sheet_of(read_json(told, content, most=_MOST_BYTES), path)


def read_sheets(paths: Iterable[Path]) -> list[Sheet]:
    """Return the sheets in files, and in the ``*.json`` of folders, each envelope once.

    A grading folder, or that of an examiner, stands for the sheets in it.

    Raises
    ------
    DataFormatError
        When there is none, one cannot be read, or an envelope was graded in two ways.
    """
    found: dict[str, tuple[Path, Sheet]] = {}
    for path in _files(paths):
        sheet = read_sheet(path)
        envelope = sheet.content["envelope_sha256"]
        first, known = found.setdefault(envelope, (path, sheet))
        if known.essence != sheet.essence:
            raise DataFormatError(
                f"{path}: the same envelope as {first}, with other results: keep the one of the grading "
                "that counts"
            )
    if not found:
        raise DataFormatError("expected score sheets (*.json), found none: name files or a folder of them")
    return [sheet for _, sheet in found.values()]


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        inside = (path / "graded" / "sheets", path / "sheets", path)
        folder = next((each for each in inside if each.is_dir()), None)
        yield from [path] if folder is None else sorted(folder.glob("*.json"))


def _check(content: Any, where: str) -> None:
    if not isinstance(content, Mapping):
        raise DataFormatError(f"{where}: expected a score sheet, a JSON object; got {type(content).__name__}")
    if content.get("version") != 1:
        raise DataFormatError(
            f"{where}: expected a score sheet of version 1, got {content.get('version')!r}: "
            "grade with this labkit, or read it with the one that wrote it"
        )
    for names, kind, words in (
        (_TEXTS, str, "a text"),
        (_LISTS, list, "a list"),
        (_TABLES, Mapping, "an object"),
    ):
        for name in names:
            if not isinstance(content.get(name), kind):
                raise DataFormatError(f"{where}: expected {name!r} as {words}, got {content.get(name)!r}")
    if not _identifier(content.get("candidate")):
        raise DataFormatError(
            f"{where}: expected 'candidate' with an identifier or a name, got {content.get('candidate')!r}"
        )
    if content["mode"] not in MODES:
        raise DataFormatError(f"{where}: expected mode {', '.join(MODES)}; got {content['mode']!r}")
    if not isinstance(content["decision"].get("passed"), bool):
        raise DataFormatError(f"{where}: expected decision.passed as true or false")
    for name in ("practical", "knowledge", "total"):
        _check_points(content[name], f"{where}: {name}")
    if not _is_number(content["total"].get("share"), 1):
        raise DataFormatError(
            f"{where}: expected total.share from 0 to 1, got {content['total'].get('share')!r}"
        )
    for name, each in content["domains"].items():
        _check_points(each, f"{where}: domain {name}")
    for position, task in enumerate(content["tasks"]):
        _check_part(task, f"{where}: task {position + 1}", ("slot", "domain"))
        _check_points(task, f"{where}: task {task['slot']}")
    for position, item in enumerate(content["items"]):
        _check_part(item, f"{where}: item {position + 1}", ("id", "domain", "kind"))
        if not _is_number(item.get("points"), math.inf) or not _is_number(item.get("credit"), 1):
            raise DataFormatError(f"{where}: item {item['id']}: expected points, and credit from 0 to 1")


def _identifier(candidate: Any) -> str:
    """Return who it is; empty when nothing says so."""
    told = [candidate]
    if isinstance(candidate, Mapping):
        told = [candidate.get("identifier"), candidate.get("name")]
    return next((each.strip() for each in told if isinstance(each, str) and each.strip()), "")


def _check_part(part: Any, where: str, texts: tuple[str, ...]) -> None:
    if not isinstance(part, Mapping) or not all(isinstance(part.get(name), str) for name in texts):
        raise DataFormatError(f"{where}: expected an object with {', '.join(texts)}")


def _check_points(part: Any, where: str) -> None:
    points = part.get("points") if isinstance(part, Mapping) and "earned" in part else None
    if not _is_number(points, math.inf) or not _is_number(part["earned"], float(points or 0) + 1e-6):
        raise DataFormatError(f"{where}: expected points, and earned from 0 to points; got {part!r}")


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
