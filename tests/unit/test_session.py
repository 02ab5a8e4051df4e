"""A session: checks, hints, predictions and questions, and a state that a refresh does not lose."""

from __future__ import annotations

import json

import pytest

from labkit.core import DeclarationError, InvalidInputError, UnknownNameError
from labkit.course import ProgressLog, Session, read_lab
from tests.unit.labfolder import make_lab


class Clock:
    def __init__(self):
        import time

        self.now = time.time()

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    for name in ("LABKIT_SEED", "LABKIT_LEARNER", "LABKIT_THINK_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path / "home"))


@pytest.fixture
def lab(tmp_path):
    return read_lab(make_lab(tmp_path))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(lab, clock):
    """Open the lab as a new tab would: nothing is shared but the log on the disk."""
    return lambda **options: Session(lab, clock=clock, **options)


# ---------------------------------------------------------------- checks


def test_a_check_measures_explains_and_is_kept(opened):
    session = opened()

    missed = session.check("near", guess=0.9)
    reached = session.check("near", guess=0.55)

    assert (missed.passed, missed.why) == (False, "Your guess was 0.40 too high.")
    assert (reached.passed, round(reached.measured, 2)) == (True, 0.05)
    assert "why: Your guess was 0.05 away" in str(reached)
    again = opened()
    assert [attempt.passed for attempt in again.attempts("near")] == [False, True]
    assert again.progress().finished


def test_an_attempt_that_fails_later_does_not_take_a_pass_away(opened):
    session = opened()
    session.check("near", guess=0.5)
    session.check("near", guess=0.0)

    assert session.progress().fraction == 1


@pytest.mark.parametrize("artefacts", [{}, {"gues": 0.5}, {"guess": 0.5, "more": 1}])
def test_a_wrong_artefact_name_is_answered_with_the_right_ones(opened, artefacts):
    with pytest.raises(InvalidInputError, match=r"takes guess; got .*lab\.check\('near', guess=\.\.\.\)"):
        opened().check("near", **artefacts)


@pytest.mark.parametrize("guess", [None, [1, 2], "text", object()])
def test_what_cannot_be_measured_is_a_message_and_no_attempt(opened, guess):
    session = opened()

    with pytest.raises(InvalidInputError):
        session.check("near", guess=guess)

    assert session.attempts("near") == []


def test_an_unknown_checkpoint_or_scenario_is_named(opened):
    with pytest.raises(UnknownNameError, match="near"):
        opened().check("nera", guess=0.5)
    with pytest.raises(UnknownNameError, match="small"):
        opened(scenario="smal")


def test_a_scenario_has_its_own_case_and_timeline_and_shares_the_progress(opened):
    small, large = opened(), opened(scenario="large")

    small.check("near", guess=0.5)

    assert large.check("near", guess=0.5).passed is False
    assert [len(session.attempts("near")) for session in (small, large)] == [1, 1]
    assert large.progress().passed == {"near"}


def test_a_metric_that_the_case_does_not_measure_is_a_declaration_error(tmp_path):
    lab = read_lab(make_lab(tmp_path / "other", ('metric = "distance"', 'metric = "weight"')))

    with pytest.raises(DeclarationError, match=r"case\.py.*'weight'.*Known: distance"):
        Session(lab).check("near", guess=0.5)


def test_making_the_case_reports_progress(opened):
    session, heard = opened(), []
    session.on_progress = lambda *step: heard.append(step)

    assert session.case.seed == session.seed
    assert heard == [(1, 1, "made")]


# ---------------------------------------------------------------- variants


def test_a_learner_keeps_one_variant_and_another_gets_another(opened):
    first = opened(learner="ada").seed

    assert opened(learner="ada").seed == first
    assert len({opened(learner=f"learner {number}").seed for number in range(5)} | {first}) > 1


def test_the_environment_decides_seed_and_learner(opened, monkeypatch):
    monkeypatch.setenv("LABKIT_SEED", "7")
    monkeypatch.setenv("LABKIT_LEARNER", "bob")

    session = opened()

    assert (session.seed, session.learner) == (7, "bob")
    assert opened(seed=3).seed == 3
    monkeypatch.setenv("LABKIT_SEED", "seven")
    with pytest.raises(InvalidInputError, match="LABKIT_SEED"):
        opened()


# ---------------------------------------------------------------- hints


def test_hints_come_one_by_one_with_time_to_think_between(opened, clock):
    session = opened()

    first = session.hint("near")
    refused = session.hint("near")
    clock.now += 46
    second = session.hint("near")

    assert (first.level, first.text) == (1, "Numbers have an order.")
    assert (refused.level, refused.text) == (1, None)
    assert 40 < refused.wait_seconds <= 45
    assert (second.level, second.text) == (2, "Look at whether the guess was too high.")


def test_a_refresh_does_not_start_the_wait_anew(opened, clock):
    opened().hint("near")
    clock.now += 30

    state = opened().hint_state("near")

    assert [hint.level for hint in state.shown] == [1]
    assert 12 < state.wait_seconds < 18


def test_the_ladder_ends_after_four_hints(opened, clock):
    session = opened()
    for _ in range(6):
        session.hint("near")
        clock.now += 60

    state = session.hint("near")

    assert (state.level, state.more, state.wait_seconds) == (4, False, 0)


def test_the_wait_is_for_the_instructor_to_set(opened, monkeypatch):
    monkeypatch.setenv("LABKIT_THINK_SECONDS", "0")
    session = opened()

    assert [session.hint("near").level for _ in range(4)] == [1, 2, 3, 4]
    monkeypatch.setenv("LABKIT_THINK_SECONDS", "soon")
    with pytest.raises(InvalidInputError, match="LABKIT_THINK_SECONDS"):
        session.hint("near")


def test_a_step_is_offered_after_three_failed_checks(opened):
    session = opened()
    offers = []
    for _ in range(3):
        session.check("near", guess=0.0)
        offers.append(session.offer("near"))

    assert offers == [None, None, "guess = case.secret"]
    session.check("near", guess=0.5)
    assert session.offer("near") is None


def test_the_worked_solution_opens_after_an_attempt(opened):
    session = opened()
    with pytest.raises(InvalidInputError, match="after your first attempt"):
        session.worked_solution("near")

    session.check("near", guess=0.0)

    assert session.worked_solution("near").strip() == "guess = case.secret"
    assert opened().progress().solved == {"near"}


# ---------------------------------------------------------------- predictions and questions


def test_a_prediction_comes_before_its_outcome(opened):
    session = opened()
    with pytest.raises(InvalidInputError, match="commit to a prediction first"):
        session.outcome("secret")

    session.predict("secret", 0.9, 80)
    session.predict("secret", 0.45, 60)
    outcome = session.outcome("secret")

    assert (outcome.actual, outcome.right, outcome.confidence) == (0.5, True, 60)
    with pytest.raises(InvalidInputError, match="stands as it is"):
        session.predict("secret", 0.5, 100)
    assert opened().outcome("secret") == outcome


@pytest.mark.parametrize(
    ("name", "value", "confidence"),
    [
        ("secret", 0.5, 101),
        ("secret", 0.5, -1),
        ("secret", "half", 50),
        ("secret", float("nan"), 50),
        ("side", "maybe", 50),
    ],
)
def test_a_prediction_out_of_range_is_refused(opened, name, value, confidence):
    with pytest.raises(InvalidInputError, match="expected"):
        opened().predict(name, value, confidence)


def test_confidence_is_held_against_what_came_true(opened):
    session = opened()
    assert session.calibration().brier is None
    session.predict("secret", 0.5, 90)
    session.outcome("secret")
    session.predict("side", "yes", 60)
    session.outcome("side")

    calibration = session.calibration()

    assert calibration.n == 2
    assert calibration.brier == pytest.approx((0.1**2 + 0.6**2) / 2)
    assert [band[2] for band in calibration.bands] == [0, 0, 0, 1, 1]


def test_every_option_of_a_recall_question_gets_its_reason(opened):
    session = opened()

    half = session.answer_recall(1, [0])
    full = session.answer_recall(1, [0, 1])

    assert (half.right, full.right) == (False, True)
    assert [option.why for option in half.options][2] == "Five leaves one over."
    assert session.progress().recalled[1].right


@pytest.mark.parametrize(("position", "choices"), [(3, 0), (-1, 0), (0, 5), (0, [])])
def test_an_answer_that_does_not_exist_is_refused(opened, position, choices):
    with pytest.raises(InvalidInputError, match="expected"):
        opened().answer_recall(position, choices)


def test_the_gain_is_normalised(opened):
    session = opened()
    session.answer_item("pre", 0, 1)
    assert session.progress().gain is None
    session.answer_item("post", 0, 0)

    assert session.progress().gain == 1


# ---------------------------------------------------------------- reset, storage, evidence


def test_a_reset_begins_again_and_erases_nothing(opened, tmp_path):
    session = opened()
    session.hint("near")
    session.check("near", guess=0.5)
    before = len(ProgressLog().events())

    session.reset()

    progress = opened().progress()
    assert (progress.passed, progress.hints, progress.resets) == (frozenset(), {}, 1)
    assert session.hint("near").level == 1
    assert len(ProgressLog().events()) > before


def test_a_disk_that_refuses_does_not_stop_the_lab(lab, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where the folder should be")
    session = Session(lab, log=ProgressLog(in_the_way / "progress.sqlite"))

    assert session.check("near", guess=0.5).passed
    assert session.progress().finished
    assert "cannot" in session.storage_warning
    assert "in memory" in session.storage_warning

    in_the_way.unlink()
    session.hint("near")

    assert session.storage_warning is None
    kinds = [event.kind for event in ProgressLog(in_the_way / "progress.sqlite").events()]
    assert kinds == ["enrolled", "opened", "checked", "hinted"]


def test_a_damaged_file_is_mentioned_and_the_lab_goes_on(lab, tmp_path):
    path = tmp_path / "progress.sqlite"
    path.write_bytes(b"no database " * 1000)
    session = Session(lab, log=ProgressLog(path))

    assert "damaged" in session.storage_warning
    assert session.check("near", guess=0.5).passed


@pytest.mark.parametrize("learner", ["../../etc", "a/b", "ada ", "Zoë", "x" * 300])
def test_a_learner_s_name_never_leaves_the_evidence_folder(lab, tmp_path, learner):
    path = Session(lab, learner=learner, seed=1).evidence_path

    assert path.parent == tmp_path / "home" / "data" / "evidence"
    assert len(path.name) < 60


def test_evidence_holds_what_makes_the_measurement_repeatable(opened):
    session = opened(seed=5)
    session.check("near", guess=0.5)

    kept = session.add_evidence(data={"note": "by bisection"}, artifacts={"guess.txt": b"0.5"})

    assert kept.exists()
    assert session.progress().evidence == ("A guess",)
    written = "".join(
        path.read_text(encoding="utf-8") for path in session.evidence_path.rglob("*.json") if path.is_file()
    )
    assert (
        '"seed": 5' in json.dumps(json.loads(written)) if written.startswith("{") else '"seed": 5' in written
    )
    assert "by bisection" in written
