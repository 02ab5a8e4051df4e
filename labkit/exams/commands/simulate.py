"""``labkit exam simulate``: try a blueprint on candidates that do not exist."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.core.tables import format_table

if TYPE_CHECKING:
    from labkit.exams.blueprint import Blueprint
    from labkit.exams.statistics import Assumptions, Trial

__all__ = ["add_arguments", "run"]

_LENGTH = re.compile(r"(\d{1,3})x(\d{1,3})")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "blueprint", nargs="?", type=Path, help="blueprint.toml, or its folder; the one of labkit by default"
    )
    parser.add_argument("--candidates", type=int, default=20000, help="how many (default 20000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other candidates")
    parser.add_argument(
        "--lengths",
        default="",
        metavar="TASKSxITEMS",
        help="also try these, with commas: 5x0,8x30,10x30,0x60; parts keep their share of the points",
    )
    parser.add_argument(
        "--cut", type=float, help="share of the points that passes; the blueprint's by default"
    )
    parser.add_argument("--variant-sd", type=float, default=0.0, help="how much variants differ, in logits")
    parser.add_argument("--guessing", type=float, default=0.2, help="chance to guess an item (default 0.2)")
    parser.add_argument(
        "--sheets",
        type=Path,
        metavar="FOLDER",
        help="write a score sheet for each candidate, to rehearse with",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print what the blueprint would do, or write simulated sheets."""
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.statistics import plan_of, try_plan

    blueprint = read_blueprint(args.blueprint)
    told = _assumptions(args)
    if args.sheets:
        return _write(blueprint, args, told)
    plan = plan_of(blueprint)
    if args.cut is not None:
        if not 0 < args.cut < 1:
            raise InvalidInputError(
                f"expected --cut above 0 and below 1, got {args.cut:g}: write 0.7 for 70 %"
            )
        plan = replace(plan, cut=args.cut)
    plans = [(" (now, every rule)", plan), (" (now, cut alone)", replace(plan, sections=()))]
    full = (len(blueprint.tasks), blueprint.item_count)
    if full != (len(plan.tasks), len(plan.items)):
        plans.append((" (in full)", plan.resized(*full)))
    plans += [("", plan.resized(*size)) for size in _sizes(args.lengths)]
    trials = [
        (name, try_plan(each, candidates=args.candidates, seed=args.seed, assumptions=told))
        for name, each in plans
    ]
    if args.json:
        found = {
            "cut": plan.cut,
            "candidates": args.candidates,
            "seed": args.seed,
            "assumptions": asdict(told),
            "forms": [{"name": name.strip(" ()"), **asdict(trial)} for name, trial in trials],
        }
        print(json.dumps(found, indent=1))
        return 0
    print(_table(trials))
    print(f"\n{args.candidates} simulated candidates, cut at {plan.cut:.0%}; near: within one SEM of it.")
    print("Ability, items and tasks are assumptions until a pilot shows better ones (labkit exam itemstats).")
    return 0


def _assumptions(args: argparse.Namespace) -> Assumptions:
    from labkit.exams.statistics import Assumptions

    if not 0 <= args.guessing < 1:
        raise InvalidInputError(f"expected --guessing from 0 and below 1, got {args.guessing:g}")
    if not 0 <= args.variant_sd <= 5:
        raise InvalidInputError(f"expected --variant-sd from 0 to 5 logits, got {args.variant_sd:g}")
    return Assumptions(guessing=args.guessing, variant_sd=args.variant_sd)


def _sizes(text: str) -> list[tuple[int, int]]:
    found = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        match = _LENGTH.fullmatch(each)
        if match is None or not (int(match[1]) or int(match[2])):
            raise InvalidInputError(f"expected --lengths as tasks x items such as 10x30, got {each!r}")
        found.append((int(match[1]), int(match[2])))
    return found


def _table(trials: list[tuple[str, Trial]]) -> str:
    rows = [
        [
            f"{trial.tasks} tasks, {trial.items} items{name}",
            f"{trial.reliability:.3f}",
            f"{trial.sem:.3f}",
            f"{trial.accuracy:.1%}",
            f"{trial.consistency:.1%}",
            f"{trial.false_pass:.1%}",
            f"{trial.false_fail:.1%}",
            f"{trial.near:.0%}",
            f"{trial.pass_rate:.0%}",
        ]
        for name, trial in trials
    ]
    headings = ["form", "r", "SEM", "right", "consistent", "false pass", "false fail", "near", "pass"]
    return format_table(headings, rows)


def _write(blueprint: Blueprint, args: argparse.Namespace, told: Assumptions) -> int:
    from labkit.exams.statistics import simulate_sheets

    if args.candidates > 5000:
        raise InvalidInputError(f"expected at most 5000 sheets, got {args.candidates}: use --candidates 200")
    folder = ensure_dir(args.sheets)
    written: list[dict[str, Any]] = simulate_sheets(blueprint, args.candidates, args.seed, assumptions=told)
    for sheet in written:
        write_whole(folder / f"{sheet['session']}.json", json.dumps(sheet, indent=1).encode())
    if args.json:
        print(json.dumps({"folder": str(folder), "sheets": len(written)}))
    else:
        print(f"{len(written)} simulated score sheets in {folder}")
    return 0
