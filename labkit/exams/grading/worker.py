"""The process that opens submissions and measures: one JSON line in, JSON lines out.

It has no key, reads no configuration of the place where submissions lie, keeps nothing that another
process reads, and nothing of a candidate is ever run in it.  ``python -P -m
labkit.exams.grading.worker`` starts one; :mod:`labkit.exams.grading.nursery` forks them.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from labkit.core.errors import DataFormatError

__all__ = ["answer_requests", "import_all", "main"]


def main() -> int:
    """Import, and answer requests until there are no more."""
    answer_requests(import_all)
    return 0


def answer_requests(prepare: Callable[[], None] = lambda: None) -> None:
    """Limit this process, prepare it, and answer requests until there are no more."""
    out = _own_output()
    _limit(memory=int(os.environ.get("LABKIT_GRADER_MEMORY", "0")))
    prepare()
    _send(out, _line({"ready": os.getpid()}))
    for line in sys.stdin.buffer:
        _send(out, _answer(json.loads(line), lambda slot: _send(out, _line({"at": slot}))))


def import_all() -> None:
    """Import what grading needs, so that the first submission is not charged for it."""
    import importlib

    import torch

    torch.set_num_threads(1)
    for name in ("grading.sheet", "task.playing", "task.packing", "bank.marking", "issued", "signing"):
        importlib.import_module(f"labkit.exams.{name}")
    for name in (
        "labkit.models.architectures",
        "safetensors.torch",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
    ):
        importlib.import_module(name)


def _answer(request: dict[str, Any], begin: Callable[[str], None]) -> bytes:
    """Grade what a request names, and return the line that answers it."""
    from labkit.exams.grading.sessions import find_session
    from labkit.exams.grading.sheet import grade_submission
    from labkit.exams.grading.verifying import Arrival

    try:
        result = grade_submission(
            _content(request),
            lambda name: find_session(Path(request["sessions"]), name),
            Path(request["exam"]),
            arrival=Arrival.of(request),
            unmeasured=request.get("unmeasured", {}),
            begin=begin,
        )
        return _line({"result": result})
    except DataFormatError as error:
        return _line({"result": {"status": "refused", "session": None, "reasons": [str(error)]}})
    except Exception as error:  # said to the one who asked; the next submission may be fine
        traceback.print_exc()
        return _line({"problem": f"{type(error).__name__}: {str(error)[:400]}"})


def _content(request: dict[str, Any]) -> bytes:
    from labkit.exams.envelope.reading import read_submission_bytes

    if "base64" in request:
        return base64.b64decode(request["base64"])
    return read_submission_bytes(Path(request["path"]))


def _own_output() -> BinaryIO:
    """Keep the way back for answers, and send whatever is printed where errors go."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _limit(memory: int) -> None:
    """Take no more memory than allowed, and leave no core behind."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, allow_nan=False).encode() + b"\n"


def _send(out: BinaryIO, line: bytes) -> None:
    out.write(line)
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
