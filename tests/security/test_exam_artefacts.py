"""Artefacts and processes that cheat: what is handed in is measured elsewhere, and only that counts."""

import dataclasses
import importlib.util
import json
import os
import py_compile
import sys
from pathlib import Path

import pytest
import torch

import labkit
from labkit.exams.examiner import practice_examiner
from labkit.exams.grading.process import GradingProcess
from labkit.exams.grading.starting import environment
from labkit.exams.task import check_hand_in, find_task, load_code
from tests.exam_submissions import Desk, grade, make_graded_exam, seal, task_of


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    return Desk.make(folder, make_graded_exam(folder))


@pytest.fixture(scope="module")
def process():
    made = GradingProcess(seconds=8)
    yield made
    made.close()


def request(desk):
    return {"sessions": str(desk.sessions), "exam": str(desk.exam)}


def outcome(result, slot):
    lines = task_of(result, slot)["lines"]
    return sum(line["earned"] for line in lines if line["part"] == "outcome")


def push(desk, change, **values):
    """Return a result in which the tensor of T5 was changed."""
    sitting = desk.open()
    hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
    hand_ins["T5"] = {**hand_ins["T5"], **values}
    hand_ins["T5"]["x_adv"] = change(hand_ins["T5"]["x_adv"].clone())
    return grade(desk, sitting.submission(hand_ins))


def at(value):
    def change(x):
        x[0, 0] = value
        return x

    return change


EXPLOITS = {
    "NaN": at(float("nan")),
    "infinity": at(float("inf")),
    "out of bounds by rounding": at(torch.nextafter(torch.tensor(1.0), torch.tensor(2.0))),
    "below zero by a denormal": at(-1e-44),
    # Up in one row and down in another: whichever way the reference went, one of them is too far.
    "beyond the budget by a little": lambda x: (
        x + 1e-3 * torch.tensor([1.0, -1.0]).repeat(len(x))[: len(x), None]
    ),
    "far beyond the budget": lambda x: (x > 0.5).float(),
    "double precision": lambda x: x.double(),
    "half precision": lambda x: x.half(),
    "whole numbers": lambda x: x.long(),
    "complex": lambda x: x.to(torch.complex64),
    "duplicates of one row": lambda x: x[:1].expand_as(x).contiguous(),
    "wrong order": lambda x: x.flip(0).contiguous(),
    "one row too many": lambda x: torch.cat([x, x[:1]]),
    "no rows": lambda x: x[:0],
    "another axis": lambda x: x[None],
    "everything at the edge": torch.ones_like,
}


@pytest.mark.parametrize("cheat", EXPLOITS)
def test_tensor_that_exploits_the_metric(desk, cheat):
    result = push(desk, EXPLOITS[cheat])
    assert result["status"] == "graded"
    assert outcome(result, "T5") == 0
    assert task_of(result, "T5")["refused"]
    assert outcome(result, "T1") > 0


def test_minus_zero_and_denormals_within_bounds_are_numbers_like_others(desk):
    sitting = desk.open()
    hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
    plain = grade(desk, sitting.submission(hand_ins))
    for tiny in (-0.0, 1e-44):
        changed = hand_ins["T5"]["x_adv"].clone()
        changed += tiny
        result = grade(desk, sitting.submission({**hand_ins, "T5": {**hand_ins["T5"], "x_adv": changed}}))
        assert outcome(result, "T5") == pytest.approx(outcome(plain, "T5"))


@pytest.mark.parametrize("claim", [0.2, 0.9, None, "1.0", True, [1.0], {"value": 1.0}, 10**30])
def test_forged_output(desk, claim):
    """A figure that the candidate's own process wrote earns nothing; a wrong one costs the outcome."""
    values = {"claimed_gain": claim}
    assert outcome(push(desk, lambda x: x, **values), "T5") == 0


