"""What T1, T2 and T7 issue for a variant, and what the bots reach there: pinned for every machine."""

from __future__ import annotations

import json

import pytest

from labkit.exams.task.playing import fingerprint, play
from labkit.exams.task.rules import differences, task_findings
from tests.exam_players import issued, task_of, variants_of

ISSUED = {
    ("T1", "v01"): "a71a947bb99ad38ea3516b69874632b71d594dc9c0bb10055451e8bbe31091f5",
    ("T1", "v09"): "9f55edbd9158fecc79f8d680770db667a6da09df60677d76a01c9503ef65b1a5",
    ("T2", "v01"): "860af50fe2cdedc99f2050fd7476e38e06e779cc9b0a82a21ef7fff654db29d4",
    ("T2", "v09"): "f55991572a7ca7c9552024c21270f1ce72dbaa001a5e8256c0db77c15bd3a562",
    ("T7", "v01"): "e5b64e64168f6081271b4e95f44b8dd1c389fa79afad58353c92cf406bd848f6",
    ("T7", "v02"): "d91e8d4eed74795a598d8536b13f35122a7971d6a59a3e68d353fc382d95b049",
}
"""Digest of facts, names and whole numbers; weights differ in their last bits between processors."""


@pytest.mark.parametrize(("task", "variant"), ISSUED)
def test_a_variant_issues_what_it_always_did(task: str, variant: str) -> None:
    found = fingerprint(issued(task, variants_of(task)[variant]))
    assert found["exact"] == ISSUED[task, variant]


@pytest.mark.parametrize(("task", "variant"), ISSUED)
def test_the_bots_reach_what_is_recorded(task: str, variant: str) -> None:
    kept = json.loads((task_of(task).folder / "reference.json").read_text(encoding="utf-8"))["variants"]
    played = play(task_of(task), variants_of(task)[variant])
    assert not played.problems
    assert not differences(kept[variant], played.as_json())


@pytest.mark.parametrize("task", ["T1", "T2", "T7"])
def test_every_variant_was_played_and_every_bot_is_in_its_place(task: str) -> None:
    assert task_findings(task_of(task)) == []
