"""Run benchmarks and print their tables: ``python -m benchmarks [NAME ...] [--json FILE]``.

Every module of this package with a ``TITLE`` and a ``run() -> list[dict]`` is one.  When a row counts
``failures``, the command ends with 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import benchmarks
from labkit.core.errors import LabkitError, UnknownNameError
from labkit.core.tables import format_table


def main() -> int:
    """Run what was asked for, or everything."""
    found = _found()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"out of {', '.join(found)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--people", type=int, help="how many open a lab at once, where that matters (20)")
    args = parser.parse_args()
    if args.people is not None and args.people < 1:
        parser.error("--people takes a whole number from 1 up")
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchattacks", "voila", "labkit")},
    }
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print("Seconds are of this machine at this moment; only ratios carry over.\n")
    results: dict[str, Any] = {"machine": machine}
    failed = 0
    try:
        for name in args.names or found:
            if name not in found:
                raise UnknownNameError("benchmark", name, found)
            module = found[name]
            print(f"{name}: {module.TITLE}")
            asked = (
                {"people": args.people}
                if args.people and "people" in signature(module.run).parameters
                else {}
            )
            rows = module.run(**asked)
            results[name] = rows
            failed += sum(bool(row.get("failures")) for row in rows)
            headings = list(dict.fromkeys(key for row in rows for key in row))
            cells = [[_shown(row.get(heading, "")) for heading in headings] for row in rows]
            print(format_table(headings, cells), end="\n\n")
    except LabkitError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failed else 0


def _found() -> dict[str, ModuleType]:
    names = sorted(each.name for each in pkgutil.iter_modules(benchmarks.__path__))
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in names if name != "__main__"}
    return {name: module for name, module in modules.items() if hasattr(module, "TITLE")}


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
