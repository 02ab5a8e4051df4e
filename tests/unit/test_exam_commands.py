"""A whole sitting is driven from the command line, with JSON for scripts."""

import json

import pytest
import safetensors.torch

from labkit.cli import main
from labkit.core.errors import InvalidInputError
from labkit.exams.issued import read_issued
from labkit.exams.sitting import Sitting
from labkit.exams.task import read_variants, tasks_of
from labkit.exams.task.playing import record
from tests.exam_example import make_exam


@pytest.fixture
def exams(tmp_path, monkeypatch, own_home):
    """The example in the place of the exam that ships with labkit."""
    folder = make_exam(tmp_path / "exams")
    practitioner = folder.rename(folder.parent / "practitioner")
    blueprint = practitioner / "blueprint.toml"
    blueprint.write_text(blueprint.read_text().replace('id = "example"', 'id = "practitioner"'))
    monkeypatch.setenv("LABKIT_EXAMS", str(folder.parent))
    return folder.parent


@pytest.fixture
def told(capsys):
    def run(*arguments, status=0):
        assert main(["exam", *map(str, arguments)]) == status
        return json.loads(capsys.readouterr().out)

    return run


def test_practice_from_open_to_submit_without_a_browser(exams, told, tmp_path, capsys):
    folder = tmp_path / "sitting"
    opened = told("open", "--practice", "--folder", folder, "--extra-minutes", "10", "--json")
    assert (opened["mode"], opened["extra_minutes"]) == ("practice", 10)
    asked = told("tasks", folder, "--task", "T5", "--json")
    assert [field["name"] for field in asked["fields"]] == ["x_adv", "claimed_gain", "why_side"]
    assert "credit" not in json.dumps(asked)
    materials = read_issued(folder / "materials" / "T5")
    x_adv = materials.tensors["x"] + materials.facts["epsilon"] * materials.tensors["weights"].sign()
    safetensors.torch.save_file({"x_adv": x_adv}, tmp_path / "x.safetensors")
    (receipt,) = told(
        "hand-in",
        folder,
        "T5",
        "--tensors",
        tmp_path / "x.safetensors",
        "--set",
        "claimed_gain=1.0",
        "--json",
    )
    assert receipt["missing"] == ("why_side",) or receipt["missing"] == ["why_side"]
    (tmp_path / "values.json").write_text('{"why_side": 2}')
    assert main(["exam", "hand-in", str(folder), "T5", "--values", str(tmp_path / "values.json")]) == 0
    assert "T5: handed in, version 2" in capsys.readouterr().out
    state = told("tasks", folder, "--json")
    assert {place["id"]: place["state"] for place in state["tasks"]} == {"T1": "untouched", "T5": "answered"}
    assert main(["exam", "tasks", str(folder)]) == 0
    assert "minutes left" in capsys.readouterr().out


def test_a_rehearsal_holds_one_task_and_takes_five_minutes(exams, told, tmp_path):
    opened = told("open", "--rehearsal", "--folder", tmp_path / "sitting", "--json")
    assert opened["minutes"] == 5
    assert len(opened["tasks"]) == 1


def test_an_exam_is_opened_by_an_examiner_with_sealed_keys(exams, told, tmp_path, monkeypatch, capsys):
    (tmp_path / "password").write_text("a long password\n")
    password = ("--password-file", tmp_path / "password")
    made = told("examiner", tmp_path / "examiner", *password, "--json")
    assert made["made"]
    given = ("--candidate", "Ada Example", "--examiner", tmp_path / "examiner")
    opened = told("open", *given, *password, "--folder", tmp_path / "sitting", "--json")
    assert (opened["mode"], opened["candidate"], opened["public"]) == ("exam", "Ada Example", ["T1", "T5"])
    told_of = told("examiner", tmp_path / "examiner", *password, "--json")
    assert [each["candidate"] for each in told_of["sessions"]] == ["Ada Example"]
    again = ["exam", "examiner", *map(str, (tmp_path / "examiner", *password, "--pool", tmp_path))]
    assert main(again) == 2, "a pool that would not be used"
    assert "--pool can only be said" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["exam", "open", *map(str, given), "--folder", str(tmp_path / "other")]) == 2
    assert "--password-file" in capsys.readouterr().err
    assert main(["exam", "open", "--candidate", "Ada"]) == 2


