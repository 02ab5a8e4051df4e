"""The service that receives submissions: a clock, a receipt, and files that are never opened."""

import asyncio
import json
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from labkit.cli import main
from labkit.core.errors import IntegrityError, InvalidInputError, StorageError, UnknownNameError
from labkit.exams.examiner import Candidate
from labkit.exams.form import Form, parse_time
from labkit.exams.receiving import Client, Receiving
from labkit.exams.receiving.agreement import parse_address
from labkit.exams.receiving.client import SilentError
from labkit.exams.receiving.extending import extend
from labkit.exams.receiving.server import make_server
from labkit.exams.receiving.serving import Place
from labkit.exams.receiving.taking import Desk
from labkit.exams.sitting import make_sitting
from tests.exam_receivers import PASSWORD, ROOT, Service, answer_of, digest, free_port, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service that runs."""
    with running_service(tmp_path_factory.mktemp("receiving")) as made:
        yield made


@pytest.fixture
def another(tmp_path, service, monkeypatch):
    """A service of its own, which a test starts and ends."""
    monkeypatch.setenv("LABKIT_EXAMS", str(service.examiner.exam.parent))
    made = Service.make(tmp_path, service.examiner.exam)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def test_a_form_names_the_service_and_its_key_and_forms_without_one_stay_as_they_were(service, tmp_path):
    form = service.open().form
    assert form.receiver == service.receiving.receiver
    assert Form.from_json(json.loads(form.as_bytes())) == form
    plain = service.examiner.exam
    other = service.examiner.create(tmp_path / "other", None, exam=plain)
    assert "receiver" not in other.open_session(Candidate("Bo")).form.as_json()


def test_the_service_holds_no_nonce_no_variant_and_no_key_of_the_examiner(service):
    session = service.open()
    text = b"".join(path.read_bytes() for path in service.folder.rglob("*") if path.is_file())
    keys = service.examiner.keys
    assert session.form.nonce.encode() not in text
    assert keys.signing.hex().encode() not in text
    assert b"variant" not in text
    assert service.receiving.keys().signing != keys.signing


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files")
def test_its_key_is_readable_by_one_user_alone_and_sealed_with_a_password(tmp_path, service):
    mode = (service.folder / "key.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(service.folder.stat().st_mode) == 0o700
    sealed = Receiving.prepare(tmp_path, "https://exam.example.org", PASSWORD)
    assert sealed.is_sealed
    assert sealed.keys(PASSWORD).public == sealed.public
    with pytest.raises(InvalidInputError, match="give its password"):
        sealed.keys()
    moved = Receiving.prepare(tmp_path, "https://other.example.org/exam/")
    assert (moved.public, moved.receiver.url) == (sealed.public, "https://other.example.org/exam")


def test_the_clock_says_how_late_it_is_and_signs_it_with_what_was_asked(service):
    form = service.open().form
    answer = Client(form).time()
    assert answer.deadline == form.deadline
    assert abs(parse_time(answer.at) - datetime.now(UTC)) < timedelta(seconds=5)
    assert answer.raw["answer"]["over"] is False
    slow = service.examiner.open_session(Candidate("Bo", "b-1", extra_minutes=45)).form
    assert parse_time(Client(slow).time().deadline) == parse_time(slow.opened_at) + timedelta(minutes=75)
    past = service.open(now=datetime.now(UTC) - timedelta(hours=2)).form
    assert Client(past).time().raw["answer"]["over"] is True


def test_a_file_is_received_once_and_its_receipt_can_be_asked_for_again(service, tmp_path):
    form, content = service.open().form, b"PK" + bytes(300_000)
    client = Client(form)
    assert client.receipt(digest(content), len(content)) is None
    line = service.send(form, tmp_path / "submission.zip", content)
    about = line.payload
    assert (line.entry["kind"], about["owner"], about["sha256"]) == ("received", "a-17", digest(content))
    assert (about["late"], about["counts"]) == (False, digest(content))
    again = service.send(form, tmp_path / "submission.zip", content)
    assert again == line == client.receipt(digest(content), len(content))
    assert service.put(form, content)[1]["receipt"] == line.as_json()
    kept = service.receiving.path_of(form.session, digest(content))
    assert kept.read_bytes() == content
    assert [each for each in service.arrivals.files(form.session)] == [line]


def test_time_is_added_while_it_runs_and_the_clock_says_why(service):
    ada, bo = service.open().form, service.open("Bo").form
    keys = service.receiving.keys()
    now = datetime.now(UTC)
    extend(service.receiving, keys, [ada.session], 10, reason="fire alarm", by="Gina", now=now)
    answer = Client(ada).time()
    assert parse_time(answer.deadline) == parse_time(ada.deadline) + timedelta(minutes=10)
    assert answer.added == ({"minutes": 10, "reason": "fire alarm"},)
    assert Client(bo).time().added == ()
    over = service.open(now=now - timedelta(hours=2)).form
    line = extend(service.receiving, keys, None, 5, reason="power cut", by="Gina", now=datetime.now(UTC))
    assert {ada.session, bo.session} <= set(line.payload["sessions"])
    assert over.session not in line.payload["sessions"]
    assert [each.minutes for each in service.arrivals.added(ada.session)] == [10, 5]


def test_time_is_not_added_without_a_reason_or_to_nobody(another):
    keys, now = another.receiving.keys(), datetime.now(UTC)
    form = another.open().form
    for changes, error, problem in (
        ({"sessions": ["20260101-00"]}, UnknownNameError, "no sitting of this service"),
        ({"sessions": None, "now": now + timedelta(days=1)}, InvalidInputError, "no sitting is under way"),
        ({"minutes": 0}, InvalidInputError, "1 to 480"),
        ({"reason": " "}, InvalidInputError, "a reason"),
        ({"by": "x\x00"}, InvalidInputError, "a name"),
    ):
        given = {"sessions": [form.session], "minutes": 5, "reason": "alarm", "by": "Gina", "now": now}
        given |= changes
        chosen, minutes = given.pop("sessions"), given.pop("minutes")
        with pytest.raises(error, match=problem):
            extend(another.receiving, keys, chosen, minutes, **given)
    assert another.arrivals.lines == []


def test_two_commands_that_add_time_at_once_both_do(another):
    form, keys = another.open().form, another.receiving.keys()

    def add():
        extend(another.receiving, keys, [form.session], 1, reason="alarm", by="G", now=datetime.now(UTC))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert another.arrivals.minutes(form.session) == 6


def test_a_service_that_is_killed_in_the_middle_of_a_file_gets_it_again(another, tmp_path):
    form, content = another.open().form, bytes(2_000_000)
    another.start()
    line = another.begin(form, content, 900_000)
    partial = another.folder / "partial"
    deadline = time.monotonic() + 10
    while not any(path.stat().st_size for path in partial.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    another.kill()
    line.close()
    assert len(list(partial.iterdir())) == 1
    with pytest.raises(SilentError, match="nobody listens"):
        Client(form).time()
    another.start()
    assert list(partial.iterdir()) == []
    receipt = another.send(form, tmp_path / "submission.zip", content)
    assert receipt.entry["n"] == 1
    assert "stopped after 1 entries" in another.stop()


def test_a_line_that_a_crash_cut_off_is_none_and_the_next_one_takes_its_place(another):
    form, keys = another.open().form, another.receiving.keys()
    give = {"reason": "alarm", "by": "G", "now": datetime.now(UTC)}
    extend(another.receiving, keys, [form.session], 5, **give)
    path = another.folder / "arrivals.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"entry": {"n": 2, "at"')
    assert len(another.arrivals.lines) == 1
    extend(another.receiving, keys, [form.session], 7, **give)
    assert another.arrivals.minutes(form.session) == 12
    assert path.read_bytes().startswith(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_that_is_full_is_said_and_nothing_is_half_there(another, tmp_path):
    """The system itself refuses to write on, in the middle of a file."""
    import resource

    form = another.open().form
    another.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)))
    (tmp_path / "large.zip").write_bytes(bytes(400_000))
    with pytest.raises(SilentError, match=r"cannot keep it: File too large\. Tell the examiner"):
        Client(form).send(tmp_path / "large.zip", digest(bytes(400_000)), 400_000)
    assert list((another.folder / "partial").iterdir()) == []
    assert another.arrivals.lines == []
    assert another.send(form, tmp_path / "small.zip", b"small").payload["size"] == 5


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_an_arrival_that_cannot_be_written_down_is_none_and_the_file_can_be_sent_again(another, tmp_path):
    import resource

    form = another.open().form
    another.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)))
    status, said, _ = another.put(form, b"sealed")
    assert (status, "cannot keep it" in said["error"]) == (507, True)
    assert another.arrivals.lines == []
    another.kill()
    # Nobody reads any more what it prints.
    another.start().process.stdout.close()
    assert another.send(form, tmp_path / "s.zip", b"sealed").entry["n"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_it_receives_on_when_its_window_is_closed(service):
    service.process.send_signal(signal.SIGHUP)
    assert service.put(service.open().form, b"afterwards")[0] == 200
    assert service.process.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe")
def test_it_receives_on_when_its_window_is_held(another):
    """As Ctrl+S does: what it prints is taken by nobody, and the pipe is full."""
    import fcntl

    another.start()
    fcntl.fcntl(another.process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    for number in range(60):
        assert another.put(another.open().form, b"file %d" % number)[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process")
def test_it_lets_as_many_come_as_the_system_allows(another):
    import resource

    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    few = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (64, hard))
    another.start(preexec_fn=few)
    lines = [socket.create_connection(("127.0.0.1", another.port), timeout=20) for _ in range(100)]
    assert Client(another.open().form).time()
    for line in lines:
        line.close()


def test_the_examiner_is_told_when_the_clock_was_set(another, monkeypatch):
    """The clock that nobody sets stands in for the other one: it is their distance that counts."""
    desk = Desk(another.receiving, another.receiving.keys(), 1 << 20)
    told, secret = [], bytes(32)

    async def ask(form):
        server = make_server(desk, secret, tell=told.append)
        server.listen(another.port, "127.0.0.1")
        await asyncio.to_thread(Client(form).time)
        server.stop()

    form = another.open().form
    asyncio.run(ask(form))
    assert told == []
    now = time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: now() + 3600)
    assert desk.moved() == pytest.approx(-3600, abs=2)
    monkeypatch.setattr("time.monotonic", now)
    asyncio.run(ask(form))
    assert len(told) == 1
    assert "was set by +3600 s" in told[0]


@pytest.mark.parametrize("port", [-1, 0, 65536, 99999])
def test_a_port_that_is_none_is_refused_and_no_other_one_is_taken(port):
    with pytest.raises(InvalidInputError, match="1 to 65535"):
        Place(port=port).insist()


def test_what_arrived_has_arrived_when_its_receipt_cannot_be_kept(service, tmp_path):
    sitting = make_sitting(service.examiner, service.open(), tmp_path / "sitting")
    sitting.submit(send=False)
    (sitting.desk.work / "receipts" / "arrival.json.partial").mkdir(parents=True)
    with pytest.warns(UserWarning, match="was received, and its receipt could not be kept"):
        receipt = sitting.submit()
    assert (receipt.problem, receipt.arrival["entry"]["kind"]) == ("", "received")
    (sitting.desk.work / "receipts" / "arrival.json.partial").rmdir()
    assert sitting.submit() == receipt == sitting.submit(send=False)


def test_one_service_at_a_time(service):
    done = subprocess.run(
        service.command("--port", str(free_port())), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "runs already" in done.stderr


def test_another_machine_is_never_let_in_without_encryption(service, capsys):
    folder, everywhere = str(service.examiner.folder), "0.0.0.0"  # noqa: S104 - it is refused
    for options, problem in (
        (["--host", everywhere], "give --certificate FILE and --key FILE"),
        (["--host", everywhere, "--behind-proxy"], "neither --host nor --certificate"),
        (["--certificate", "c.pem"], "together"),
        (["--certificate", "c.pem", "--key", "k.pem"], "cannot use c.pem"),
        (["--extend", "--minutes", "5"], "with --minutes, --reason and --by"),
        (["--prepare"], "--url ADDRESS"),
        (["--prepare", "--url", "http://exam.example.org"], "expected https://"),
    ):
        assert main(["exam", "receive", folder, *options]) == 2
        assert problem in capsys.readouterr().err
    Place(behind_proxy=True).insist()


@pytest.mark.parametrize(
    "url",
    [
        "http://exam.example.org",
        "ftp://127.0.0.1",
        "https://user:word@exam.example.org",
        "https://exam.example.org/?a=1",
        "https://exam.example.org/../x y",
        "https://",
        "https://exam.example.org:99999",
        "exam.example.org",
    ],
)
def test_an_address_that_is_not_plain_and_encrypted_is_refused(url):
    with pytest.raises(InvalidInputError, match="expected"):
        parse_address(url)


def test_an_examiner_without_a_service_is_told_how_to_prepare_one(tmp_path, service, capsys):
    assert main(["exam", "receive", str(tmp_path)]) == 2
    assert "--prepare --url" in capsys.readouterr().err
    assert main(["exam", "receive", str(tmp_path), "--prepare", "--url", "https://exam.example.org"]) == 2
    assert "no folder of an examiner" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_over_tls_a_certificate_that_nobody_vouches_for_is_not_believed(another, tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ed25519", "-keyout", key, "-out", certificate, *about],
        check=True,
        capture_output=True,
    )
    Receiving.prepare(another.examiner.folder, f"https://localhost:{another.port}")
    form = another.open().form
    another.start("--certificate", str(certificate), "--key", str(key))
    with pytest.raises(Exception, match="certificate cannot be verified"):
        Client(form).time()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert Client(form).time().deadline == form.deadline
    assert another.send(form, tmp_path / "s.zip", b"sealed").payload["size"] == 6


def test_who_sends_nothing_for_too_long_is_told_so_and_hung_up_on(another):
    """The same server with less patience, in a thread of its own."""
    import asyncio

    from labkit.exams.receiving.server import make_server
    from labkit.exams.receiving.taking import Desk

    form, ready, told = another.open().form, threading.Event(), []
    desk = Desk(another.receiving, another.receiving.keys(), 1 << 20)
    loop = asyncio.new_event_loop()

    async def begin():
        make_server(desk, bytes(32), tell=told.append, quiet=0.4).listen(another.port, "127.0.0.1")
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(begin())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        line = another.begin(form, bytes(1000), 400)
        status, answer = answer_of(line)
        assert (status, answer["error"]) == (408, "nothing came for too long; send it again")
        line.close()
        silent = socket.create_connection(("127.0.0.1", another.port), timeout=10)
        silent.sendall(b"PUT /submission HTTP/1.1\r\nHost: x\r\n")
        assert silent.recv(1) == b""
        silent.close()
        assert desk.under_way == 0
        assert list((another.folder / "partial").iterdir()) == []
        assert "not received: nothing came for too long" in told[0]
        # Whoever begins again is served.
        assert another.put(form, bytes(1000))[0] == 200
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def test_what_the_command_prints_for_scripts(another, capsys):
    folder = str(another.examiner.folder)
    form = another.open().form
    assert main(["exam", "receive", folder, "--prepare", "--url", "https://exam.example.org", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["url"] == "https://exam.example.org"
    given = ["--minutes", "10", "--reason", "fire alarm", "--by", "Gina"]
    assert main(["exam", "receive", folder, "--extend", "--all", *given, "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["entry"]["payload"]["sessions"] == [form.session]
    assert main(["exam", "receive", folder, "--extend", form.session, *given]) == 0
    assert "10 minutes were added to 1 sitting: fire alarm" in capsys.readouterr().out
    assert main(["exam", "receive", folder, "--list"]) == 0
    shown = capsys.readouterr().out
    assert form.session in shown
    assert f"2 entries, head {another.arrivals.head}" in shown


def test_a_sealed_key_is_opened_by_a_file_and_by_nothing_else(another, tmp_path, monkeypatch, capsys):
    shutil.rmtree(another.folder)
    folder = str(another.examiner.folder)
    (tmp_path / "password").write_text(PASSWORD)
    sealed = ["--password-file", str(tmp_path / "password")]
    assert main(["exam", "receive", folder, "--prepare", "--url", "https://exam.example.org", *sealed]) == 0
    form = another.open().form
    given = ["--extend", form.session, "--minutes", "5", "--reason", "alarm", "--by", "Gina"]
    # The password of the examiner's own keys is none of the service's business.
    monkeypatch.setenv("LABKIT_EXAMINER_PASSWORD", PASSWORD)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["exam", "receive", folder, *given]) == 2
    assert "LABKIT_RECEIVING_PASSWORD" in capsys.readouterr().err
    assert main(["exam", "receive", folder, *given, *sealed]) == 0


def test_a_folder_that_is_damaged_is_said_to_be(another):
    another.open()
    path = next((another.folder / "sessions").glob("*.json"))
    path.write_text("{}")
    with pytest.raises(IntegrityError, match="is damaged"):
        another.receiving.find(path.stem)
    (another.folder / "arrivals.jsonl").mkdir()
    with pytest.raises(StorageError, match="cannot read"):
        _ = another.arrivals
