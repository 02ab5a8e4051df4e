"""``labkit exam itemstats``: what the sheets of a cohort say about the exam."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.csv_rows import read_rows
from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.core.tables import format_table

if TYPE_CHECKING:
    from labkit.exams.records.sheets import Sheet
    from labkit.exams.statistics import (
        Classification,
        Family,
        Hasty,
        MantelHaenszel,
        Pair,
        QuestionStatistics,
        Summary,
    )

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("sheets", nargs="+", type=Path, help="score sheets, or folders of them")
    parser.add_argument(
        "--blueprint", type=Path, help="blueprint.toml with the cut; the one of labkit by default"
    )
    parser.add_argument("--options", action="store_true", help="show who chose which option of each item")
    parser.add_argument(
        "--groups", type=Path, metavar="CSV", help="candidate,group: compare two groups (DIF)"
    )
    parser.add_argument(
        "--similar", action="store_true", help="show pairs of candidates whose answers look shared"
    )
    parser.add_argument(
        "--submissions",
        type=Path,
        metavar="FOLDER",
        help="show right answers that came too soon to be read for",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print the statistics of a cohort."""
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.records.sheets import read_sheets
    from labkit.exams.statistics import (
        differential_items,
        impossible_times,
        question_statistics,
        responses_of,
        similar_pairs,
        summarise,
        variant_families,
    )

    groups = _read_groups(args.groups) if args.groups else None
    everything = read_sheets(args.sheets)
    sheets = [sheet for sheet in everything if sheet.is_verified]
    if not sheets:
        raise InvalidInputError("expected at least one sheet whose envelope was verified, got none")
    cut = read_blueprint(args.blueprint).decision.cut
    responses = responses_of(sheets)
    summary = summarise(sheets, cut)
    questions = question_statistics(responses)
    families = variant_families(responses, [sheet.graded_at for sheet in sheets])
    dif = differential_items(responses_of(sheets, "items"), groups) if groups else None
    pairs = similar_pairs(sheets) if args.similar else None
    hasty = impossible_times(_seconds(args.submissions), sheets) if args.submissions else None
    left_out = len(everything) - len(sheets)
    if args.json:
        found = {"cut": cut, "left_out": left_out, "summary": asdict(summary)}
        found["questions"] = [asdict(each) for each in questions]
        found["variants"] = [asdict(each) for each in families]
        found["dif"] = dif if dif is None or isinstance(dif, str) else {k: asdict(v) for k, v in dif.items()}
        found["similar"] = None if pairs is None else [asdict(each) for each in pairs]
        found["hasty"] = None if hasty is None else [asdict(each) for each in hasty]
        print(json.dumps(_plain(found), indent=1, ensure_ascii=False))
        return 0
    parts = [_summary(summary, cut, left_out), _questions(questions), _families(families)]
    parts += [_options(questions)] if args.options else []
    parts += [_dif(dif)] if dif is not None else []
    parts += [_pairs(pairs, sheets)] if pairs is not None else []
    parts += [_hasty(hasty)] if hasty is not None else []
    print("\n\n".join(parts))
    return 0


def _read_groups(path: Path) -> dict[str, str]:
    """Return the group of each candidate, from a CSV file with these two columns."""
    rows = read_rows(path)
    columns = rows[0][1] if rows else []
    if columns != ["candidate", "group"]:
        raise DataFormatError(f"{path}:1: expected the columns candidate,group; got {','.join(columns)!r}")
    for line, row in rows[1:]:
        if len(row) != 2 or not all(row):
            raise DataFormatError(f"{path}:{line}: expected a candidate and a group, got {','.join(row)!r}")
    return {row[0]: row[1] for _, row in rows[1:]}


def _seconds(folder: Path) -> dict[str, dict[str, float]]:
    """Return how long each item took in every sitting whose envelope lies in a folder."""
    from labkit.exams.envelope.reading import read_envelope, read_submission_bytes
    from labkit.exams.statistics import answer_seconds

    found = {}
    for path in sorted(folder.glob("*.zip")):
        try:
            envelope = read_envelope(read_submission_bytes(path))
        except DataFormatError:
            # What was refused when it was graded has no sheet either.
            continue
        found[str(envelope.manifest.get("session"))] = answer_seconds(envelope.log or ())
    if not found:
        raise DataFormatError(f"{folder}: expected submissions (*.zip), found none that can be read")
    return found


