"""Which standards a certificate is aligned to: title, edition, and the address of their publisher."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labkit.core.errors import UnknownNameError
from labkit.governance.standards import lookup
from labkit.governance.standards import standards as bundled

__all__ = ["ADDRESSES", "alignments"]

ADDRESSES = {
    "csa-ai": "https://cloudsecurityalliance.org/artifacts/ai-controls-matrix",
    "enisa-ai": "https://www.enisa.europa.eu/publications/multilayer-framework-for-good-cybersecurity-practices-for-ai",
    "etsi-en-304-223": "https://www.etsi.org/standards",
    "eu-ai-act": "https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
    "g7-hiroshima": "https://www.mofa.go.jp/ecm/ec/page5e_000076.html",
    "gdpr": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
    "google-saif": "https://saif.google/",
    "hipaa-security-rule": "https://www.ecfr.gov/current/title-45/part-164/subpart-C",
    "ieee-7000": "https://standards.ieee.org/",
    "iso-23894": "https://www.iso.org/standard/77304.html",
    "iso-27001": "https://www.iso.org/standard/27001",
    "iso-27090-27091": "https://www.iso.org/standard/56581.html",
    "iso-42001": "https://www.iso.org/standard/42001",
    "mitre-atlas": "https://atlas.mitre.org/",
    "ncsc-cisa-guidelines": "https://www.ncsc.gov.uk/collection/guidelines-secure-ai-system-development",
    "nist-ai-100-2": "https://doi.org/10.6028/NIST.AI.100-2e2025",
    "nist-ai-600-1": "https://doi.org/10.6028/NIST.AI.600-1",
    "nist-ai-rmf": "https://doi.org/10.6028/NIST.AI.100-1",
    "oecd-ai": "https://oecd.ai/en/ai-principles",
    "owasp-agentic": "https://genai.owasp.org/",
    "owasp-llm-top10": "https://genai.owasp.org/llm-top-10/",
    "owasp-ml-top10": "https://owasp.org/www-project-machine-learning-security-top-10/",
    "owasp-other": "https://owasp.org/www-project-ai-testing-guide/",
    "pci-dss": "https://www.pcisecuritystandards.org/document_library/",
    "singapore-mgf": "https://aiverifyfoundation.sg/",
}
"""Bundled standard to where its publisher keeps it.  A link for readers: nothing here is ever opened."""


def alignments(standards: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the alignments of a credential, each with the edition that was examined.

    Parameters
    ----------
    standards : iterable of (str, str)
        Id of a bundled standard (``iso-42001``) or of an entry in one (``AML.T0043``), and edition.

    Raises
    ------
    UnknownNameError
        When an id is in none of the bundled lists.
    """
    return [_alignment(id, edition) for id, edition in dict.fromkeys(standards)]


def _alignment(id: str, edition: str) -> dict[str, Any]:
    known = {each.id: each for each in bundled() if each.id in ADDRESSES}
    if id in known:
        whole = known[id]
        return _described(whole.id, whole.title, whole.title, edition, whole.id)
    entry = lookup(id)
    if entry.standard not in ADDRESSES:
        raise UnknownNameError("standard", id, ADDRESSES)
    return _described(entry.id, entry.title, entry.standard_title, edition, entry.standard)


def _described(code: str, name: str, framework: str, edition: str, standard: str) -> dict[str, Any]:
    return {
        "type": ["Alignment"],
        "targetCode": code,
        "targetName": name,
        "targetFramework": f"{framework}, edition: {edition}",
        "targetUrl": ADDRESSES[standard],
    }
