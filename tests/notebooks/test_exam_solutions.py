"""The written-out solution of a task earns what the reference bot did, from what is issued alone."""

import json

import pytest

from labkit.core.machine import threads
from labkit.exams.blueprint import exam_folder
from labkit.exams.issued import load_model
from labkit.exams.notebook import read_exam_cells
from labkit.exams.task import tasks_of
from tests.exam_players import issued, mark, task_of, variants_of

# Where nothing is trained, every variant; else kinds that the runs of the whole notebook do not draw.
PLAYED = [
    *(("T1", variant) for variant in variants_of("T1")),
    *(("T2", variant) for variant in variants_of("T2")),
    ("T4", "v13"),
    ("T5", "v11"),
    ("T6", "v02"),
    ("T6", "v04"),
    ("T7", "v02"),
]
_BITS = 0.02
"""Share of the points that the last bits of another processor may cost."""


class Desk:
    """What the cells of one task see of a sitting; it keeps what is handed in."""

    def __init__(self, given):
        self.given, self.handed = given, {}

    def materials(self, slot):
        return self.given

    def model(self, slot, name="victim"):
        return load_model(self.given, name)

    def hand_in(self, slot, /, **fields):
        self.handed.update(fields)


@pytest.mark.parametrize(("name", "variant"), PLAYED)
def test_the_solution_earns_what_the_bot_did(name, variant):
    task, drawn = task_of(name), variants_of(name)[variant]
    desk = Desk(issued(name, drawn))
    space = {"exam": desk}
    with threads():
        for cell in read_exam_cells(task):
            if cell.kind == "code":
                exec(compile(cell.solved, f"{name}/cells.py:{cell.line}", "exec"), space)  # noqa: S102 - cells of ours
    record = json.loads((task.folder / "reference.json").read_text(encoding="utf-8"))["variants"][variant]
    earned = mark(name, drawn, desk.handed).earned
    assert earned >= record["reference"]["earned"] - _BITS * task.points


@pytest.mark.parametrize("name", tasks_of(exam_folder()))
def test_no_solution_asks_a_bot(name):
    text = "".join(cell.text for cell in read_exam_cells(task_of(name)))
    assert "bots" not in text
    assert "load_code" not in text
