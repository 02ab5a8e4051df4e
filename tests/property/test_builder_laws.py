"""Laws of answer cells: whatever stands in one, each face holds its own part and no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labkit.course.answer_cells import without

# Lines of code that are no marker; a starter may hold comments and be indented.
names = st.sampled_from(["alpha", "beta", "gamma", "delta"])
lines = st.builds(
    lambda indent, name, number: f"{'    ' * indent}{name} = {number}",
    st.integers(0, 2),
    names,
    st.integers(0, 9),
)
parts = st.lists(lines, min_size=1, max_size=5)
comments = st.lists(st.one_of(lines, st.builds("# a comment on {}".format, names)), min_size=1, max_size=5)


def commented(line: str) -> str:
    code = line.lstrip()
    return f"{line[: len(line) - len(code)]}# {code}"


@given(before=parts, starter=comments, solution=parts, after=parts)
def test_each_face_is_what_is_common_and_its_own_part(before, starter, solution, after):
    text = "\n".join(
        [*before, "# starter", *map(commented, starter), "    # solution", *solution, "# end", *after]
    )

    assert without(text, "solution") == "\n".join([*before, *starter, *after])
    assert without(text, "starter") == "\n".join([*before, *solution, *after])


@given(before=parts, solution=parts)
def test_without_an_end_the_solution_goes_to_the_end_of_the_cell(before, solution):
    text = "\n".join([*before, "# solution", *solution])

    assert without(text, "solution") == "\n".join(before)
    assert without(text, "starter") == "\n".join([*before, *solution])
