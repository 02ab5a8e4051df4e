"""``labkit bot``: let a player who knows how, an idle one or a lazy one play a lab."""

from __future__ import annotations

import argparse
import json
import math
import sys

from labkit.core.tables import format_table
from labkit.course.bots import BOTS, as_rows, record, run_bot
from labkit.course.catalogue import find_lab

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("lab", help="a lab, such as L02 or evasion-range")
    parser.add_argument("--as", dest="bot", choices=BOTS, default="reference", help="who plays")
    parser.add_argument("--seed", type=int, default=0, help="which variant")
    parser.add_argument("--scenario", help="id of the scenario; by default the first")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument(
        "--record", action="store_true", help="play all of them over --seeds variants and keep reference.json"
    )
    parser.add_argument("--seeds", type=int, default=30, help="how many variants to record")


def run(args: argparse.Namespace) -> int:
    """Play, and print what was measured for each objective."""
    # The runs that thresholds rest on are what is recorded here, so they need not be there yet.
    lab = find_lab(args.lab, references=not args.record)
    if args.record:
        path = record(lab, seeds=range(args.seeds), progress=_tell)
        print(f"recorded {args.seeds} variants in {path.name}")
        return 0
    results = run_bot(lab, args.bot, seed=args.seed, scenario=args.scenario, progress=_tell)
    scenario = args.scenario or lab.scenarios[0].id
    if args.json:
        rows = as_rows(results)
        for row in rows:
            # JSON has no NaN: where nothing could be measured there is no number.
            if isinstance(row["measured"], float) and not math.isfinite(row["measured"]):
                row["measured"] = None
        head = {"lab": lab.id, "scenario": scenario, "bot": args.bot, "seed": args.seed}
        print(json.dumps({**head, "objectives": rows}, indent=1))
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


def _tell(done: int, total: int, message: str) -> None:
    """Keep one line on standard error up to date; scripts see only the last state of it."""
    if sys.stderr.isatty():
        print(
            f"\r{done}/{total} {message}\x1b[K", end="" if done < total else "\n", file=sys.stderr, flush=True
        )
