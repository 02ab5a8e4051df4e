"""The parts of a class: who entered, who guesses, what is said, what reaches a kernel."""

import asyncio
import json
import struct
import time

import pytest

from labkit.core.errors import InvalidInputError, StorageError, UnknownNameError
from labkit.course import ProgressLog, Session, learner_name
from labkit.course.gate import DEMONSTRATION
from labkit.course.quiz import Quiz
from labkit.server.keeping.turns import Turns
from labkit.server.room.bulletin import Bulletin
from labkit.server.room.channels import refusal
from labkit.server.room.opening import class_folder, default_capacity, open_room
from labkit.server.room.people import People, clean_name
from labkit.server.room.room import Room
from labkit.server.room.throttle import Throttle
from tests.unit.test_quiz import right_answer

# The linter takes a literal for a password that somebody forgot here.
FIRST, SECOND = (f"token {number}" for number in (1, 2))
V1 = "v1.kernel.websocket.jupyter.org"


pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def log(tmp_path):
    return ProgressLog(tmp_path / "progress.sqlite")


@pytest.fixture
def room(log):
    return Room("tested", log, b"secret", board_token=FIRST, capacity=2)


# ---------------------------------------------------------------- people


def test_people_are_known_again_after_a_restart_by_code_and_by_id(log):
    person, code = People(log, b"secret").enter("  Ada \t Lovelace ")
    again = People(log, b"secret")
    assert again.find(person.id).name == "Ada Lovelace"
    assert again.come_back(f" {code.lower()} ").id == person.id
    assert again.come_back(code[:-1] + ("A" if code[-1] != "A" else "B")) is None
    assert People(log, b"another secret").come_back(code) is None


def test_the_code_is_kept_nowhere(log):
    _, code = People(log, b"secret").enter("Ada")
    kept = b"".join(path.read_bytes() for path in log.path.parent.glob("progress.sqlite*"))
    assert b"Ada" in kept
    assert code.encode() not in kept
    assert code.replace("-", "").encode() not in kept


@pytest.mark.parametrize("name", ["", "  \n ", "\u200b\u202e", "x" * 41])
def test_a_name_that_says_nothing_or_too_much_is_refused(name):
    with pytest.raises(InvalidInputError, match="expected a name"):
        clean_name(name)


def test_a_name_is_kept_on_one_line_and_runs_one_way():
    assert clean_name("A\nda\u202e!") == "A da !"


# ---------------------------------------------------------------- guessing


def test_who_guesses_waits_and_others_do_not():
    now = [0.0]
    throttle = Throttle(each=3, together=5, clock=lambda: now[0])
    for _ in range(3):
        assert throttle.wait_seconds("eve") == 0
        throttle.count("eve")
        now[0] += 1
    assert throttle.wait_seconds("eve") == pytest.approx(57)
    assert throttle.wait_seconds("ada") == 0
    throttle.count("mallory")
    throttle.count("trudy")
    assert throttle.wait_seconds("ada") > 0
    now[0] = 61.5
    assert throttle.wait_seconds("ada") == 0


# ---------------------------------------------------------------- the room


def test_kernels_have_owners_and_the_newest_of_somebody_stay(room):
    room.capacity = 9
    ada, eve = (room.people.enter(name)[0].id for name in ("Ada", "Eve"))
    assert room.started(ada, "k1", "L02") == []
    assert room.owns(ada, "k1")
    assert not room.owns(eve, "k1")
    assert not room.owns("", "unknown")
    for number in (2, 3):
        assert room.started(ada, f"k{number}", "L02") == []
    assert room.started(ada, "k4", "L00") == ["k1"]
    room.ended("k1")
    assert room.kernels_of(ada, "L02") == ["k2", "k3"]


def test_in_a_full_room_one_s_own_oldest_makes_room_and_nobody_else_s(room):
    ada, eve = (room.people.enter(name)[0].id for name in ("Ada", "Eve"))
    room.started(eve, "k1", "L02")
    assert room.started(ada, "k2", "L02") == []
    assert room.started(ada, "k3", "L02") == ["k2"]