def _summary(summary: Summary, cut: float, left_out: int) -> str:
    rows = [
        [
            "candidates",
            f"{summary.candidates}" + (f" ({left_out} unverified sheets left out)" if left_out else ""),
        ],
        ["passed", f"{summary.passed}"],
        ["mean, SD", f"{_say(summary.mean)}, {_say(summary.sd)} of the points"],
        [
            "reliability",
            f"{_say(summary.reliability)} (items {_say(summary.alpha_items)}, "
            f"tasks {_say(summary.alpha_tasks)})",
        ],
        ["SEM", f"{_say(summary.sem, 3)}; at the cut of {cut:.2f}: {_say(summary.csem, 3)}"],
        ["within it of the cut", f"{summary.near} of the candidates"],
        ["Livingston's k2", _say(summary.k2)],
        ["decisions", _decisions(summary.decisions)],
        ["decisions, items alone", _decisions(summary.decisions_items)],
    ]
    return format_table(["the exam", "value (95 % interval)"], rows)


def _decisions(found: Classification | None) -> str:
    if found is None:
        return "cannot be told from these sheets"
    told = f"consistent {_say(found.consistency)} (kappa {_say(found.kappa)})"
    if found.accuracy == found.accuracy:
        told += f", right {_say(found.accuracy)}: "
        told += f"false pass {_say(found.false_pass)}, false fail {_say(found.false_fail)}"
    return told


def _questions(questions: Sequence[QuestionStatistics]) -> str:
    rows = [
        [
            each.name,
            each.domain,
            each.difficulty.n,
            str(each.difficulty),
            _say(each.discrimination),
            ", ".join(each.flags) or "-",
        ]
        for each in questions
    ]
    return format_table(["question", "domain", "n", "mean credit", "r with rest", "look at"], rows)


def _options(questions: Sequence[QuestionStatistics]) -> str:
    rows = [
        [
            each.name,
            "right" if option.right else "",
            str(option.chosen),
            _say(option.discrimination),
            option.text,
        ]
        for each in questions
        for option in each.distractors
    ]
    return format_table(["item", "key", "chosen", "r with rest", "option"], rows)


def _families(families: Sequence[Family]) -> str:
    rows = []
    for each in families:
        if len(each.variants) < 2 and not abs(each.drift) > 3 * each.drift_error:
            continue
        flagged = [f"{line.variant} {line.shift:+.2f}" for line in each.variants if line.is_flagged]
        drift = f"{_say(each.drift)} ({_say(each.drift_error)})"
        rows.append([each.name, len(each.variants), _say(each.spread), drift, ", ".join(flagged) or "-"])
    if not rows:
        return "Variants: no question has several, and none became easier."
    return format_table(["question", "variants", "SD, points", "drift (error)", "variants to look at"], rows)


def _dif(found: dict[str, MantelHaenszel] | str) -> str:
    if isinstance(found, str):
        return f"Groups: {found}"
    rows = [
        [
            name,
            _say(each.delta),
            f"{_say(each.odds_ratio)} ({_say(each.low)} to {_say(each.high)})",
            _say(each.p, 3),
            each.category,
        ]
        for name, each in sorted(found.items(), key=lambda pair: -abs(pair[1].delta))
    ]
    return format_table(["item", "MH delta", "odds ratio", "p", "category"], rows)


def _pairs(pairs: Sequence[Pair], sheets: Sequence[Sheet]) -> str:
    compared = len(sheets) * (len(sheets) - 1) // 2
    if not pairs:
        return f"Answers: none of {compared} pairs stands out."
    rows = [
        [
            each.first,
            each.second,
            each.shared_wrong,
            f"{each.expected:.1f}",
            f"{each.p:.2g}",
            ", ".join(each.foreign) or "-",
        ]
        for each in pairs
    ]
    table = format_table(
        ["session", "and", "same wrong", "by chance", "p", "right for the other's variant"], rows
    )
    return f"{table}\n{len(pairs)} of {compared} pairs, for a person to look at: likeness proves nothing."


def _hasty(hasty: Sequence[Hasty]) -> str:
    if not hasty:
        return "Times: no right answer came too soon."
    rows = [[each.session, each.item, f"{each.seconds:.1f}"] for each in hasty]
    table = format_table(["session", "item", "seconds"], rows)
    return f"{table}\nBy the candidates' own logs, for a person to look at: some draft first and enter later."


def _say(value: float, digits: int = 2) -> str:
    return "-" if not math.isfinite(value) else f"{value:.{digits}f}"


def _plain(value: Any) -> Any:
    from labkit.evidence.entry import plain

    return plain(value)
