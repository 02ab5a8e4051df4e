"""Offices, awards and altered badges for tests about credentials."""

import copy
import json
from datetime import UTC, datetime

from labkit.credentials import keys
from labkit.credentials.award import read_award
from labkit.credentials.issuing import issue
from labkit.credentials.office import make_office

PASSWORD = "correct horse battery"  # noqa: S105
DID = "did:web:exams.example.org:lab"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)

AWARD = {
    "version": 1,
    "exam": "practitioner",
    "exam_title": "AI security practitioner",
    "blueprint": "2026.1",
    "mode": "exam",
    "candidate": {"name": "Ada Lovelace", "identifier": "Ada@example.org"},
    "number": "LK-0001",
    "passed": True,
    "share": 0.81,
    "domains": {"D1": {"points": 14, "earned": 12.5}, "D2": 0.7},
    "graded_at": "2026-11-20T10:00:00Z",
    "released_at": "2026-11-21T10:00:00Z",
    "released_by": ["examiner-1", "examiner-2"],
    "valid_months": 24,
    "standards": [
        {"id": "iso-42001", "edition": "ISO/IEC 42001:2023"},
        {"id": "AML.T0043", "edition": "2026.09"},
        {"id": "nist-ai-rmf", "edition": "AI RMF 1.0"},
    ],
    "sheet_sha256": "ab" * 32,
    "form_commitment": "cd" * 32,
}


def award(**changes):
    return json.dumps({**copy.deepcopy(AWARD), **changes})


def office_at(folder, id=DID, **options):
    """Return an office and its keys; the password is stretched less than outside of tests, to be quick."""
    dear = dict(keys._SCRYPT)
    keys._SCRYPT["n"] = 2**10
    try:
        office = make_office(folder, id, "Example exams", PASSWORD, **options)
    finally:
        keys._SCRYPT.update(dear)
    return office, office.keys(PASSWORD)


def issued(office, own, *, at=NOW, supervision="proctored", **changes):
    """Return the folder of a credential; for a practice office the award is one for practice."""
    if office.issuer.practice:
        changes, supervision = {"mode": "practice", **changes}, None
    return issue(office, own, read_award(award(**changes), supervision), at=at)
