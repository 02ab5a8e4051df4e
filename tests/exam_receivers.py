"""A receiving service in a process of its own, and sittings whose forms name it."""

import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.receiving import Client, Receiving
from labkit.exams.receiving.agreement import HEADERS, SUBMISSION, proof_of, token_of
from tests.exam_example import make_exam

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "a long password"  # noqa: S105


def free_port():
    """Return a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def digest(content):
    return hashlib.sha256(content).hexdigest()


@dataclass
class Service:
    """An examiner who receives, and the process that does it."""

    examiner: Examiner
    port: int
    process: subprocess.Popen = None

    @classmethod
    def make(cls, folder, exam, **options):
        """Return a service that does not run yet."""
        examiner = Examiner.create(folder / "examiner", None, exam=exam)
        port = free_port()
        Receiving.prepare(examiner.folder, f"http://127.0.0.1:{port}", **options)
        return cls(examiner, port)

    @property
    def folder(self):
        return self.examiner.folder / "receiving"

    @property
    def receiving(self):
        return Receiving(self.examiner.folder)

    @property
    def arrivals(self):
        return self.receiving.arrivals()

    def open(self, name="Ada", identifier="a-17", **options):
        """Return a new session."""
        return self.examiner.open_session(Candidate(name, identifier), **options)

    def command(self, *options):
        return [sys.executable, "-m", "labkit.cli", "exam", "receive", str(self.examiner.folder), *options]

    def start(self, *options, **popen):
        """Start the process, and return when it listens."""
        self.process = subprocess.Popen(
            self.command("--port", str(self.port), *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            **popen,
        )
        line = self.process.stdout.readline()
        assert line.startswith("receiving at"), line + self.process.stdout.read()
        return self

    def stop(self):
        """Ask it to end, and return what it printed."""
        self.process.terminate()
        said, _ = self.process.communicate(timeout=20)
        return said

    def kill(self):
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, method, path, body=b"", headers=None, seconds=20):
        """Ask without our client; return status, JSON and headers of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), dict(answer.getheaders())
        finally:
            connection.close()

    def headers(self, form, content, **changes):
        """Return what goes with a file, some of it changed."""
        about = {"session": form.session, "sha256": digest(content), **changes}
        size = about.pop("size", len(content))
        token = token_of(about.pop("nonce", form.nonce), form.session)
        about.setdefault("proof", proof_of(token, SUBMISSION, form.session, digest(content), len(content)))
        return {**{HEADERS[name]: value for name, value in about.items()}, "Content-Length": str(size)}

    def put(self, form, content, **changes):
        """Send a file without our client."""
        return self.ask("PUT", SUBMISSION, content, self.headers(form, content, **changes))

    def begin(self, form, content, part):
        """Begin to send a file, and return the open connection."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        head = {"Host": f"127.0.0.1:{self.port}", **self.headers(form, content)}
        text = f"PUT {SUBMISSION} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in head.items()) + "\r\n"
        line.sendall(text.encode() + content[:part])
        return line

    def send(self, form, path, content):
        """Send a file with our client; return its receipt."""
        path.write_bytes(content)
        return Client(form).send(path, digest(content), len(content))


def answer_of(line):
    """Return status and JSON of what comes back on an open connection."""
    answer = http.client.HTTPResponse(line)
    answer.begin()
    return answer.status, json.loads(answer.read())


@contextmanager
def running_service(base):
    """A service below ``base``, with an exam of its own, that runs until it is no longer needed."""
    with pytest.MonkeyPatch.context() as patch:
        exam = make_exam(base / "exams")
        patch.setenv("LABKIT_EXAMS", str(exam.parent))
        made = Service.make(base, exam).start()
        yield made
        made.kill()
