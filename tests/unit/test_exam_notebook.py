"""The exam notebook has the cells of its tasks; the issued one has no solution in it."""

import json

import nbformat
import pytest

from labkit.core.errors import DeclarationError
from labkit.exams.blueprint import read_blueprint
from labkit.exams.notebook import build_practice, issued_notebook, read_exam_cells, stale_practice
from labkit.exams.task import find_task, tasks_of
from tests.exam_example import make_exam


@pytest.fixture
def exam(tmp_path, monkeypatch):
    folder = make_exam(tmp_path / "exams")
    monkeypatch.setenv("LABKIT_EXAMS", str(folder.parent))
    return folder


def test_the_issued_notebook_has_starters_and_no_solution(exam):
    made = issued_notebook(read_blueprint(exam), tasks_of(exam).values(), "practice")
    assert made == issued_notebook(read_blueprint(exam), tasks_of(exam).values(), "practice")
    cells = json.loads(made)["cells"]
    assert [cell["id"] for cell in cells if "answer-T5" in cell["metadata"].get("tags", [])] == ["t5-002"]
    text = "".join("".join(cell["source"]) for cell in cells)
    assert "x_adv = x.clone()" in text
    assert "weights.sign()" not in text
    assert "solution" not in text


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('tags=["answer-T5"]', 'tags=["answer-T9"]', "one cell tagged answer-T5"),
        ('tags=["answer-T5"]', 'tags=["answer-T5", "nbval-skip"]', "no tag but"),
        ("# end solution", "# the end", "pairs of"),
        ("# end solution", "# end solution\nbroken(", "no Python"),
        ("x_adv = x.clone()", "# NBVAL_SKIP", "treat this cell apart"),
        ('exam.hand_in("T5"', 'exam.hand_in("T1"', "to end in exam.hand_in"),
        ("# Read the brief", "Read the brief", "begin with '#'"),
    ],
)
def test_a_mistake_in_the_cells_is_named(exam, old, new, problem):
    path = exam / "tasks" / "T5" / "cells.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DeclarationError, match=r"cells\.py") as error:
        read_exam_cells(find_task("T5", exam))
    assert problem in str(error.value)


def test_practice_is_built_the_same_again_and_goes_stale_when_a_task_changes(exam):
    built = build_practice(exam)
    assert built.changed
    assert built.tasks == ("T1", "T5")
    solution = nbformat.read(built.solution, as_version=4)
    shown = json.dumps(solution)
    assert "T5: handed in, version 1 (x_adv, claimed_gain, why_side)." in shown
    assert stale_practice(exam) == []
    assert not build_practice(exam).changed
    path = exam / "tasks" / "T5" / "cells.py"
    path.write_text(path.read_text().replace("push the inputs", "push the inputs well"))
    assert len(stale_practice(exam)) == 2
