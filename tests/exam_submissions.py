"""Sittings and submissions for tests of the grader: honest ones, and what is done to them."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labkit.evidence.entry import canonical
from labkit.exams.chain import entry
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.form import said_time
from labkit.exams.grading.freezing import freeze_exam
from labkit.exams.grading.sessions import session_facts, write_session
from labkit.exams.task import find_task, load_code, read_variants, tasks_of
from labkit.exams.task.packing import pack
from labkit.exams.task.playing import record
from tests.exam_example import make_exam, variants

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
CANDIDATE = Candidate("Ada Example", "ada@example.org")

_TASK = """
id = "T8"
title = "A model, and a measurement that can go wrong"
domain = "D4"
points = 10
minutes = 3
[[hand_in]]
name = "patched"
kind = "model"
about = "The model."
architecture = "patched"
[[hand_in]]
name = "fuse"
kind = "number"
about = "What happens while it is measured."
dtype = "int64"
low = 0
high = 9
[[hand_in]]
name = "said"
kind = "text"
about = "Words."
[[criterion]]
metric = "accuracy"
part = "outcome"
points = 6
zero_at = 0.5
full_at = 0.8
[[criterion]]
metric = "whole"
part = "process"
points = 2
zero_at = 0.0
full_at = 1.0
[[criterion]]
metric = "justification"
part = "justification"
points = 2
zero_at = 0.0
full_at = 1.0
[[justification]]
id = "why"
question = "Why?"
options = [
  { text = "So.", credit = 1.0, why = "It is." },
  { text = "Not.", credit = 0.0, why = "It is not." },
]
"""

_CODE = """
import os, time
import torch
from labkit.exams.issued import Issued
from labkit.exams.task import Measured
from labkit.models import build

ABOUT = {"architecture": "logistic", "input_shape": [1, 4, 4], "classes": 2}


def _drawn(variant, count, offset):
    generator = torch.Generator().manual_seed(variant.seed)
    weights = torch.randn(16, generator=generator)
    generator.manual_seed(variant.seed + offset)
    x = torch.rand(count, 1, 4, 4, generator=generator)
    return x, ((x.flatten(1) - 0.5) @ weights > 0).long()


def issue(variant):
    x, y = _drawn(variant, 200, 1)
    return Issued({"x": x, "y": y}, {"models": {"patched": ABOUT}})


def measure(variant, hand_in):
    fuse = hand_in.get("fuse", 0)
    if fuse == 1:
        os._exit(7)
    if fuse == 2:
        time.sleep(600)
    if fuse == 3:
        raise RuntimeError("a mistake of the author")
    if fuse == 4:
        return Measured({"accuracy": float("nan"), "whole": float("inf")})
    if fuse == 5:
        kept = torch.empty(3 << 30)
    if fuse == 6:
        print('{"result": {"status": "graded"}}', flush=True)
    if "patched" not in hand_in:
        return Measured({"whole": 0.0})
    module = build("logistic", (1, 4, 4), 2, seed=0)
    module.load_state_dict(hand_in["patched"])
    module.eval()
    x, y = _drawn(variant, 400, 2)
    with torch.no_grad():
        accuracy = float((module(x).argmax(1) == y).float().mean())
    return Measured({"accuracy": accuracy, "whole": float(fuse in (0, 6))}, {"tested": len(x)})
"""

_BOTS = """
import torch


def _fitted(issued):
    x, y = issued.tensors["x"].flatten(1) - 0.5, issued.tensors["y"].float() * 2 - 1
    solved = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    return {
        "1.weight": torch.stack([-solved, solved]),
        "1.bias": torch.stack([solved.sum() / 2, -solved.sum() / 2]),
    }


def reference(issued, variant):
    return {"patched": _fitted(issued), "fuse": 0, "said": "Fitted.", "why_why": 1}


def nothing(issued, variant):
    return {}


def lazy(issued, variant):
    return {"fuse": 0, "why_why": 1}
