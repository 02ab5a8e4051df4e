"""The source of a lab: cells, tags, answers, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.core import DeclarationError, UnknownNameError
from labkit.course import read_lab
from labkit.course.notebook_source import FORGIVING_TAGS, answer_code, read_cells
from tests.unit.labfolder import make_lab

ANSWER = """\
# %% tags=["hands-on", "answer"] answer="double"
def double(number):
    # starter
    # # your turn
    # return number
    # solution
    twice = 2 * number
    return twice
    # end


print(double(2))
"""


@pytest.fixture
def cells(tmp_path):
    def read(text: str):
        path = tmp_path / "lab.py"
        path.write_text(text, encoding="utf-8")
        return read_cells(path)

    return read


def refusal(cells, text: str) -> str:
    with pytest.raises(DeclarationError) as caught:
        cells(text)
    return str(caught.value)


def test_prose_and_code_become_cells_with_their_lines(cells):
    prose, code = cells("# %% [markdown]\n# # A title\n#\n# And a line.\n\n# %%\nx = 1\nx\n")

    assert (prose.kind, prose.text, prose.line) == ("markdown", "# A title\n\nAnd a line.", 1)
    assert (code.kind, code.text, code.line) == ("code", "x = 1\nx", 6)


def test_a_starter_is_uncommented_and_its_own_comments_stay(cells):
    (cell,) = cells(ANSWER)

    assert cell.starter == "def double(number):\n    # your turn\n    return number\n\n\nprint(double(2))"


def test_a_solution_has_no_markers_and_no_starter(cells):
    (cell,) = cells(ANSWER)

    assert (
        cell.solution == "def double(number):\n    twice = 2 * number\n    return twice\n\n\nprint(double(2))"
    )


def test_an_answer_without_a_starter_leaves_an_empty_place(cells):
    (cell,) = cells('# %% tags=["answer"] answer="a"\nx = 0\n# solution\nx = 1\n')

    assert (cell.starter, cell.solution) == ("x = 0", "x = 0\nx = 1")


@pytest.mark.parametrize("tag", FORGIVING_TAGS)
def test_a_tag_that_forgives_is_refused_with_its_line(cells, tag):
    message = refusal(cells, f'# %%\nx = 1\n\n# %% tags=["{tag}"]\ny = 1\n')

    assert "lab.py:4:" in message
    assert tag in message


@pytest.mark.parametrize(
    "comment", ["# NBVAL_SKIP", "#NBVAL_IGNORE_OUTPUT", "  # PYTEST_VALIDATE_IGNORE_OUTPUT"]
)
def test_a_comment_that_forgives_is_refused_with_its_line(cells, comment):
    assert "lab.py:3:" in refusal(cells, f"# %%\nif True:\n{comment}\n    x = 1\n")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("x = 1\n# %%\n", 1, "expected a cell to begin"),
        ('# %%\nx = 1\n# %% tags=["nbval-chek-output"]\n', 3, "unknown tag"),
        ('# %% tags="answer"\n', 1, "expected tags="),
        ('# %% tagz=["answer"]\n', 1, "expected tags="),
        ('# %% tags=["answer",]\n', 1, "expected tags="),
        ("# %% [raw]\n", 1, "expected [markdown]"),
        ("# %% [markdown]\n# fine\nnot a comment\n", 3, "every line of prose"),
        ('# %% tags=["answer"]\n# solution\nx = 1\n', 1, 'answer="its id"'),
        ('# %% answer="a"\n# solution\nx = 1\n', 1, 'tags=["answer"]'),
        ('# %% tags=["answer"] answer="a"\nx = 1\n', 1, "needs one line '# solution'"),
        ('# %% tags=["answer"] answer="a"\n# solution\nx = 1\n# starter\n# x = 2\n', 1, "needs one line"),
        ('# %% tags=["answer"] answer="a"\n# starter\nx = 2\n# solution\nx = 1\n', 3, "commented out"),
        (
            '# %% tags=["answer"] answer="a"\n# starter\n# x = 1\n# solution\nx = 1\n',
            1,
            "solved by its starter",
        ),
        ("# %%\nx = 1\n# solution\nx = 2\n", 3, "markers of an answer"),
        ("# %%\n%matplotlib inline\n", 1, "not plain Python"),
        ('# %% tags=["answer"] answer="a"\n# starter\n# def f(:\n# solution\nx = 1\n', 1, "the starter"),
    ],
)
def test_a_mistake_is_named_with_its_line(cells, text, line, says):
    message = refusal(cells, text)

    assert f"lab.py:{line}:" in message
    assert says in message


def test_an_answer_id_is_used_once(cells):
    assert "used twice" in refusal(cells, ANSWER + "\n" + ANSWER)


def test_a_cell_may_wait_for_something(cells):
    (cell,) = cells("# %%\nimport asyncio\nawait asyncio.sleep(0)\n")

    assert cell.text.endswith("await asyncio.sleep(0)")


def test_the_worked_solution_of_an_answer_can_be_asked_for(tmp_path):
    lab = read_lab(make_lab(tmp_path))

    assert answer_code(lab, "near") == "guess = case.secret"
    with pytest.raises(UnknownNameError, match="Known: near"):
        answer_code(lab, "far")


def test_a_missing_source_is_an_error_that_names_it(tmp_path):
    with pytest.raises(DeclarationError, match=r"lab\.py: expected a readable"):
        read_cells(Path(tmp_path / "lab.py"))
