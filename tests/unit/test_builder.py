"""The builder: two notebooks from one source, the same bytes every time."""

from __future__ import annotations

import json
from dataclasses import replace

import nbformat
import pytest

from labkit.core import BuildError
from labkit.course import builder, read_lab
from labkit.course.solving import author_environment
from tests.unit.labfolder import make_lab

SOURCE = """\
# %% [markdown]
# # A small lab

# %% tags=["nbval-check-output"]
import os

print("seed", os.environ["LABKIT_SEED"], "learner", os.environ["LABKIT_LEARNER"])

# %% tags=["hands-on", "answer"] answer="near"
# starter
# guess = 0.0  # your turn
# solution
guess = 0.5

# %% tags=["hands-on", "nbval-check-output"]
print(f"guess: {guess:.2f}")

# %% tags=["dashboard"]
import sys

print("a warning", file=sys.stderr)
object()

# %%
print(os.environ["LABKIT_HOME"], lambda: 0)
guess
"""


@pytest.fixture
def lab(tmp_path, own_home):
    folder = make_lab(tmp_path / "labs")
    (folder / "lab.py").write_text(SOURCE, encoding="utf-8")
    return read_lab(folder)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_the_participant_gets_starters_and_no_outputs(lab):
    built = builder.build(lab, run=False)

    cells = code_cells(built.participant)
    assert "guess = 0.0  # your turn" in [cell.source for cell in cells]
    assert not any("solution" in cell.source or "0.5" in cell.source for cell in cells)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_two_builds_are_the_same_byte_for_byte(lab):
    first = builder.build(lab)
    before = [path.read_bytes() for path in (first.participant, first.solution)]

    second = builder.build(lab)

    assert [path.read_bytes() for path in (second.participant, second.solution)] == before
    assert (first.changed, second.changed) == (True, False)
    assert builder.stale(lab, run=True) == []


def test_a_solution_keeps_what_is_the_same_every_time_and_nothing_else(lab):
    built = builder.build(lab)

    cells = code_cells(built.solution)
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4, 5]
    outputs = [cell.outputs for cell in cells]
    assert outputs[0][0].text == "seed 0 learner author\n"
    assert outputs[2][0].text == "guess: 0.50\n"
    assert outputs[3] == []  # neither what went to standard error nor an object without words
    assert outputs[4][0].text == "LABKIT_HOME <function <lambda>>\n"
    assert outputs[4][1].data == {"text/plain": "0.5"}
    assert not any("execution" in cell.metadata for cell in cells)


def test_cell_ids_come_from_the_lab_and_the_position(lab):
    notebook = builder.participant_notebook(lab)

    assert [cell.id for cell in notebook.cells][:2] == ["t01-000", "t01-001"]


def test_an_answer_cell_says_which_answer_it_is(lab):
    (answer,) = [cell for cell in builder.participant_notebook(lab).cells if "answer" in cell.metadata]

    assert answer.metadata == {"tags": ["hands-on", "answer"], "answer": "near"}


def test_a_failing_solution_says_which_cell_and_writes_nothing(lab):
    (lab.folder / "lab.py").write_text(SOURCE.replace("guess = 0.5", "guess = 1 / 0"), encoding="utf-8")

    with pytest.raises(BuildError, match="ZeroDivisionError") as caught:
        builder.build(lab)

    assert "guess = 1 / 0" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert list(lab.folder.glob("*.ipynb*")) == []


def test_what_is_out_of_date_is_named(lab):
    assert builder.stale(lab) == ["lab.ipynb is not what lab.py builds", "solution.ipynb is missing"]

    builder.build(lab)
    (lab.folder / "lab.py").write_text(SOURCE.replace("guess = 0.5", "guess = 0.6"), encoding="utf-8")

    # A participant's notebook does not change when a solution does.
    assert builder.stale(lab) == ["solution.ipynb is not what lab.py builds"]


def test_an_output_that_was_edited_by_hand_is_found_by_running_again(lab):
    built = builder.build(lab)
    text = built.solution.read_text(encoding="utf-8")
    built.solution.write_text(text.replace("guess: 0.50", "guess: 0.51"), encoding="utf-8")

    assert builder.stale(lab) == []
    assert builder.stale(lab, run=True) == [
        "solution.ipynb: the output of t01-003 changes when it is run again"
    ]


def test_a_notebook_that_is_none_is_out_of_date(lab):
    (lab.folder / "solution.ipynb").write_text("{}", encoding="utf-8")

    assert builder.stale(lab)[1].startswith("solution.ipynb is no notebook")


def test_notebooks_are_written_as_jupyter_writes_them(lab):
    text = builder.build(lab, run=False).participant.read_text(encoding="utf-8")

    assert isinstance(json.loads(text)["cells"][0]["source"], list)
    assert text.endswith("}\n")


def test_the_author_keeps_the_victims_and_nothing_of_a_page(lab, tmp_path, monkeypatch, own_home):
    monkeypatch.setenv("QUERY_STRING", "scenario=large")
    monkeypatch.setenv("LABKIT_SCENARIO", "large")
    home = tmp_path / "author"
    home.mkdir()

    environment = author_environment(replace(lab), home)

    assert "QUERY_STRING" not in environment
    assert "LABKIT_SCENARIO" not in environment
    assert (home / "cache").resolve() == (own_home / "cache").resolve()
    assert environment["OMP_NUM_THREADS"] == "1"
