"""The catalogue: found by any name, in the order of the route, and closed under prerequisites."""

from __future__ import annotations

import pytest

from labkit.core import DeclarationError, UnknownNameError
from labkit.course import by_domain, find_lab, labs, next_lab, prerequisites, standards_index
from tests.unit.labfolder import make_lab


@pytest.fixture
def root(tmp_path):
    make_lab(tmp_path, id="T02", slug="second")
    make_lab(tmp_path, ('domain = "D4"', 'prerequisites = ["T02"]\ndomain = "D4"'), id="T03", slug="third")
    make_lab(tmp_path, ('route = "core"', 'route = "elective"'), id="T01", slug="extra")
    return tmp_path


def test_the_core_route_comes_first_then_the_id(root):
    assert [lab.id for lab in labs(root)] == ["T02", "T03", "T01"]


@pytest.mark.parametrize("name", ["T03", "t03", "third", "THIRD", "T03-third", " t03-Third "])
def test_a_lab_is_found_by_any_of_its_names(root, name):
    assert find_lab(name, root).id == "T03"


def test_an_unknown_lab_is_answered_with_the_nearest(root):
    with pytest.raises(UnknownNameError, match="Did you mean 'T03-third'"):
        find_lab("T03-thrid", root)


def test_what_comes_next_follows_the_route(root):
    second, third, extra = labs(root)

    assert next_lab(second, labs(root)) is third
    assert next_lab(third, labs(root)) is None
    assert next_lab(extra, labs(root)) is None


def test_prerequisites_come_in_an_order_that_works(root):
    make_lab(root, ('domain = "D4"', 'prerequisites = ["T03"]\ndomain = "D4"'), id="T04", slug="fourth")

    assert [lab.id for lab in prerequisites(find_lab("T04", root), labs(root))] == ["T02", "T03"]


def test_labs_are_indexed_by_standard_and_by_domain(root):
    index = standards_index(labs(root))

    assert list(index) == ["AML.T0015", "MEASURE 2.7"]
    assert [lab.id for lab in index["AML.T0015"]] == ["T02", "T03", "T01"]
    assert [len(of_domain) for of_domain in by_domain(labs(root)).values()] == [0, 0, 0, 3, 0, 0, 0]


def test_a_prerequisite_that_does_not_exist_is_an_error_with_a_line(root):
    folder = make_lab(
        root, ('domain = "D4"', 'prerequisites = ["T99"]\ndomain = "D4"'), id="T05", slug="lost"
    )

    with pytest.raises(DeclarationError, match="'T99', which does not exist") as caught:
        labs(root)

    assert (caught.value.path, caught.value.line) == (folder / "lab.toml", 7)


def test_prerequisites_in_a_circle_are_an_error(root):
    for id, other in (("T06", "T07"), ("T07", "T06")):
        make_lab(
            root,
            ('domain = "D4"', f'prerequisites = ["{other}"]\ndomain = "D4"'),
            id=id,
            slug=id.lower() + "x",
        )

    with pytest.raises(DeclarationError, match="T06 → T07 → T06"):
        labs(root)


def test_a_recall_question_about_a_lab_that_does_not_exist_is_an_error_at_its_line(root):
    folder = make_lab(
        root, ('question = "Which are even?"', 'question = "Which?"\nfrom = "T98"'), id="T08", slug="recalls"
    )

    with pytest.raises(DeclarationError, match="'T98'") as caught:
        labs(root)

    text = (folder / "lab.toml").read_text(encoding="utf-8").splitlines()
    assert 'from = "T98"' in text[caught.value.line - 1]


def test_two_labs_with_one_name_are_an_error(root):
    make_lab(root, id="T09", slug="second")

    with pytest.raises(DeclarationError, match="also the name of T02-second"):
        labs(root)


def test_an_edit_is_seen_at_once(root):
    assert find_lab("T02", root).minutes == 5
    path = root / "T02-second" / "lab.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("minutes = 5", "minutes = 125"), encoding="utf-8"
    )

    assert find_lab("T02", root).minutes == 125
