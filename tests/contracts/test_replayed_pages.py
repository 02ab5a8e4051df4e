"""A page that was recorded for nobody and adopted is the page that was run for its participant.

For every lab: what the cells show, down to the state of every widget, is compared between the
two, for somebody new and for somebody who comes back with answers, predictions, hints and attempts.
"""

from __future__ import annotations

import re
import threading

import pytest

from labkit.course import Session, labs
from labkit.course.modules import load_module
from labkit.server.replay.record import WIDGET
from labkit.server.replay.recording import cells_of, record, rehearse
from labkit.server.replay.shell import shell
from labkit.ui import opening

PAGES = [(lab, scenario.id) for lab in labs() for scenario in lab.scenarios]
IDS = [f"{lab.id}-{scenario}" for lab, scenario in PAGES]


@pytest.fixture
def page(own_home, monkeypatch):
    """The environment of a dashboard that a participant asked for."""
    from ipywidgets import Widget

    monkeypatch.setenv("SERVER_SOFTWARE", "voila/test")
    monkeypatch.setenv("QUERY_STRING", "")
    monkeypatch.setenv("LABKIT_LEARNER", "ann")
    monkeypatch.setenv("LABKIT_SEED", "11")
    monkeypatch.setenv("LABKIT_THINK_SECONDS", "0")
    yield monkeypatch
    Widget.close_all()


def run_in_full(lab):
    """Run the notebook as a kernel does, for the participant of the environment."""
    before = set(threading.enumerate())  # other tests' threads are not waited for
    with shell({}) as run:
        outputs = {name: run(source) for name, source in cells_of(lab).items()}
        for thread in set(threading.enumerate()) - before:
            thread.join(60)
        return outputs


def replayed(lab, scenario):
    """Record the page for nobody, and give it to the participant of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LABKIT_LEARNER")
        patch.delenv("LABKIT_SEED")
        recording = record(lab, scenario)
    opening.adopt(recording.lab)
    return recording.record.outputs


def seen(outputs):
    """Return what outputs show, with the widgets behind them and without their numbers."""
    return {name: [_seen(output) for output in shown] for name, shown in outputs.items()}


def _seen(output):
    data = dict(output.get("data", {}))
    view = data.pop(WIDGET, None)
    if view is not None:
        return _widget(view["model_id"])
    return data or output["text"]


def _widget(number):
    from ipywidgets.widgets.widget import _instances

    def follow(value):
        if isinstance(value, str) and value.startswith("IPY_MODEL_"):
            return _widget(value.removeprefix("IPY_MODEL_"))
        if isinstance(value, (list, tuple)):
            return [follow(each) for each in value]
        if isinstance(value, dict):
            return {key: follow(each) for key, each in value.items()}
        return value

    widget = _instances[number]
    return {"kind": widget._model_name, **{key: follow(each) for key, each in widget.get_state().items()}}


def differences(one, other, path=""):
    """Return where two pages differ, in words short enough to read."""
    if type(one) is not type(other):
        return [f"{path}: {one!r:.200} is not {other!r:.200}"]
    if isinstance(one, dict):
        keys = sorted({*one, *other}, key=str)
        return [each for key in keys for each in differences(one.get(key), other.get(key), f"{path}/{key}")]
    if isinstance(one, list) and len(one) == len(other):
        return [
            each
            for i, both in enumerate(zip(one, other, strict=True))
            for each in differences(*both, f"{path}/{i}")
        ]
    if isinstance(one, str):
        one, other = (re.sub(r"took \d+ ms", "took some time", each) for each in (one, other))
    return [] if one == other else [f"{path}: {one!r:.200} is not {other!r:.200}"]


def leave_traces(lab, scenario):
    """Do a little of everything in a lab, so that there is something to come back to."""
    session = Session(lab, scenario)
    for position in range(len(lab.recall)):
        session.answer_recall(position, [0])
    for form in ("pre", "post"):
        if lab.form(form):
            session.answer_item(form, 0, [0])
    for number, prediction in enumerate(lab.predictions):
        session.predict(prediction.id, prediction.options[0] if prediction.options else 50, 60)
        if number == 0:
            session.outcome(prediction.id)
    for checkpoint in lab.checkpoints:
        session.hint(checkpoint.id)
    for checkpoint, artefacts in load_module(lab, "bots").nothing(session.case):
        session.check(checkpoint, **artefacts)


@pytest.mark.parametrize(("lab", "scenario"), PAGES, ids=IDS)
def test_a_replayed_page_is_the_page_of_its_participant(lab, scenario, page):
    page.setenv("QUERY_STRING", f"scenario={scenario}")
    assert differences(seen(replayed(lab, scenario)), seen(run_in_full(lab))) == []


@pytest.mark.parametrize("lab", labs(), ids=lambda lab: lab.id)
def test_somebody_who_comes_back_finds_what_was_left(lab, page):
    scenario = lab.scenarios[0].id
    leave_traces(lab, scenario)
    rehearse(lab, scenario)
    shown = seen(replayed(lab, scenario))
    assert differences(shown, seen(run_in_full(lab))) == []
    page.setenv("LABKIT_LEARNER", "bob")
    assert differences(shown, seen(run_in_full(lab))) != []


@pytest.mark.parametrize("lab", [lab for lab in labs() if lab.demo], ids=lambda lab: lab.id)
def test_a_live_demo_is_replayed_in_its_prepared_state_and_is_nobodys_work(lab, page):
    page.setenv("QUERY_STRING", "demo=1")
    assert differences(seen(replayed(lab, lab.scenarios[0].id)), seen(run_in_full(lab))) == []
    from labkit.course import ProgressLog

    assert [event.kind for event in ProgressLog().events() if event.kind == "opened"] == []


@pytest.mark.parametrize("lab", labs(), ids=lambda lab: lab.id)
def test_recording_writes_nothing_to_the_log(lab, page, own_home):
    rehearse(lab, lab.scenarios[0].id)
    record(lab, lab.scenarios[0].id)
    assert not (own_home / "data" / "progress.sqlite").exists()
    assert list(own_home.rglob("progress.sqlite")) == []
