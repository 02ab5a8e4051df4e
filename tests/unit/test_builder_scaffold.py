"""A new lab: it keeps the contract from the start, and a mistake leaves nothing behind."""

from __future__ import annotations

import pytest

from labkit import cli
from labkit.core import InvalidInputError, LabkitError
from labkit.course import Session, find_lab, read_lab
from labkit.course.bots import run_bot
from labkit.course.scaffold import new_lab
from tests.contracts import lab_contract
from tests.unit.labfolder import make_lab

SEEDS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("labs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_NOTEBOOKS", str(root))
        assert cli.main(["new", "lab", "L19", "--title", 'A "quoted" start', "--seeds", str(SEEDS)]) == 0
    return root / "L19-a-quoted-start"


@pytest.mark.parametrize("clause", lab_contract.CLAUSES, ids=lambda clause: clause.__name__)
def test_a_new_lab_keeps_the_contract(made, clause):
    clause(read_lab(made))


def test_a_new_lab_has_runs_that_tell_the_bots_apart(made):
    lab_contract.thresholds_tell_the_bots_apart(read_lab(made), SEEDS)


def test_a_new_lab_is_complete_and_nothing_else_is_there(made):
    names = {path.name for path in made.iterdir()} - {"__pycache__"}

    assert names == {
        "lab.toml",
        "lab.py",
        "case.py",
        "bots.py",
        "reference.json",
        "lab.ipynb",
        "solution.ipynb",
    }
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    assert "@" not in (made / "lab.toml").read_text(encoding="utf-8")


def test_a_new_lab_is_found_played_and_explains_itself(made, own_home):
    lab = find_lab("a-quoted-start", made.parent)
    assert lab.title == 'A "quoted" start'
    assert [result.passed for result in run_bot(lab, "reference", seed=40)] == [True]

    session = Session(lab, seed=0)
    feedback = session.check("fool", x_adv=session.case.x)

    assert not feedback.passed
    assert "0% of the inputs" in feedback.why


@pytest.mark.parametrize("id", ["l19", "19", "L", "L-19", "../L19", "", "L19 ", "LABORATORY19"])
def test_an_id_that_cannot_be_used_is_refused(id, tmp_path):
    with pytest.raises(InvalidInputError, match="expected an id of 2 to 8 capital letters"):
        new_lab(id, root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_small_letter_is_understood_and_still_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="Did you mean 'L19'"):
        new_lab("l19", root=tmp_path)


@pytest.mark.parametrize("title", ["???", "x" * 61, "a\x00b"])
def test_a_title_that_makes_no_folder_name_is_refused(title, tmp_path):
    with pytest.raises(InvalidInputError, match="expected a title"):
        new_lab("L19", title=title, root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lab_that_is_there_is_not_touched(tmp_path):
    folder = make_lab(tmp_path, id="L19", slug="mine")

    for title in ("Mine", "Other"):
        with pytest.raises(InvalidInputError, match="there is a lab L19-mine"):
            new_lab("L19", title=title, root=tmp_path)
    with pytest.raises(InvalidInputError, match="there is a lab L19-mine"):
        new_lab("L20", title="Mine", root=tmp_path)
    (tmp_path / "L21-taken").mkdir()
    with pytest.raises(InvalidInputError, match="exists already"):
        new_lab("L21", title="Taken", root=tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["L19-mine", "L21-taken"]
    assert folder.is_dir()


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    root = tmp_path / "labs"
    # The reference bot needs a data set; without one it fails after files were written.
    monkeypatch.setenv("LABKIT_DATASETS", str(tmp_path / "none"))

    with pytest.raises(LabkitError):
        new_lab("L19", root=root)

    assert list(root.iterdir()) == []
