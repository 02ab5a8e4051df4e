"""Cheats at the door: each ends in nothing gained, a record, and a service that still receives."""

import base64
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from labkit.cli import main
from labkit.core.errors import IntegrityError
from labkit.evidence.entry import canonical
from labkit.exams import chain
from labkit.exams.envelope.reading import read_envelope
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.grading import Submission, grade_for, received_by, session_facts, verify
from labkit.exams.grading.verifying import Arrival
from labkit.exams.receiving import Arrivals, Client, Receiving
from labkit.exams.receiving.agreement import CLOCK, HEADERS, RECEIPT, SUBMISSION, proof_of, token_of
from labkit.exams.receiving.client import ForgedError, SilentError
from labkit.exams.receiving.extending import extend
from labkit.exams.signing import Keys, create_keys
from labkit.exams.sitting import Sitting, make_sitting
from tests.exam_receivers import Service, answer_of, digest, running_service
from tests.exam_submissions import make_graded_exam


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service that runs, and has to run on whatever is done to it."""
    with running_service(tmp_path_factory.mktemp("cheats")) as made:
        yield made


@pytest.fixture(autouse=True)
def _the_service_still_receives(service):
    yield
    form = service.open().form
    assert service.put(form, b"an honest file")[0] == 200


@pytest.fixture
def sitting(service, tmp_path):
    """A sitting whose form names the service."""
    made = make_sitting(service.examiner, service.open(), tmp_path / "sitting")
    yield made
    made.desk.clock.close()


def opened(sitting, machine):
    """Return a sitting opened again on a machine with another clock."""
    return Sitting(sitting.folder, machine)


# -- The clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-5, 5])
def test_moved_clock(sitting, hours):
    again = opened(sitting, lambda: datetime.now(UTC) + timedelta(hours=hours))
    state = again.state()
    assert state.deadline_source == "the examiner's server"
    assert abs(state.seconds_left - 30 * 60) < 30
    assert again.hand_in("T5", claimed_gain=0.5).at[:13] == f"{datetime.now(UTC):%Y-%m-%dT%H}"


def test_clock_moved_while_the_sitting_is_open(sitting):
    shift = [timedelta()]
    again = opened(sitting, lambda: datetime.now(UTC) + shift[0])
    before = again.state()
    shift[0] = timedelta(hours=-9)
    after = again.state()
    assert before.seconds_left - 5 <= after.seconds_left <= before.seconds_left


def imposter(service, folder):
    """Return a service under another key that knows the sittings of the real one."""
    other = Service.make(folder, service.examiner.exam)
    shutil.rmtree(other.folder / "sessions")
    shutil.copytree(service.folder / "sessions", other.folder / "sessions")
    return other.start()


def form_for(service, port):
    """Return a signed form of the service's own, whose address leads to ``port``."""
    url = service.receiving.receiver.url
    try:
        Receiving.prepare(service.examiner.folder, f"http://127.0.0.1:{port}")
        return service.open()
    finally:
        Receiving.prepare(service.examiner.folder, url)


def test_forged_clock(service, tmp_path):
    other = Service.make(tmp_path / "other", service.examiner.exam)
    session = form_for(service, other.port)
    made = make_sitting(service.examiner, session, tmp_path / "sitting")
    shutil.copytree(service.folder / "sessions", other.folder / "sessions", dirs_exist_ok=True)
    keys = other.receiving.keys()
    now = datetime.now(UTC)
    extend(other.receiving, keys, [session.form.session], 400, reason="for a friend", by="Eve", now=now)
    other.start()
    try:
        with pytest.raises(ForgedError, match="did not sign"):
            Client(session.form).time()
        state = Sitting(made.folder).state()
        assert state.seconds_left <= 30 * 60
        assert state.added == ()
        assert "the server could not be believed since" in state.deadline_source
        receipt = made.submit()
        assert receipt.arrival is None
        assert "what answers is not the examiner's server" in receipt.problem
    finally:
        other.kill()


