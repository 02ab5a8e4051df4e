"""Laws of what a service writes down: nobody reads in it what was not written."""

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.errors import IntegrityError
from labkit.exams.receiving import Arrivals
from labkit.exams.receiving.agreement import proof_of, token_of
from labkit.exams.signing import Keys

KEYS = Keys(bytes(range(32)), bytes(range(1, 33)))
START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file with arrivals and added time, and its entries."""
    path = tmp_path_factory.mktemp("arrivals") / "arrivals.jsonl"
    arrivals = Arrivals(path, KEYS.public)
    with arrivals.held():
        for n in range(3):
            file = {"session": f"s-{n}", "owner": "ada", "sha256": f"{n}" * 64, "late": n == 2}
            arrivals.append(KEYS, "received", file, START + timedelta(minutes=n))
            more = {"sessions": [f"s-{n}"], "minutes": n + 1, "reason": "alarm", "by": "Gina"}
            arrivals.append(KEYS, "extended", more, START + timedelta(minutes=n))
    return path, [line.entry for line in arrivals.lines]


def read(content):
    """Return the entries of a file, or None when it is refused."""
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "arrivals.jsonl").write_bytes(content)
        return [line.entry for line in Arrivals(folder / "arrivals.jsonl", KEYS.public).lines]
    except IntegrityError:
        return None
    finally:
        shutil.rmtree(folder)


@given(st.data())
def test_a_byte_that_is_changed_changes_no_entry(written, data):
    path, entries = written
    content = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    content[where] = data.draw(st.integers(0, 255))
    found = read(bytes(content))
    assert found is None or found == entries[: len(found)]
    assert found is None or len(found) >= len(entries) - 1


@given(st.lists(st.integers(0, 5), max_size=8))
def test_lines_in_any_choice_and_order_are_a_beginning_of_what_was_written_or_refused(written, chosen):
    path, entries = written
    lines = path.read_bytes().splitlines(keepends=True)
    found = read(b"".join(lines[n] for n in chosen))
    is_beginning = chosen == list(range(len(chosen)))
    assert found == (entries[: len(chosen)] if is_beginning else None)


@given(
    st.lists(st.text(max_size=6) | st.integers(0, 9), max_size=4), st.lists(st.text(max_size=6), max_size=4)
)
def test_a_proof_is_for_one_question_alone(parts, others):
    token = token_of("0" * 32, "s-1")
    same = ("/clock", *parts) == ("/receipt", *others)
    assert (proof_of(token, "/clock", *parts) == proof_of(token, "/receipt", *others)) == same
    assert (proof_of(token, "/clock", *parts) == proof_of(token, "/clock", *others)) == (parts == others)