class AlwaysEqual:
    """Answers every comparison with yes."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = None

    def __float__(self):
        return 1.0

    def __len__(self):
        return 1


class SlyTensor(torch.Tensor):
    """Looks perfect to whoever asks."""

    def __le__(self, other):
        return torch.ones(self.shape, dtype=torch.bool)


@pytest.mark.parametrize("name", ["x_adv", "claimed_gain", "why_side"])
def test_always_equal_objects(desk, name):
    sitting = desk.open()
    task, issued = find_task("T5", desk.exam), desk.examiner.issue(sitting.session, "T5")
    fake = torch.full_like(issued.tensors["x"], 9.0).as_subclass(SlyTensor)
    for sly in (AlwaysEqual(), fake):
        checked = check_hand_in(task, issued.facts, {name: sly}, issued.tensors)
        assert name not in checked.values
        assert name in checked.problems


MODELS = {
    "a tensor more, such as a hidden trigger": lambda state: {**state, "2.trigger": torch.ones(4)},
    "a tensor less": lambda state: {"1.weight": state["1.weight"]},
    "another shape": lambda state: {**state, "1.weight": state["1.weight"].T.contiguous()},
    "NaN, so that every comparison fails": lambda state: {**state, "1.bias": torch.full((2,), float("nan"))},
    "infinite weights": lambda state: {**state, "1.weight": state["1.weight"] / 0},
    "double precision": lambda state: {name: value.double() for name, value in state.items()},
    "names of methods": lambda state: {**state, "forward": torch.ones(1), "__class__": torch.ones(1)},
}


@pytest.mark.parametrize("cheat", MODELS)
def test_model_that_is_another_when_it_is_evaluated(desk, cheat):
    sitting = desk.open()
    hand_in = sitting.played("T8")
    # As raw tensors: a candidate's own tools seal what ours would refuse.
    state = MODELS[cheat](hand_in["patched"])
    import safetensors.torch

    files, manifest = sitting.parts()
    files["hand_ins/T8/tensors.safetensors"] = safetensors.torch.save(
        {f"patched/{name}": value.contiguous() for name, value in state.items()}
    )
    result = grade(desk, seal(files, manifest))
    assert outcome(result, "T8") == 0
    assert any("patched" in reason for reason in task_of(result, "T8")["refused"])
    assert outcome(result, "T5") > 0


def test_model_with_code_in_it(desk, tmp_path):
    """A whole module, pickled: its class would come along, and its class is code."""
    marker = tmp_path / "owned"
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
    out = tmp_path / "model.pt"
    torch.save(module, out)
    files, manifest = desk.open().parts()
    files["hand_ins/T8/tensors.safetensors"] = out.read_bytes()
    result = grade(desk, seal(files, manifest))
    assert outcome(result, "T8") == 0
    assert "pickle" in " ".join(task_of(result, "T8")["refused"])
    assert not marker.exists()


def test_value_where_a_tensor_belongs(desk):
    files, manifest = desk.open().parts()
    values = json.loads(files["hand_ins/T5/hand_in.json"])
    files["hand_ins/T5/hand_in.json"] = json.dumps({**values, "x_adv": [[1.0] * 3] * 4}).encode()
    del files["hand_ins/T5/tensors.safetensors"]
    result = grade(desk, seal(files, manifest))
    assert outcome(result, "T5") == 0
    assert task_of(result, "T5")["refused"]


@pytest.mark.parametrize(
    "answer", ["yes", True, [True], [0, 1, 2, 3], [99], [-1], {"right": True}, [0.0], [[0]], "x" * 10_000]
)
def test_answers_that_are_none(desk, answer):
    sitting = desk.open()
    answers = {item.id: {"answer": answer, "confidence": "know"} for item in sitting.session.form.items}
    result = grade(desk, sitting.submission(answers=answers))
    assert result["sheet"]["knowledge"]["earned"] == 0


def test_an_answer_to_another_item_counts_for_nothing(desk):
    result = grade(desk, desk.open().submission(answers={"no-such-item": {"answer": [0]}, "score": 30}))
    assert result["sheet"]["knowledge"]["earned"] == 0


# -- The process that measures -----------------------------------------------------------------


def test_monkeypatched_metrics(desk, process, monkeypatch):
    """Everything that marks is patched where the candidate sits; the grader is somebody else."""
    import labkit.exams.grading.measuring
    import labkit.exams.task
    import labkit.exams.task.marking
    import labkit.exams.task.playing
    from labkit.scoring import Criterion

    sitting = desk.open()
    content = sitting.submission(
        {slot: sitting.played(slot, "nothing") for slot in sitting.session.form.slots}, answers={}
    )
    monkeypatch.setattr(Criterion, "award", lambda self, value: self.points)
    monkeypatch.setattr(labkit.exams.task.playing, "measure", lambda *_: 1 / 0)
    monkeypatch.setattr(torch, "isfinite", lambda x: torch.ones(x.shape, dtype=torch.bool))
    result = process.grade(request(desk), content)
    assert result["status"] == "graded"
    assert result["sheet"]["total"]["earned"] == 0


def test_edited_checker(desk, tmp_path, monkeypatch):
    """A labkit, a torch and a sitecustomize of one's own beside the submission are never imported."""
    sitting = desk.open()
    (tmp_path / "submission.zip").write_bytes(sitting.submission({}, answers={}))
    owned = f"open({str(tmp_path / 'owned')!r}, 'w')\n"
    (tmp_path / "labkit").mkdir()
    for name in (
        "labkit/__init__.py",
        "torch.py",
        "json.py",
        "sitecustomize.py",
        "usercustomize.py",
        "conftest.py",
    ):
        (tmp_path / name).write_text(owned)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-p evil'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "torch.py"))
    apart = GradingProcess(seconds=20)
    try:
        result = apart.grade({**request(desk), "path": str(tmp_path / "submission.zip")})
    finally:
        apart.close()
    assert result["status"] == "graded"
    assert result["sheet"]["total"]["earned"] == 0
    assert not (tmp_path / "owned").exists()


