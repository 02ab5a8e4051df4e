"""From a submission to a score sheet: verified, measured, decided, explained, kept, graded again."""

import json
import math
import re
from datetime import timedelta

import pytest

from labkit.cli import main
from labkit.core.errors import DataFormatError, IntegrityError
from labkit.exams.blueprint import read_blueprint
from labkit.exams.examiner import Candidate
from labkit.exams.grading import (
    GradingFolder,
    Submission,
    decide,
    feedback_page,
    grade_for,
    grade_here,
    regrade,
    session_facts,
)
from labkit.exams.grading.deciding import standard_error
from labkit.exams.grading.verifying import Arrival
from labkit.exams.sitting import make_sitting
from labkit.exams.task import load_code
from tests.exam_submissions import START, Desk, grade, make_graded_exam, task_of


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    return make_graded_exam(tmp_path_factory.mktemp("exam"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory, exam):
    return Desk.make(tmp_path_factory.mktemp("desk"), exam)


def bots(sitting, bot):
    return {slot: sitting.played(slot, bot) for slot in sitting.session.form.slots}


def test_the_reference_is_worth_everything(desk):
    sitting = desk.open()
    result = grade(desk, sitting.submission(), arrival=Arrival("ada@example.org", (START).isoformat()))
    assert result["status"] == "graded"
    sheet = result["sheet"]
    assert sheet["verified"] == {
        **dict.fromkeys(("form", "owner", "nonce", "deadline", "chain"), True),
        "reasons": [],
    }
    assert sheet["total"]["share"] == pytest.approx(1, abs=1e-6)
    assert sheet["decision"]["passed"]
    assert sheet["quadrant"] == "knows and does"
    assert sheet["flags"] == []
    assert sheet["candidate"] == {"name": "Ada Example", "identifier": "ada@example.org"}
    assert sheet["calibration"]["know"] == {"count": 4, "credit": 1.0}
    assert {line["part"] for task in sheet["tasks"] for line in task["lines"]} == {
        "outcome",
        "process",
        "justification",
    }
    json.dumps(sheet, allow_nan=False)


def test_nothing_is_worth_nothing_and_says_why(desk):
    sitting = desk.open()
    empty = grade(desk, sitting.submission({}, answers={}))["sheet"]
    assert empty["total"]["earned"] == 0
    assert not any(task["handed_in"] for task in empty["tasks"])
    assert not any(task["flags"] for task in empty["tasks"])
    idle = grade(desk, sitting.submission(bots(sitting, "nothing"), answers={}))["sheet"]
    assert idle["total"]["earned"] == 0
    assert not idle["decision"]["passed"]
    assert all(line["why"] for task in idle["tasks"] for line in task["lines"])


def test_what_is_missing_costs_what_needs_it_and_no_more(desk):
    sitting = desk.open()
    hand_ins = bots(sitting, "reference")
    del hand_ins["T5"]["why_side"]
    task = task_of(grade(desk, sitting.submission(hand_ins)), "T5")
    earned = {line["part"]: line["earned"] for line in task["lines"]}
    assert earned["justification"] == 0
    assert earned["outcome"] == pytest.approx(18)
    assert task["refused"] == ["why_side: not handed in"]


def test_the_same_submission_gives_the_same_score_in_any_process(desk):
    from labkit.exams.grading.sheet import score_of

    sitting = desk.open()
    content = sitting.submission(bots(sitting, "lazy"))
    path = desk.sessions.parent / "one.zip"
    path.write_bytes(content)
    request = {"path": str(path), "sessions": str(desk.sessions), "exam": str(desk.exam)}
    apart = dict(grade_here([("a", request), ("b", request)], workers=1, seconds=60))
    here = grade(desk, content)
    assert score_of(apart["a"]["sheet"]) == score_of(apart["b"]["sheet"]) == score_of(here["sheet"])


# -- The rule ---------------------------------------------------------------------------------


def task(domain, points, earned, critical=()):
    return {"domain": domain, "points": points, "earned": earned, "critical": list(critical)}


def item(domain, credit, confidence=None):
    return {"domain": domain, "points": 10, "credit": credit, "confidence": confidence}


@pytest.mark.parametrize(
    ("tasks", "items", "missed"),
    [
        ([task("D1", 20, 20), task("D4", 40, 40)], [1, 1, 1, 1], []),
        ([task("D1", 20, 14), task("D4", 40, 28)], [0.7] * 4, []),  # exactly at the cut
        ([task("D1", 20, 13.9), task("D4", 40, 28)], [0.7] * 4, ["the whole exam"]),
        ([task("D1", 20, 5), task("D4", 40, 26)], [1] * 4, ["the practical part"]),
        ([task("D1", 20, 0), task("D4", 40, 40)], [0.5, 0.5, 1, 1], ["domain D1"]),
        ([task("D1", 20, 20, ["leaked"]), task("D4", 40, 40)], [1] * 4, ["no critical error"]),
    ],
)
def test_the_rule_of_the_blueprint(exam, tasks, items, missed):
    given = [item(domain, credit) for domain, credit in zip(["D1", "D1", "D4", "D4"], items, strict=True)]
    decision = decide(read_blueprint(exam), tasks, given)["decision"]
    assert [rule["rule"] for rule in decision["rules"] if not rule["met"]] == missed
    assert decision["passed"] is not bool(missed)


def test_a_share_just_below_the_cut_is_said_to_be_within_the_error(exam):
    blueprint = read_blueprint(exam)
    near = decide(
        blueprint, [task("D1", 20, 14), task("D4", 40, 27)], [item("D1", c) for c in (1, 1, 0, 0.7)]
    )
    assert near["decision"]["within_one_sem"]
    far = decide(blueprint, [task("D1", 20, 2), task("D4", 40, 2)], [item("D1", 0)] * 4)
    assert not far["decision"]["within_one_sem"]
    assert not decide(blueprint, [], [])["decision"]["passed"]


@pytest.mark.parametrize(("right", "count"), [(0, 10), (3, 10), (5, 10), (9, 10), (10, 10), (20, 30)])
def test_the_standard_error_of_right_or_wrong_items_is_lords(right, count):
    parts = [(1.0, float(number < right)) for number in range(count)]
    expected = math.sqrt(right * (count - right) / (count - 1)) / count
    assert standard_error(parts) == pytest.approx(expected)


def test_strata_of_the_standard_error_add_up():
    tasks, items = [(7, 7), (9, 3), (8, 5)], [(1, 1), (1, 0), (1, 1)]
    apart = [standard_error(part) * sum(points for points, _ in part) for part in (tasks, items)]
    assert standard_error(tasks, items) == pytest.approx(math.hypot(*apart) / 27)
    assert standard_error([(5, 5)], []) == 0


def test_confidence_is_held_against_credit(exam):
    given = [item("D1", 1, "know"), item("D1", 0, "know"), item("D4", 0.5, "guess"), item("D4", 1)]
    found = decide(read_blueprint(exam), [], given)["calibration"]
    assert found["know"] == {"count": 2, "credit": 0.5}
    assert found["think"] == {"count": 0, "credit": None}
    assert found["sure_and_wrong"] == 1


# -- Feedback ---------------------------------------------------------------------------------


def test_the_page_explains_and_shows_foreign_words_as_text(desk):
    evil = "<script>alert(1)</script>"
    sitting = desk.open(Candidate(evil), mode="practice")
    hand_ins = bots(sitting, "reference")
    hand_ins["T8"]["said"] = evil
    del hand_ins["T5"]["claimed_gain"]
    page = feedback_page(grade(desk, sitting.submission(hand_ins))["sheet"])
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "no claimed_gain was handed in" in page
    assert "It is the first of the words" in page  # practice gives the reasons of items
    assert not re.search(r"(?:src|href)=", page)
    assert page.count("<caption>") >= 6


def test_in_an_exam_the_page_spends_no_item_and_no_variant(desk):
    sitting = desk.open()
    sheet = grade(desk, sitting.submission())["sheet"]
    page = feedback_page(sheet)
    assert "words in this item" not in page
    assert not any(each["id"] in page for each in sheet["items"])


# -- The folder -------------------------------------------------------------------------------


@pytest.fixture
def many(desk, tmp_path):
    """Three honest submissions, one that is none, one of nobody, and one that comes twice."""
    sittings = [desk.open() for _ in range(3)]
    contents = [
        each.submission(bots(each, bot))
        for each, bot in zip(sittings, ("reference", "lazy", "nothing"), strict=True)
    ]
    again = sittings[0].submission({}, answers={}, submitted=90)
    contents += [b"no zip", contents[0], again]
    files = [tmp_path / f"{number}.zip" for number in range(len(contents))]
    for path, content in zip(files, contents, strict=True):
        path.write_bytes(content)
    facts = [session_facts(desk.examiner, each.session) for each in sittings]
    return [Submission(path) for path in files] + [Submission(tmp_path / "gone.zip")], facts, sittings


def test_each_is_graded_once_and_what_is_refused_says_why(desk, many, tmp_path):
    given, facts, sittings = many
    folder = GradingFolder(tmp_path / "out", desk.examiner.exam)
    rows = folder.grade(given, facts, workers=2, seconds=60)
    assert [row["status"] for row in rows] == ["graded"] * 3 + ["refused", "graded", "replayed", "refused"]
    assert rows[0]["passed"]
    assert not rows[2]["passed"]
    assert "no zip" in rows[3]["reasons"][0]
    assert rows[4]["sha256"] == rows[0]["sha256"]
    assert "graded from the submission" in rows[5]["reasons"][0]
    assert "cannot be read" in rows[6]["reasons"][0]
    sheets = {path.stem for path in (folder.root / "sheets").iterdir()}
    assert sheets == {each.name for each in sittings}

    # Again: nothing is measured, nothing changes, and another folder comes to the same.
    before = {path: path.read_bytes() for path in folder.root.rglob("*.json")}
    assert folder.grade(given, facts) == rows
    assert before == {path: path.read_bytes() for path in folder.root.rglob("*.json")}

    # Resumed: a result that got lost is made again; the others are kept.
    (folder.root / "results" / f"{rows[1]['sha256']}.json").unlink()
    assert folder.grade(given, facts, workers=1, seconds=60) == rows


def test_a_pack_gives_the_same_score_again_or_says_where_not(desk, many, tmp_path, capsys):
    given, facts, sittings = many
    folder = GradingFolder(tmp_path / "out", desk.examiner.exam)
    folder.grade(given[:2], facts, workers=1, seconds=60)
    pack = folder.root / "packs" / sittings[1].name
    assert main(["exam", "regrade", str(pack), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["differences"] == []
    assert found["before"] == found["after"] < 1

    frozen = folder.exam / "tasks" / "T5" / "task.toml"
    text = frozen.read_text()
    frozen.write_text(text.replace("points = 18.0", "points = 18.00001"))
    with pytest.raises(IntegrityError, match="is not the exam"):
        regrade(pack)
    frozen.write_text(text)

    # A sheet that somebody improved, with digests that fit: the score does not come out again.
    from labkit.evidence.entry import digest_of
    from labkit.exams.grading.sheet import score_of

    told = json.loads((pack / "pack.json").read_text())
    told["sheet"]["tasks"][0]["earned"] += 3
    (pack / "pack.json").write_text(json.dumps(told))
    with pytest.raises(IntegrityError, match="altered after it was frozen"):
        regrade(pack)
    told["score_sha256"] = digest_of(score_of(told["sheet"]))
    (pack / "pack.json").write_text(json.dumps(told))
    assert main(["exam", "regrade", str(pack)]) == 1
    assert f"{told['sheet']['tasks'][0]['slot']}: " in capsys.readouterr().out
    with pytest.raises(DataFormatError):
        regrade(tmp_path)


def test_a_real_sitting_is_graded_by_the_command(desk, exam, tmp_path, capsys, monkeypatch):
    """What the candidate's side seals is what the examiner's side opens."""
    monkeypatch.setenv("LABKIT_EXAMS", str(exam.parent))
    session = desk.examiner.open_session(Candidate("Cleo", "cleo@example.org"), "exam")
    sitting = make_sitting(desk.examiner, session, tmp_path / "sitting")
    for slot in session.form.slots:
        issued, variant = desk.examiner.issue(session, slot), desk.examiner.variant(session, slot)
        sitting.hand_in(slot, **load_code(desk.examiner.task(slot), "bots").reference(issued, variant))
    for each in session.form.items:
        sitting.answer(each.id, [0], "guess")
    receipt = sitting.submit()
    monkeypatch.setenv("LABKIT_EXAMINER_PASSWORD", "a long password")
    command = [
        "exam",
        "grade",
        receipt.file,
        "--examiner",
        str(desk.examiner.folder),
        "--owner",
        "cleo@example.org",
    ]
    command += ["--out", str(tmp_path / "out"), "--workers", "1", "--json"]
    assert main(command) == 0
    (row,) = json.loads(capsys.readouterr().out)["submissions"]
    assert (row["status"], row["sha256"], row["reasons"]) == ("graded", receipt.sha256, [])
    sheet = json.loads((tmp_path / "out" / "sheets" / f"{session.form.session}.json").read_text())
    assert sheet["practical"]["earned"] == pytest.approx(sheet["practical"]["points"], abs=1e-4)
    kept = desk.examiner.session(session.form.session)
    assert kept.state == "graded"
    assert kept.more["submission_sha256"] == receipt.sha256

    # Somebody else brings it; and a folder is graded file by file, with a status that says so.
    (tmp_path / "bad.zip").write_bytes(b"PK")
    assert (
        main(
            [
                "exam",
                "grade",
                str(tmp_path),
                "--examiner",
                str(desk.examiner.folder),
                "--out",
                str(tmp_path / "out"),
            ]
        )
        == 1
    )
    assert "refused" in capsys.readouterr().out
    assert main(["exam", "grade", receipt.file, "x.zip", "--owner", "me"]) == 2


def test_a_register_that_was_incomplete_or_a_name_that_was_mistyped_can_be_corrected(desk, tmp_path):
    sitting = desk.open()
    path = tmp_path / "one.zip"
    path.write_bytes(sitting.submission())
    folder = GradingFolder(tmp_path / "out", desk.examiner.exam)
    facts = [session_facts(desk.examiner, sitting.session)]
    (row,) = folder.grade([Submission(path)], [], workers=1, seconds=60)
    assert row["status"] == "refused"
    assert "there is no session" in row["reasons"][0]
    (row,) = folder.grade([Submission(path, owner="ada")], facts, workers=1, seconds=60)
    assert row["status"] == "void"
    assert not (folder.root / "sheets").exists()
    (row,) = folder.grade([Submission(path, owner="ada@example.org")], facts, workers=1, seconds=60)
    assert row["status"] == "graded"


def test_a_late_sitting_is_a_result_of_nothing(desk, tmp_path):
    sitting = desk.open()
    path = tmp_path / "late.zip"
    path.write_bytes(sitting.submission())
    late = (START + timedelta(days=1)).isoformat()
    graded = grade_for(desk.examiner, [Submission(path, at=late)], root=tmp_path / "out", workers=1)
    (row,) = graded.rows
    assert (row["status"], row["share"], row["passed"]) == ("graded", 0.0, False)
    assert "was due at" in row["reasons"][0]