def test_the_room_is_full_for_newcomers_and_not_for_those_inside(room):
    ada, eve, kim = (room.people.enter(name)[0].id for name in ("Ada", "Eve", "Kim"))
    room.started(ada, "k1", "L02")
    assert not room.is_full(kim)
    room.started(eve, "k2", "L02")
    assert room.is_full(kim)
    assert not room.is_full(ada)
    room.ended("k2")
    assert not room.is_full(kim)


def test_a_page_counts_as_open_while_it_is(room):
    ada = room.people.enter("Ada")[0].id
    with room.present(ada), room.present(ada):
        assert room.seats()[0].connected
    assert not room.connected(ada)
    assert room.seats()[0].last_seen > 0


def test_what_is_said_reaches_whom_it_is_for_now_and_later(log, room):
    ada, eve = (room.people.enter(name)[0].id for name in ("Ada", "Eve"))
    room.bulletin.push("for all")
    room.bulletin.push("for Ada", participant=ada, lab="L02")
    after_restart = Room("tested", log, b"secret", board_token=SECOND, capacity=2)
    told = room.bulletin.messages_for(ada)
    assert [(news["text"], news["lab"]) for news in told] == [("for all", ""), ("for Ada", "L02")]
    assert len({news["key"] for news in told}) == 2
    for each in (room.bulletin, after_restart.bulletin):
        assert each.messages_for(ada) == told
        assert [news["text"] for news in each.messages_for(eve)] == ["for all"]
        assert [message.to for message in each.pushed()] == ["everybody", "Ada"]


def test_what_was_said_hours_ago_is_not_said_again(log, room):
    ada = room.people.enter("Ada")[0].id
    room.bulletin.push("five minutes left")
    for hours, heard in ((1, ["five minutes left"]), (3, [])):
        later = Bulletin(log, room.people, clock=lambda hours=hours: time.time() + hours * 3600)
        assert [news["text"] for news in later.messages_for(ada)] == heard


def test_messages_of_two_classes_are_told_apart(tmp_path):
    keys = set()
    for name in ("one", "other"):
        room = Room(name, ProgressLog(tmp_path / name), b"secret", board_token=FIRST, capacity=2)
        room.bulletin.push("hello")
        keys |= {news["key"] for news in room.bulletin.messages_for("p-1")}
    assert len(keys) == 2


def test_news_arrive_on_open_pages_and_on_no_others(room):
    ada, eve = (room.people.enter(name)[0].id for name in ("Ada", "Eve"))

    async def scene():
        with room.bulletin.listening(ada) as to_ada, room.bulletin.listening(eve) as to_eve:
            room.bulletin.push("for Ada", participant=ada)
            room.set_lab_state("L02", "frozen")
            room.bulletin.push("for all")
            return [
                [(await each())["kind"] for _ in range(count)] for each, count in ((to_ada, 3), (to_eve, 2))
            ]

    assert asyncio.run(scene()) == [["message", "state", "message"], ["state", "message"]]


@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_a_lab_that_is_not_open_takes_no_check_and_that_is_no_attempt(log, room, state):
    session = Session("L00", learner="ada", seed=1, log=log)
    checkpoint = session.lab.checkpoints[0].id
    room.set_lab_state("L00", state)
    assert room.restricted() == {"L00": state}
    with pytest.raises(InvalidInputError, match=state):
        session.check(checkpoint, reported_accuracy=0.5)
    assert session.attempts(checkpoint) == []
    room.set_lab_state("L00", "open")
    session.check(checkpoint, reported_accuracy=0.5)
    assert len(session.attempts(checkpoint)) == 1
    with pytest.raises(UnknownNameError, match="closed"):
        room.set_lab_state("L00", "shut")


@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_a_lab_that_is_not_open_takes_no_answer_to_a_question_and_keeps_none(log, room, state):
    session = Session("L00", learner="ada", seed=1, log=log)
    quiz = Quiz("ada", seed=1, lab="L00", log=log)
    item, guess = quiz.next().item, session.lab.predictions[0]

    def answer_all():
        yield from (
            lambda: session.answer_recall(0, [0]),
            lambda: session.answer_item("pre", 0, [0]),
            lambda: session.predict(guess.id, guess.options[0] if guess.options else 0.5, 60),
            lambda: quiz.answer(item.id, right_answer(item)),
        )

    before = log.events(learner="ada")
    room.set_lab_state("L00", state)
    for answer in answer_all():
        with pytest.raises(InvalidInputError, match=f"Your instructor has {state} this lab"):
            answer()
    assert log.events(learner="ada") == before
    room.set_lab_state("L00", "open")
    for answer in answer_all():
        answer()
    assert len(quiz.given()) == 1