class _Parrot(http.server.BaseHTTPRequestHandler):
    """Answers whatever it is asked in the same way."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Location", self.server.elsewhere)
        self.send_header("Content-Length", str(len(self.server.says)))
        self.end_headers()
        self.wfile.write(self.server.says)

    def log_message(self, *about):
        pass


@pytest.fixture
def parrot():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Parrot)
    server.status, server.says, server.elsewhere, server.asked = 200, b"{}", "", 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def signed_by(service, form, **changes):
    """Return an answer of the clock that the real service signed, for an earlier question."""
    answer = {
        "session": form.session,
        "challenge": "0" * 32,
        "at": form.opened_at,
        "deadline": form.deadline,
        "over": False,
        "added": [],
        **changes,
    }
    return {"answer": answer, "signature": service.receiving.keys().sign("clock", answer)}


def test_replayed_clock(service, parrot, tmp_path):
    """An honest answer from the beginning of the exam, told again at its end."""
    form = form_for(service, parrot.server_port).form
    parrot.says = json.dumps(signed_by(service, form)).encode()
    with pytest.raises(ForgedError, match="another question"):
        Client(form).time()


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"not json",
        b"[]",
        b'{"answer": {}}',
        b'{"answer": 1, "signature": 2}',
        b"{" * 50_000,
        b"x" * 70_000,
    ],
)
def test_answers_that_are_none(service, parrot, says):
    form = form_for(service, parrot.server_port).form
    parrot.says = says
    with pytest.raises((ForgedError, SilentError)):
        Client(form).time()


def test_words_that_draw_on_the_terminal(service, parrot):
    form = form_for(service, parrot.server_port).form
    parrot.status, parrot.says = 403, json.dumps({"error": "\x1b[2Jall\nis\u202e well"}).encode()
    with pytest.raises(SilentError) as error:
        Client(form).time()
    assert str(error.value) == r"\x1b[2Jall is\u202e well"


class _Drip(_Parrot):
    """Answers a blank now and then, for ever."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" ")
                threading.Event().wait(0.05)
        except OSError:
            pass


def test_an_answer_in_drops_holds_nobody_up(service, parrot):
    parrot.RequestHandlerClass = _Drip
    form = form_for(service, parrot.server_port).form
    start = time.monotonic()
    with pytest.raises(SilentError):
        Client(form, seconds=0.3).time()
    assert time.monotonic() - start < 3


def test_redirects_are_not_followed(service, parrot):
    form = form_for(service, parrot.server_port).form
    parrot.status, parrot.elsewhere = 307, service.receiving.receiver.url + CLOCK
    with pytest.raises(SilentError):
        Client(form).time()
    assert parrot.asked == 1


def test_time_that_somebody_wrote_into_ones_own_folder(service, sitting):
    sitting.state(ask=True)
    sitting.desk.clock.close()
    kept = json.loads((sitting.folder / "work/clock.json").read_text())
    kept["answer"]["deadline"] = "2036-01-01T00:00:00.000Z"
    (sitting.folder / "work/clock.json").write_text(json.dumps(kept))
    assert Sitting(sitting.folder).state().deadline == sitting.form.deadline


def test_a_machine_set_back_does_not_go_behind_what_the_server_said(service, parrot, tmp_path):
    """The server is out of reach; what it signed before is kept."""
    session = form_for(service, parrot.server_port)
    made = make_sitting(service.examiner, session, tmp_path / "sitting")
    late = (datetime.now(UTC) + timedelta(minutes=25)).isoformat()
    made.desk.keep("clock.json", signed_by(service, session.form, at=late))
    again = opened(made, lambda: datetime.now(UTC) - timedelta(hours=3))
    assert again.state().seconds_left <= 5 * 60
    assert "could not be" in again.state().deadline_source


# -- Proofs and receipts -----------------------------------------------------------------------


