"""The solution of the practice exam runs on any draw and earns its points; a blank exam does not."""

import shutil

import nbformat
import pytest

from labkit.exams.blueprint import exam_folder
from labkit.exams.examiner import Examiner
from labkit.exams.notebook import stale_practice
from labkit.exams.notebook.practice import author_session, solution_environment
from labkit.exams.sitting import Sitting
from labkit.exams.sitting.keeping import version_values
from labkit.exams.task import mark_task
from labkit.exams.task.playing import measure
from tests.notebooks.nbval_run import nbval

EXAM = exam_folder()
DRAWS = ["author-1", "author-2", "author-3"]

if not (EXAM / "solution.ipynb").is_file():
    pytest.skip("the tasks of the exam are not there yet", allow_module_level=True)


@pytest.fixture
def run(tmp_path, own_home):
    """Run a notebook of the exam in a sitting of its own, and return the shares that its tasks earn."""

    def of(name, session):
        drawn = author_session(EXAM, session, tmp_path / "examiner", tmp_path / "sitting")
        notebook = tmp_path / "sitting" / "exam.ipynb"
        shutil.copy(EXAM / name, notebook)
        cells = nbformat.read(notebook, as_version=4).cells
        environment = solution_environment(EXAM, tmp_path / "sitting")
        ended = nbval(notebook, environment, tmp_path / "report.xml", cell_timeout=120)
        assert ended.failed == 0, ended.said
        assert ended.skipped == 0, ended.said
        assert ended.cells == sum(cell.cell_type == "code" for cell in cells), ended.said
        sitting, examiner = Sitting(tmp_path / "sitting"), Examiner(tmp_path / "examiner")
        shares = {}
        for slot in drawn.form.slots:
            task = examiner.task(slot)
            values = version_values(sitting.desk, task)
            metrics = measure(task, examiner.variant(drawn, slot), values).metrics
            mark = mark_task(task, examiner.reference(drawn, slot), metrics, values)
            shares[slot] = mark.earned / task.points
        return shares

    return of


def test_the_notebooks_are_what_the_tasks_build():
    assert stale_practice(EXAM) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("session", DRAWS)
def test_the_solution_runs_on_any_draw_and_earns_its_points(run, session):
    shares = run("solution.ipynb", session)
    assert len(shares) >= 6
    assert all(share >= 0.9 for share in shares.values()), shares


@pytest.mark.timeout(600)
@pytest.mark.parametrize("session", DRAWS)
def test_a_blank_exam_runs_and_earns_next_to_nothing(run, session):
    shares = run("practice.ipynb", session)
    assert all(share <= 0.25 for share in shares.values()), shares