def test_another_lab_that_is_frozen_stops_no_answer(log, room):
    room.set_lab_state("L02", "frozen")
    quiz = Quiz("ada", seed=1, lab="L00", log=log)
    item = quiz.next().item
    quiz.answer(item.id, right_answer(item))
    assert [given.item for given in quiz.given()] == [item.id]


def test_whoever_shows_a_lab_goes_on_while_the_class_waits_and_takes_no_place(log, room):
    shown = Session("L00", learner=DEMONSTRATION, seed=1, log=log, opened=False)
    room.set_lab_state("L00", "frozen")
    shown.check(shown.lab.checkpoints[0].id, reported_accuracy=0.5)
    ada, eve, kim = (room.people.enter(name)[0].id for name in ("Ada", "Eve", "Kim"))
    room.started(DEMONSTRATION, "k0", "L00")
    room.started(ada, "k1", "L02")
    assert not room.is_full(eve)
    room.started(eve, "k2", "L02")
    assert room.is_full(kim)
    with room.present(DEMONSTRATION), room.present(ada):
        assert room.labs_now() == {"L02": 1}
    assert DEMONSTRATION not in {seat.id for seat in room.seats()}


def test_a_reset_is_of_one_participant_and_keeps_what_was(log, room):
    ada, eve = (room.people.enter(name)[0].id for name in ("Ada", "Eve"))
    for learner in (ada, eve):
        Session("L00", learner=learner, seed=1, log=log)
    room.started(ada, "k1", "L00")
    assert room.reset(ada, "L00") == ["k1"]
    assert [event.kind for event in log.events(learner=ada, lab="L00")] == ["opened", "reset"]
    assert [event.kind for event in log.events(learner=eve, lab="L00")] == ["opened"]


def test_the_quiz_or_everything_of_somebody_can_begin_anew(log, room):
    ada = room.people.enter("Ada")[0].id
    for lab in ("L00", "L17", "quiz"):
        log.append(ada, lab, "opened", {})
    room.started(ada, "k1", "L17")
    assert room.reset(ada, "quiz") == ["k1"]  # any lab may show it
    assert [event.lab for event in log.events(learner=ada, kind="reset")] == ["quiz"]
    assert room.reset(ada) == ["k1"]
    assert [event.lab for event in log.events(learner=ada, kind="reset")][1:] == ["L00", "L17", "quiz"]


def test_whoever_is_taken_out_is_unknown_from_then_on_also_after_a_restart(log, room):
    (ada, code), (eve, _) = (room.people.enter(name) for name in ("Ada", "Eve"))
    room.started(ada.id, "k1", "L00")
    room.bulletin.push("for Ada", participant=ada.id)
    assert room.remove(ada.id) == ["k1"]
    again = Room("tested", log, b"secret", board_token=SECOND, capacity=2)
    for each in (room, again):
        assert [seat.id for seat in each.seats()] == [eve.id]
        assert each.people.find(ada.id) is None
        assert each.people.come_back(code) is None
    assert [message.to for message in again.bulletin.pushed()] == ["somebody who left"]
    assert [event.kind for event in log.events(learner=ada.id)] == ["entered", "removed"]


def test_a_class_takes_so_many_and_no_more_until_somebody_is_taken_out(log):
    people = People(log, b"secret", most=2)
    first, _ = people.enter("one")
    people.enter("two")
    with pytest.raises(InvalidInputError, match="no more may"):
        people.enter("three")
    people.remove(first.id)
    people.enter("three")


def test_the_number_that_stands_for_a_name_is_drawn_once_and_kept(log):
    people = People(log, b"secret")
    known = [people.enter(f"Name {place}")[0] for place in range(40)]
    assert len({person.number for person in known}) == 40
    assert [person.number for person in known] != sorted(person.number for person in known)
    people.remove(known[7].id)
    again = {person.id: person.number for person in People(log, b"secret").everybody()}
    assert again == {person.id: person.number for person in known if person is not known[7]}


