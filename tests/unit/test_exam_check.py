"""`labkit exam check` says what is wrong with a task, and keeps what the bots measured."""

import json

import pytest

from labkit.cli import main
from labkit.core.errors import InvalidInputError
from labkit.exams.blueprint import read_blueprint
from labkit.exams.task import find_task, read_reference, read_variants
from labkit.exams.task.playing import fingerprint, issue, record
from labkit.exams.task.rules import against_blueprint, differences, task_findings
from tests.exam_example import make_exam, write_task


@pytest.fixture
def exam(tmp_path, monkeypatch):
    folder = make_exam(tmp_path)
    monkeypatch.setattr("labkit.exams.commands.check.exam_folder", lambda: folder)
    return folder


def test_a_task_without_recorded_runs_is_told_how_to_get_them(exam):
    (finding,) = task_findings(find_task("T5", exam))
    assert "labkit exam check T5 --record" in finding


def test_recorded_runs_set_the_ends_and_the_check_is_content(exam, capsys):
    assert main(["exam", "check", "T5", "--record"]) == 0
    reference = read_reference(exam / "tasks" / "T5")["v01"]
    assert reference["reference"]["gain"] == pytest.approx(1, abs=1e-6)
    assert reference["nothing"]["gain"] == 0
    assert "nothing to mend" in capsys.readouterr().out
    assert main(["exam", "check", "T5", "--play", "--variant", "v02", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["findings"] == []
    assert told["played"][0]["reference"] == pytest.approx(1)
    assert told["played"][0]["lazy"] < 0.6


def test_a_changed_record_is_found_by_playing_again(exam, capsys):
    task = find_task("T5", exam)
    record(task, read_variants(task.folder), task.folder)
    path = task.folder / "reference.json"
    path.write_text(path.read_text().replace('"gain": 0.2', '"gain": 0.4'))
    assert main(["exam", "check", "T5", "--play", "--variant", "v01"]) == 1
    assert "lazy.metrics.gain: recorded" in capsys.readouterr().out


_CLAIM = '"claimed_gain": {},\n        "why_side"'


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("0.3 *", "0.99 *", "the lazy bot earns"),
        (_CLAIM.format("1.0"), _CLAIM.format("0.5"), "the reference earns 20%"),
        (_CLAIM.format("1.0"), _CLAIM.format("2.5"), "the reference earns"),
        ('"x"].clone()', '"x"].clone(), "why_side": 2', "doing nothing earns 20%"),
    ],
)
def test_bots_that_are_not_where_they_belong_are_findings(exam, old, new, problem):
    path = exam / "tasks" / "T1" / "bots.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    task = find_task("T1", exam)
    record(task, read_variants(task.folder), task.folder)
    assert any(problem in finding for finding in task_findings(task))


def test_bots_that_cannot_be_told_apart_are_refused_before_anything_is_kept(exam):
    path = exam / "tasks" / "T1" / "bots.py"
    path.write_text(path.read_text().replace('return {"x_adv": issued.tensors["x"].clone()}', _AS_GOOD))
    task = find_task("T1", exam)
    with pytest.raises(InvalidInputError, match="two different finite values"):
        record(task, read_variants(task.folder), task.folder)
    assert not (task.folder / "reference.json").exists()


_AS_GOOD = "return reference(issued, variant)"


def test_too_few_reviewed_variants_are_a_finding(exam):
    path = exam / "tasks" / "T1" / "variants.toml"
    path.write_text(path.read_text().replace('reviewed_by = "A reviewer"', 'reviewed_by = ""', 1))
    assert any("12 reviewed variants" in finding for finding in task_findings(find_task("T1", exam)))


def test_the_blueprint_and_the_folders_have_to_agree(exam):
    write_task(exam / "tasks" / "T9", "T9", "D4", 5)
    blueprint = read_blueprint(exam)
    tasks = {"T9": find_task("T9", exam), "T5": find_task("T5", exam)}
    assert against_blueprint(blueprint, tasks) == [
        "T1: the blueprint says available, and there is no such task",
        "T9: the blueprint has no such slot",
    ]


def test_materials_are_pinned_exactly_where_they_are_exact(exam):
    task = find_task("T5", exam)
    first, second, _ = read_variants(task.folder)[:3]
    pinned = fingerprint(issue(task, first))
    assert pinned == fingerprint(issue(task, first))
    assert differences(pinned, fingerprint(issue(task, second)))
