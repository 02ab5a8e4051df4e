"""The exam notebook has the cells of its tasks; the issued one has no solution in it."""

import json

import nbformat
import pytest

from labkit.core.errors import DeclarationError
from labkit.exams.blueprint import read_blueprint
from labkit.exams.notebook import build_practice, issued_notebook, read_exam_cells, stale_practice
from labkit.exams.notebook.building import exam_notebook
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


def test_cells_of_the_solution_stand_in_the_solution_alone(exam):
    path, words = (
        exam / "tasks" / "T5" / "cells.py",
        '# %% [markdown] tags=["solution"]\n# Push along the sign.\n',
    )
    step = '# %% tags=["solution"]\nsign = weights.sign()\n'
    answer = '# %% tags=["answer-T5"]'
    path.write_text(path.read_text().replace(answer, words + step + answer))
    blueprint, tasks = read_blueprint(exam), tasks_of(exam).values()
    issued, solved = (
        exam_notebook(blueprint, tasks, "practice", solved=each).cells for each in (False, True)
    )
    assert not any("sign" in cell.source for cell in issued)
    assert [cell.source for cell in solved if "solution" in cell.metadata.get("tags", ())] == [
        "Push along the sign.",
        "sign = weights.sign()",
    ]
    # An answer has one id in both, by which it is laid over the issued notebook.
    assert {cell.id for cell in issued} - {cell.id for cell in solved} == {"exam-desk", "exam-tail"}


def test_a_task_that_is_run_again_has_its_whole_solution_in_the_answer(exam):
    folder = exam / "tasks" / "T5"
    task, cells = (folder / "task.toml").read_text(), (folder / "cells.py").read_text()
    (folder / "task.toml").write_text("reproduce = true\n" + task)
    step = '# %% tags=["solution"]\nsign = weights.sign()\n'
    (folder / "cells.py").write_text(
        cells.replace('# %% tags=["answer-T5"]', step + '# %% tags=["answer-T5"]')
    )
    with pytest.raises(DeclarationError, match="whole solution in the answer"):
        read_exam_cells(find_task("T5", exam))


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
