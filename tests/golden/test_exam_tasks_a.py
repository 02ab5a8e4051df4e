"""What T1, T2 and T7 issue for a variant, and what the bots reach there: pinned for every machine."""

from __future__ import annotations

import json

import pytest

from labkit.exams.task.playing import fingerprint, play
from labkit.exams.task.rules import differences, task_findings
from tests.exam_players import issued, task_of, variants_of

ISSUED = {
    ("T1", "v01"): "f2584cd575061c48c55122b6071b1d4d02e3a01f1f81d9ca18d4953c6aee1d1a",
    ("T1", "v09"): "a3ce6e386ff73924ba73835a4a065dc8ec65aaa01209eca3c8b8c1380897d68c",
    ("T2", "v01"): "ff47fabf114361b47de463d302ec63305548bc9286419e1b9dfa64db9ac4d1f5",
    ("T2", "v09"): "3a60cf25ffd3af73863685a9827fb268cce4d8ef653d0c346e12cc4052a11b3a",
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
