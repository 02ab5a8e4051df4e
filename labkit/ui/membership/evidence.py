"""What the membership lab adds to the evidence pack beside the measurements: trials and the statement."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.course.cases.membership.deployments import Deployment
from labkit.course.cases.membership.statement import FIELDS
from labkit.ui.session import LabSession

__all__ = ["keep_statement", "keep_trials", "statement_text"]


def keep_trials(lab: LabSession, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Keep every deployment that was tried, as CSV, for the evidence pack."""
    place = io.StringIO()
    writer = csv.writer(place, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    lab.attach("deployments-tried.csv", place.getvalue())


def keep_statement(
    lab: LabSession, settings: Mapping[str, Any], statement: Mapping[str, str], privacy_epsilon: float
) -> None:
    """Keep a privacy statement as text that a person can read, for the evidence pack.

    Parameters
    ----------
    lab : LabSession
    settings : mapping
        Of the deployment that it is about.
    statement : mapping
        For each key of ``FIELDS`` the key of a choice.
    privacy_epsilon : float
        What is stated.
    """
    delta = float(lab.case.privacy_delta)
    lab.attach("privacy-statement.md", statement_text(settings, statement, privacy_epsilon, delta))


def statement_text(
    settings: Mapping[str, Any], statement: Mapping[str, str], privacy_epsilon: float, privacy_delta: float
) -> str:
    """Return a privacy statement as Markdown."""
    lines = [
        "# Privacy statement of the dosage reader",
        "",
        f"Training: {Deployment(**settings).name}; Poisson samples, Gaussian noise, Rényi accounting.",
        "",
        f"* Epsilon {privacy_epsilon:.2f} at delta {privacy_delta:g}",
    ]
    lines += [f"* {field.title}: {field.find(statement[field.key]).text}" for field in FIELDS]
    return "\n".join([*lines, ""])
