"""A short exam with an item of every kind: one task of the example, and items of the real bank."""

import re
from pathlib import Path

from labkit.core.paths import content_dir
from labkit.exams.task import find_task, read_variants
from labkit.exams.task.playing import record
from tests.exam_example import write_task

ITEMS = {
    "single": "d2-012",
    "matching": "d2-022",
    "multiple": "d5-007",
    "ordering": "d5-031",
    "numeric": "d5-024",
    "scenario": "d5-039",
}
"""By kind, the items that take most room: long options, exhibits of code and of figures."""

_BLUEPRINT = """
id = "practitioner"
title = "Every kind of item"
version = "0.1"
minutes = 30
[[domain]]
id = "D2"
title = "Second"
weight = 60
items = 2
[[domain]]
id = "D5"
title = "Fifth"
weight = 40
items = 4
[[task]]
slot = "T1"
domain = "D2"
points = 40
available = true
[items]
points = 60
[items.kinds]
choice = 3
pairs_and_orders = 2
scenario = 1
[decision]
cut = 0.70
practical = 0.60
domain = 0.45
domain_weight = 12
[validity]
months = 24
"""


def make_exam_of_kinds(folder: Path) -> Path:
    """Write the exam below ``folder``, in place of the one that ships with labkit, and return ``folder``."""
    exam = folder / "practitioner"
    (exam / "items").mkdir(parents=True)
    (exam / "blueprint.toml").write_text(_BLUEPRINT, encoding="utf-8")
    write_task(exam / "tasks" / "T1", "T1", "D2", 40)
    task = find_task("T1", exam)
    record(task, read_variants(task.folder), task.folder)
    for path in sorted((content_dir("exams") / "practitioner" / "items").glob("*.toml")):
        head, *items = re.split(r"(?m)^(?=\[\[item\]\])", path.read_text(encoding="utf-8"))
        chosen = [item for item in items if any(f'id = "{name}"' in item for name in ITEMS.values())]
        if chosen:
            (exam / "items" / path.name).write_text(head + "".join(chosen), encoding="utf-8")
    return folder