def test_those_of_an_older_version_get_numbers_that_stay(log):
    for place in range(5):
        log.append(f"p-{place}", "", "entered", {"name": "Old", "code": str(place)})
    first = [person.number for person in People(log, b"secret").everybody()]
    People(log, b"secret").enter("New")
    assert [person.number for person in People(log, b"secret").everybody()][:5] == first
    assert len(set(first)) == 5


def test_pages_of_one_participant_are_prepared_one_after_the_other_and_only_so_many():
    turns, at_work, most = Turns(most=3), 0, 0

    async def page(owner):
        nonlocal at_work, most
        with turns.counted(owner) as allowed:
            if not allowed:
                return False
            async with turns.of(owner):
                at_work, most = at_work + 1, max(most, at_work + 1)
                await asyncio.sleep(0.01)
                at_work -= 1
            return True

    async def scene():
        return await asyncio.gather(*(page("eve") for _ in range(8)))

    assert sum(asyncio.run(scene())) == 3
    assert most == 1
    assert asyncio.run(page("eve"))  # nothing is left behind


# ---------------------------------------------------------------- opening a class


def test_a_class_has_a_folder_a_secret_and_a_log_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    first = open_room("Autumn 2026", capacity=3, with_code=True)
    folder = class_folder("Autumn 2026")
    assert folder.name == "autumn_2026"
    assert (folder / "secret").stat().st_mode & 0o077 == 0
    assert len(first.join_code) == 6
    person, code = first.people.enter("Ada")
    again = open_room("autumn 2026")
    assert again.people.come_back(code).id == person.id
    assert again.board_token != first.board_token
    assert again.capacity == default_capacity()
    other = open_room("spring")
    assert other.people.everybody() == []
    assert other.secret != first.secret


def test_a_damaged_secret_is_not_replaced_in_silence(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    open_room("a")
    (class_folder("a") / "secret").write_bytes(b"short")
    with pytest.raises(StorageError, match="damaged"):
        open_room("a")


def test_a_room_for_nobody_is_refused():
    with pytest.raises(InvalidInputError, match="got 0"):
        open_room("a", capacity=0)


@pytest.mark.parametrize(
    ("environment", "learner"),
    [
        ({}, "local"),
        ({"JUPYTERHUB_USER": "ada"}, "ada"),
        ({"JUPYTERHUB_USER": "ada", "LABKIT_LEARNER": "p-1"}, "p-1"),
    ],
)
def test_the_learner_is_who_the_room_or_the_hub_says(monkeypatch, environment, learner):
    for name in ("JUPYTERHUB_USER", "LABKIT_LEARNER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert learner_name() == learner


# ---------------------------------------------------------------- the wire to a kernel


def _legacy(kind, channel="shell", **content):
    about = {"header": {"msg_type": kind}, "parent_header": {}, "metadata": {}, "content": content}
    return json.dumps({**about, "channel": channel})


def _v1(kind, channel=b"shell", **content):
    parts = [channel, json.dumps({"msg_type": kind}).encode(), b"{}", b"{}", json.dumps(content).encode()]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


@pytest.mark.parametrize("write", [_legacy, _v1])
def test_both_ways_of_writing_a_message_are_held_to_the_same_list(write):
    protocol = V1 if write is _v1 else None
    assert refusal(write("comm_msg", comm_id="x", data={}), protocol) == ""
    assert refusal(write("kernel_info_request"), protocol) == ""
    assert refusal(write("comm_open", target_name="jupyter.widget.control"), protocol) == ""
    assert "execute_request" in refusal(write("execute_request", code="1"), protocol)
    assert "comm" in refusal(write("comm_open", target_name="jupyter.widget"), protocol)
    assert "comm" in refusal(write("comm_open"), protocol)


def test_what_cannot_be_read_or_is_far_too_long_is_refused():
    for text in ("", "{", "[]", "{}", b"", b"\x00" * 40, _legacy("comm_msg", channel="stdin")):
        assert refusal(text, None)
    # A count of parts that nobody could hold must be refused before it is believed.
    for flood in (b"\xff" * 64, b"\x00" * 64, b"\x7f" * 64):
        assert refusal(flood, V1)
        assert refusal(flood, None)
    assert "bytes" in refusal(_legacy("comm_msg", data="x" * 1_000_001), None)
