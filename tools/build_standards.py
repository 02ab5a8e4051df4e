"""Make the bundled lists of standards from a folder of fact tables in YAML.

::

    python tools/build_standards.py FOLDER

Each ``FOLDER/<table>.yaml`` becomes ``labkit/governance/standards/<table>.json``, and
``index.json`` says which table holds which id.  What ``crosswalk.yaml`` refers to becomes
``labkit/governance/controls/crosswalk.json``.  The result depends on nothing but the folder,
so two runs are identical byte for byte.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

GOVERNANCE = Path(__file__).resolve().parent.parent / "labkit" / "governance"
DESTINATION = GOVERNANCE / "standards"

# Material for writing exam items, not standards; shipping it would ship answers.
LEFT_OUT = {"index", "misconceptions", "quiz_topics"}

Table = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Build every list; print how many entries each table has."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("expected one argument: the folder with the YAML tables", file=sys.stderr)
        return 2
    tables = {
        path.stem: read_table(path)
        for path in sorted(Path(arguments[0]).glob("*.yaml"))
        if path.stem not in LEFT_OUT
    }
    DESTINATION.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        (DESTINATION / f"{name}.json").write_text(render(table, "entries"), encoding="utf-8")
        print(f"{len(table['entries']):5d}  {name}")
    (DESTINATION / "index.json").write_text(render(build_index(tables), "ids"), encoding="utf-8")
    crosswalk = read_crosswalk(Path(arguments[0]) / "crosswalk.yaml")
    (GOVERNANCE / "controls").mkdir(exist_ok=True)
    (GOVERNANCE / "controls" / "crosswalk.json").write_text(render(crosswalk, "themes"), encoding="utf-8")
    return 0


def read_table(path: Path) -> Table:
    """Return one table: facts about the standard, and its entries sorted by id."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    about = raw["standard"]
    default = {"edition": about["edition"], "as_of": about["as_of"]}
    entries = [
        entry(item, section, default)
        for section, items in raw.items()
        if isinstance(items, list)
        for item in items
        # Lists of corrections and cross-references have no title and are no entries.
        if isinstance(item, dict) and "id" in item and "title" in item
    ]
    ids = [item["id"] for item in entries]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise SystemExit(f"{path}: these ids stand in the table twice: {', '.join(repeated)}")
    renamed = {
        change["old_id"]: change["new_id"]
        for change in raw.get("id_changes_since_5_6_0", [])
        if change["old_id"] not in ids
    }
    return {
        "id": about["id"],
        "title": about["title"],
        "publisher": about["publisher"],
        "confidence": about.get("confidence", ""),
        "source": one_text(about.get("source", about.get("sources", ""))),
        **default,
        "renamed": renamed,
        "entries": sorted(entries, key=lambda item: item["id"]),
    }


def read_crosswalk(path: Path) -> Table:
    """Return the themes with the ids in each list that help with them."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    about = {key: raw["standard"][key] for key in ("id", "title", "edition", "as_of", "note")}
    kept = ("id", "title", "summary", "references", "confidence", "confidence_note")
    return {**about, "themes": [{key: theme[key] for key in kept} for theme in raw["themes"]]}


def one_text(source: Any) -> str:
    """Return a source, a list of sources or a mapping of short names to sources as one text."""
    if isinstance(source, dict):
        return "; ".join(f"{name}: {text}" for name, text in source.items())
    return "; ".join(source) if isinstance(source, list) else str(source)


def entry(item: Table, section: str, default: Table) -> Table:
    """Return what is kept of one entry; what equals the default of its table is left out."""
    kept = {
        "id": str(item["id"]),
        "title": item["title"],
        "section": section,
        "summary": item["summary"],
        "confidence": item["confidence"],
        "source": item["source"],
        "edition": item["edition"],
        "as_of": item["as_of"],
        "parent": item.get("parent", ""),
        "formerly": item.get("name_in_5_6_0", ""),
        "applies_from": item.get("applies_from", ""),
    }
    return {key: value for key, value in kept.items() if value and default.get(key) != value}


def build_index(tables: dict[str, Table]) -> Table:
    """Return the standards by table, and the tables that hold each id."""
    ids: dict[str, list[str]] = {}
    for name, table in tables.items():
        for item in table["entries"]:
            ids.setdefault(item["id"], []).append(name)
    about = {
        name: {key: table[key] for key in ("id", "title", "publisher", "edition", "as_of", "confidence")}
        | {"entries": len(table["entries"])}
        for name, table in tables.items()
    }
    renamed = {old: new for table in tables.values() for old, new in table["renamed"].items()}
    return {
        "standards": about,
        "renamed": dict(sorted(renamed.items())),
        "ids": [[name, *ids[name]] for name in sorted(ids)],
    }


def render(table: Table, rows: str) -> str:
    """Return JSON with the list ``rows`` written one item to a line."""
    head = {key: value for key, value in table.items() if key != rows}
    text = json.dumps(head, ensure_ascii=False, indent=1)
    lines = ",\n".join(
        f"  {json.dumps(item, ensure_ascii=False, separators=(',', ':'))}" for item in table[rows]
    )
    return f'{text[:-2]},\n "{rows}": [\n{lines}\n ]\n}}\n'


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
