"""The small parts of the server, without a server."""

import io
import logging
import sys
import zipfile

import nbformat
import pytest
from tornado.iostream import StreamClosedError

from labkit.core.errors import StorageError
from labkit.course import Attempt, find_lab
from labkit.course.answers import Calibration
from labkit.evidence import EvidencePack
from labkit.server.background import Trainer, VictimState
from labkit.server.charts import attempts_chart, calibration_chart
from labkit.server.evidence import archive
from labkit.server.hands_on import copy_of
from labkit.server.launch import is_loopback
from labkit.server.logs import Noise, OneLine, logging_config
from labkit.server.rendering import lab_path, prepared


@pytest.fixture
def lab():
    return find_lab("L00")


def _record(message, error=None):
    return logging.LogRecord("ServerApp", logging.ERROR, __file__, 1, message, (), error)


def test_a_dashboard_has_no_cell_that_is_written_by_hand(lab):
    notebook = prepared(nbformat.read(lab.folder / "lab.ipynb", as_version=4), lab)
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    assert "hands-on" not in tags
    assert "dashboard" in tags
    assert notebook.metadata.title.startswith("Start here")


def test_a_notebook_cannot_choose_its_kernel_or_template(lab):
    notebook = nbformat.v4.new_notebook(
        metadata={
            "voila": {"template": "other"},
            "kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"},
        }
    )
    shown = prepared(notebook, lab)
    assert "voila" not in shown.metadata
    assert shown.metadata.kernelspec.name == "python3"


def test_only_the_notebook_of_the_lab_is_rendered(lab):
    assert lab_path(lab) == "L00-start-here/lab.ipynb"


def test_the_chart_of_attempts_says_in_words_what_it_shows(lab):
    checkpoint = lab.checkpoints[1]
    tried = [Attempt("2026-01-01", 0.2, False), Attempt("2026-01-02", 0.8, True)]
    chart = attempts_chart(checkpoint, tried)
    assert "attempt 1: 0.2, not reached; attempt 2: 0.8, reached" in chart
    assert chart.count("<circle") == 1
    assert chart.count("<rect") == 1


def test_attempts_that_could_not_be_measured_make_no_chart(lab):
    assert attempts_chart(lab.checkpoints[0], [Attempt("2026-01-01", None, False)]) == ""


def test_the_chart_of_confidence_says_in_words_what_it_shows():
    nan = float("nan")
    empty = [(low, low + 20, 0, nan, nan) for low in (0, 20, 40, 60)]
    chart = calibration_chart(Calibration(2, 0.1, (*empty, (80, 100, 2, 0.9, 0.5))))
    assert "90% sure, 50% right, 2 predictions" in chart
    assert calibration_chart(Calibration(0, None, tuple(empty))) == ""


def test_the_terminal_shows_one_line_and_no_traceback():
    try:
        raise ValueError("inside")
    except ValueError:
        shown = OneLine().format(_record("it failed\nand more", sys.exc_info()))
    assert shown.endswith("error it failed")
    assert "inside" not in shown


def test_what_comes_with_every_start_is_not_shown():
    assert not Noise().filter(_record("All authentication is disabled.  Anyone who can ..."))
    assert Noise().filter(_record("the disk is full"))


def test_a_browser_that_went_on_while_a_file_was_coming_is_not_shown():
    shown = []
    for error in (StreamClosedError(), OSError("the disk fails")):
        try:
            raise error
        except OSError:
            shown.append(Noise().filter(_record("Uncaught exception GET /a.js", sys.exc_info())))
    assert shown == [False, True]


def test_details_go_to_a_file_only_where_there_is_one(tmp_path):
    assert "file" not in logging_config(None)["handlers"]
    assert logging_config(tmp_path / "server.log")["handlers"]["file"]["filename"].endswith("server.log")


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.1.5", False),
        ("lab.example", False),
    ],
)
def test_a_token_is_asked_for_wherever_others_can_reach_the_server(host, only_here):
    assert is_loopback(host) is only_here


def test_two_fresh_copies_within_a_second_both_keep_the_work(lab, tmp_path):
    for words in ("first", "second", "third"):
        copy_of(lab, tmp_path).write_text(words)
        copy_of(lab, tmp_path, fresh=True)
    kept = {path.read_text() for path in (tmp_path / lab.folder.name).glob("lab *.ipynb")}
    assert kept == {"first", "second", "third"}


def test_a_workspace_that_cannot_be_written_is_said_in_words(lab, tmp_path):
    (tmp_path / lab.folder.name).write_text("in the way")
    with pytest.raises(StorageError, match="LABKIT_HOME"):
        copy_of(lab, tmp_path)


def test_the_evidence_is_taken_away_whole(tmp_path):
    pack = EvidencePack(tmp_path)
    pack.add("L02", "Robustness", {"accuracy": 0.5}, {"note": "what I did"})
    with zipfile.ZipFile(io.BytesIO(archive(pack))) as packed:
        names = packed.namelist()
    assert "evidence/pack.html" in names
    assert any(name.startswith("evidence/entries/") for name in names)
    assert any(name.endswith("note.txt") for name in names)


def test_the_catalogue_says_what_is_trained_until_all_is_ready():
    trainer = Trainer()
    assert trainer.summary == ""
    trainer._states = {
        "a": VictimState("cnn on digits", "ready", 1.0),
        "b": VictimState("resnet on signs", "training", 0.4),
    }
    assert "1 of 2 models are ready; resnet on signs is being trained, 40%" in trainer.summary
    trainer._states["b"] = VictimState("resnet on signs", "ready", 1.0)
    assert trainer.summary == ""
