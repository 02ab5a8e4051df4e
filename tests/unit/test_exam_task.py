"""A task declares what is handed in, what it is worth, and what costs it."""

import math

import pytest
import torch

from labkit.core.errors import DeclarationError, InvalidInputError, UnknownNameError
from labkit.exams.blueprint import read_blueprint
from labkit.exams.issued import Issued, digest_of_issued, load_model, model_tensors, read_issued, write_issued
from labkit.exams.task import check_hand_in, find_task, mark_task, read_task, read_variants
from labkit.models import build

TASK = """
id = "T5"
title = "A task of the tests"
domain = "D4"
points = 10
minutes = 5
[[hand_in]]
name = "x_adv"
kind = "tensor"
about = "Adversarial examples."
dtype = "float32"
shape = ["n", 3]
low = 0.0
high = 1.0
budget = { around = "x", norm = "linf", epsilon = "epsilon" }
[[hand_in]]
name = "claimed"
kind = "number"
about = "What you claim."
low = 0.0
high = 1.0
[[hand_in]]
name = "model"
kind = "model"
about = "A network."
architecture = "victim"
[[hand_in]]
name = "verdict"
kind = "choice"
about = "A verdict."
options = ["yes", "no"]
[[hand_in]]
name = "records"
kind = "choices"
about = "Some records."
options_from = "records"
[[hand_in]]
name = "risks"
kind = "table"
about = "Risks."
most = 2
columns = [{ name = "risk", kind = "text", longest = 20 }, { name = "score", kind = "number", low = 0 }]
[[criterion]]
metric = "gap"
part = "outcome"
points = 6
zero_at = "nothing"
full_at = "reference"
[[criterion]]
metric = "baseline_error"
part = "process"
points = 2
zero_at = 0.1
full_at = 0.0
[[criterion]]
metric = "justification"
part = "justification"
points = 2
zero_at = 0.0
full_at = 1.0
[[justification]]
id = "why"
question = "Why?"
options = [
  { text = "Guess.", credit = 0.0, why = "No." },
  { text = "Measure.", credit = 1.0, why = "Yes." },
]
[overclaim]
claim = "claimed"
metric = "robust"
tolerance = 0.03
[[critical]]
metric = "refuted"
when = "above"
limit = 0.5
say = "The accountant refutes the claim."
"""
REFERENCE = {"nothing": {"gap": 0.2}, "reference": {"gap": 0.7}}
FACTS = {
    "dims": {"n": 4},
    "epsilon": 0.1,
    "models": {"victim": {"architecture": "mlp", "input_shape": [3], "classes": 2}},
    "records": ["r1", "r2", "r3"],
}


def write(tmp_path, text=TASK):
    (tmp_path / "task.toml").write_text(text, encoding="utf-8")
    return read_task(tmp_path)


@pytest.fixture
def task(tmp_path):
    return write(tmp_path)


def test_the_blueprint_is_worth_a_hundred_points():
    blueprint = read_blueprint()
    assert sum(slot.points for slot in blueprint.tasks) + blueprint.item_points == 100
    assert [slot.slot for slot in blueprint.available] == ["T1", "T2", "T4", "T5", "T6", "T7"]
    assert blueprint.item_count == 30


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("points = 6", "points = 5", "60%"),
        ('kind = "choice"', 'kind = "choise"', "one of tensor"),
        ("tolerance = 0.03", "tolerence = 0.03", "'tolerance' is missing"),
        ('full_at = "reference"', 'full_at = "best"', "one of reference"),
        ("low = 0.0\nhigh = 1.0\nbudget", "low = 2.0\nhigh = 1.0\nbudget", "from 2 up"),
        ('claim = "claimed"', 'claim = "verdict"', "no number called"),
        ("credit = 1.0", "credit = 0.7", "an option of credit 1"),
        ('id = "T5"', 'id = "T5"\ncolour = "red"', "unknown key"),
    ],
)
def test_a_mistake_in_a_task_is_named_with_file_and_line(tmp_path, old, new, problem):
    with pytest.raises(DeclarationError, match=r"task\.toml:\d+") as error:
        write(tmp_path, TASK.replace(old, new))
    assert problem in str(error.value)


def test_a_task_that_is_not_there_names_those_that_are(tmp_path):
    with pytest.raises(UnknownNameError, match="task of the exam"):
        find_task("../../etc", tmp_path)


def good():
    return {
        "x_adv": torch.full((4, 3), 0.5),
        "claimed": 0.4,
        "model": build("mlp", (3,), 2, seed=1).state_dict(),
        "verdict": "no",
        "records": ["r3", "r1"],
        "risks": [{"risk": "poisoning", "score": 3}],
        "why_why": 2,
    }


def test_a_good_hand_in_comes_through_as_plain_copies(task):
    given = good()
    checked = check_hand_in(task, FACTS, given, {"x": torch.full((4, 3), 0.45)})
    assert not checked.problems
    assert not checked.missing
    given["x_adv"] += 1
    assert float(checked.values["x_adv"].max()) == 0.5
    assert checked.values["records"] == ["r1", "r3"]


