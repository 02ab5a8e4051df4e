"""Dials come back where they were left, and nothing that was kept can keep anybody from a panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest

from labkit.core.paths import content_dir
from labkit.course import DemoState, PanelStates, ProgressLog, Session, read_lab
from labkit.ui.controls import change_options, choice, slider
from labkit.ui.session import LabSession

LAB = read_lab(content_dir("notebooks") / "L02-evasion-range", references=False)


def opened(home: Path, learner: str = "ann", scenario: str | None = None, demo: Any = None) -> LabSession:
    log = ProgressLog(home / "progress.sqlite")
    return LabSession(Session(LAB, scenario, learner=learner, seed=1, log=log), demo=demo)


def dial(value: float = 1.0) -> Any:
    return slider("Epsilon", value, 0.0, 5.0, 0.5)


def left_at(home: Path, value: float, **about: Any) -> None:
    moved = dial()
    memory = opened(home, **about).remember("range", epsilon=moved)
    moved.value = value
    memory.flush()


def test_a_dial_stands_where_it_was_left(tmp_path: Path) -> None:
    left_at(tmp_path, 3.0)
    again = dial()
    lab = opened(tmp_path)
    lab.remember("range", epsilon=again)
    assert again.value == 3.0
    assert dict(lab.state("range")) == {"epsilon": 3.0}


@pytest.mark.parametrize("other", [{"learner": "bob"}, {"scenario": LAB.scenarios[1].id}])
def test_it_is_nobody_else_s_and_of_no_other_scenario(tmp_path: Path, other: dict[str, str]) -> None:
    left_at(tmp_path, 3.0)
    again = dial()
    opened(tmp_path, **other).remember("range", epsilon=again)
    assert again.value == 1.0


def test_a_reset_puts_dials_back_to_the_start(tmp_path: Path) -> None:
    left_at(tmp_path, 3.0)
    opened(tmp_path).session.reset()
    assert dict(opened(tmp_path).state("range")) == {}


def test_a_live_demo_neither_reads_nor_writes_it(tmp_path: Path) -> None:
    left_at(tmp_path, 3.0)
    demo = DemoState(title="t", panel="range", state={"epsilon": 2.0}, say="s")
    lab, shown = opened(tmp_path, demo=demo), dial(2.0)
    memory = lab.remember("range", epsilon=shown)
    shown.value = 4.0
    memory.flush()
    assert lab.state("range")["epsilon"] == 2.0
    assert dict(lab.state("elsewhere")) == {}
    assert opened(tmp_path).state("range")["epsilon"] == 3.0


def test_many_moves_become_one_event_and_the_latest_wins(tmp_path: Path) -> None:
    moved = dial()
    memory = opened(tmp_path).remember("range", epsilon=moved)
    for step in range(9):
        moved.value = step / 2
    memory.note(page=7)
    memory.flush()
    memory.flush()
    events = ProgressLog(tmp_path / "panels.sqlite").events()
    assert [event.payload["values"] for event in events] == [{"epsilon": 4.0, "page": 7}]


def test_progress_does_not_have_to_be_read_through_the_states(tmp_path: Path) -> None:
    left_at(tmp_path, 3.0)
    assert {event.kind for event in ProgressLog(tmp_path / "progress.sqlite").events()} == {"opened"}


def test_a_value_that_a_dial_no_longer_takes_is_passed_over(tmp_path: Path) -> None:
    lab = opened(tmp_path)
    kind, sure = choice("Attack", ["pgd", "fgsm"]), widgets.IntRangeSlider(value=(1, 4), min=0, max=9)
    memory = lab.remember("range", attack=kind, sure=sure, gone=dial())
    change_options(kind, ["pgd", "cw"], "cw")
    sure.value = (2, 8)
    memory.flush()
    kind, sure = choice("Attack", ["pgd", "fgsm"]), widgets.IntRangeSlider(value=(1, 4), min=0, max=9)
    opened(tmp_path).remember("range", attack=kind, sure=sure)
    assert kind.value == "pgd"
    assert sure.value == (2, 8)


@pytest.mark.parametrize("thing", ["x" * 70_000, float("nan"), object()])
def test_what_cannot_be_kept_is_left_out_without_a_word(tmp_path: Path, thing: object) -> None:
    lab = opened(tmp_path)
    memory = lab.remember("range")
    memory.note(thing=thing)
    memory.flush()
    assert dict(opened(tmp_path).state("range")) == {}
    assert not PanelStates(lab.session).keep("range", {"thing": thing})


def test_a_panel_that_chokes_on_what_was_kept_is_built_without_it(tmp_path: Path) -> None:
    left_at(tmp_path, 3.0)
    lab = opened(tmp_path)

    def build() -> Any:
        if lab.state("range"):
            raise ValueError("an older version wrote that")
        return dial()

    box = lab.when_ready(build, "range")
    assert box.children[0].value == 1.0


def test_a_disk_that_refuses_costs_the_dials_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "panels.sqlite").mkdir()
    lab, moved = opened(tmp_path), dial()
    memory = lab.remember("range", epsilon=moved)
    moved.value = 2.0
    memory.flush()
    assert dict(opened(tmp_path).state("range")) == {}


def test_a_state_that_is_given_to_a_panel_has_the_last_word(tmp_path: Path) -> None:
    left_at(tmp_path, 3.0)
    lab, given, asked = opened(tmp_path), dial(2.0), dial(2.0)
    lab.remember("range", {"epsilon": 2.0}, epsilon=given)
    lab.remember("range", lab.state("range"), epsilon=asked)
    assert (given.value, asked.value) == (2.0, 3.0)


def test_only_the_newest_state_of_each_panel_is_read(tmp_path: Path) -> None:
    session = opened(tmp_path).session
    states = PanelStates(session)
    for step in range(30):
        states.keep("range", {"step": step})
        states.keep("curve", {"step": -step})
    log = ProgressLog(tmp_path / "panels.sqlite")
    newest = log.events(learner="ann", kind="state", newest_by=("panel", "scenario"))
    assert [event.payload["values"]["step"] for event in newest] == [29, -29]
    assert len(log.events()) == 60
    again = PanelStates(session)
    assert (again.latest("range"), again.latest("curve")) == ({"step": 29}, {"step": -29})
