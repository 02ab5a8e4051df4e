"""What a certificate shows, read from the signed badge and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labkit.credentials import hybrid
from labkit.credentials.badge import DISCLAIMER, exam_mode, result_of
from labkit.credentials.recipient import holder_name
from labkit.credentials.times import moment

__all__ = ["MODE_WORDS", "Facts", "facts_of"]

MODE_WORDS = {
    "practice": "Practice exam: sat alone, graded on one's own machine. It proves nothing to others.",
    "proctored": "Proctored exam: identity checked and sitting watched by a person.",
    "unproctored": "Unproctored exam: help from others or from AI cannot be ruled out.",
}


@dataclass(frozen=True)
class Facts:
    """The text of a certificate; every value is a string as it is printed."""

    title: str
    holder: str
    number: str
    version: str
    issuer: str
    issuer_id: str
    mode: str
    mode_words: str
    score: str
    valid_from: str
    valid_until: str
    standards: tuple[str, ...]
    renews: str
    address: str
    digest: str
    code: str
    disclaimer: str = DISCLAIMER

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def facts_of(badge: Mapping[str, Any]) -> Facts:
    """Return what a certificate shows for a badge that labkit issued."""
    subject, issuer = badge["credentialSubject"], badge["issuer"]
    achievement = subject["achievement"]
    digest = hybrid.digest(badge)
    mode = exam_mode(badge) or ""
    previous = [
        each for each in badge.get("evidence", []) if each.get("name") == "Credential that this one renews"
    ]
    return Facts(
        title=badge["name"],
        holder=holder_name(badge),
        number=subject["licenseNumber"],
        version=achievement["version"],
        issuer=issuer.get("name") or issuer["id"],
        issuer_id=issuer["id"],
        mode=mode,
        mode_words=MODE_WORDS.get(mode, ""),
        score=result_of(badge, "Score") or "",
        valid_from=_day(badge["validFrom"]),
        valid_until=_day(badge["validUntil"]),
        standards=tuple(_standard(each) for each in achievement.get("alignment", [])),
        renews=previous[0]["narrative"] if previous else "",
        address=badge["id"],
        digest=digest,
        # Address and 128 bits of the digest: a code that a telephone still reads from paper.
        code=f"{badge['id']}#sha256={digest[:32]}",
    )


def _day(text: str) -> str:
    at = moment(text)
    return f"{at.day} {at:%B %Y}"


def _standard(alignment: Mapping[str, Any]) -> str:
    code, name, framework = (
        alignment.get(name, "") for name in ("targetCode", "targetName", "targetFramework")
    )
    return framework if framework.startswith(name) else f"{code} {name} — {framework}"
