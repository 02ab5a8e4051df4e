"""``labkit exam angoff``: a cut score from a panel's ratings."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.core.tables import format_table

if TYPE_CHECKING:
    from labkit.exams.records.sheets import Sheet
    from labkit.exams.statistics import Classification, Cut, Panel, TrueScores

__all__ = ["add_arguments", "run"]

_EXAMPLE = "round,judge,item,points,rating"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "panel",
        type=Path,
        help=f"CSV with {_EXAMPLE}; an item or a criterion of a task, and the points that a "
        "minimally competent candidate would earn on it",
    )
    parser.add_argument(
        "--sheets",
        nargs="+",
        type=Path,
        default=[],
        help="score sheets: how hard it was, and who will be judged",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="draws the simulated candidates, without --sheets"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print the cut of each round, and what moving it would cost."""
    from labkit.exams.records.sheets import read_sheets
    from labkit.exams.statistics import cut_of, lord_csem, panel_of, read_panel, trade_off

    ratings = read_panel(args.panel)
    sheets = read_sheets(args.sheets) if args.sheets else []
    difficulty = _difficulty(sheets)
    panels = [panel_of(ratings, number) for number in sorted({each.round for each in ratings})]
    cuts = [cut_of(panel, difficulty) for panel in panels]
    last, points = cuts[-1], float(panels[-1].points.sum())
    people = _from_sheets(sheets) if sheets else _simulated(panels[-1], args.seed)
    csem = float(lord_csem(last.share * people.length, people.length)) / people.length
    combined = math.hypot(csem, last.error / points)
    moved = trade_off(people, last.share, csem, (-2, -1, 0, 1, 2))
    if args.json:
        from labkit.evidence.entry import plain

        found = {
            "points": points,
            "rounds": [asdict(cut) for cut in cuts],
            "csem": csem * points,
            "combined_error": combined * points,
            "candidates": "score sheets" if sheets else "simulated",
            "trade_off": [{"cut": cut * points, "share": cut, **asdict(each)} for cut, each in moved],
        }
        print(json.dumps(plain(found), indent=1, ensure_ascii=False))
        return 0
    print(
        "\n\n".join(
            [_rounds(cuts, points), _errors(last, csem * points, combined * points), _moved(moved, points)]
        )
    )
    people_are = "those of the sheets" if sheets else "simulated; name real ones with --sheets"
    print(f"\nCandidates to expect: {people_are}.")
    print("Where the cut stands is a decision of the scheme's owner: record who made it, and why.")
    return 0


def _difficulty(sheets: list[Sheet]) -> dict[str, float]:
    from labkit.exams.statistics import question_statistics, responses_of

    if not sheets:
        return {}
    return {each.name: each.difficulty.value for each in question_statistics(responses_of(sheets))}


def _from_sheets(sheets: list[Sheet]) -> TrueScores:
    from labkit.exams.statistics import fit_true_scores, summarise

    reliability = summarise(sheets, 0.5).reliability
    return fit_true_scores([sheet.share for sheet in sheets], reliability)


def _simulated(panel: Panel, seed: int) -> TrueScores:
    """Return the true scores of simulated candidates; what is worth one point counts as an item."""
    import numpy as np

    from labkit.exams.statistics import Plan, cronbach_alpha, fit_true_scores, simulate_scores

    items = tuple(float(each) for each in panel.points if each <= 1)
    plan = Plan(tuple(float(each) for each in panel.points if each > 1), items, 0.5)
    ability = np.random.default_rng(seed).standard_normal(5000)
    tasks, answers, _ = simulate_scores(plan, ability, seed)
    earned = np.hstack([tasks * np.array(plan.tasks), answers * np.array(plan.items)])
    return fit_true_scores(earned.sum(axis=1) / plan.points, cronbach_alpha(earned))


def _rounds(cuts: list[Cut], points: float) -> str:
    rows = [
        [
            cut.round,
            f"{cut.judges} x {cut.items}",
            f"{cut.cut:.2f} of {points:g}",
            f"{cut.share:.1%}",
            f"{cut.error:.2f}",
            f"{cut.judge_sd:.2f}",
            f"{cut.severe}, {cut.lenient}",
            _say(cut.agreement),
            _say(cut.with_difficulty),
            ", ".join(cut.doubtful) or "-",
        ]
        for cut in cuts
    ]
    headings = [
        "round",
        "judges x items",
        "cut",
        "share",
        "error",
        "judge SD",
        "severe, lenient",
        "agree",
        "r difficulty",
        "judges differ on",
    ]
    # One column for each round: ten columns do not fit a terminal.
    turned = [[name, *[row[place] for row in rows]] for place, name in enumerate(headings[1:], start=1)]
    return format_table(["", *[f"round {cut.round}" for cut in cuts]], turned)


def _errors(cut: Cut, csem: float, combined: float) -> str:
    return format_table(
        ["error of the cut", "points"],
        [
            ["another panel of as many judges", f"{cut.error:.2f}"],
            ["a candidate's score, at the cut (CSEM)", f"{csem:.2f}"],
            ["both together", f"{combined:.2f}"],
        ],
    )


def _moved(moved: list[tuple[float, Classification]], points: float) -> str:
    rows = [
        [
            f"{number:+d} CSEM" if number else "the panel's",
            f"{cut * points:.1f}",
            f"{cut:.1%}",
            f"{each.false_pass:.1%}",
            f"{each.false_fail:.1%}",
            f"{each.accuracy:.1%}",
        ]
        for number, (cut, each) in zip((-2, -1, 0, 1, 2), moved, strict=True)
    ]
    return format_table(["cut", "points", "share", "false pass", "false fail", "decided rightly"], rows)


def _say(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"
