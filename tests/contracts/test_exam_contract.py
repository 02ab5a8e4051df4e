"""What holds for every task of the exam, whoever wrote it."""

import json

import pytest

from labkit.exams.blueprint import exam_folder, read_blueprint
from labkit.exams.notebook import read_exam_cells
from labkit.exams.task import check_hand_in, load_code, mark_task, read_reference, read_variants, tasks_of
from labkit.exams.task.playing import issue, measure, play
from labkit.exams.task.rules import against_blueprint, always_the_same_option, differences, task_findings
from labkit.exams.task.types import Variant

EXAM = exam_folder()
TASKS = tasks_of(EXAM)


def test_blueprint_and_tasks_agree():
    assert against_blueprint(read_blueprint(EXAM), TASKS) == []
    assert always_the_same_option(TASKS.values()) == []


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_bots_are_where_they_belong_on_every_variant(task):
    assert task_findings(task) == []


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_last_variant_is_played_as_it_was_recorded(task):
    recorded = json.loads((task.folder / "reference.json").read_text(encoding="utf-8"))["variants"]
    variant = read_variants(task.folder)[-1]
    assert differences(recorded[variant.id], play(task, variant).as_json()) == []


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_reference_solves_it_from_what_is_issued_alone(task):
    """It gets a variant without its seed and parameters, as a candidate does."""
    variant = read_variants(task.folder)[1]
    issued = issue(task, variant)
    given = load_code(task, "bots").reference(issued, Variant("unknown", 0))
    checked = check_hand_in(task, issued.facts, given, issued.tensors)
    metrics = measure(task, variant, checked.values).metrics
    mark = mark_task(task, read_reference(task.folder)[variant.id], metrics, checked.values)
    assert mark.earned >= 0.9 * task.points, [line.why for line in mark.lines]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_its_cells_are_read_and_its_brief_says_something(task):
    assert any(f"answer-{task.id}" in cell.tags for cell in read_exam_cells(task))
    assert len(task.brief().split()) > 60