def test_unknown_session_and_wrong_proof_look_the_same(service):
    form, content = service.open().form, b"content"
    seen = set()
    for changes in (
        {"proof": "0" * 64},
        {"proof": ""},
        {"proof": "é" * 64},
        {"nonce": "1" * 32},
        {"session": "20260101-0000000000000000"},
        {"session": "../sessions/x"},
        {"session": form.session + "/"},
        {"session": ""},
    ):
        headers = service.headers(form, content, **changes)
        headers = {name: value.encode("latin-1") for name, value in headers.items()}
        status, said, about = service.ask("PUT", SUBMISSION, content, headers)
        about.pop("Date")
        seen.add((status, json.dumps(said), json.dumps(about)))
    for asked in (
        {"session": "x"},
        {"session": form.session, "proof": "1" * 64},
        {"session": 7},
        {"session": None},
    ):
        question = {"challenge": "0" * 32, "proof": "0" * 64, **asked}
        status, said, about = service.ask("POST", CLOCK, json.dumps(question))
        about.pop("Date")
        seen.add((status, json.dumps(said), json.dumps(about)))
    assert len(seen) == 1
    assert seen.pop()[0] == 403


def test_replayed_proof(service):
    """What somebody saw of another's request opens nothing but the same answer."""
    ada, eve = service.open("Ada").form, service.open("Eve").form
    content = b"what Ada sends"
    seen = service.headers(ada, content)[HEADERS["proof"]]
    for headers in (
        service.headers(eve, content, proof=seen),
        service.headers(ada, b"what Eve sends", proof=seen),
        service.headers(ada, content, session=eve.session, proof=seen),
        {**service.headers(ada, content), "Content-Length": "99"},
    ):
        body = bytes(int(headers["Content-Length"]))
        assert service.ask("PUT", SUBMISSION, body, headers)[0] == 403
    question = {"session": ada.session, "sha256": digest(content), "size": len(content), "proof": seen}
    assert service.ask("POST", RECEIPT, json.dumps(question))[0] == 403
    assert service.arrivals.files(ada.session) == []
    assert not (service.folder / "submissions" / ada.session).exists()


def test_replayed_receipt(service, tmp_path):
    """Bo's receipt in Ada's folder, and Ada's receipt of another file."""
    ada = make_sitting(service.examiner, service.open("Ada"), tmp_path / "ada")
    bo = make_sitting(service.examiner, service.open("Bo"), tmp_path / "bo")
    theirs = bo.submit().arrival
    (ada.folder / "work/receipts").mkdir()
    ada.desk.keep("receipts/arrival.json", theirs)
    sealed = ada.submit(send=False)
    assert sealed.arrival is None
    edited = {**theirs, "entry": {**theirs["entry"], "payload": {**theirs["entry"]["payload"]}}}
    edited["entry"]["payload"] |= {"session": ada.form.session, "sha256": sealed.sha256}
    ada.desk.keep("receipts/arrival.json", edited)
    assert ada.submit(send=False).arrival is None
    mine = ada.submit().arrival
    assert mine["entry"]["payload"]["sha256"] == sealed.sha256


def test_a_receipt_from_somebody_else(service, parrot, tmp_path):
    """A machine on the way swallows the file and says thank you."""
    session = form_for(service, parrot.server_port)
    content = b"sealed"
    (tmp_path / "s.zip").write_bytes(content)
    entry = chain.entry(1, session.form.opened_at, "received", {"session": session.form.session}, "0" * 64)
    entry["payload"]["sha256"] = digest(content)
    keys = Keys(bytes(32), bytes(range(32)))
    parrot.says = json.dumps({"receipt": {"entry": entry, "signature": keys.sign("arrival", entry)}}).encode()
    with pytest.raises(ForgedError, match="did not sign"):
        Client(session.form).send(tmp_path / "s.zip", digest(content), len(content))


def test_an_answer_of_the_clock_is_no_receipt(service):
    form = service.open().form
    raw = Client(form).time().raw
    with pytest.raises(IntegrityError):
        Arrivals(service.folder / "none.jsonl", service.receiving.public)._line(
            canonical({"entry": raw["answer"], "signature": raw["signature"]})
        )


