"""One exam in three forms: as tasks of ours, as a notebook of nbgrader, as a notebook of otter-grader.

Four tasks: push forty inputs over the edge of a linear classifier within a budget.  The answer is
one line each, and the tests of the peers measure what ours measures.  Theirs is written in
NumPy, so that their kernels need not import torch: that is to their advantage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.evidence.entry import canonical
from labkit.exams.chain import entry
from labkit.exams.envelope.writing import seal
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.grading import SessionFacts, session_facts
from labkit.exams.task import find_task, load_code, read_variants, tasks_of
from labkit.exams.task.packing import pack
from labkit.exams.task.playing import record

__all__ = ["SLOTS", "make_exam", "make_submissions", "nbgrader_source", "otter_source", "solved"]

SLOTS = ("T1", "T2", "T3", "T4")

_BLUEPRINT = """
id = "benchmark"
title = "An exam to be graded often"
version = "1"
minutes = 60
[[domain]]
id = "D1"
title = "Evasion"
weight = 100
items = 4
{tasks}
[items]
points = 20
[items.kinds]
choice = 4
[decision]
cut = 0.7
practical = 0.6
domain = 0.45
domain_weight = 12
[validity]
months = 24
"""

_TASK = """
id = "{slot}"
title = "Push the inputs"
domain = "D1"
points = 20
minutes = 10
[[hand_in]]
name = "x_adv"
kind = "tensor"
about = "The inputs after your push."
dtype = "float32"
shape = ["n", 16]
budget = {{ around = "x", norm = "linf", epsilon = 0.5 }}
[[criterion]]
metric = "accuracy"
part = "outcome"
points = 12
zero_at = "nothing"
full_at = "reference"
[[criterion]]
metric = "moved"
part = "process"
points = 4
zero_at = 0.0
full_at = 0.5
[[criterion]]
metric = "justification"
part = "justification"
points = 4
zero_at = 0.0
full_at = 1.0
[[justification]]
id = "way"
question = "Which way?"
options = [{{ text = "Against the weights.", credit = 1.0, why = "The score falls." }},
           {{ text = "Along them.", credit = 0.0, why = "The score grows." }}]
"""

_CODE = """
import torch
from labkit.exams.issued import Issued
from labkit.exams.task import Measured


def _drawn(variant):
    generator = torch.Generator().manual_seed(variant.seed)
    weights = torch.randn(16, generator=generator)
    x = torch.randn(40, 16, generator=generator)
    return x, weights, x @ weights > 0


def issue(variant):
    x, weights, y = _drawn(variant)
    return Issued({"x": x, "weights": weights, "y": y}, {"dims": {"n": 40}})


def measure(variant, hand_in):
    x, weights, y = _drawn(variant)
    x_adv = hand_in["x_adv"]
    accuracy = float(((x_adv @ weights > 0) == y).float().mean())
    return Measured({"accuracy": accuracy, "moved": float((x_adv - x).abs().max())})
"""

_BOTS = """
def reference(issued, variant):
    x, weights, y = (issued.tensors[name] for name in ("x", "weights", "y"))
    way = 1 - 2 * y[:, None].float()
    return {"x_adv": x + 0.5 * way * weights.sign(), "why_way": 1}


def nothing(issued, variant):
    return {"x_adv": issued.tensors["x"], "why_way": 2}


