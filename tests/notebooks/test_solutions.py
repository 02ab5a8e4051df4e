"""Every solution runs from top to bottom, and its tagged cells print what they are said to print."""

from __future__ import annotations

import nbformat
import pytest

from labkit.core.paths import content_dir
from labkit.course import builder, read_lab
from labkit.course.solving import CELL_TIMEOUT, author_environment, solve
from tests.notebooks.nbval_run import nbval
from tests.unit.labfolder import make_lab

FOLDERS = sorted(path.parent for path in content_dir("notebooks").glob("*/lab.toml"))
SOURCE = """\
# %% tags=["nbval-check-output"]
print("as it was")

# %% tags=["hands-on", "answer"] answer="near"
# starter
# guess = 0.0
# solution
guess = 0.5
"""


@pytest.fixture
def author(tmp_path, own_home):
    """Return the environment in which a solution of a lab is run."""
    home = tmp_path / "author"
    home.mkdir()
    return lambda lab: author_environment(lab, home)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_solution_runs_and_prints_what_it_is_said_to_print(folder, tmp_path, author):
    lab = read_lab(folder, references=False)
    cells = nbformat.read(folder / "solution.ipynb", as_version=4).cells

    run = nbval(folder / "solution.ipynb", author(lab), tmp_path / "report.xml", cell_timeout=CELL_TIMEOUT)

    assert run.failed == 0, run.said
    assert run.skipped == 0, run.said
    assert run.cells == sum(cell.cell_type == "code" for cell in cells), run.said


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_rebuild_is_identical_on_the_machine_that_built_it(folder, own_home):
    lab = read_lab(folder, references=False)

    once = solve(lab, builder.solution_notebook(lab))
    again = solve(lab, builder.solution_notebook(lab))

    assert nbformat.writes(once) == nbformat.writes(again)
    assert builder.stale(lab, run=True) == []


def test_an_output_that_was_altered_is_noticed(tmp_path, author):
    folder = make_lab(tmp_path / "labs")
    (folder / "lab.py").write_text(SOURCE, encoding="utf-8")
    lab = read_lab(folder)
    solution = builder.build(lab).solution
    environment, report = author(lab), tmp_path / "report.xml"

    honest = nbval(solution, environment, report, cell_timeout=30)
    text = solution.read_text(encoding="utf-8")
    solution.write_text(text.replace('"as it was\\n"', '"as it was not\\n"'), encoding="utf-8")
    altered = nbval(solution, environment, report, cell_timeout=30)

    assert (honest.cells, honest.failed) == (2, 0), honest.said
    assert altered.failed == 1, altered.said
