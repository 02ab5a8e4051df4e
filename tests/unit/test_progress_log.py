"""The progress log keeps what it is given, in order, and says clearly when it cannot."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pytest

from labkit.core import InvalidInputError, StorageError
from labkit.course import ProgressLog
from labkit.course.progress import new_event


@pytest.fixture
def log(tmp_path):
    return ProgressLog(tmp_path / "of" / "somebody" / "progress.sqlite")


def test_events_come_back_in_the_order_in_which_they_happened(log):
    for number in range(5):
        log.append("ada", "L02", "checked", {"number": number, "text": "ε ≤ 0.1"})

    events = log.events()

    assert [event.payload["number"] for event in events] == [0, 1, 2, 3, 4]
    assert events[0].payload["text"] == "ε ≤ 0.1"
    assert abs(events[0].time - events[-1].time) < 60


def test_events_are_filtered_by_learner_lab_and_kind(log):
    log.append("ada", "L02", "checked")
    log.append("ada", "L00", "checked")
    log.append("bob", "L02", "reset")

    assert len(log.events(learner="ada")) == 2
    assert len(log.events(lab="L02")) == 2
    assert len(log.events("bob", "L02", "checked")) == 0
    assert log.learners() == ["ada", "bob"]


def test_an_empty_log_has_no_events_and_makes_no_file(log):
    assert log.events() == []
    assert not log.path.exists()


def test_an_event_kept_twice_is_there_once(log):
    event = new_event("ada", "L02", "checked", {})

    log.keep(event)
    log.keep(event)

    assert log.events() == [event]


@pytest.mark.parametrize("statement", ["UPDATE events SET learner = 'eve'", "DELETE FROM events"])
def test_what_was_recorded_cannot_be_changed_or_deleted(log, statement):
    log.append("ada", "L02", "checked")

    with sqlite3.connect(log.path) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()

    assert log.events()[0].learner == "ada"


def test_whoever_is_forgotten_is_gone_from_the_disk_and_the_rest_stays_append_only(log):
    for number in range(300):
        log.append("ada", "L02", "checked", {"said": f"ada's own words {number}"})
        log.append("bob", "L02", "checked", {"said": f"bob's own words {number}"})
    log.forget("ada")
    assert {event.learner for event in log.events()} == {"bob"}
    assert len(log.events()) == 300
    kept = b"".join(path.read_bytes() for path in log.path.parent.glob(f"{log.path.name}*"))
    assert b"bob's own words 7" in kept
    assert b"ada's own words" not in kept
    with (
        closing(sqlite3.connect(log.path)) as connection,
        pytest.raises(sqlite3.DatabaseError, match="append"),
    ):
        connection.execute("DELETE FROM events")


def test_a_log_is_followed_from_a_mark_and_says_when_it_is_another_one(log):
    assert log.following() == ([], (0, ""))
    first = log.append("ada", "L02", "opened")
    events, mark = log.following()
    assert events == [first]
    second = log.append("bob", "L02", "opened")
    assert log.following(mark) == ([second], (2, second.uid))
    assert log.following((2, second.uid)) == ([], (2, second.uid))
    log.forget("bob")
    assert log.following((2, second.uid)) is None


def test_the_file_is_for_its_owner_only(log):
    log.append("ada", "L02", "checked")

    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_payload_that_json_cannot_hold_is_refused(log):
    for payload in ({"value": float("nan")}, {"value": object()}):
        with pytest.raises(InvalidInputError, match="JSON"):
            log.append("ada", "L02", "checked", payload)
    with pytest.raises(InvalidInputError, match="learner"):
        log.append("", "L02", "checked")


def test_a_damaged_file_is_set_aside_and_nothing_is_deleted(log):
    log.append("ada", "L02", "checked")
    log.path.write_bytes(b"not a database " * 500)

    log.append("ada", "L02", "reset")

    assert [event.kind for event in log.events()] == ["reset"]
    (kept,) = log.path.parent.glob("*.damaged-*")
    assert kept.read_bytes().startswith(b"not a database")
    assert str(kept) in log.notice


def test_a_file_that_is_damaged_in_the_middle_is_set_aside(log):
    for number in range(400):
        log.append("ada", "L02", "checked", {"number": number, "padding": "x" * 200})
    content = bytearray(log.path.read_bytes())
    content[4096 : len(content) - 4096] = b"\xff" * (len(content) - 8192)
    log.path.write_bytes(bytes(content))

    assert log.events() == []
    assert "kept as" in log.notice
    log.append("ada", "L02", "reset")
    assert len(log.events()) == 1


def test_a_log_of_a_newer_labkit_is_left_alone(log):
    log.append("ada", "L02", "checked")
    with sqlite3.connect(log.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    for use in (log.events, lambda: log.append("ada", "L02", "reset")):
        with pytest.raises(StorageError, match="newer labkit"):
            use()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    log = ProgressLog(tmp_path / "file" / "progress.sqlite")

    with pytest.raises(StorageError, match="LABKIT_HOME"):
        log.append("ada", "L02", "checked")


def test_a_folder_in_place_of_the_file_is_a_storage_error(tmp_path):
    log = ProgressLog(tmp_path)

    with pytest.raises(StorageError, match="LABKIT_HOME"):
        log.append("ada", "L02", "checked")
