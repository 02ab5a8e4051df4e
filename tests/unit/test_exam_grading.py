"""From a submission to a score sheet: verified, measured, decided, explained, kept."""

import pytest

from tests.exam_submissions import Desk, grade, make_graded_exam, task_of


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    return make_graded_exam(tmp_path_factory.mktemp("exam"))


@pytest.fixture
def desk(tmp_path, exam):
    return Desk.make(tmp_path, exam)


def test_the_reference_is_worth_everything(desk):
    sitting = desk.open()
    result = grade(desk, sitting.submission())
    assert result["status"] == "graded", result
    sheet = result["sheet"]
    assert sheet["verified"] == {
        "form": True,
        "owner": True,
        "nonce": True,
        "deadline": True,
        "chain": True,
        "reasons": [],
    }
    print(sheet)
    assert sheet["total"]["share"] == pytest.approx(1, abs=1e-6)
    assert sheet["decision"]["passed"]