lazy = nothing
"""


def make_exam(folder: Path) -> Path:
    """Write our form of the exam, let its bots play, and return its folder."""
    slots = [f'[[task]]\nslot = "{slot}"\ndomain = "D1"\npoints = 20\navailable = true' for slot in SLOTS]
    folder.mkdir()
    (folder / "blueprint.toml").write_text(_BLUEPRINT.format(tasks="\n".join(slots)))
    for number, slot in enumerate(SLOTS):
        place = folder / "tasks" / slot
        place.mkdir(parents=True)
        files = {
            "task.toml": _TASK.format(slot=slot),
            "task.py": _CODE,
            "bots.py": _BOTS,
            "brief.md": "Push.\n",
            "variants.toml": "".join(
                f'[[variant]]\nid = "v{n:02d}"\nseed = {100 * number + n}\n'
                'reviewed_by = "benchmark"\nreviewed_on = "2026-11-29"\n'
                for n in range(12)
            ),
        }
        for name, text in files.items():
            (place / name).write_text(text)
    for task in tasks_of(folder).values():
        record(task, read_variants(task.folder), task.folder)
    return folder


def make_submissions(
    exam: Path, folder: Path, count: int, bot: str = "reference"
) -> tuple[list[Path], list[SessionFacts]]:
    """Open ``count`` sittings, let a bot work, seal each, and return the files and what an examiner knows."""
    folder.mkdir()
    examiner = Examiner.create(folder / "examiner", None, exam=exam)
    files, facts = [], []
    played: dict[tuple[str, str], Any] = {}
    for number in range(count):
        session = examiner.open_session(Candidate(f"Candidate {number}"))
        form = session.form
        members = {"form.json": form.as_bytes(), "form.sig.json": canonical(session.signature)}
        for slot in form.slots:
            task, variant = find_task(slot, exam), examiner.variant(session, slot)
            if (slot, variant.id) not in played:  # a bot does the same wherever it meets a variant
                player = getattr(load_code(task, "bots"), bot)
                played[slot, variant.id] = pack(task, player(examiner.issue(session, slot), variant))
            members |= _members(slot, *played[slot, variant.id])
        opened = entry(1, form.opened_at, "opened", {}, form.sha256)
        members |= {"log.jsonl": canonical(opened) + b"\n", "answers.json": b"{}"}
        about = {
            "session": form.session,
            "nonce": form.nonce,
            "form_sha256": form.sha256,
            "log_head": opened["digest"],
            "submitted_at": form.opened_at,
        }
        files.append(folder / f"{number}.zip")
        files[-1].write_bytes(seal(members, about))
        facts.append(session_facts(examiner, session))
    return files, facts


def _members(slot: str, values: dict[str, Any], tensors: dict[str, Any]) -> dict[str, bytes]:
    import safetensors.torch

    start = f"hand_ins/{slot}"
    return {
        f"{start}/hand_in.json": canonical(values),
        f"{start}/tensors.safetensors": safetensors.torch.save(
            {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
        ),
    }


# -- The same for notebooks --------------------------------------------------------------------

_GIVEN = """import numpy as np

def drawn(seed):
    generator = np.random.default_rng(seed)
    weights = generator.standard_normal(16)
    x = generator.standard_normal((40, 16))
    return x, weights, x @ weights > 0"""

_ANSWER = """x, weights, y = drawn({seed})
{begin}x_adv_{slot} = x + 0.5 * np.where(y, -1, 1)[:, None] * np.sign(weights){end}"""

_TEST = """x, weights, y = drawn({seed})
assert x_adv_{slot}.shape == x.shape and np.isfinite(x_adv_{slot}).all()
assert np.abs(x_adv_{slot} - x).max() <= 0.5 + 1e-6
assert ((x_adv_{slot} @ weights > 0) == y).mean() <= 0.2"""


def nbgrader_source() -> bytes:
    """Return the notebook that ``nbgrader generate_assignment`` takes."""
    cells = [_code(_GIVEN, "given", {"grade": False, "locked": True, "solution": False})]
    for number, slot in enumerate(SLOTS):
        answer = _ANSWER.format(
            seed=number, slot=slot, begin="### BEGIN SOLUTION\n", end="\n### END SOLUTION"
        )
        test = f"### BEGIN HIDDEN TESTS\n{_TEST.format(seed=number, slot=slot)}\n### END HIDDEN TESTS"
        cells.append(_code(answer, f"answer-{slot}", {"grade": False, "locked": False, "solution": True}))
        graded = {"grade": True, "locked": True, "solution": False, "points": 20}
        cells.append(_code(test, f"test-{slot}", graded))
    return _notebook(cells)


def otter_source() -> bytes:
    """Return the notebook that ``otter assign`` takes."""
    cells = [_raw("# ASSIGNMENT CONFIG\nname: exam\nsolutions_pdf: false\nrun_tests: false"), _code(_GIVEN)]
    for number, slot in enumerate(SLOTS):
        answer = _ANSWER.format(seed=number, slot=slot, begin="# BEGIN SOLUTION\n", end="\n# END SOLUTION")
        cells += [
            _raw(f"# BEGIN QUESTION\nname: {slot}\npoints: 20"),
            _raw("# BEGIN SOLUTION"),
            _code(answer),
            _raw("# END SOLUTION"),
            _raw("# BEGIN TESTS"),
            _code(f"# HIDDEN\n{_TEST.format(seed=number, slot=slot)}"),
            _raw("# END TESTS"),
            _raw("# END QUESTION"),
        ]
    return _notebook(cells)


def solved() -> dict[str, str]:
    """Return for each slot the line that answers it."""
    return {
        slot: _ANSWER.format(seed=number, slot=slot, begin="", end="") for number, slot in enumerate(SLOTS)
    }


def _code(source: str, name: str = "", about: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if about is not None:
        metadata["nbgrader"] = {"schema_version": 3, "grade_id": name, "task": False, **about}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": source,
    }


def _raw(source: str) -> dict[str, Any]:
    return {"cell_type": "raw", "metadata": {}, "source": source}


def _notebook(cells: Sequence[dict[str, Any]]) -> bytes:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    numbered = [{**cell, "id": f"cell{number}"} for number, cell in enumerate(cells)]
    content = {
        "cells": numbered,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content).encode()
