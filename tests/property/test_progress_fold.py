"""Laws of progress: what events add up to depends on nothing but the events."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.course import Event, fold
from labkit.course.catalogue import labs

LAB = next(lab for lab in labs(references=False) if lab.id == "L02")
CHECKPOINTS = [checkpoint.id for checkpoint in LAB.checkpoints]

checked = st.builds(
    lambda name, passed, measured: (
        "checked",
        {"checkpoint": name, "passed": passed, "measured": measured, "scenario": "digits"},
    ),
    st.sampled_from([*CHECKPOINTS, "gone"]),
    st.booleans(),
    st.none() | st.floats(0, 1),
)
hinted = st.builds(
    lambda name, level: ("hinted", {"checkpoint": name, "level": level}),
    st.sampled_from(CHECKPOINTS),
    st.integers(1, 4),
)
others = st.sampled_from([("reset", {}), ("opened", {}), ("from the future", {"a": 1}), ("checked", {})])
histories = st.lists(checked | hinted | others, max_size=30)


def events(history, lab="L02"):
    return [
        Event(str(number), f"2026-01-01T00:00:{number:02d}.000+00:00", "ada", lab, kind, payload)
        for number, (kind, payload) in enumerate(history)
    ]


@given(history=histories)
def test_progress_is_a_share_of_the_checkpoints_that_exist(history):
    progress = fold(LAB, events(history))

    assert progress.passed <= set(CHECKPOINTS)
    assert 0 <= progress.fraction <= 1
    assert progress.finished == (progress.fraction == 1)


@given(history=histories, more=checked | hinted)
def test_nothing_but_a_reset_takes_a_pass_away(history, more):
    before = fold(LAB, events(history))
    after = fold(LAB, events([*history, more]))

    assert before.passed <= after.passed
    assert all(after.hints[name] >= level for name, level in before.hints.items())


@given(history=histories, later=histories)
def test_what_came_before_a_reset_does_not_count(history, later):
    one = fold(LAB, events([*history, ("reset", {}), *later]))
    other = fold(LAB, events(later))

    assert one.passed == other.passed
    assert one.hints == other.hints
    assert {name: len(tried) for name, tried in one.attempts.items()} == {
        name: len(tried) for name, tried in other.attempts.items()
    }


@given(history=histories, elsewhere=histories)
def test_events_of_other_labs_change_nothing(history, elsewhere):
    assert fold(LAB, [*events(elsewhere, "L00"), *events(history)]) == fold(LAB, events(history))


@settings(max_examples=15)
@given(history=histories)
def test_a_log_gives_back_what_it_was_given(tmp_path_factory, history):
    from labkit.course import ProgressLog

    log = ProgressLog(Path(tmp_path_factory.mktemp("log")) / "progress.sqlite")
    given_events = events(history)
    for event in given_events:
        log.keep(event)

    assert log.events() == given_events
    assert fold(LAB, log.events()) == fold(LAB, given_events)
