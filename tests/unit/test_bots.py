"""Bots: who plays, what is recorded, and what a declaration is held to."""

from __future__ import annotations

import json
import math

import pytest

from labkit.core import DeclarationError, UnknownNameError
from labkit.course import read_lab
from labkit.course.bots import BOTS, BotResult, as_rows, run_bot
from labkit.course.recording import record
from tests.unit.labfolder import make_lab

BOTS_PY = """\
def reference(case):
    yield "near", {"guess": case.secret + 0.01 * case.seed}


def nothing(case):
    yield "near", {"guess": 0.0}


def lazy(case):
    yield "near", {"guess": 0.3}
"""


@pytest.fixture
def lab(tmp_path):
    folder = make_lab(tmp_path, reference=None)
    (folder / "bots.py").write_text(BOTS_PY, encoding="utf-8")
    return read_lab(folder, references=False)


def test_a_bot_plays_the_variant_of_its_seed(lab):
    (result,) = run_bot(lab, "reference", seed=3)

    assert (result.objective, result.checkpoint, result.target) == ("guess", "near", "at most 0.1")
    assert result.measured == pytest.approx(0.03)
    assert result.passed


def test_a_bot_plays_the_scenario_it_is_told(lab):
    small, large = (run_bot(lab, "nothing", scenario=name)[0].measured for name in ("small", "large"))

    assert (small, large) == (0.5, 0.75)


@pytest.mark.parametrize(("bot", "reaches"), [("reference", True), ("nothing", False), ("lazy", False)])
def test_only_the_reference_reaches_the_objective(lab, bot, reaches):
    assert all(result.passed is reaches for result in run_bot(lab, bot))


def test_an_unknown_bot_or_scenario_is_named(lab):
    with pytest.raises(UnknownNameError, match="bot called 'expert'"):
        run_bot(lab, "expert")
    with pytest.raises(UnknownNameError, match="scenario called 'medium'"):
        run_bot(lab, "lazy", scenario="medium")


def test_a_bot_that_leaves_a_checkpoint_out_is_an_error(lab):
    (lab.folder / "bots.py").write_text("def nothing(case):\n    yield from ()\n", encoding="utf-8")

    with pytest.raises(DeclarationError, match="hands in nothing for near"):
        run_bot(lab, "nothing")
    with pytest.raises(DeclarationError, match=r"expected a function lazy\(case\)"):
        run_bot(lab, "lazy")


def test_recorded_runs_are_what_a_declaration_is_held_to(lab):
    told = []
    path = record(lab, seeds=range(3), progress=lambda *report: told.append(report))

    recorded = json.loads(path.read_text(encoding="utf-8"))
    assert recorded["seeds"] == [0, 1, 2]
    assert recorded["metrics"] == {"near": "distance"}
    assert recorded["scenarios"]["large"]["near"]["nothing"] == [0.75, 0.75, 0.75]
    assert recorded["scenarios"]["small"]["near"].keys() == set(BOTS)
    assert told[-1] == (18, 18, "T01, large, seed 2, lazy")
    assert read_lab(lab.folder).id == "T01"


def test_recording_again_writes_the_same_bytes(lab):
    first = record(lab, seeds=range(2)).read_bytes()

    assert record(lab, seeds=[1, 0, 1]).read_bytes() == first
    assert b'"lazy": [0.2, 0.2]' in first  # one list of runs a line, for a readable diff


def test_one_scenario_can_be_recorded_again(lab):
    path = record(lab, seeds=range(2))
    before = path.read_bytes()

    assert record(lab, seeds=range(2), scenario="large").read_bytes() == before
    with pytest.raises(DeclarationError, match="other checkpoints or seeds"):
        record(lab, seeds=range(3), scenario="large")
    assert path.read_bytes() == before


def test_a_bot_that_fails_leaves_the_recorded_runs_as_they_were(lab):
    path = record(lab, seeds=range(2))
    before = path.read_bytes()
    (lab.folder / "bots.py").write_text(BOTS_PY.replace("0.3", "'three'"), encoding="utf-8")

    with pytest.raises(Exception, match="expected a number"):
        record(lab, seeds=range(2))

    assert path.read_bytes() == before
    assert not list(lab.folder.glob("*.partial"))


def test_what_could_not_be_measured_is_no_number():
    (row,) = as_rows([BotResult("guess", "near", math.nan, "at most 0.1", False)])

    assert row["measured"] is None
    assert json.dumps(row, allow_nan=False)
