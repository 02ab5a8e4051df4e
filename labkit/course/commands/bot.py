"""``labkit bot``: let a player who knows how, an idle one or a lazy one play a lab."""

from __future__ import annotations

import argparse
import json

from labkit.core.tables import format_table
from labkit.course.bots import BOTS, as_rows, run_bot
from labkit.course.catalogue import find_lab
from labkit.course.commands.progress_line import ProgressLine
from labkit.course.commands.types import count, seed
from labkit.course.recording import record

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("lab", metavar="LAB", help="a lab, such as L02 or evasion-range")
    parser.add_argument("--as", dest="bot", choices=BOTS, default="reference", help="who plays")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="which variant; by default 0")
    parser.add_argument("--scenario", metavar="ID", help="id of the scenario; by default the first")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument(
        "--record", action="store_true", help="play all of them over --seeds variants and keep reference.json"
    )
    parser.add_argument(
        "--seeds", type=count, default=30, metavar="N", help="how many variants to record; by default 30"
    )


def run(args: argparse.Namespace) -> int:
    """Play, and print what was measured for each objective."""
    lab = find_lab(args.lab)
    if args.record:
        with ProgressLine() as tell:
            path = record(lab, seeds=range(args.seeds), scenario=args.scenario, progress=tell)
        print(f"recorded {args.seeds} variants in {path.parent.name}/{path.name}")
        return 0
    with ProgressLine() as tell:
        results = run_bot(lab, args.bot, seed=args.seed, scenario=args.scenario, progress=tell)
    scenario = args.scenario or lab.scenarios[0].id
    if args.json:
        head = {"lab": lab.id, "scenario": scenario, "bot": args.bot, "seed": args.seed}
        print(json.dumps({**head, "objectives": as_rows(results)}, indent=1))
        return 0
    print(f"{lab.id} {lab.title}, scenario {scenario}, bot {args.bot}, seed {args.seed}")
    print(
        format_table(
            ["objective", "checkpoint", "measured", "target", "reached"],
            [
                [
                    each.objective,
                    each.checkpoint,
                    f"{each.measured:.4g}",
                    each.target,
                    "yes" if each.passed else "no",
                ]
                for each in results
            ],
        )
    )
    return 0