# -- Files -------------------------------------------------------------------------------------


def kept(service, form):
    """Return what lies on disk for a sitting."""
    return sorted(path.name for path in (service.folder / "submissions" / form.session).glob("*"))


def test_foreign_upload(service, tmp_path):
    """Without the nonce of a form nobody sends anything for it."""
    ada = service.open("Ada").form
    assert service.put(ada, b"by Eve", nonce="0" * 32)[0] == 403
    assert kept(service, ada) == []
    assert service.put(ada, b"by Ada")[0] == 200


def test_oversized_body(service):
    form, huge = service.open().form, 257 << 20
    token = token_of(form.nonce, form.session)
    proof = proof_of(token, SUBMISSION, form.session, "a" * 64, huge)
    headers = service.headers(form, b"", sha256="a" * 64, size=huge, proof=proof)
    status, said, _ = service.ask("PUT", SUBMISSION, b"", headers)
    assert (status, said["error"]) == (413, "expected a file of at most 268435456 bytes")
    assert list((service.folder / "partial").iterdir()) == []
    # A proof for one size is none for another.
    headers = service.headers(form, b"x" * 60, size=50)
    assert service.ask("PUT", SUBMISSION, b"x" * 50, headers)[0] == 403
    assert kept(service, form) == []


def test_a_question_that_never_ends_is_not_read(service):
    line = socket.create_connection(("127.0.0.1", service.port), timeout=20)
    line.sendall(b"POST /clock HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")
    assert b" 400 " in line.recv(1000) or line.recv(1) == b""
    line.close()
    line = socket.create_connection(("127.0.0.1", service.port), timeout=20)
    line.sendall(b"POST /clock HTTP/1.1\r\n" + b"X: y\r\n" * 5000)
    assert b"200" not in line.recv(1000)
    line.close()


def test_body_without_a_length_is_refused(service):
    form, content = service.open().form, b"sealed"
    headers = service.headers(form, content)
    del headers["Content-Length"]
    status, said, _ = service.ask("PUT", SUBMISSION, iter([content]), headers)
    assert (status, said["error"]) == (411, "expected a file whose length is said beforehand")
    assert kept(service, form) == []


def test_truncated_body(service):
    form, content = service.open().form, bytes(50_000)
    line = service.begin(form, content, 20_000)
    line.shutdown(socket.SHUT_WR)
    while line.recv(1000):
        pass
    line.close()
    assert kept(service, form) == []
    assert service.put(form, content)[0] == 200


def test_body_altered_on_the_way(service):
    form, content = service.open().form, b"sealed by Ada"
    status, said, _ = service.ask("PUT", SUBMISSION, b"sealed by Eve", service.headers(form, content))
    assert (status, kept(service, form)) == (422, [])
    assert "not the file that was announced" in said["error"]
    assert service.put(form, content)[0] == 200


def test_two_uploads_at_once(service):
    form = service.open().form
    line = service.begin(form, bytes(90_000), 50_000)
    # Until the first bytes are there nothing is on its way.
    for _ in range(200):
        if list((service.folder / "partial").iterdir()):
            break
        threading.Event().wait(0.02)
    status, said, _ = service.put(form, b"another")
    assert (status, "on its way" in said["error"]) == (409, True)
    line.sendall(bytes(40_000))
    status, said = answer_of(line)
    line.close()
    assert (status, said["receipt"]["entry"]["kind"]) == (200, "received")
    assert kept(service, form) == [f"{digest(bytes(90_000))}.zip"]


