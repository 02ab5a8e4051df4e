"""Submissions built to hurt the grader, or to pass for what they are not: each cheat by its name.

Every one is graded by the real grader; it ends in nothing for that part, with a reason, and the
next submission is graded as if nothing had been.
"""

import io
import json
import os
import pickle
import random
import stat
import struct
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
import torch

from labkit.cli import main
from labkit.core.errors import DataFormatError
from labkit.evidence.entry import canonical
from labkit.exams.chain import entry
from labkit.exams.envelope.reading import Limits, read_envelope, read_submission_bytes
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.form import said_time
from labkit.exams.grading.verifying import Arrival
from tests.exam_submissions import START, Desk, grade, listing, make_graded_exam, seal, task_of, zipped


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    return Desk.make(folder, make_graded_exam(folder))


@pytest.fixture(autouse=True)
def _the_grader_still_works(desk):
    yield
    result = grade(desk, desk.open().submission())
    assert result["status"] == "graded"
    assert result["sheet"]["total"]["share"] == pytest.approx(1, abs=1e-6)


def zero(result):
    """Return the reasons of a submission that is worth nothing as a whole."""
    assert result["reasons"]
    if "sheet" in result:
        assert result["sheet"]["total"]["earned"] == 0
        assert not result["sheet"]["decision"]["passed"]
    return " ".join(result["reasons"])


def zero_for(result, slot):
    """Return the reasons of one task that is worth nothing of its outcome, beside others that are."""
    others = [each["earned"] for each in result["sheet"]["tasks"] if each["slot"] != slot]
    assert all(earned > 0 for earned in others)
    return outcome_lost(result, slot)


def outcome_lost(result, slot):
    """Return the reasons of a task whose outcome is worth nothing, whatever the others are."""
    task = task_of(result, slot)
    assert all(line["earned"] == 0 for line in task["lines"] if line["part"] == "outcome")
    assert task["refused"]
    return " ".join(task["refused"])


# -- The archive ------------------------------------------------------------------------------


def _with_entry(desk, change):
    """Return a submission with one entry more, changed as a forger's tool would."""
    files, manifest = desk.open().parts()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("manifest.json", canonical({**manifest, "files": _listed(files)}))
        for name, content in files.items():
            archive.writestr(name, content)
        change(archive)
    return out.getvalue()


def _listed(files):
    return {name: listing(content) for name, content in files.items()}


def _link(archive):
    info = zipfile.ZipInfo("answers2.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


def _device(archive):
    info = zipfile.ZipInfo("zero")
    info.external_attr = (stat.S_IFCHR | 0o666) << 16
    archive.writestr(info, "")


def _crowd(archive):
    for number in range(200):
        archive.writestr(f"file{number}", b"")


ARCHIVES = {
    "traversal": (lambda archive: archive.writestr("../../evil.json", "{}"), "leads out"),
    "absolute path": (lambda archive: archive.writestr("/etc/cron.d/evil", "{}"), "leads out"),
    "windows path": (lambda archive: archive.writestr("C:\\evil.json", "{}"), "leads out"),
    "dots inside": (lambda archive: archive.writestr("hand_ins/../form.json", "{}"), "leads out"),
    "line break in a name": (lambda archive: archive.writestr("a\nb", "{}"), "leads out"),
    "link": (_link, "link or a device"),
    "device": (_device, "link or a device"),
    "name in other letters": (lambda archive: archive.writestr("FORM.JSON", "{}"), "twice"),
    "two hundred members": (_crowd, "more than 128 members"),
}


@pytest.mark.parametrize("cheat", ARCHIVES)
def test_hostile_archive(desk, cheat):
    change, reason = ARCHIVES[cheat]
    result = grade(desk, _with_entry(desk, change))
    assert result["status"] == "refused"
    assert reason in zero(result)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names(desk):
    files, manifest = desk.open().parts()
    content = seal(files, manifest, extra=[("answers.json", b"{}")])
    assert "stands twice" in zero(grade(desk, content))


def test_zip_bomb_in_a_member_of_its_own(desk):
    files, manifest = desk.open().parts()
    files["answers.json"] = b" " * (40 << 20)
    members = [("manifest.json", canonical({**manifest, "files": _listed(files)})), *files.items()]
    content = zipped(members, zipfile.ZIP_DEFLATED)
    assert len(content) < 1 << 20
    assert "unpacks to more than 100 times" in zero(grade(desk, content))


def test_a_directory_that_lies_about_sizes(desk):
    """The size in the directory is small, the member is not: no more is read than was said."""
    content = bytearray(seal(*desk.open().parts()))
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 5)
    result = grade(desk, bytes(content))
    assert result["reasons"] or result["sheet"]["flags"]
    assert result["status"] != "graded" or result["sheet"]["total"]["share"] < 1


