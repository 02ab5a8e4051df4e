"""The same grading on a cluster of Dask: one task for each submission, the same process below it."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labkit.core.errors import EngineNotInstalledError, LabkitError
from labkit.evidence.entry import digest_of
from labkit.exams.grading.process import GradingProcess
from labkit.exams.grading.verifying import Arrival

__all__ = ["grade_on_cluster", "grade_remotely"]

Files = Mapping[str, bytes]

_REACH_SECONDS = 30
_mine = threading.local()
_laid_out: dict[str, tempfile.TemporaryDirectory[str]] = {}
_lock = threading.Lock()


def grade_on_cluster(
    requests: Iterable[tuple[str, Mapping[str, Any]]], scheduler: str, *, seconds: float = 120.0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Grade submissions on a cluster, and yield each result once, as soon as it is there.

    Workers need labkit and nothing of the examiner: submissions, the frozen exam and the facts
    of the sittings are sent to them, no key is.  What a worker that dies had begun is given to
    another; a name is yielded once however often it was tried.

    Parameters
    ----------
    requests : iterable of (str, mapping)
        As :func:`labkit.exams.grading.grade_here` takes them.
    scheduler : str
        Its address, such as ``"tcp://10.0.0.5:8786"``.
    seconds : float
        Most time for one submission.

    Raises
    ------
    EngineNotInstalledError
        Without Dask.
    LabkitError
        When the scheduler does not answer.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise EngineNotInstalledError("Dask", "cluster") from None
    waiting = {name: dict(request) for name, request in requests}
    if not waiting:
        return
    try:
        client: Any = Client(scheduler, timeout=_REACH_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise LabkitError(f"no scheduler of Dask answers at {scheduler}: {error}") from error
    with client:
        # As results of tasks, and not scattered: they are made again when the worker that held them dies.
        paths = {request[key] for request in waiting.values() for key in ("exam", "sessions")}
        folders: dict[str, Any] = {
            path: client.submit(dict, _files(Path(path)), pure=False) for path in sorted(paths)
        }
        futures = {}
        for name, request in waiting.items():
            future = client.submit(
                grade_remotely,
                Path(request["path"]).read_bytes(),
                asdict(Arrival.of(request)),
                folders[request["exam"]],
                folders[request["sessions"]],
                seconds,
                key=f"labkit-grade-{name}",
                pure=False,
                retries=3,
            )
            futures[future] = name
        ended: Any = as_completed(list(futures), loop=client.loop)  # type: ignore[no-untyped-call]
        for future in ended:
            yield futures[future], _result(future)
            future.release()


def grade_remotely(
    content: bytes, about: Mapping[str, Any], exam: Files, sessions: Files, seconds: float
) -> str:
    """Grade one submission in a process below this worker, and return its result as JSON."""
    process = getattr(_mine, "process", None)
    if process is None or process.seconds != seconds:
        process = _mine.process = GradingProcess(seconds)
    request = {**about, "exam": _lay_out(exam), "sessions": _lay_out(sessions)}
    return json.dumps(process.grade(request, content))


def _result(future: Any) -> dict[str, Any]:
    if future.status == "finished":
        return json.loads(future.result())
    problem = future.exception()
    return {"status": "failed", "session": None, "reasons": [f"{type(problem).__name__}: {problem}"[:400]]}


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _lay_out(files: Files) -> str:
    """Return a folder on this machine that holds ``files``; the same for the same files."""
    head = digest_of("\n".join(f"{name} {digest_of(text)}" for name, text in sorted(files.items())).encode())
    with _lock:
        if head not in _laid_out:
            folder = tempfile.TemporaryDirectory(prefix="labkit-exam-")
            for name, text in files.items():
                path = Path(folder.name) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text)
            _laid_out[head] = folder
        return _laid_out[head].name
