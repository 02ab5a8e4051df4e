"""The end of an exam at the desk: said in time, sealed and sent by itself; practice never is."""

from datetime import UTC, datetime, timedelta

import pytest

from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.receiving.extending import extend
from labkit.exams.sitting import Sitting, make_sitting
from labkit.ui.exam import ExamDesk
from labkit.ui.exam.clock import Clock, _pause
from tests.exam_example import make_exam
from tests.exam_receivers import Service


class Machine:
    """The clock of a machine, which a test sets."""

    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def exam(tmp_path, monkeypatch):
    made = make_exam(tmp_path / "exams")
    monkeypatch.setenv("LABKIT_EXAMS", str(made.parent))
    return made


@pytest.fixture
def service(tmp_path, exam):
    made = Service.make(tmp_path, exam).start()
    yield made
    if made.process.poll() is None:
        made.kill()


def without_service(tmp_path, exam, mode, machine):
    examiner = Examiner.create(tmp_path / "alone", None, exam=exam)
    session = examiner.open_session(Candidate("Ada"), mode, now=machine.now)
    make_sitting(examiner, session, tmp_path / "sitting")
    return Sitting(tmp_path / "sitting", machine)


def at_the_end(service, folder, seconds):
    """Return a sitting whose time ends in so many seconds."""
    start = datetime.now(UTC) - timedelta(minutes=30) + timedelta(seconds=seconds)
    return make_sitting(service.examiner, service.open(now=start), folder)


def test_an_exam_says_when_five_minutes_and_one_are_left_and_is_sealed_by_itself(tmp_path, exam):
    machine = Machine()
    sitting = without_service(tmp_path, exam, "exam", machine)
    desk = ExamDesk(sitting)
    start, said = machine.now, []
    for minutes in (1, 24.9, 25, 26, 28.9, 29, 29.5, 29.99):
        machine.now = start + timedelta(minutes=minutes)
        assert desk._tick() > 0
        said.append(desk.calls.value)
    news = [words for words, before in zip(said, ["", *said], strict=False) if words != before]
    assert len(news) == 3
    assert "10 minutes are left at most." in news[0]
    by_itself = "When the time is over, what you handed in is submitted by itself."
    assert f"5 minutes are left at most. {by_itself}" in news[1]
    assert f"One minute is left at most. {by_itself}" in news[2]
    assert [words == news[1] for words in said] == [False, False, True, True, True, False, False, False]
    assert not sitting.submitted
    machine.now = start + timedelta(minutes=30)
    assert desk._tick() is None
    assert sitting.submitted
    assert "Your exam is submitted." in desk.closing.receipt.value
    assert desk.closing.submit.disabled


@pytest.mark.parametrize("mode", ["practice", "rehearsal"])
def test_practice_is_not_sealed(tmp_path, exam, mode):
    machine = Machine()
    sitting = without_service(tmp_path, exam, mode, machine)
    desk = ExamDesk(sitting)
    for minutes in (25, 29, 31, 300):
        machine.now += timedelta(minutes=minutes)
        desk._tick()
    assert not sitting.submitted
    assert "by itself" not in desk.calls.value


def test_when_the_time_is_over_the_desk_seals_and_sends(service, tmp_path):
    sitting = at_the_end(service, tmp_path / "sitting", -5)
    desk = ExamDesk(sitting)
    assert desk._tick() is None
    assert "Received by the examiner&#x27;s server" in desk.closing.receipt.value
    assert ", in time." in desk.closing.receipt.value
    (line,) = service.arrivals.files(sitting.form.session)
    assert line.payload["late"] is False


def test_time_that_was_added_a_moment_ago_keeps_the_desk_open(service, tmp_path):
    sitting = at_the_end(service, tmp_path / "sitting", 1)
    sitting.state(ask=True)
    desk = ExamDesk(sitting)
    keys = service.receiving.keys()
    extend(service.receiving, keys, None, 5, reason="fire alarm", by="Gina", now=datetime.now(UTC))
    while not sitting.state().over:
        pass
    assert desk._tick() > 250
    assert not sitting.submitted
    assert "5 minutes more: fire alarm." in desk.calls.value
    assert "5 minutes more: fire alarm." in desk.time.value
    assert "by the examiner&#x27;s server" in desk.time.value


def test_nothing_is_sealed_by_a_clock_that_is_wrong_while_the_server_is_silent(service, tmp_path):
    """The network is not there yet when the desk is opened, and the machine is hours ahead."""
    session = service.open()
    make_sitting(service.examiner, session, tmp_path / "sitting").desk.clock.close()
    (tmp_path / "sitting/work/clock.json").unlink(missing_ok=True)
    service.kill()
    sitting = Sitting(tmp_path / "sitting", lambda: datetime.now(UTC) + timedelta(hours=2))
    desk = ExamDesk(sitting)
    assert desk._tick() < 0
    assert not sitting.submitted
    assert "The time is over, as far as this machine knows." in desk.calls.value
    service.start()
    assert desk._tick() > 29 * 60
    assert sitting.hand_in("T5", claimed_gain=0.5).number == 1


def test_a_clock_that_could_not_be_read_once_is_read_again(monkeypatch):
    monkeypatch.setattr("labkit.ui.exam.clock._pause", lambda left: 0.0)
    told = []

    def tick():
        told.append(len(told))
        if len(told) == 1:
            raise OSError("too many open files")

    Clock(tick)._run()
    assert told == [0, 1]


def test_what_was_not_received_is_said_and_sent_again_by_a_button_and_by_itself(
    service, tmp_path, monkeypatch
):
    sitting = at_the_end(service, tmp_path / "sitting", -5)
    service.kill()
    desk = ExamDesk(sitting)
    assert desk._tick() is not None
    assert sitting.submitted
    assert "Your exam is sealed, and was not received yet." in desk.closing.receipt.value
    assert desk.closing.again.layout.display == ""
    desk.closing.again.click()
    assert "NOT SENT" in desk.closing.receipt.value
    service.start()
    assert desk._tick() is not None
    assert not desk.closing.done
    monkeypatch.setattr("labkit.ui.exam.desk._AGAIN", 0.0)
    assert desk._tick() is None
    assert "Your exam is submitted." in desk.closing.receipt.value
    assert desk.closing.again.layout.display == "none"


def test_the_button_seals_and_sends(service, tmp_path):
    sitting = at_the_end(service, tmp_path / "sitting", 600)
    desk = ExamDesk(sitting)
    desk.closing.sure.value = True
    desk.closing.submit.click()
    assert "Received by the examiner&#x27;s server" in desk.closing.receipt.value
    assert service.arrivals.first(sitting.form.session) is not None
    assert desk._tick() is None


def test_the_last_minutes_begin_on_time_and_go_by_second():
    assert [_pause(left) for left in (4000, 307, 301, 300, 1, 0, -40)] == [20.0, 7, 1, 1.0, 1.0, 20.0, 20.0]