"""

_ITEM = """
[[item]]
id = "{id}"
revision = 1
kind = "single"
domain = "{domain}"
level = "recall"
difficulty = 2
status = "reviewed"
sources = ["nist-ai-100-2/dp"]
papers = [{{ title = "A paper", link = "https://example.org/paper", year = 2020 }}]
question = "Which of these words stands first here, in {id}?"
options = [
  {{ text = "The right word of {id}", correct = true, why = "It is the first of the words in this item." }},
  {{ text = "Another word of {id}", why = "It is the second of the words that stand in this item." }},
  {{ text = "A third word of {id}", why = "It is the third of the words that stand in this item." }},
  {{ text = "A fourth word of {id}", why = "It is the fourth of the words that stand in this item." }},
]
"""


def make_graded_exam(folder):
    """Write an exam of three tasks and four items whose bots were played, and return its folder."""
    exam = make_exam(folder)
    text = (exam / "blueprint.toml").read_text()
    (exam / "blueprint.toml").write_text(text.replace("available = false", "available = true"))
    place = exam / "tasks" / "T8"
    place.mkdir()
    files = {
        "task.toml": _TASK,
        "task.py": _CODE,
        "bots.py": _BOTS,
        "brief.md": "# T8\n",
        "cells.py": '# %% tags=["answer-T8"]\n# solution\n# end solution\nexam.hand_in("T8", fuse=0)\n',
        "variants.toml": variants("T8"),
    }
    for name, text in files.items():
        (place / name).write_text(text)
    (exam / "items").mkdir()
    items = [("D1", "d1-one"), ("D1", "d1-two"), ("D4", "d4-one"), ("D4", "d4-two")]
    (exam / "items" / "all.toml").write_text(
        'author_role = "tester"\n' + "".join(_ITEM.format(domain=d, id=i) for d, i in items)
    )
    for task in tasks_of(exam).values():
        record(task, read_variants(task.folder), task.folder)
    return exam


@dataclass(frozen=True)
class Desk:
    """An examiner, the frozen exam, and a folder with the facts of every sitting."""

    examiner: Examiner
    exam: Path
    sessions: Path

    @classmethod
    def make(cls, folder, exam, **more):
        examiner = Examiner.create(folder / "examiner", "a long password", exam=exam, **more)
        frozen = freeze_exam(exam, folder / "exams", items=examiner.items_folder())
        return cls(examiner, frozen, folder / "sessions")

    def open(self, candidate=CANDIDATE, mode="exam"):
        session = self.examiner.open_session(candidate, mode, now=START)
        write_session(self.sessions, session_facts(self.examiner, session))
        return Sitting(self, session)


@dataclass(frozen=True)
class Sitting:
    """One sitting, from which submissions are made."""

    desk: Desk
    session: object

    @property
    def name(self):
        return self.session.form.session

    def played(self, slot, bot="reference"):
        """Return what a bot hands in for a task."""
        examiner = self.desk.examiner
        issued, variant = examiner.issue(self.session, slot), examiner.variant(self.session, slot)
        return getattr(load_code(find_task(slot, examiner.exam), "bots"), bot)(issued, variant)

    def parts(self, hand_ins=None, *, answers=None, submitted=60, more=None):
        """Return the members of a submission, unsealed: edit them, then :func:`seal`."""
        form = self.session.form
        hand_ins = {slot: self.played(slot) for slot in form.slots} if hand_ins is None else hand_ins
        files = {"form.json": form.as_bytes(), "form.sig.json": canonical(self.session.signature)}
        entries = [self._entry(1, "opened", {}, form.sha256)]
        for slot, values in hand_ins.items():
            files |= packed(find_task(slot, self.desk.examiner.exam), values)
            digest = hashlib.sha256(files.get(f"hand_ins/{slot}/tensors.safetensors", b"")).hexdigest()
            entries.append(
                self._entry(
                    len(entries) + 1, "handed_in", {"slot": slot, "sha256": digest}, entries[-1]["digest"]
                )
            )
        entries.append(self._entry(len(entries) + 1, "submitted", {}, entries[-1]["digest"]))
        files["log.jsonl"] = b"".join(canonical(each) + b"\n" for each in entries)
        files["answers.json"] = canonical(self.right_answers() if answers is None else answers)
        files |= more or {}
        manifest = {
            "version": 1,
            "session": form.session,
            "nonce": form.nonce,
            "form_sha256": form.sha256,
            "log_head": entries[-1]["digest"],
            "submitted_at": said_time(START + timedelta(seconds=submitted)),
        }
        return files, manifest

    def submission(self, hand_ins=None, **more):
        """Return the zip of an honest submission."""
        return seal(*self.parts(hand_ins, **more))

    def right_answers(self):
        from labkit.exams.bank import read_bank, right_answer

        bank = read_bank(self.desk.exam / "items")
        return {
            item.id: {"answer": right_answer(bank.find(item.id), item.variant), "confidence": "know"}
            for item in self.session.form.items
        }

    def _entry(self, n, kind, payload, previous):
        return entry(n, said_time(START + timedelta(seconds=n)), kind, payload, previous)


def packed(task, values):
    """Return the members of one hand-in, unchecked."""
    import safetensors.torch

    plain, tensors = pack(task, values)
    start = f"hand_ins/{task.id}"
    files = {f"{start}/hand_in.json": canonical(plain)}
    if tensors:
        kept = {name: each.contiguous() for name, each in tensors.items()}
        files[f"{start}/tensors.safetensors"] = safetensors.torch.save(kept)
    return files


def seal(files, manifest, *, extra=(), listed=True):
    """Return a zip of ``files`` with a manifest that lists them."""
    if listed:
        manifest = {**manifest, "files": {name: listing(text) for name, text in files.items()}}
    return zipped([("manifest.json", canonical(manifest)), *files.items(), *extra])


def listing(content):
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def zipped(members, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def grade(desk, content, **more):
    """Grade in this process: quick, for what cannot hurt it."""
    from labkit.exams.grading.sessions import find_session
    from labkit.exams.grading.sheet import grade_submission

    return grade_submission(content, lambda name: find_session(desk.sessions, name), desk.exam, **more)


def task_of(result, slot):
    return next(task for task in result["sheet"]["tasks"] if task["slot"] == slot)


def plain(content):
    return json.loads(content)