def test_a_second_submission_never_takes_the_place_of_the_first(service, tmp_path):
    form = service.open().form
    first = service.put(form, b"first")[1]["receipt"]["entry"]
    for number in range(4):
        entry = service.put(form, b"better %d" % number)[1]["receipt"]["entry"]
        assert (entry["kind"], entry["payload"]["counts"]) == ("set_aside", digest(b"first"))
    status, said, _ = service.put(form, b"filling the disk")
    assert (status, "no more are kept" in said["error"]) == (409, True)
    assert len(kept(service, form)) == 5
    mine = [each for each in received_by(service.examiner) if each.path.parent.name == form.session]
    assert [each.sha256 for each in mine] == [digest(b"first")] == [first["payload"]["sha256"]]
    # Named among the files to be graded, it is known for what it is.
    second = service.receiving.path_of(form.session, digest(b"better 0"))
    (row,) = grade_for(service.examiner, [Submission(second)], root=tmp_path / "graded").rows
    assert (row["status"], "set aside" in row["reasons"][0]) == ("refused", True)


def test_a_file_sent_in_the_name_of_another_sitting(service, tmp_path):
    """Nobody is told apart by an identifier where there is none: neither time nor place goes along."""
    now = datetime.now(UTC)
    late = service.open("Bea", "", now=now - timedelta(minutes=40))
    friend = service.open("Al", "")
    make_sitting(service.examiner, late, tmp_path / "late").submit(send=False)
    incident = {"reason": "broken keyboard", "by": "Gina", "now": now}
    extend(service.receiving, service.receiving.keys(), [friend.form.session], 30, **incident)
    content = (tmp_path / "late/submission.zip").read_bytes()
    assert service.put(friend.form, content)[0] == 200
    (mine,) = [each for each in received_by(service.examiner) if each.session == friend.form.session]
    facts = session_facts(service.examiner, late)
    found = verify(read_envelope(content), facts, Arrival(**mine.arrival))
    assert (found.belongs, found.checks["owner"]) == (False, False)
    assert f"received for the sitting '{friend.form.session}'" in found.reasons[0]


def test_another_file_brought_by_hand_does_not_take_the_place_of_the_one_that_was_received(tmp_path):
    """A better one, sealed later with a clock of one's own; only a person can decide for it."""
    made = Service.make(tmp_path, make_graded_exam(tmp_path / "exams")).start()
    try:
        session = made.open("Cy", "c-1")
        first = make_sitting(made.examiner, session, tmp_path / "cy").submit()
    finally:
        made.kill()
    (tmp_path / "cy/work/submitted.json").unlink()
    (tmp_path / "cy/exam.ipynb").write_bytes(b"{}")
    second = Sitting(tmp_path / "cy").submit(send=False)
    assert first.arrival
    assert first.sha256 != second.sha256
    brought = Submission(tmp_path / "cy/submission.zip")
    (row,) = grade_for(made.examiner, [brought], workers=1).rows
    assert (row["status"], "nobody says when it arrived" in row["reasons"][0]) == ("refused", True)
    assert not (made.examiner.folder / "graded/sheets").exists()
    said = Submission(brought.path, owner="c-1", at=session.form.opened_at)
    (row,) = grade_for(made.examiner, [said], root=tmp_path / "decided", workers=1).rows
    assert row["status"] == "graded"
    (row,) = grade_for(made.examiner, received_by(made.examiner), workers=1).rows
    assert (row["status"], row["sha256"]) == ("graded", first.sha256)


