"""The gate: whether the notebook that was handed in does again what it claims."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.exams.notebook.building import is_cell_of
from labkit.exams.reproduction.overlay import overlay
from labkit.exams.reproduction.sandbox import Ended, Sandbox, SandboxLimits, insist

__all__ = ["Reproduced", "reproduce"]

CELL_SECONDS = 60
"""Time of one cell; nbval notices a dead kernel only after it."""

_DONE = "labkit-cells "

_CLAIM = """from labkit.exams.reproduction.claims import claims_again

print(claims_again(exam, {slot!r}))"""

# Runs inside: a copy that can be written, then nbval over it, then one line on what it did.  The kernel is
# the same user as this process, so nothing of it may be within the kernel's reach: neither its memory nor
# its open files (PR_SET_DUMPABLE), and no report on disk.
_RUN = """
import ctypes, json, os, pathlib, shutil, sys
if ctypes.CDLL(None).prctl(4, 0, 0, 0, 0):
    sys.exit("what runs the cells cannot be closed to them")
import pytest
seconds, mark = sys.argv[1:]
work = pathlib.Path.cwd() / "sitting"
shutil.copytree("/issued", work) if os.path.isdir("/issued") else work.mkdir()
shutil.copy("/overlaid.ipynb", work / "exam.ipynb")
outcomes = {}

class Told:
    def pytest_runtest_logreport(self, report):
        outcomes.setdefault(report.nodeid.rpartition("::")[2], set()).add(report.outcome)

os.chdir(work)
plain = ["-c", os.devnull, "--rootdir", str(work), "-p", "no:cacheprovider", "--noconftest", "-q"]
nbval = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={seconds}"]
told = {"status": int(pytest.main([*plain, *nbval, "exam.ipynb"], plugins=[Told()])), "run": len(outcomes)}
told["failed"] = [name for name, each in outcomes.items() if "failed" in each]
told["skipped"] = sum("skipped" in each for each in outcomes.values())
print("\\n" + mark + json.dumps(told), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What came of running a notebook again.

    Attributes
    ----------
    flags : tuple of str
        What a human should look at; empty when the notebook does what it claims.  There is no
        number here that anybody could turn into points.
    cells : int
        Code cells that were run.
    output : str
        The end of what the runner said.
    """

    flags: tuple[str, ...]
    cells: int = 0
    output: str = ""


def reproduce(
    issued: bytes,
    handed_in: bytes | None,
    *,
    claims: Mapping[str, str] | None = None,
    sitting: Path | None = None,
    limits: SandboxLimits | None = None,
    cell_seconds: int = CELL_SECONDS,
) -> Reproduced:
    """Lay the answers over the issued notebook, run it with nbval in the sandbox, and compare.

    Parameters
    ----------
    issued : bytes
        The notebook as it was issued.
    handed_in : bytes or None
        The candidate's.
    claims : mapping of str to str, optional
        Slot to what was handed in for it (:func:`claims_of`).  Then only the cells of these tasks
        are run, and each of them has to hand in the same again.
    sitting : Path, optional
        The folder as it was issued (form, materials), shown inside as a copy.
    limits : SandboxLimits, optional
    cell_seconds : int

    Raises
    ------
    SandboxError
        When the sandbox fails its self-test: nothing was run.
    """
    insist()
    if handed_in is None:
        return Reproduced(("no notebook was handed in, so nothing could be run again",))
    try:
        laid = overlay(issued, handed_in, lambda name: claims is None or is_cell_of(name, claims))
    except DataFormatError as error:
        return Reproduced((str(error),))
    laid.notebook["cells"] += [_claim(slot, claimed) for slot, claimed in (claims or {}).items()]
    notebook = json.dumps(laid.notebook, ensure_ascii=False).encode()
    mark = f"{_DONE}{hash_of(notebook)} "
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "overlaid.ipynb"
        place.write_bytes(notebook)
        # The user without rights inside has to be able to read them.
        Path(folder).chmod(0o755)
        place.chmod(0o644)
        shown = {"/overlaid.ipynb": place} | ({"/issued": sitting} if sitting else {})
        sandbox = Sandbox(limits or SandboxLimits(), shown)
        ended = sandbox.run([sys.executable, "-P", "-c", _RUN, str(cell_seconds), mark])
    asked = [cell["id"] for cell in laid.notebook["cells"] if cell["cell_type"] == "code"]
    flags, cells = _judge(ended, mark, asked)
    noted = (*laid.notes, *flags)
    return Reproduced((*noted, *laid.asides) if noted else (), cells, ended.output[-4000:])


def _claim(slot: str, claimed: str) -> dict[str, Any]:
    """Return a cell that says what was handed in again, and shows what was handed in: nbval compares."""
    return {
        "id": f"claim-{slot}",
        "cell_type": "code",
        "metadata": {"tags": ["nbval-check-output"]},
        "source": _CLAIM.format(slot=slot),
        "outputs": [{"output_type": "stream", "name": "stdout", "text": f"{claimed}\n"}],
        "execution_count": 1,
    }


def hash_of(content: bytes) -> str:
    """Return the first characters of a digest."""
    from labkit.evidence.entry import digest_of

    return digest_of(content)[:16]


def _judge(ended: Ended, mark: str, asked: Sequence[str]) -> tuple[list[str], int]:
    """Return the flags; nbval's own verdict is not enough, so what it ran is counted, too."""
    if ended.timed_out:
        return ["running the notebook again took longer than it may"], 0
    if ended.status:
        # A cell may end the process that runs it, and say before what it likes.
        return [f"running the notebook again ended without a result (status {ended.status})"], 0
    lines = [line for line in ended.output.splitlines() if line.startswith(mark)]
    try:
        told = json.loads(lines[-1].removeprefix(mark))
        run, failed, skipped = int(told["run"]), list(told["failed"]), int(told["skipped"])
    except (IndexError, ValueError, KeyError, TypeError):
        return [f"running the notebook again ended without a result (status {ended.status})"], 0
    flags = [_failed(str(name), asked) for name in failed]
    if skipped:
        flags.append(f"{skipped} cells were skipped")
    if run != len(asked):
        flags.append(f"{run} cells were run out of {len(asked)}")
    if told["status"] != 0 and not flags:
        flags.append(f"the runner ended with {told['status']}")
    return flags, run


def _failed(case: str, asked: Sequence[str]) -> str:
    """Return what to say of a cell that nbval calls by its number among the cells of code."""
    number = re.search(r"(\d+)$", case)
    known = number is not None and int(number[1]) < len(asked)
    name = asked[int(number[1])] if number is not None and known else case
    if name.startswith("claim-"):
        return f"{name.removeprefix('claim-')}: run again, it hands in something else than was handed in"
    return f"{name[:80]}: does not do again what it claims"
