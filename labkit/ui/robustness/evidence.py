"""The robustness statement as a page that a person reads, beside the record that a machine measures again."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.statement import LINES
from labkit.ui.session import LabSession

__all__ = ["keep_statement"]


def keep_statement(lab: LabSession, lines: Mapping[str, float], checkpoint: str = "statement") -> None:
    """Keep a statement that was handed in as Markdown, for the evidence pack.

    Parameters
    ----------
    lab : LabSession
    lines : mapping of str to float
        What was signed, by line.
    checkpoint : str
        Where it was handed in; the record of it says what the judge found.
    """
    case: RobustnessCase = lab.case
    record = lab.records.get(checkpoint, {})
    passed = bool(record.get("passed"))
    signed = [f"| {LINES[name]} | {lines[name]:.3f} |" for name in LINES if name in lines]
    page = [
        "# Robustness statement",
        "",
        f"Model: {case.architecture} on {case.dataset.card.title}, variant {case.seed}.",
        f"Threat model: {case.threat.norm.value}, epsilon {case.threat.epsilon:g}. "
        f"Certificate: L2, radius {case.setting('certified_epsilon'):g}, "
        f"{case.setting('confidence'):.1%} confidence for each input. "
        f"Intervals: every pixel, {case.setting('interval_epsilon'):g}.",
        "",
        "| line | at least |",
        "| --- | --- |",
        *signed,
        "",
        "Measured again on inputs that the author did not have: "
        + ("every line stands." if passed else "not every line stands."),
        "",
        "Abstentions count as wrong. Robust accuracy is an upper bound under the attacks that were run; "
        "certified shares are lower bounds for these networks, this noise and this norm only. "
        "The weights and settings are in the record beside this page.",
        "",
    ]
    lab.attach("robustness-statement.md", "\n".join(page))