class Yes(float):
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("x_adv", [[0.5]], "a plain tensor"),
        ("x_adv", torch.full((4, 3), 0.5).double(), "torch.float32"),
        ("x_adv", torch.full((3, 3), 0.5), r"shape \(4, 3\)"),
        ("x_adv", torch.full((4, 3), math.nan), "without NaN"),
        ("x_adv", torch.full((4, 3), 1.0000001), "from 0 to 1"),
        ("x_adv", torch.full((4, 3), 0.2), "within 0.1"),
        ("claimed", math.inf, "a finite number"),
        ("claimed", True, "a finite number"),
        ("claimed", Yes(0.5), "a finite number"),
        ("claimed", 1.5, "from 0 to 1"),
        ("model", {}, "without"),
        ("model", build("mlp", (4,), 2).state_dict(), "shape"),
        ("verdict", "maybe", "'yes', 'no'"),
        ("records", ["r1", "r1"], "twice"),
        ("records", ["r9"], "r9"),
        ("risks", [{"risk": "a", "score": 1}] * 3, "at most 2 rows"),
        ("risks", [{"risk": "a" * 30, "score": 1}], "row 1.*20 characters"),
        ("risks", [{"risk": "a"}], "columns risk, score"),
        ("why_why", 3, "from 1 to 2"),
        ("why_why", 1.5, "whole number"),
        ("answer", 1, "does not ask for 'answer'"),
    ],
)
def test_a_bad_field_is_refused_with_a_reason_and_the_others_are_kept(task, name, value, problem):
    checked = check_hand_in(task, FACTS, {**good(), name: value}, {"x": torch.full((4, 3), 0.45)})
    assert list(checked.problems) == [name]
    assert name not in checked.values
    assert len(checked.values) == len(good()) - (name in good())
    with pytest.raises(InvalidInputError, match=problem):
        checked.insist("T5")


def test_points_grow_from_nothing_to_the_reference_on_that_variant(task):
    metrics = {"gap": 0.45, "baseline_error": 0.05, "robust": 0.41, "refuted": 0}
    mark = mark_task(task, REFERENCE, metrics, {"claimed": 0.4, "why_why": 2})
    assert [line.earned for line in mark.lines] == pytest.approx([3, 1, 2])
    assert mark.earned == pytest.approx(6)
    assert not mark.flags
    assert "0.2 earns nothing and 0.7 all 6 points" in mark.lines[0].why


@pytest.mark.parametrize("claim", [{"claimed": 0.9}, {}])
def test_a_false_or_missing_claim_loses_the_outcome(task, claim):
    metrics = {"gap": 0.7, "baseline_error": 0.0, "robust": 0.41}
    mark = mark_task(task, REFERENCE, metrics, {**claim, "why_why": 2})
    assert [line.earned for line in mark.lines] == pytest.approx([0, 2, 2])
    assert "claimed" in mark.flags[0]


def test_a_critical_error_costs_the_task(task):
    metrics = {"gap": 0.7, "baseline_error": 0.0, "robust": 0.41, "refuted": 1}
    mark = mark_task(task, REFERENCE, metrics, {"claimed": 0.41, "why_why": 2})
    assert mark.earned == 0
    assert mark.critical == ("The accountant refutes the claim.",)


def test_what_was_not_measured_earns_nothing_and_says_so(task):
    mark = mark_task(task, REFERENCE, {"gap": math.nan, "baseline_error": math.inf})
    assert mark.earned == 0
    assert "nothing was measured" in mark.lines[0].why
    assert mark.lines[0].as_json()["measured"] is None


def test_a_variant_without_a_recorded_run_cannot_be_marked(task):
    with pytest.raises(InvalidInputError, match="labkit exam check T5 --record"):
        mark_task(task, {}, {"gap": 0.5})


def test_variants_are_read_and_held_to_their_ids(tmp_path):
    text = '[[variant]]\nid = "v01"\nseed = 7\nparams = { n = 3 }\n[[variant]]\nid = "v02"\nseed = 8\n'
    (tmp_path / "variants.toml").write_text(text + 'reviewed_by = "A"\nreviewed_on = "2026-11-29"\n')
    first, second = read_variants(tmp_path)
    assert (first.params, first.reviewed, second.reviewed) == ({"n": 3}, False, True)
    (tmp_path / "variants.toml").write_text(text.replace("v02", "v01"))
    with pytest.raises(DeclarationError, match="twice"):
        read_variants(tmp_path)


def test_materials_are_written_and_read_and_their_model_answers_the_same(tmp_path):
    module = build("mlp", (3,), 2, seed=4)
    x = torch.rand(5, 3, generator=torch.Generator().manual_seed(1))
    issued = Issued({"x": x, **model_tensors("victim", module)}, FACTS)
    write_issued(tmp_path / "T5", issued)
    again = read_issued(tmp_path / "T5")
    assert digest_of_issued(again) == digest_of_issued(issued)
    assert torch.equal(load_model(tmp_path / "T5").logits(x), module.eval()(x))
