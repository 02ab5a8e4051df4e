"""nbgrader and otter-grader in an environment of their own, made when it is first asked for."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.grading_exam import SLOTS, nbgrader_source, otter_source, solved
from labkit.core.errors import LabkitError
from labkit.core.paths import cache_dir, ensure_dir

__all__ = ["Nbgrader", "Otter", "PeerError", "environment"]

VERSIONS = ("nbgrader==0.9.6", "otter-grader==7.0.0")
_PATIENCE = 900.0  # seconds for anything that a peer does

_OTTER = """
import json, sys
from otter.api import grade_submission
print("TOTALS", json.dumps([grade_submission(path, sys.argv[1], quiet=True).total for path in sys.argv[2:]]))
"""


class PeerError(LabkitError):
    """A peer could not be installed, or did not grade: it is left out, with this reason."""


def environment() -> Path:
    """Return the environment with both peers, outside the repository.

    Raises
    ------
    PeerError
        When they cannot be installed, for example without a network.
    """
    place = cache_dir() / "benchmarks" / "grading-peers"
    done = place / "done.json"
    if done.is_file() and json.loads(done.read_text()) == list(VERSIONS):
        return place
    ensure_dir(place.parent)
    venv.create(place, with_pip=True, clear=True)
    _run([str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *VERSIONS], place)
    done.write_text(json.dumps(VERSIONS))
    return place


class Nbgrader:
    """A course of nbgrader with the exam in it.

    Parameters
    ----------
    place : Path
        The environment.
    folder : Path
        Empty; the course lies there.
    """

    name = "nbgrader 0.9.6"

    def __init__(self, place: Path, folder: Path) -> None:
        self._place, self._folder = place, ensure_dir(folder)
        source = ensure_dir(folder / "source" / "exam")
        (source / "exam.ipynb").write_bytes(nbgrader_source())
        self._call("generate_assignment", "exam", "--create")
        self._released = (folder / "release" / "exam" / "exam.ipynb").read_bytes()

    def submit(self, turn: int, count: int) -> None:
        """Put solved notebooks where submissions lie."""
        notebook = json.loads(self._released)
        for cell in notebook["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            if name.startswith("answer-"):
                cell["source"] = solved()[name.removeprefix("answer-")]
        for number in range(count):
            place = ensure_dir(self._folder / "submitted" / f"t{turn}-{number}" / "exam")
            (place / "exam.ipynb").write_text(json.dumps(notebook))

    def grade(self, turn: int, count: int) -> int:
        """Grade with one command, and return how many submissions got full marks."""
        self._call("autograde", "exam", f"--student=t{turn}-*")
        code = (
            "import json\nfrom nbgrader.api import Gradebook\n"
            "with Gradebook('sqlite:///gradebook.db') as book:\n"
            "    found = book.assignment_submissions('exam')\n"
            f"    mine = [s.score for s in found if s.student_id.startswith('t{turn}-')]\n"
            "    print('TOTALS', json.dumps(mine))"
        )
        said = _run([str(self._place / "bin" / "python"), "-c", code], self._place, self._folder)
        return _full(said)

    def _call(self, *words: str) -> None:
        _run([str(self._place / "bin" / "nbgrader"), *words], self._place, self._folder)


class Otter:
    """An autograder of otter for the exam, run in one process."""

    name = "otter-grader 7.0.0, in one process"

    def __init__(self, place: Path, folder: Path) -> None:
        self._place, self._folder = place, ensure_dir(folder)
        (folder / "exam.ipynb").write_bytes(otter_source())
        _run([str(place / "bin" / "otter"), "assign", "--no-run-tests", "exam.ipynb", "dist"], place, folder)
        self._zip = next((folder / "dist" / "autograder").glob("*.zip"))

    def submit(self, turn: int, count: int) -> None:
        """Write solved notebooks."""
        notebook = json.loads((self._folder / "dist" / "student" / "exam.ipynb").read_bytes())
        answers = iter(solved().values())
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "drawn(" in source and "def drawn" not in source:
                cell["source"] = next(answers)
        for number in range(count):
            (self._folder / f"t{turn}-{number}.ipynb").write_text(json.dumps(notebook))

    def grade(self, turn: int, count: int) -> int:
        """Grade one after the other, and return how many got full marks."""
        files = [f"t{turn}-{number}.ipynb" for number in range(count)]
        command = [str(self._place / "bin" / "python"), "-c", _OTTER, str(self._zip), *files]
        return _full(_run(command, self._place, self._folder))


def _full(said: str) -> int:
    lines = [line for line in said.splitlines() if line.startswith("TOTALS ")]
    totals = json.loads(lines[-1].removeprefix("TOTALS ")) if lines else []
    return sum(total >= 20 * len(SLOTS) - 1e-6 for total in totals)


def _run(command: Sequence[str], place: Path, folder: Path | None = None) -> str:
    """Run a program of the peers' environment, and return what it printed."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    variables |= {"PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(
            list(command), cwd=folder, env=variables, capture_output=True, text=True, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"{Path(command[0]).name}: {error}") from None
    if ended.returncode:
        raise PeerError(f"{' '.join(command[:4])[-80:]} ended with {ended.returncode}: {ended.stderr[-300:]}")
    return ended.stdout