def test_overlapping_members(desk):
    content = bytearray(seal(*desk.open().parts()))
    first = content.find(b"PK\x01\x02")
    second = content.find(b"PK\x01\x02", first + 4)
    content[second + 20 : second + 24] = struct.pack("<I", len(content))
    content[second + 24 : second + 28] = struct.pack("<I", len(content))
    assert "on top of one another" in zero(grade(desk, bytes(content)))


@pytest.mark.parametrize("kept", [0, 10, 21, 22, 100, 2000, -1, -22, -60])
def test_truncated(desk, kept):
    result = grade(desk, desk.open().submission()[:kept])
    assert result["status"] == "refused"
    assert "cut off" in zero(result)


def test_something_behind_and_before_the_zip(desk):
    whole = desk.open().submission()
    assert "cut off or has something behind" in zero(grade(desk, whole + b"#!/bin/sh"))
    assert "before or inside" in zero(grade(desk, b"#!/bin/sh\n" + whole))


def test_random_damage_never_ends_the_grader(desk):
    whole, chance = desk.open().submission(), random.Random(0)
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 20)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        result = grade(desk, bytes(content))
        assert result["status"] in ("graded", "void", "refused")


def test_encrypted(desk):
    content = bytearray(desk.open().submission())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    assert "encrypted" in zero(grade(desk, bytes(content)))


def test_a_submission_that_is_a_link_a_pipe_or_a_folder(desk, tmp_path):
    import os

    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "nothing"):
        with pytest.raises(DataFormatError):
            read_submission_bytes(tmp_path / name)
    large = tmp_path / "large"
    large.write_bytes(b"0" * 101)
    with pytest.raises(DataFormatError, match="larger than 100"):
        read_submission_bytes(large, Limits(archive=100))


# -- What the members say ---------------------------------------------------------------------