def test_a_file_brought_by_hand_has_the_time_that_was_added_when_somebody_says_so(tmp_path, capsys):
    """The network failed, time was added for it, and the file came on a stick."""
    made = Service.make(tmp_path, make_graded_exam(tmp_path / "exams"))
    session = made.open("Di", "d-1", now=datetime.now(UTC) - timedelta(minutes=35))
    make_sitting(made.examiner, session, tmp_path / "di").submit(send=False)
    brought = [str(tmp_path / "di/submission.zip"), "--examiner", str(made.examiner.folder), "--json"]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    assert main(["exam", "grade", *brought, "--added-minutes", "10"]) == 2
    assert "goes with --arrived" in capsys.readouterr().err
    assert main(["exam", "grade", *brought, "--arrived", now, "--added-minutes", "10"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["submissions"]
    assert (row["status"], row["reasons"]) == ("graded", [])


def test_late_upload(service):
    """Kept and recorded as late; time that is added for an incident is counted when it is graded."""
    now = datetime.now(UTC)
    late = service.open(now=now - timedelta(minutes=40)).form
    about = service.put(late, b"late")[1]["receipt"]["entry"]["payload"]
    assert (about["late"], about["due"]) == (True, late.deadline)
    just = service.open(now=now - timedelta(minutes=30, seconds=20)).form
    assert service.put(just, b"in the last minute")[1]["receipt"]["entry"]["payload"]["late"] is False


def test_announcing_many_files_in_time_to_choose_among_them_later(service):
    """The first that was announced keeps its time however late it comes; the others have their own."""
    now = datetime.now(UTC)
    forms = [service.open(name, now=now - timedelta(minutes=30, seconds=58)).form for name in ("ada", "eve")]
    for form in forms:
        for content in (b"first", b"second", b"third"):
            assert Client(form).receipt(digest(content), len(content)) is None
    assert datetime.now(UTC) < now + timedelta(seconds=2)
    while datetime.now(UTC) < now + timedelta(seconds=2.1):
        threading.Event().wait(0.1)
    honest = service.put(forms[0], b"first")[1]["receipt"]["entry"]["payload"]
    chosen = service.put(forms[1], b"second")[1]["receipt"]["entry"]["payload"]
    assert (honest["late"], chosen["late"]) == (False, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/sessions/"),
        ("GET", "/key.json"),
        ("GET", "/../receiving/key.json"),
        ("GET", "/submission"),
        ("POST", "/submission"),
        ("GET", "/clock?session=PROBE"),
        ("DELETE", "/submission"),
        ("POST", "/PROBE<script>"),
        ("OPTIONS", "/clock"),
    ],
)
def test_probing_finds_nothing_and_hears_no_echo(service, method, path):
    status, said, headers = service.ask(method, path)
    assert status in (404, 405)
    assert set(said) == {"error"}
    assert "PROBE" not in json.dumps(said)
    assert "Server" not in headers
    assert headers["Content-Type"] == "application/json"


def test_questions_with_more_than_was_asked_for(service):
    form = service.open().form
    proof = proof_of(token_of(form.nonce, form.session), CLOCK, form.session, "a" * 32)
    good = {"session": form.session, "challenge": "a" * 32, "proof": proof}
    assert service.ask("POST", CLOCK, json.dumps(good))[0] == 200
    for bad in (
        {**good, "minutes": 60},
        {**good, "challenge": "short"},
        {"session": form.session},
        [good],
        "PROBE",
    ):
        status, said, _ = service.ask("POST", CLOCK, json.dumps(bad))
        assert (status, "PROBE" in json.dumps(said)) == (400, False)
    doubled = json.dumps(good)[:-1] + f', "session": "{form.session}"}}'
    assert service.ask("POST", CLOCK, doubled)[0] == 400


def test_the_service_opens_no_submission_and_holds_no_code_that_could():
    """It has neither torch nor what reads an envelope."""
    code = (
        "import sys, labkit.exams.receiving.serving, labkit.exams.receiving.server, "
        "labkit.exams.receiving.taking, labkit.exams.commands.receive\n"
        "names = 'torch', 'safetensors', 'labkit.exams.envelope.reading', 'labkit.exams.examiner'\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- Records -----------------------------------------------------------------------------------


def _altered(lines, service):
    lines[1]["entry"]["payload"]["owner"] = "eve"
    return lines


def _altered_with_its_digest(lines, service):
    entry = lines[1]["entry"]
    entry["payload"]["owner"] = "eve"
    lines[1]["entry"] = chain.entry(2, entry["at"], entry["kind"], entry["payload"], entry["previous"])
    return lines


def _taken_out(lines, service):
    return lines[:1] + lines[2:]


def _moved(lines, service):
    return [lines[0], lines[2], lines[1]]


def _doubled(lines, service):
    return [*lines, lines[-1]]


def _written_anew(lines, service):
    """Somebody without the key writes a whole chain that fits together."""
    keys, previous, made = Keys(bytes(32), bytes(range(32))), digest(service.receiving.public), []
    for number, line in enumerate(lines, start=1):
        old = line["entry"]
        entry = chain.entry(number, old["at"], old["kind"], {**old["payload"], "owner": "eve"}, previous)
        previous = entry["digest"]
        made.append({"entry": entry, "signature": keys.sign("arrival", entry)})
    return made


def _cut_in_the_middle(lines, service):
    lines[0] = {"entry": lines[0]["entry"]}
    return lines


@pytest.fixture(scope="module")
def received(tmp_path_factory, service):
    """The folder of an examiner whose service received three files and ended."""
    made = Service.make(tmp_path_factory.mktemp("received"), service.examiner.exam).start()
    forms = [made.open(name, name).form for name in ("ada", "bo", "eve")]
    for form in forms:
        assert made.put(form, form.session.encode())[0] == 200
    made.kill()
    return made.examiner.folder


@pytest.fixture
def graded(tmp_path, received):
    """A copy of it, to be edited."""
    shutil.copytree(received, tmp_path / "examiner")
    return Service(Examiner(tmp_path / "examiner"), 0)


@pytest.mark.parametrize(
    "edit",
    [_altered, _altered_with_its_digest, _taken_out, _moved, _doubled, _written_anew, _cut_in_the_middle],
    ids=lambda edit: edit.__name__.strip("_"),
)
def test_edited_arrivals(graded, edit, capsys):
    path = graded.folder / "arrivals.jsonl"
    lines = edit([json.loads(line) for line in path.read_bytes().splitlines()], graded)
    path.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
    assert main(["exam", "grade", "--received", str(graded.examiner.folder)]) == 2
    assert "was edited" in capsys.readouterr().err
    assert not (graded.examiner.folder / "graded" / "sheets").exists()


def test_a_service_made_anew_under_another_key(graded, capsys):
    """The whole folder is replaced by one that fits together; the signed forms name another key."""
    (graded.folder / "key.json").unlink()
    keys = create_keys(graded.folder / "key.json", None)
    path, previous, made = graded.folder / "arrivals.jsonl", digest(keys.public), []
    for number, text in enumerate(path.read_bytes().splitlines(), start=1):
        old = json.loads(text)["entry"]
        entry = chain.entry(number, old["at"], old["kind"], {**old["payload"], "late": False}, previous)
        previous = entry["digest"]
        made.append(canonical({"entry": entry, "signature": keys.sign("arrival", entry)}) + b"\n")
    path.write_bytes(b"".join(made))
    assert main(["exam", "grade", "--received", str(graded.examiner.folder)]) == 2
    assert "under a key that the signed form of this sitting does not name" in capsys.readouterr().err


def test_half_a_key_exchanged(graded):
    other = Keys(bytes(32), bytes(range(32)))
    kept = json.loads((graded.folder / "key.json").read_text())
    kept["public"]["public_key"] = base64.urlsafe_b64encode(other.public).decode().rstrip("=")
    (graded.folder / "key.json").write_text(json.dumps(kept))
    with pytest.raises(IntegrityError, match="do not fit"):
        graded.receiving.keys()


def test_a_file_exchanged_after_it_arrived(graded, capsys):
    for each in received_by(graded.examiner):
        each.path.write_bytes(b"better")
    assert main(["exam", "grade", "--received", str(graded.examiner.folder), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["submissions"]
    assert len(rows) == 3
    assert all("altered after it arrived" in row["reasons"][0] for row in rows)


def test_arrivals_cut_while_the_service_runs(tmp_path, service):
    made = Service.make(tmp_path / "cut", service.examiner.exam).start()
    try:
        form = made.open().form
        assert made.put(form, b"first")[0] == 200
        (made.folder / "arrivals.jsonl").write_bytes(b"")
        assert made.put(form, b"second")[0] == 500
        assert Client(made.examiner.open_session(Candidate("Bo")).form)
        assert made.ask("POST", CLOCK, b"{}")[0] == 400
        assert "was cut: it is shorter than it was" in made.stop()
    finally:
        made.kill()
