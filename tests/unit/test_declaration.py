"""A lab's declaration: what is right is read, and every mistake names its file and line."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy

import pytest

from labkit.core import DeclarationError
from labkit.course import read_lab
from labkit.course.locate import locate
from tests.unit.labfolder import LAB_TOML, REFERENCE, line_of, make_lab


def test_a_declaration_is_read_whole(tmp_path):
    lab = read_lab(make_lab(tmp_path))

    assert (lab.id, lab.slug, lab.minutes) == ("T01", "small-lab", 5)
    assert [scenario.settings["secret"] for scenario in lab.scenarios] == [0.5, 0.75]
    checkpoint = lab.find_checkpoint("near")
    assert str(checkpoint.target) == "at most 0.1"
    assert [hint.kind for hint in checkpoint.hints] == ["principle", "where to look", "range", "worked step"]
    assert [len(rule.when) for rule in checkpoint.rules] == [2, 1, 0]
    assert [option.correct for option in lab.recall[1].options] == [True, True, False]
    assert lab.find_prediction("side").options == ("yes", "no")
    assert [item.form for item in lab.items] == ["pre", "post"]
    assert lab.demo[0].state == {"guess": 0.1}


# What is changed, to what, where the error must point, and what it must say.
MODEL = """story = "."
dataset = "{dataset}"
victim = "cnn"
norm = "{norm}"
epsilon = 0.1
samples = 9
query_budget = 9"""
MISTAKES = {
    "unknown key": ("minutes = 5", "minuets = 5\nminutes = 5", "minuets", "Did you mean 'minutes'"),
    "missing key": ('role = "Guesser"\n', "", 'id = "T01"', "'role' is missing"),
    "wrong type": ("minutes = 5", 'minutes = "5"', "minutes", "a whole number"),
    "a truth is no number": ("minutes = 5", "minutes = true", "minutes", "a whole number"),
    "unknown domain": ('domain = "D4"', 'domain = "D9"', "domain", "D1, D2"),
    "unknown standard": ('"MEASURE 2.7"', '"MEASURE 2.77"', "standards", "MEASURE 2.7"),
    "unknown term": ('["epsilon"]', '["epsilom"]', "glossary", "epsilom"),
    "not TOML": ("minutes = 5", "minutes = ", "minutes", "not valid TOML"),
    "unknown key in a checkpoint": (
        'unit = "points"\nat_most',
        'units = ""\nunit = "points"\nat_most',
        "units",
        "Did you mean 'unit'",
    ),
    "no threshold": ("at_most = 0.1\n", "", 'id = "near"', "at_least or at_most; got neither"),
    "two thresholds": ("at_most = 0.1", "at_most = 0.1\nat_least = 0.1", "at_most", "one threshold"),
    "three hints": ('  "Numbers have an order.",\n', "", "hints", "expected 4 hints"),
    "unknown objective": ('objective = "guess"', 'objective = "gues"', 'objective = "gues"', "not declared"),
    "objective without checkpoint": (
        "[[checkpoint]]",
        '[[objective]]\nid = "idle"\ntext = "Be idle."\nbloom = "apply"\n\n[[checkpoint]]',
        '[[objective]]\nid = "idle"',
        "no checkpoint measures",
    ),
    "unknown answer cell": ('answer = "near"', 'answer = "far"', "answer", "Known: near"),
    "rule that is code": (
        'when = "measured > 0.1"',
        'when = "measured > abs(1)"',
        'when = "measured > abs',
        "NAME OP NUMBER",
    ),
    "no final rule": (
        'say = "Your guess was {measured:.2f} away',
        'when = "measured < 1"\nsay = "Your guess was {measured:.2f} away',
        'when = "measured < 1"',
        "last rule",
    ),
    "early final rule": ('when = "measured > 0.1"\n', "", "too low", "must be the last"),
    "bare verdict": (
        'say = "Your guess was {measured:.2f} too low."',
        'say = "Sorry, that is wrong!"',
        "Sorry",
        "only right or wrong",
    ),
    "open brace": ("{measured:.2f} too low", "{measured too low", "too low", "expected"),
    "attribute in a text": ("{measured:.2f} too low", "{measured.real} too low", "too low", "plain name"),
    "no correct option": (
        'text = "Zero"\ncorrect = true',
        'text = "Zero"\ncorrect = false',
        "Which is smaller?",
        "none of the options",
    ),
    "option without why": (
        'why = "Zero comes before one."\n',
        "",
        '[[recall.option]]\ntext = "Zero"',
        "'why' is missing",
    ),
    "option with a bare why": (
        'why = "Zero comes before one."',
        'why = "Correct."',
        'why = "Correct."',
        "say why",
    ),
    "choice without options": ('options = ["yes", "no"]\n', "", 'kind = "choice"', "two or more options"),
    "checkpoint used twice": (
        "[[recall]]",
        LAB_TOML[LAB_TOML.index("[[checkpoint]]") : LAB_TOML.index("[[recall]]")] + "[[recall]]",
        None,
        "used twice",
    ),
    "half a model scenario": (
        'story = "From 0 to 1."',
        'story = "From 0 to 1."\ndataset = "digits"',
        "[[scenario]]",
        "'victim' is missing",
    ),
    "unknown data set": (
        'story = "From 0 to 1."',
        MODEL.format(dataset="digitz", norm="linf"),
        "digitz",
        "digits",
    ),
    "unknown norm": (
        'story = "From 0 to 1."',
        MODEL.format(dataset="digits", norm="l7"),
        'norm = "l7"',
        "linf, l2",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path, mistake):
    old, new, where, says = MISTAKES[mistake]
    folder = make_lab(tmp_path, (old, new))

    with pytest.raises(DeclarationError) as caught:
        read_lab(folder)

    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{folder / 'lab.toml'}:{caught.value.line}: ")
    if where is not None:
        text = (folder / "lab.toml").read_text(encoding="utf-8")
        assert caught.value.line == text[: text.index(where)].count("\n") + 1


def test_a_threshold_without_a_recorded_run_is_refused(tmp_path):
    folder = make_lab(tmp_path, reference=None)

    with pytest.raises(DeclarationError, match="no run of the reference bot") as caught:
        read_lab(folder)

    assert caught.value.line == line_of(folder, "at_most = 0.1")
    assert read_lab(folder, references=False).id == "T01"


@pytest.mark.parametrize(
    ("player", "values", "says"),
    [
        ("reference", [0.0, 0.2], "the reference solution misses"),
        ("nothing", [0.5, 0.05], "doing nothing meets"),
        ("nothing", [], "no run of the nothing bot"),
        ("reference", ["0"], "not all finite"),
    ],
)
def test_a_threshold_that_the_recorded_runs_contradict_is_refused(tmp_path, player, values, says):
    recorded = deepcopy(REFERENCE)
    recorded["scenarios"]["large"]["near"][player] = values

    with pytest.raises(DeclarationError, match=says) as caught:
        read_lab(make_lab(tmp_path, reference=recorded))

    assert "'large'" in str(caught.value)


def test_runs_of_a_checkpoint_that_is_gone_are_reported(tmp_path):
    recorded = deepcopy(REFERENCE)
    recorded["scenarios"]["small"]["old-one"] = {}

    with pytest.raises(DeclarationError, match=r"reference\.json.*old-one"):
        read_lab(make_lab(tmp_path, reference=recorded))


def test_a_folder_is_named_after_its_lab(tmp_path):
    folder = make_lab(tmp_path).rename(tmp_path / "T02-small-lab")

    with pytest.raises(DeclarationError, match="T01-some-words"):
        read_lab(folder)


def test_a_missing_file_is_a_declaration_error(tmp_path):
    with pytest.raises(DeclarationError, match=r"lab\.toml"):
        read_lab(tmp_path / "T09-nothing")


SHAPES = '''\
a = """
[no]
b = 1
"""
c = [
  "[x]", # ]
  1,
]
[t."u v"]
d.e = { f = 1 }
[[l]]
[[l.m]]
[[l]]
[[l.m]]
g = 1
'''


def test_lines_are_found_in_the_shapes_that_toml_has():
    lines = locate(SHAPES)

    assert lines[("c",)] == 5
    assert lines[("t", "u v")] == 9
    assert lines[("t", "u v", "d", "e")] == 10
    assert lines[("l", 0, "m", 0)] == 12
    assert lines[("l", 1, "m", 0, "g")] == 15
    assert ("b",) not in lines


def test_the_catalogue_is_read_without_torch():
    code = "import sys; from labkit.course import labs; labs(); print('torch' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "False"