JSON = {
    "NaN": b'{"claimed_gain": NaN, "why_side": 2}',
    "infinity": b'{"claimed_gain": Infinity}',
    "number that becomes infinite": b'{"claimed_gain": 1e999}',
    "number of a million digits": b'{"claimed_gain": ' + b"9" * 1_000_000 + b"}",
    "doubled member": b'{"claimed_gain": 0.1, "claimed_gain": 1.0}',
    "deep": b'{"claimed_gain": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "deep and never closed": b'{"claimed_gain": ' + b"[" * 100_000,
    "quotes that never end": b'{"claimed_gain": "' + b'\\"' * 900_000,
    "half a surrogate": b'{"claimed_gain": "\\ud800"}',
    "no UTF-8": b'{"claimed_gain": "\xff\xfe"}',
    "byte order mark": b'\xef\xbb\xbf{"claimed_gain": 1.0}',
    "list": b"[1, 2]",
    "too long": b'{"claimed_gain": "' + b"x" * (3 << 20) + b'"}',
    "pickle": pickle.dumps({"claimed_gain": 1.0}),
    "empty": b"",
    "code": b"__import__('os').system('touch /tmp/owned')",
}


@pytest.mark.parametrize("cheat", JSON)
def test_json_that_is_none(desk, cheat):
    files, manifest = desk.open().parts()
    files["hand_ins/T5/hand_in.json"] = JSON[cheat]
    # The claim is lost with it, and without a claim the outcome does not count.
    assert "hand_in.json" in zero_for(grade(desk, seal(files, manifest)), "T5")


class Evil:
    """Runs when it is unpickled."""

    marker = None

    def __reduce__(self):
        return (open, (self.marker, "w"))


def _evil(tmp_path):
    Evil.marker = str(tmp_path / "owned")
    return Evil()


@pytest.mark.parametrize(
    "where", ["hand_in.json", "tensors.safetensors", "answers.json", "log.jsonl", "form.json"]
)
@pytest.mark.parametrize("kind", ["pickle", "torch", "npz"])
def test_pickle_in_every_field(desk, tmp_path, where, kind):
    import numpy as np

    out = io.BytesIO()
    if kind == "pickle":
        pickle.dump(_evil(tmp_path), out)
    elif kind == "torch":
        torch.save({"x_adv": _evil(tmp_path)}, out)
    else:
        np.savez(out, x_adv=np.array([_evil(tmp_path)], dtype=object), allow_pickle=True)
    files, manifest = desk.open().parts()
    name = where if where in files else f"hand_ins/T5/{where}"
    assert name in files
    files[name] = out.getvalue()
    result = grade(desk, seal(files, manifest))
    assert not (tmp_path / "owned").exists()
    if name.startswith("hand_ins"):
        zero_for(result, "T5")
    elif name == "answers.json":
        assert result["sheet"]["knowledge"]["earned"] == 0
        assert any("answers.json" in flag for flag in result["sheet"]["flags"])
    else:
        assert not result.get("sheet", {"decision": {"passed": False}})["decision"]["passed"]
        assert result["reasons"]


def _safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _tensor(dtype="F32", shape=(2, 2), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


TENSORS = {
    "huge header": struct.pack("<Q", 1 << 62) + b"{}",
    "header longer than the file": struct.pack("<Q", 5000) + b"{}",
    "no header": b"\0\0\0",
    "header that is no JSON": _safetensors(b"not json at all"),
    "doubled tensor": _safetensors(b'{"x_adv": {}, "x_adv": {}}'),
    "offsets beyond the file": _safetensors({"x_adv": _tensor(offsets=(0, 1 << 30))}, bytes(16)),
    "overlap": _safetensors({"x_adv": _tensor(), "y": _tensor()}, bytes(16)),
    "gap": _safetensors({"x_adv": _tensor(offsets=(4, 20))}, bytes(20)),
    "bytes behind": _safetensors({"x_adv": _tensor()}, bytes(64)),
    "negative shape": _safetensors({"x_adv": _tensor(shape=(-2, -2))}, bytes(16)),
    "shape too large to hold": _safetensors({"x_adv": _tensor(shape=(1 << 39, 1 << 39))}, bytes(16)),
    "unknown type": _safetensors({"x_adv": _tensor(dtype="PICKLE")}, bytes(16)),
    "deep header": _safetensors(b'{"x_adv": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "a thousand tensors and more": _safetensors(
        {f"t{n}": _tensor(shape=(0,), offsets=(0, 0)) for n in range(1500)}
    ),
}


@pytest.mark.parametrize("cheat", TENSORS)
def test_tensors_that_are_none(desk, cheat):
    files, manifest = desk.open().parts()
    files["hand_ins/T5/tensors.safetensors"] = TENSORS[cheat]
    zero_for(grade(desk, seal(files, manifest)), "T5")


@pytest.mark.parametrize(
    "name",
    [
        "conftest.py",
        "pytest.ini",
        "hand_ins/T5/conftest.py",
        "sitecustomize.py",
        "labkit/metrics.py",
        "tasks/T5/reference.json",
        "sheet.json",
        "results.json",
        "hand_ins/T5/nested/tensors.safetensors",
        ".env",
    ],
)
def test_files_that_the_grading_side_would_read_or_overwrite(desk, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files, manifest = desk.open().parts()
    before = {path: path.read_bytes() for path in desk.exam.rglob("*") if path.is_file()}
    files[name] = b"raise SystemExit('owned')"
    result = grade(desk, seal(files, manifest))
    assert any(name in flag and "not opened" in flag for flag in result["sheet"]["flags"])
    assert list(tmp_path.iterdir()) == []
    assert before == {path: path.read_bytes() for path in desk.exam.rglob("*") if path.is_file()}


# -- Whose it is, and when ---------------------------------------------------------------------


def test_altered_after_sealing(desk):
    sitting = desk.open()
    files, manifest = sitting.parts(
        {slot: sitting.played(slot, "nothing") for slot in sitting.session.form.slots}
    )
    better, _ = sitting.parts()
    sealed = {**manifest, "files": _listed(files)}
    result = grade(desk, seal(better, sealed, listed=False))
    for slot in ("T1", "T5"):
        assert "altered after sealing" in " ".join(task_of(result, slot)["refused"])
    assert result["sheet"]["practical"]["earned"] == 0


def test_swapped_variant(desk):
    """A form with the commitment, the seed or the items of an easier variant written in."""
    sitting, other = desk.open(), desk.open()
    for change in (
        {"tasks": other.session.form.as_json()["tasks"]},
        {"items": []},
        {"minutes": 10_000, "deadline": said_time(START + timedelta(days=9))},
        {"mode": "practice"},
    ):
        files, manifest = sitting.parts()
        files["form.json"] = canonical({**json.loads(files["form.json"]), **change})
        manifest["form_sha256"] = listing(files["form.json"])["sha256"]
        result = grade(desk, seal(files, manifest))
        assert result["status"] == "void"
        assert "not the one that was issued" in zero(result)
        assert "did not sign" in zero(result)


def test_work_of_another_variant(desk):
    """What somebody else solved, on another variant, is measured on the candidate's own."""
    mine = desk.open()
    other = next(
        each
        for each in (desk.open() for _ in range(40))
        if each.session.variants["T5"] != mine.session.variants["T5"]
        and len(each.played("T5")["x_adv"]) == len(mine.played("T5")["x_adv"])
    )
    result = grade(desk, mine.submission({slot: other.played(slot) for slot in mine.session.form.slots}))
    assert "beyond it" in outcome_lost(result, "T5")


def test_form_signed_by_a_key_of_ones_own(desk, tmp_path):
    sitting = desk.open()
    files, manifest = sitting.parts()
    forger = Examiner.create(tmp_path / "forger", "a long password", exam=desk.exam)
    form = {**json.loads(files["form.json"]), "deadline": said_time(START + timedelta(days=9))}
    files["form.json"] = canonical(form)
    files["form.sig.json"] = canonical(forger.keys.sign("form", form))
    manifest["form_sha256"] = listing(files["form.json"])["sha256"]
    assert "did not sign" in zero(grade(desk, seal(files, manifest)))


def test_replayed_nonce(desk):
    """Yesterday's submission of the same candidate under the name of today's session."""
    first, second = desk.open(), desk.open()
    files, manifest = first.parts()
    result = grade(desk, seal(files, {**manifest, "session": second.name}))
    assert result["status"] == "void"
    assert "nonce" in zero(result)


def test_foreign(desk):
    """Somebody else's submission, brought as one's own."""
    content = desk.open(Candidate("Eve", "eve@example.org")).submission()
    result = grade(desk, content, arrival=Arrival(owner="ada@example.org"))
    assert result["status"] == "void"
    assert "somebody else's" in zero(result)
    assert grade(desk, content, arrival=Arrival(owner="eve@example.org"))["status"] == "graded"


def test_session_that_does_not_exist(desk):
    files, manifest = desk.open().parts()
    for name in ("20261130-0000000000000000", "../../examiner/keys", "", None, 7, "a" * 500):
        result = grade(desk, seal(files, {**manifest, "session": name}))
        assert result["status"] == "refused"
        assert "session" in zero(result)


def test_late(desk):
    sitting = desk.open()
    minutes = sitting.session.form.minutes
    late = (START + timedelta(minutes=minutes, seconds=61)).isoformat()
    result = grade(desk, sitting.submission(), arrival=Arrival(at=late))
    assert result["status"] == "graded"  # it is this candidate's result, and it is nothing
    assert "was due at" in zero(result)
    just = (START + timedelta(minutes=minutes, seconds=59)).isoformat()
    assert grade(desk, sitting.submission(), arrival=Arrival(at=just))["sheet"]["verified"]["deadline"]


def test_clock_set_back(desk):
    """The candidate's clock says in time, the examiner's does not."""
    sitting = desk.open()
    late = (START + timedelta(hours=9)).isoformat()
    assert "deadline" in zero(grade(desk, sitting.submission(submitted=1), arrival=Arrival(at=late)))
    before = sitting.submission(submitted=-86_400)
    assert "before the sitting was opened" in zero(grade(desk, before))
    files, manifest = sitting.parts()
    assert "no time" in zero(grade(desk, seal(files, {**manifest, "submitted_at": "soon"})))


def test_who_stops_in_time_and_seals_later_has_kept_the_deadline(desk):
    """Without a time of arrival it is the last hand-in that counts, and a clock set back still shows."""
    sitting = desk.open()
    hours = 9 * 3600
    assert grade(desk, sitting.submission(submitted=hours))["sheet"]["verified"]["deadline"]
    arrived = (START + timedelta(seconds=hours)).isoformat()
    assert "was due at" in zero(grade(desk, sitting.submission(submitted=hours), arrival=Arrival(at=arrived)))


def test_extra_time_counts(desk):
    sitting = desk.open(Candidate("Bo", "bo@example.org", extra_minutes=30))
    at = (START + timedelta(minutes=sitting.session.form.minutes + 29)).isoformat()
    result = grade(desk, sitting.submission(), arrival=Arrival("bo@example.org", at))
    assert result["sheet"]["verified"]["deadline"]


def _relogged(change):
    def cheat(files, manifest):
        lines = [json.loads(line) for line in files["log.jsonl"].splitlines()]
        lines = change(lines)
        files["log.jsonl"] = b"".join(canonical(line) + b"\n" for line in lines)

    return cheat


LOGS = {
    "edited event log": _relogged(
        lambda lines: [{**lines[0], "at": said_time(START - timedelta(days=1))}, *lines[1:]]
    ),
    "reordered": _relogged(lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]),
    "entry left out": _relogged(lambda lines: [lines[0], *lines[2:]]),
    "truncated log": _relogged(lambda lines: lines[:-1]),
    "lengthened log": _relogged(
        lambda lines: [*lines, entry(len(lines) + 1, "", "noted", {}, lines[-1]["digest"])]
    ),
    "log of another form": _relogged(lambda lines: [entry(1, "", "opened", {}, "0" * 64), *lines[1:]]),
    "log cut in a line": lambda files, manifest: files.update({"log.jsonl": files["log.jsonl"][:-20]}),
    "no log": lambda files, manifest: files.pop("log.jsonl"),
}


@pytest.mark.parametrize("cheat", LOGS)
def test_edited_event_log(desk, cheat):
    """The log is a hint and earns nothing; one that was edited takes the pass away."""
    files, manifest = desk.open().parts()
    LOGS[cheat](files, manifest)
    result = grade(desk, seal(files, manifest))
    assert not result["sheet"]["verified"]["chain"]
    assert not result["sheet"]["decision"]["passed"]
    assert any(reason.startswith("chain") for reason in result["reasons"])


def test_a_log_that_says_perfect_score_earns_nothing(desk):
    sitting = desk.open()
    files, manifest = sitting.parts({})
    lines = [
        entry(
            1,
            said_time(datetime.now(UTC)),
            "handed_in",
            {"score": 100, "passed": True},
            sitting.session.form.sha256,
        )
    ]
    files["log.jsonl"] = b"".join(canonical(line) + b"\n" for line in lines)
    manifest["log_head"] = lines[-1]["digest"]
    files["answers.json"] = canonical({"score": 100, "T5": {"earned": 7}})
    result = grade(desk, seal(files, manifest))
    assert result["sheet"]["total"]["earned"] == 0


def test_the_envelope_reader_never_imports_torch_for_a_refusal():
    with pytest.raises(DataFormatError):
        read_envelope(b"PK")


def test_a_file_name_that_draws_on_the_screen_of_the_examiner(desk, tmp_path, capsys):
    """Escapes that clear the screen, letters in reverse, and bytes that no encoding prints."""
    for number, name in enumerate(
        [b"\x1b[2J\x1b[HAda passed\x1b[8m.zip", b"\xff\xfe.zip", "\u202epiz.zip".encode()]
    ):
        (tmp_path / f"{number}{os.fsdecode(name)}").symlink_to("/dev/null")
    examiner = Examiner.create(tmp_path / "examiner", None, exam=desk.exam)
    assert main(["exam", "grade", str(tmp_path), "--examiner", str(examiner.folder)]) == 1
    shown = capsys.readouterr().out
    assert shown.count("the submission cannot be read") == 3
    assert all(letter == "\n" or letter.isprintable() for letter in shown)


def _many_names(files, manifest):
    files["hand_ins/T5/hand_in.json"] = json.dumps({f"{n:x}": 0 for n in range(150_000)}).encode()
    return seal(files, manifest)


def _one_long_name(files, manifest):
    files["hand_ins/T5/hand_in.json"] = json.dumps({"n" * 1_000_000: 0}).encode()
    return seal(files, manifest)


def _many_files_listed(files, manifest):
    nothing = {f"{n:x}": 0 for n in range(150_000)}
    sealed = {**manifest, "files": {**_listed(files), **nothing}}
    return zipped([("manifest.json", canonical(sealed)), *files.items()])


@pytest.mark.parametrize("cheat", [_many_names, _one_long_name, _many_files_listed])
def test_a_submission_that_swells_its_own_score_sheet(desk, cheat):
    """A megabyte of names that nobody asked for would be tens of them in sheet, feedback and pack."""
    result = grade(desk, cheat(*desk.open().parts()))
    assert result["status"] == "graded"
    assert len(json.dumps(result)) < 200_000
