"""What a notebook cell shows of a lab: header, questions, predictions, checkpoints, errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from labkit.core.machine import threads
from labkit.core.paths import content_dir
from labkit.course import Session, read_lab
from labkit.scoring import Feedback, Target
from labkit.ui import cards, opening
from labkit.ui.session import LabSession


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, threads():
        patch.setenv("LABKIT_HOME", str(folder))
        patch.setenv("LABKIT_SEED", "3")
        patch.delenv("QUERY_STRING", raising=False)
        yield folder


@pytest.fixture
def lab(home: Path, request: pytest.FixtureRequest) -> LabSession:
    declared = read_lab(content_dir("notebooks") / "L00-start-here", references=False)
    return LabSession(Session(declared, learner=request.node.name))


def texts(widget: Any) -> str:
    own = str(getattr(widget, "value", ""))
    return own + "".join(texts(child) for child in getattr(widget, "children", ()))


def find(widget: Any, kind: str, description: str = "") -> Any:
    """Return the first widget of a kind whose description starts as given."""
    for each in walk(widget):
        if type(each).__name__ == kind and each.description.startswith(description):
            return each
    raise AssertionError(f"no {kind} {description!r}")


def walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def test_the_header_says_who_and_where_one_is(lab: LabSession) -> None:
    shown = texts(lab.header())
    assert "New member of the model-assurance group" in shown
    assert "about 10 minutes" in shown
    assert 'aria-current="step">Test and harden (you are here)' in shown
    assert "AML.T0043.000" in shown
    assert "0 of 2 checkpoints reached" in shown
    assert "<style>" in shown


def test_the_header_follows_what_is_handed_in(lab: LabSession) -> None:
    header = lab.header()
    lab.check("baseline", reported_accuracy=1.0)
    assert "tried" in texts(header) or "1 of 2" in texts(header)


def test_a_storage_warning_is_shown_and_the_lab_goes_on(
    lab: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(lab.session), "storage_warning", property(lambda _: "the disk is <full>"))
    shown = texts(lab.header())
    assert "Your progress is not being kept" in shown
    assert "the disk is &lt;full&gt;" in shown


def test_an_answer_is_followed_by_the_reason_for_every_option(lab: LabSession) -> None:
    view = lab.recall()
    radio, answer = find(view, "RadioButtons"), find(view, "Button", "Answer")
    answer.click()
    assert "Pick an answer first" in texts(view)
    radio.value = 1
    answer.click()
    shown = texts(view)
    for option in lab.lab.recall[0].options:
        assert cards.escape(option.why) in shown
    assert "(your answer)" in shown
    assert not lab.session.progress().recalled[0].right


def test_answers_are_there_again_after_a_reload(lab: LabSession) -> None:
    lab.session.answer_recall(0, [0])
    assert "(your answer)" in texts(lab.recall())


def test_a_prediction_is_locked_in_before_the_outcome_is_shown(lab: LabSession) -> None:
    view = lab.predict("one-step")
    assert "Measured" not in texts(view)
    find(view, "IntSlider", "In per cent").value = 30
    find(view, "IntSlider", "How sure").value = 90
    lock = find(view, "Button", "Lock in")
    lock.click()
    assert "You said" in texts(view)
    assert "90 % sure" in texts(view)
    assert lock.disabled
    again = lab.predict("one-step")
    assert "You said" in texts(again)
    assert "How well you knew" in texts(lab.debrief())


def test_a_check_shows_measured_target_reason_and_next_step(lab: LabSession) -> None:
    card = lab.check("baseline", reported_accuracy=0.2)
    for words in ("Measured", "Target", "Why:", "Next:", "not reached yet"):
        assert words in card.markup
    assert "why:" in str(card)
    assert "You reported 0.20" in repr(card)
    assert card._repr_html_() == card.markup


def test_feedback_is_escaped(lab: LabSession) -> None:
    evil = "<img src=x onerror=alert(1)>"
    feedback = Feedback("c", False, float("nan"), Target(at_least=0.5), evil, evil, {evil: evil}, title=evil)
    markup = cards.feedback_card(feedback).markup
    assert "<img" not in markup
    assert "nothing to measure" in markup


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(0.5, "share", "50 %"), (0.955, "share", "95.5 %"), (0.02, "points", "2 points"), (3.0, "", "3")],
)
def test_values_are_said_in_their_unit(value: float, unit: str, said: str) -> None:
    assert cards.say_value(value, unit) == said


def test_hints_come_one_by_one_with_time_to_think(lab: LabSession) -> None:
    view = lab.checkpoint("baseline")
    hint = find(view, "Button", "Hint 1 of 4")
    hint.click()
    assert "1, principle:" in texts(view)
    assert hint.description == "Hint 2 of 4"
    hint.click()
    assert "the next hint opens in" in texts(view)
    assert "2, where to look:" not in texts(view)


def test_the_worked_solution_opens_after_an_attempt(lab: LabSession) -> None:
    view = lab.checkpoint("baseline")
    show = find(view, "Button", "Worked solution")
    assert show.disabled
    lab.check("baseline", reported_accuracy=0.1)
    assert not show.disabled
    show.click()
    assert "clean_accuracy(case.victim" in texts(view)


def test_three_failures_bring_a_step_unasked_and_a_timeline(lab: LabSession) -> None:
    view = lab.checkpoint("baseline")
    for guess in (0.1, 0.2, 0.3):
        lab.check("baseline", reported_accuracy=guess)
    shown = texts(view)
    assert "Take this step and go on from there" in shown
    assert "Your attempts: 3" in shown
    assert "3 attempts" in shown
    assert "not reached yet, 3 tried" in shown


def test_a_wrong_artefact_is_explained_and_is_no_attempt(lab: LabSession) -> None:
    card = lab.check("first-flip", x_adv=torch.zeros(2))
    assert "That did not work" in card.markup
    assert not lab.session.attempts("first-flip")


def test_resetting_asks_first(lab: LabSession) -> None:
    lab.check("baseline", reported_accuracy=0.1)
    view = lab.reset_button()
    find(view, "Button", "Start this lab anew").click()
    assert lab.session.attempts("baseline")
    find(view, "Button", "Yes").click()
    assert not lab.session.attempts("baseline")


def test_the_evidence_pack_is_written_with_the_dials(lab: LabSession) -> None:
    lab.check("baseline", reported_accuracy=0.1)
    lab.note("baseline", {"attack": "none"})
    view = lab.evidence()
    find(view, "Button", "Add to my evidence pack").click()
    assert "Kept in" in texts(view)
    assert list(lab.session.evidence_path.rglob("*.json"))


def test_the_installation_card_runs_every_check(lab: LabSession) -> None:
    shown = texts(lab.installation())
    assert shown.count("in order") == 5, shown


def test_the_debrief_tells_what_changes_at_scale(lab: LabSession) -> None:
    shown = texts(lab.debrief())
    assert "What changes at scale" in shown
    assert "At the end" in shown


def test_a_demo_number_in_the_address_picks_the_prepared_state(lab: LabSession) -> None:
    demo = opening._demo(lab.lab, "3")
    shown = LabSession(lab.session, demo=demo)
    assert shown.state("attack_range") == {"attack": "fgsm", "epsilon": 0.2}
    assert shown.state("curve_panel") == {}
    assert "One chosen step" in texts(shown.header())
    for nonsense in ("0", "99", "-1", "one", None):
        assert opening._demo(lab.lab, nonsense) is None