def test_bytecode_laid_beside_a_frozen_exam(tmp_path):
    """Code of a task is run from its source, which the digest of the exam covers; bytecode is not read."""
    folder = tmp_path / "T9"
    folder.mkdir()
    source, cached = folder / "task.py", importlib.util.cache_from_source(folder / "task.py")
    source.write_text("GIVES = 9")
    py_compile.compile(str(source), cached, doraise=True)
    when = source.stat().st_mtime
    source.write_text("GIVES = 0")
    os.utime(source, (when, when))
    task = dataclasses.replace(find_task("T1"), folder=folder)
    assert load_code(task).GIVES == 0


def test_reading_the_key_store(desk, monkeypatch):
    """The process that opens submissions is told no password, and its facts hold no secret."""
    monkeypatch.setenv("LABKIT_EXAMINER_PASSWORD", "a long password")
    told = json.dumps(environment())
    assert "a long password" not in told
    keys = desk.examiner.keys
    for path in [*desk.sessions.iterdir(), *(each for each in desk.exam.rglob("*") if each.is_file())]:
        content = path.read_bytes()
        for secret in (keys.master, keys.signing):
            assert secret not in content
            assert secret.hex().encode() not in content


CRASHES = {1: "ended with status 7", 2: "took longer than", 3: "RuntimeError", 4: "no finite number"}


@pytest.mark.parametrize("fuse", CRASHES)
def test_artefact_that_ends_the_grader(desk, process, fuse):
    """A hand-in that kills, stops or confuses its measurement costs its own task, and no other."""
    sitting = desk.open()
    hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
    hand_ins["T8"]["fuse"] = fuse
    result = process.grade(request(desk), sitting.submission(hand_ins))
    after = process.grade(request(desk), desk.open().submission())
    assert outcome(result, "T8") == 0
    assert CRASHES[fuse] in " ".join(task_of(result, "T8")["refused"])
    assert outcome(result, "T1") > 0
    assert after["sheet"]["total"]["share"] == pytest.approx(1, abs=1e-6)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited as Linux does it")
def test_artefact_that_takes_all_memory(desk, monkeypatch):
    monkeypatch.setenv("LABKIT_GRADER_MEMORY", str(4 << 30))
    sitting = desk.open()
    hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
    hand_ins["T8"]["fuse"] = 5
    apart = GradingProcess(seconds=20)
    try:
        result = apart.grade(request(desk), sitting.submission(hand_ins))
    finally:
        apart.close()
    assert outcome(result, "T8") == 0
    assert "memory" in " ".join(task_of(result, "T8")["refused"])
    assert outcome(result, "T1") > 0


def test_output_that_looks_like_a_result(desk, process):
    """What is printed while a task is measured is no answer of the grader."""
    sitting = desk.open()
    hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
    hand_ins["T8"]["fuse"] = 6
    result = process.grade(request(desk), sitting.submission(hand_ins))
    assert result["session"] == sitting.name
    assert "sheet" in result


def test_nothing_that_is_given_out_holds_a_live_key(desk):
    """Package, exam and a candidate's form: no secret of an examiner stands in them."""
    sitting = desk.open()
    practice = practice_examiner()
    secrets = [
        form
        for keys in (desk.examiner.keys, practice.keys)
        for raw in (keys.master, keys.signing)
        for form in (raw, raw.hex().encode())
    ]
    package = Path(labkit.__file__).parent
    files = [
        path for path in package.rglob("*") if path.is_file() and path.suffix in (".py", ".toml", ".json")
    ]
    for content in [*(path.read_bytes() for path in files), sitting.submission()]:
        assert not any(secret in content for secret in secrets)
    seeds = {
        str(sitting.desk.examiner.variant(sitting.session, slot).seed) for slot in sitting.session.form.slots
    }
    form = sitting.session.form.as_bytes().decode()
    assert not any(seed in form for seed in seeds)