def test_a_mistake_is_said_in_one_line_and_nothing_is_kept(exams, told, tmp_path, capsys):
    folder = tmp_path / "sitting"
    told("open", "--practice", "--folder", folder, "--json")
    for arguments, problem in (
        (["T5", "--set", "claimed_gain=7"], "from 0 to 1"),
        (["T9", "--set", "x=1"], "no task of this sitting called 'T9'"),
        (["T5", "--set", "claimed_gain"], "FIELD=VALUE"),
        (["T5"], "nothing to hand in"),
        (["T5", "--values", str(tmp_path / "none.json")], "cannot read"),
        (["--answer", "D1-01", "[0]"], "no item of this sitting"),
    ):
        assert main(["exam", "hand-in", str(folder), *arguments]) == 2
        assert problem in capsys.readouterr().err
    assert not any(place.answered for place in Sitting(folder).state().tasks)
    assert main(["exam", "open", "--practice", "--folder", str(folder)]) == 2
    assert "holds something already" in capsys.readouterr().err


@pytest.fixture
def recorded(exams):
    """The example with the recorded runs of its bots."""
    for task in tasks_of(exams / "practitioner").values():
        record(task, read_variants(task.folder), task.folder)


def test_practice_shows_its_result_at_once_and_an_exam_does_not(recorded, told, tmp_path, capsys):
    folder = tmp_path / "sitting"
    told("open", "--practice", "--folder", folder, "--json")
    sitting = Sitting(folder)
    for slot in ("T1", "T5"):
        materials = sitting.materials(slot)
        x_adv = materials.tensors["x"] + materials.facts["epsilon"] * materials.tensors["weights"].sign()
        sitting.hand_in(slot, x_adv=x_adv, claimed_gain=1.0, why_side=2 if slot == "T5" else 1)
    with pytest.raises(InvalidInputError, match="no result yet"):
        sitting.result()
    sheet = told("submit", folder, "--json")["sheet"]
    assert sheet["verified"]["reasons"] == []
    assert [task["earned"] for task in sheet["tasks"]] == pytest.approx([16, 30], abs=1e-3)
    assert main(["exam", "submit", str(folder)]) == 0
    assert "T5           30.00 of 30" in capsys.readouterr().out


def test_who_does_nothing_earns_nothing(recorded, told, tmp_path):
    told("open", "--practice", "--folder", tmp_path / "sitting", "--json")
    sheet = told("submit", tmp_path / "sitting", "--json")["sheet"]
    assert sheet["total"]["earned"] == 0
    assert not sheet["decision"]["passed"]


def test_the_result_of_an_exam_comes_from_the_examiner(recorded, told, tmp_path):
    (tmp_path / "password").write_text("a long password\n")
    password = ("--password-file", tmp_path / "password")
    told("examiner", tmp_path / "examiner", *password, "--json")
    given = ("--candidate", "Ada", "--examiner", tmp_path / "examiner", *password)
    told("open", *given, "--folder", tmp_path / "sitting", "--json")
    assert told("submit", tmp_path / "sitting", "--json")["sheet"] is None
    with pytest.raises(InvalidInputError, match="comes from the examiner"):
        Sitting(tmp_path / "sitting").result()


def test_practice_lies_where_jupyterlab_shows_it(exams, told, own_home):
    folder = told("open", "--practice", "--json")["folder"]
    assert folder.startswith(str(own_home / "data" / "hands-on" / "exams" / "practice-"))
