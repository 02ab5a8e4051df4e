"""An award: what a released result says that a credential is issued for, in plain JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.credentials.encoding import strict_json
from labkit.credentials.times import moment

__all__ = ["MODES", "Award", "read_award"]

MODES = ("practice", "proctored", "unproctored")
"""How an exam was sat; the credential says it in a member that the signature covers."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 200


@dataclass(frozen=True)
class Award:
    """A passed and released exam.

    Attributes
    ----------
    exam, exam_title, blueprint : str
        Which exam, and the version of what it asks for.
    mode : str
        One of :data:`MODES`.
    name, identifier : str
        The candidate; the identifier is an e-mail address, a DID, or a number of a register.
    number : str
        Number of the certificate, unique at its issuer.
    share : float
        Points earned of those that could be, from 0 to 1.
    domains : mapping of str to float
        The same for each domain.
    graded_at, released_at : datetime
    released_by : tuple of str
        Who released the result.
    valid_months : int
    standards : tuple of (str, str)
        Bundled standards, or entries in them, each with the edition that was examined.
    sheet_sha256, form_commitment : str
        What binds the credential to the score sheet and to the form that was sat.
    """

    exam: str
    exam_title: str
    blueprint: str
    mode: str
    name: str
    identifier: str
    number: str
    share: float
    domains: Mapping[str, float] = field(hash=False)
    graded_at: datetime
    released_at: datetime
    released_by: tuple[str, ...]
    valid_months: int
    standards: tuple[tuple[str, str], ...]
    sheet_sha256: str
    form_commitment: str


def read_award(content: bytes | str, supervision: str | None = None) -> Award:
    """Return the award in a file.

    Parameters
    ----------
    content : bytes or str
        JSON.
    supervision : str, optional
        ``proctored`` or ``unproctored``, where the award says only that it was an exam.

    Raises
    ------
    DataFormatError
        When something is missing, of another type, or the exam was not passed or not released.
    """
    raw = strict_json(content, "the award")
    if not isinstance(raw, dict) or raw.get("version") != 1:
        raise DataFormatError("expected an award of version 1")
    if raw.get("passed") is not True:
        raise DataFormatError("expected an award for a passed exam: its member passed is not true")
    candidate = raw.get("candidate")
    if not isinstance(candidate, dict):
        raise DataFormatError("expected candidate as an object with name and identifier")
    mode = _mode(raw.get("mode"), supervision)
    released_by = _texts(raw, "released_by")
    if mode != "practice" and len(released_by) < 2:
        raise DataFormatError(
            "expected released_by with two people: who decided, and who released the result"
        )
    graded, released = moment(_text(raw, "graded_at")), moment(_text(raw, "released_at"))
    if released < graded:
        raise DataFormatError("expected released_at not before graded_at")
    return Award(
        exam=_text(raw, "exam", _NAMED),
        exam_title=_text(raw, "exam_title"),
        blueprint=_text(raw, "blueprint", _NAMED),
        mode=mode,
        name=_text(candidate, "name"),
        identifier=_text(candidate, "identifier"),
        number=_text(raw, "number", _NAMED),
        share=_share("share", raw.get("share")),
        domains=_domains(raw.get("domains", {})),
        graded_at=graded,
        released_at=released,
        released_by=released_by,
        valid_months=_months(raw.get("valid_months")),
        standards=_standards(raw.get("standards", [])),
        sheet_sha256=_text(raw, "sheet_sha256", _SHA256),
        form_commitment=_text(raw, "form_commitment"),
    )


def _mode(said: Any, supervision: str | None) -> str:
    if said == "exam" and supervision is None:
        raise DataFormatError(
            "the award says that it was an exam, and not whether it was proctored: say it with --supervision"
        )
    mode = supervision if said == "exam" else said
    if mode not in MODES:
        raise DataFormatError(
            f"expected a mode of {', '.join(MODES)}, got {mode!r}: nothing else earns a credential"
        )
    if supervision is not None and mode != supervision:
        raise DataFormatError(f"the award says {said!r}, which is not {supervision!r}")
    return str(mode)


def _text(raw: Mapping[str, Any], name: str, form: re.Pattern[str] | None = None) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST or not value.isprintable():
        raise DataFormatError(f"expected {name} as text of up to {_LONGEST} characters, got {value!r}")
    if form and not form.fullmatch(value):
        raise DataFormatError(f"expected {name} in the form {form.pattern}, got {value!r}")
    return value.strip()


def _texts(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = raw.get(name, [])
    if not isinstance(values, list) or len(values) > 100:
        raise DataFormatError(f"expected {name} as a list of up to 100 texts, got {values!r}")
    found = tuple(_text({name: each}, name) for each in values)
    return tuple(dict.fromkeys(found))


def _standards(raw: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, list) or len(raw) > 100 or not all(isinstance(each, dict) for each in raw):
        raise DataFormatError(
            f"expected standards as a list of up to 100 objects with id and edition, got {raw!r:.200}"
        )
    return tuple((_text(each, "id"), _text(each, "edition")) for each in raw)


def _share(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise DataFormatError(f"expected {name} from 0 to 1, got {value!r}")
    return float(value)


def _domains(raw: Any) -> dict[str, float]:
    if not isinstance(raw, dict) or len(raw) > 50:
        raise DataFormatError(f"expected domains as an object, got {raw!r}")
    # A domain whose tasks are not there yet has no points, and so no share.
    counted = {
        name: each for name, each in raw.items() if not isinstance(each, dict) or each.get("points") != 0
    }
    return {_text({"domain": name}, "domain", _NAMED): _domain(name, each) for name, each in counted.items()}


def _domain(name: str, value: Any) -> float:
    """A share, or points and how many of them were earned."""
    if not isinstance(value, dict):
        return _share(name, value)
    points, earned = value.get("points"), value.get("earned")
    if isinstance(points, int | float) and isinstance(earned, int | float) and 0 <= earned <= points:
        return float(earned / points)
    raise DataFormatError(f"expected domain {name} as points and earned of them, got {value!r}")


def _months(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 120:
        raise DataFormatError(f"expected valid_months from 1 to 120, got {value!r}")
    return value
