"""What T4, T5 and T6 issue for a variant, and what the bots reach there: pinned for every machine."""

from __future__ import annotations

import json

import pytest

from labkit.exams.task.playing import fingerprint, play
from labkit.exams.task.rules import differences, task_findings
from tests.exam_players import issued, task_of, variants_of

ISSUED = {
    ("T4", "v01"): "ee13fe47e44ff07409a77a42af9aef4fb042c67dbb181d6d6b3d312bab4d9913",
    ("T4", "v09"): "5ab95d5d7f0bb22f6405275446c8dcafe7171fb7c4e2bf2af32db53f666db86e",
    ("T5", "v01"): "54e7e668238aafabaaea55838e3fcad3b1fd8c4d68755f784bcb9386294426bd",
    ("T5", "v09"): "7a1c04306fad0ce073961a13f800cbce1f4275f81ddc3872c36242b0e1e492df",
    ("T6", "v01"): "d0fdddc28866956e17d31a659402935eb6ba17d0067a69203813597df0dc0335",
    ("T6", "v09"): "6d97c23a028ad42a2b9ad697c6c898b66b31bae6f32910761c00335d333bf528",
}
"""Digest of facts, names and whole numbers; weights differ in their last bits between processors."""

PLAYED = [("T4", "v10"), ("T5", "v13"), ("T6", "v04"), ("T6", "v13")]


@pytest.mark.parametrize(("task", "variant"), ISSUED)
def test_a_variant_issues_what_it_always_did(task: str, variant: str) -> None:
    found = fingerprint(issued(task, variants_of(task)[variant]))
    assert found["exact"] == ISSUED[task, variant]


@pytest.mark.parametrize(("task", "variant"), PLAYED)
def test_the_bots_reach_what_is_recorded(task: str, variant: str) -> None:
    kept = json.loads((task_of(task).folder / "reference.json").read_text(encoding="utf-8"))["variants"]
    played = play(task_of(task), variants_of(task)[variant])
    assert not played.problems
    assert not differences(kept[variant], played.as_json(), tolerance=0.05)


@pytest.mark.parametrize("task", ["T4", "T5", "T6"])
def test_every_variant_was_played_and_every_bot_is_in_its_place(task: str) -> None:
    assert task_findings(task_of(task)) == []
