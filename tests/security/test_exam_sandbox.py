"""Code and notebooks of a candidate in the sandbox: what they try, and that it comes to nothing."""

import json
import sys
from pathlib import Path

import pytest

from labkit.core.errors import DataFormatError
from labkit.exams.reproduction import Sandbox, SandboxLimits, overlay, reproduce, self_test
from labkit.exams.reproduction.sandbox import SandboxError, insist
from tests.exam_submissions import Desk, grade, make_graded_exam

pytestmark = pytest.mark.timeout(240)

LIMITS = SandboxLimits(seconds=20, memory=2 << 30, disk=8 << 20, processes=24)
PROBLEMS = self_test()
needs_sandbox = pytest.mark.skipif(bool(PROBLEMS), reason="; ".join(PROBLEMS) or "the sandbox holds")


def inside(code, *arguments, limits=LIMITS, **shown):
    return Sandbox(limits, shown).run([sys.executable, "-I", "-c", code, *map(str, arguments)])


@needs_sandbox
def test_reading_the_key_store(tmp_path):
    from labkit.exams.examiner import Examiner

    examiner = Examiner.create(tmp_path / "examiner", None, exam=make_graded_exam(tmp_path))
    code = (
        'import sys\nfor path in sys.argv[1:]:\n  try: print(len(open(path, "rb").read()))\n'
        "  except OSError as e: print(e)"
    )
    ended = inside(
        code, examiner.folder / "keys.json", "/proc/1/environ", "/etc/shadow", Path.home() / ".bashrc"
    )
    lines = ended.output.splitlines()
    assert "No such file" in lines[0]
    assert not any(line.isdigit() for line in (lines[0], *lines[2:]))


@needs_sandbox
def test_network_from_the_sandbox():
    code = """
import socket
for place in (("192.0.2.1", 80), ("127.0.0.1", 22), ("::1", 80)):
    try:
        socket.create_connection(place, 1)
        print("reached", place)
    except OSError as error:
        print(error)
print([name for _, name in socket.if_nameindex()])
"""
    ended = inside(code)
    assert "reached" not in ended.output
    assert ended.output.splitlines()[-1] == "['lo']"


@needs_sandbox
def test_fork_bomb():
    code = """
import os, time
made = 0
try:
    while True:
        if not os.fork():
            time.sleep(60)
        made += 1
except OSError as error:
    print(made, error, flush=True)
os._exit(0)
"""
    made = int(inside(code).output.split()[0])
    assert made < LIMITS.processes


@needs_sandbox
def test_memory():
    assert "MemoryError" in inside("x = bytearray(8 << 30)").output


@needs_sandbox
@pytest.mark.parametrize("place", ["/tmp", "/dev/shm", "/dev"])  # noqa: S108 - inside
def test_disk(place):
    """Who is not root outside owns /dev inside, and bubblewrap gives it no limit of its own."""
    code = f"for n in range(100):\n    with open(f'{place}/f{{n}}', 'wb') as f: f.write(bytes(1 << 20))"
    ended = inside(code)
    assert ended.status != 0
    assert any(why in ended.output for why in ("No space left", "File too large", "Read-only", "denied"))


@needs_sandbox
def test_time():
    ended = inside("while True: pass", limits=SandboxLimits(seconds=1.5, memory=1 << 30))
    assert ended.timed_out or ended.status != 0


@needs_sandbox
def test_endless_output_is_cut():
    ended = inside("while True: print('x' * 1000)", limits=SandboxLimits(seconds=1.5))
    assert len(ended.output) <= 1 << 20


@needs_sandbox
def test_what_is_shown_can_be_read_and_not_written(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "given").write_text("given")
    code = "print(open('/given').read())\ntry: open('/given', 'a')\nexcept OSError as e: print('no', e)"
    shown = {"/given": tmp_path / "given"}
    output = Sandbox(LIMITS, shown).run([sys.executable, "-I", "-c", code]).output
    assert output.splitlines()[0] == "given"
    assert output.splitlines()[1].startswith("no")


def test_a_sandbox_that_fails_its_self_test_runs_nothing(monkeypatch):
    monkeypatch.setattr("labkit.exams.reproduction.sandbox.self_test", lambda: ("there is a network",))
    with pytest.raises(SandboxError, match="failed its self-test: there is a network"):
        insist()
    with pytest.raises(SandboxError):
        reproduce(b"{}", b"{}")


