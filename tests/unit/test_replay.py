"""What may be recorded, what may not, and which page is given out."""

import asyncio
import json
import logging
import shutil

import nbformat
import pytest

from labkit.core.errors import InvalidInputError, LabkitError
from labkit.core.paths import content_dir
from labkit.course import Session, find_lab
from labkit.server.replay.neutral import NeutralSession, NotNeutralError, Rehearsal
from labkit.server.replay.record import Record
from labkit.server.replay.recording import record
from labkit.server.replay.shelf import Shelf, scenario_asked
from labkit.ui.session import LabSession

OPENING = "import labkit\nlab = labkit.open_lab('L00')\nlab.header()"


@pytest.fixture
def lab_with(tmp_path, monkeypatch, own_home):
    """Return a function that makes L00 with other cells in its dashboard."""

    def make(*cells):
        folder = tmp_path / "notebooks" / "L00-start-here"
        shutil.copytree(content_dir("notebooks") / "L00-start-here", folder)
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell, id=f"c{i}") for i, cell in enumerate(cells)]
        )
        nbformat.write(notebook, folder / "lab.ipynb")
        monkeypatch.setenv("LABKIT_NOTEBOOKS", str(folder.parent))
        monkeypatch.setenv("SERVER_SOFTWARE", "voila/test")
        return find_lab("L00")

    yield make
    from ipywidgets import Widget

    Widget.close_all()


def test_a_record_survives_the_way_to_the_server(lab_with):
    made = record(lab_with(OPENING), "digits").record
    assert Record.from_json(made.to_json()) == made
    assert [each["output_type"] for each in made.outputs["c0"]] == ["display_data", "execute_result"]
    assert "text/plain" not in made.outputs["c0"][1]["data"]


@pytest.mark.parametrize(
    "personal", ["lab.session.seed", "lab.session.learner", "lab.case", "lab.session.evidence_path"]
)
def test_a_page_that_asks_who_its_participant_is_is_not_recorded(lab_with, personal):
    with pytest.raises(LabkitError, match="before there was one"):
        record(lab_with(OPENING, personal), "digits")


def test_a_page_that_prints_somebodys_progress_is_not_recorded(lab_with):
    with pytest.raises(NotNeutralError, match="after it looked at the learner's progress"):
        record(lab_with(OPENING, "print(len(lab.session.progress().passed))"), "digits")


def test_a_page_that_prints_what_is_the_same_for_all_is_recorded(lab_with):
    made = record(lab_with(OPENING, "print('the same for all')"), "digits").record
    assert made.outputs["c1"] == [{"output_type": "stream", "name": "stdout", "text": "the same for all\n"}]


def test_a_page_that_keeps_the_session_is_not_recorded(lab_with):
    with pytest.raises(NotNeutralError, match="keeps the session"):
        record(lab_with(OPENING, "kept = [lab.session]"), "digits")


def test_a_page_that_records_an_event_is_not_recorded(lab_with):
    with pytest.raises(NotNeutralError, match="'hinted' event before anybody had opened it"):
        record(lab_with(OPENING, "lab.session.hint('baseline')"), "digits")


def test_a_page_that_opens_the_log_by_itself_is_not_recorded(lab_with, own_home):
    with pytest.raises(NotNeutralError, match="opened the progress log"):
        record(lab_with(OPENING, "from labkit.course import ProgressLog\nProgressLog().events()"), "digits")
    assert list(own_home.rglob("progress.sqlite")) == []


def test_a_page_with_a_cell_that_fails_is_not_recorded(lab_with):
    with pytest.raises(LabkitError, match="a cell failed: RuntimeError"):
        record(lab_with(OPENING, "raise RuntimeError('no')"), "digits")


def test_a_page_that_fixes_its_variant_is_not_recorded(lab_with):
    with pytest.raises(NotNeutralError, match="opened the progress log"):
        record(lab_with("import labkit\nlab = labkit.open_lab('L00', seed=3)"), "digits")


def test_a_page_that_opens_no_lab_is_not_recorded(lab_with):
    with pytest.raises(NotNeutralError, match="to open one lab, it opened 0"):
        record(lab_with("print('nothing')"), "digits")


def test_after_a_recording_the_log_and_the_opening_are_as_before(lab_with):
    lab = lab_with(OPENING, "raise RuntimeError('no')")
    with pytest.raises(LabkitError):
        record(lab, "digits")
    assert Session(lab, learner="ann").progress().started


def test_a_neutral_session_says_nothing_of_a_participant_and_a_rehearsal_forgets(own_home):
    lab = find_lab("L00")
    neutral = NeutralSession(lab)
    assert not neutral.progress().started
    assert neutral.looked == 1
    with pytest.raises(NotNeutralError, match="asked for the seed"):
        neutral.seed  # noqa: B018 - reading it is what is tried
    rehearsal = Rehearsal(lab)
    rehearsal.answer_recall(0, [0])
    assert rehearsal.progress().recalled == {}
    assert list(own_home.rglob("progress.sqlite")) == []


def test_a_page_is_given_only_to_a_session_of_its_lab_and_scenario(own_home):
    page = LabSession(NeutralSession(find_lab("L02"), "digits"), held=True)
    with pytest.raises(InvalidInputError, match="expected a session of L02, scenario 'digits'"):
        page.adopt(Session("L02", "signs", learner="ann"))


def test_the_address_names_the_scenario_as_the_notebook_reads_it(monkeypatch):
    lab = find_lab("L02")
    assert scenario_asked(lab, "") == "digits"
    assert scenario_asked(lab, "scenario=digits&scenario=signs&demo=1") == "signs"
    assert scenario_asked(lab, "scenario=nonsense") == "digits"
    monkeypatch.setenv("LABKIT_SCENARIO", "signs")
    assert scenario_asked(lab, "demo=1") == "signs"


def test_without_a_warm_parent_there_is_no_recorded_page():
    async def compose(lab, record):
        raise AssertionError("nothing is composed")

    async def look():
        shelf = Shelf(compose, logging.getLogger())
        return shelf.find(find_lab("L02"), ""), shelf.labs, shelf.preparing

    assert asyncio.run(look()) == (None, [], False)


def test_a_record_is_json_and_holds_nothing_of_anybody(lab_with):
    made = json.loads(record(lab_with(OPENING), "digits").record.to_json())
    assert sorted(made) == ["lab", "notebook", "outputs", "rehearsed", "scenario"]