def test_without_bubblewrap_nothing_is_run(monkeypatch):
    monkeypatch.setattr("labkit.exams.reproduction.sandbox.shutil.which", lambda *a, **k: None)
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        Sandbox().run(["/usr/bin/id"])


# -- Notebooks --------------------------------------------------------------------------------


def cell(name, source, tags=(), outputs=(), **metadata):
    return {
        "id": name,
        "cell_type": "code",
        "metadata": {"tags": list(tags), **metadata},
        "source": source,
        "outputs": list(outputs),
        "execution_count": None,
    }


def notebook(*cells, **metadata):
    return json.dumps(
        {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


def said(text):
    return [{"output_type": "stream", "name": "stdout", "text": text}]


ISSUED = notebook(
    cell("start", "x = 1"),
    cell("answer", "y = 0", ["answer-T5"]),
    cell("score", "print('score', x + y)", ["nbval-check-output"]),
)


@needs_sandbox
def test_an_honest_notebook_is_not_flagged():
    mine = notebook(
        cell("start", "x = 1"),
        cell("answer", "import os\ny = 41"),
        cell("score", "print('score', x + y)", outputs=said("score 42\n")),
    )
    found = reproduce(ISSUED, mine)
    assert found.flags == ()
    assert found.cells == 3


@needs_sandbox
def test_notebook_that_prints_a_perfect_score():
    """A forged output, an edited check, a new cell, orders to the runner: all left out, all named."""
    mine = notebook(
        cell("start", "x = 100"),
        cell("answer", "# NBVAL_SKIP\ny = 1", ["nbval-skip", "raises-exception"]),
        cell("score", "print('score 100')", ["nbval-ignore-output"], said("score 100\n")),
        cell("more", "print('PASSED')"),
        papermill={"skip": True},
    )
    flags = " | ".join(reproduce(ISSUED, mine).flags)
    for word in (
        "'nbval-skip'",
        "'raises-exception'",
        "'papermill'",
        "order to the runner",
        "'start' was changed",
        "'score' was changed",
        "'more' is not in the issued notebook",
        "does not do again what it claims",
    ):
        assert word in flags


@needs_sandbox
def test_notebook_that_kills_its_kernel_or_the_runner():
    """Whatever it writes into the report or onto the screen, the best that it gets is no flag."""
    attack = (
        "import os, signal, pathlib\n"
        'print(\'labkit-cells {"status": 0, "run": 3, "failed": [], "skipped": 0}\', flush=True)\n'
        "os.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)"
    )
    mine = notebook(
        cell("start", "x = 1"),
        cell("answer", attack),
        cell("score", "print('score', x + y)", outputs=said("score 1")),
    )
    found = reproduce(ISSUED, mine, limits=SandboxLimits(seconds=25), cell_seconds=5)
    assert found.flags


_TAKES_THE_RUNNERS_OUTPUT = """
import ctypes, hashlib, json, os, pathlib, signal
digest = hashlib.sha256(pathlib.Path("/overlaid.ipynb").read_bytes()).hexdigest()[:16]
for process in pathlib.Path("/proc").iterdir():
    words = (process / "cmdline").read_bytes().split(bytes(1)) if process.name.isdigit() else []
    if f"labkit-cells {digest} ".encode() in words and b"bwrap" not in words[0]:
        runner = int(process.name)
told = {"status": 0, "run": 3, "failed": [], "skipped": 0}
line = f"\\nlabkit-cells {digest} {json.dumps(told)}\\n".encode()
try:
    out = os.open(f"/proc/{runner}/fd/1", os.O_WRONLY | os.O_APPEND)
except OSError:
    out = ctypes.CDLL(None).syscall(438, os.pidfd_open(runner), 1, 0)  # pidfd_getfd
if out >= 0:
    os.write(out, line)
os.kill(runner, signal.SIGKILL)
"""


@needs_sandbox
def test_notebook_that_speaks_for_its_runner_and_ends_it():
    """All inside is one user: a cell may copy the runner's output, write a verdict and kill the runner."""
    mine = notebook(
        cell("start", "x = 1"),
        cell("answer", _TAKES_THE_RUNNERS_OUTPUT),
        cell("score", "print('score', x + y)", outputs=said("score 100\n")),
    )
    found = reproduce(ISSUED, mine, limits=SandboxLimits(seconds=25), cell_seconds=5)
    assert found.flags


@needs_sandbox
def test_configuration_of_a_test_runner_changes_nothing():
    """A conftest written by an answer comes too late, and one in the folder is not read."""
    attack = "import pathlib\npathlib.Path('conftest.py').write_text('raise SystemExit(0)')\ny = 41"
    mine = notebook(
        cell("start", "x = 1"),
        cell("answer", attack),
        cell("score", "print('score', x + y)", outputs=said("score 9\n")),
    )
    assert any("does not do again" in flag for flag in reproduce(ISSUED, mine).flags)


def test_metadata_that_tells_a_runner_to_forgive():
    mine = notebook(
        cell("start", "x = 1", ["skip-execution"]),
        cell(
            "answer", "%%capture\n# PYTEST_VALIDATE_IGNORE_OUTPUT\ny = 1", ["remove-cell"], allow_errors=True
        ),
        cell("score", "print('score', x + y)"),
    )
    made = overlay(ISSUED, mine)
    notes, cells = made.notes, made.notebook["cells"]
    assert [each["metadata"] for each in cells] == [each["metadata"] for each in json.loads(ISSUED)["cells"]]
    assert "PYTEST" not in cells[1]["source"]
    for word in ("skip-execution", "remove-cell", "allow_errors", "order to the runner"):
        assert any(word in note for note in notes)


def test_outputs_with_code_in_them_are_not_carried_over():
    page = {
        "output_type": "display_data",
        "data": {"text/html": "<script>1</script>", "text/plain": "ok"},
        "metadata": {},
    }
    mine = notebook(
        cell("start", "x = 1"),
        cell("answer", "y = 1", outputs=[page]),
        cell("score", "print('score', x + y)", outputs=[page, "no", {"output_type": "error"}]),
    )
    made = overlay(ISSUED, mine)
    assert "script" not in json.dumps(made.notebook)
    outputs = [each["outputs"] for each in made.notebook["cells"]]
    assert outputs == [
        [],
        [],
        [{"output_type": "display_data", "data": {"text/plain": "ok"}, "metadata": {}}],
    ]
    assert (made.notes, made.asides) == ((), ())
    gone = overlay(ISSUED, notebook(cell("start", "x = 1"), cell("answer", "y = 1")))
    assert any("'score' is gone" in note for note in gone.notes)


def test_cells_of_ones_own_and_trials_are_no_flag_by_themselves():
    mine = notebook(
        cell("start", "x = 1; print(x)"),
        cell("mine", "x = 2"),
        cell("answer", "y = 1"),
        cell("score", "print('score', x + y)", outputs=said("score 2\n")),
    )
    made = overlay(ISSUED, mine, lambda name: name != "score")
    assert made.notes == ()
    assert [cell["id"] for cell in made.notebook["cells"]] == ["start", "answer"]
    assert any("'start' was changed" in aside for aside in made.asides)
    assert any("'mine' is not in the issued notebook" in aside for aside in made.asides)


@pytest.mark.parametrize(
    "broken", [b"", b"[]", b"{}", b'{"cells": 7}', b'{"cells": ["x"]}', b'{"cells": NaN}', b"\x80\x04."]
)
def test_what_is_no_notebook_is_refused(broken):
    with pytest.raises(DataFormatError):
        overlay(ISSUED, broken)


def test_no_notebook_earns_nothing_and_costs_nothing(tmp_path):
    """The gate flags; the score is measured from what was handed in, with or without a notebook."""
    desk = Desk.make(tmp_path, make_graded_exam(tmp_path))
    sitting = desk.open()
    forged = notebook(cell("answer", "print('score 100')"))
    with_it = grade(desk, sitting.submission({}, answers={}, more={"exam.ipynb": forged}))
    assert with_it["sheet"]["total"]["earned"] == 0
    honest = grade(desk, sitting.submission(more={"exam.ipynb": forged}))
    assert honest["sheet"]["total"] == grade(desk, sitting.submission())["sheet"]["total"]
