"""Every flaw that the linter knows is found where it is, and not where it is not."""

from datetime import date
from pathlib import Path

import pytest

from labkit.cli import main
from labkit.core.errors import DeclarationError
from labkit.exams.bank import FINDINGS, coverage, lint, read_bank, record_revisions

READ = date(2026, 11, 23)

HEAD = """
[[item]]
id = "d2-{id}"
revision = 1
kind = "{kind}"
domain = "D2"
level = "apply"
difficulty = 2
status = "reviewed"
sources = ["{source}"]
question = "{question}"
{more}
"""


def option(text, correct=False, why=""):
    why = why or f"This reason is about {text} and about no other option."
    said = "correct = true, " if correct else ""
    return f'  {{ text = "{text}", {said}why = "{why}" }},\n'


def single(
    id="001",
    question="A team receives weights from a stranger. What comes first?",
    right="Compare their digest with that published",
    wrong=("Load them on a laptop kept offline", "Measure how accurate they are on old data"),
    kind="single",
    source="csa-ai/MDS-08",
    more="",
    also=(),
):
    options = option(right, True) + "".join(option(each, True) for each in also)
    options += "".join(option(each) for each in wrong)
    return (
        HEAD.format(id=id, kind=kind, source=source, question=question, more=more)
        + f"options = [\n{options}]\n"
    )


def found(tmp_path, *items, today=READ):
    (tmp_path / "d2.toml").write_text('author_role = "tester"\n' + "".join(items), encoding="utf-8")
    return {finding.kind for finding in lint(read_bank(tmp_path), today)}


def test_an_item_without_a_flaw_has_no_finding(tmp_path):
    assert found(tmp_path, single()) == set()


FLAWED = {
    "hint": single(id="digest-first"),
    "longest": single(right="Compare their digest with that published by those who made it"),
    "collecting": single(wrong=("Load them on a laptop kept offline", "Both of the above in order")),
    "absolute": single(wrong=("Load them, which is always safe", "Measure how accurate they are")),
    "overlap": single(wrong=("Load them on a laptop kept offline", "Load them on laptops kept offline")),
    "negative": single(question="A team receives weights. Which step does not help?"),
    "grammar": single(question="What a team should ask for before loading weights is an"),
    "echo": single(
        question="A supplier sends quantised checkpoints. What shows that quantised checkpoints are intact?",
        right="A digest of the quantised checkpoints",
    ),
    "ungrounded": single(source="crosswalk/supply-chain"),
    "long": single(
        question="A team receives weights. " + "It has read the contract twice. " * 15 + "What now?"
    ),
    "ending": single(right="Compare their digest with the one published."),
    "many-right": single(
        kind="multiple",
        also=("Ask who released them and when that was", "Keep the file away from what is in use"),
        wrong=("Load them on a laptop kept offline",),
    ),
    "twins": single()
    + single(
        id="002",
        question="A team receives the weights from a stranger. What comes first?",
        right="Ask for a signature and check it",
        wrong=("Run them once in a notebook to see", "Rename the file so that it is found"),
    ),
    "anchors": single(more="anchor = true")
    + single(
        id="002",
        more="anchor = true",
        question="Which record shows who changed a dataset last week?",
        right="A log that is only ever appended to",
        wrong=("The newest copy of the dataset itself", "The accuracy of the last training run"),
    ),
}


@pytest.mark.parametrize("kind", FLAWED)
def test_a_flaw_is_found(tmp_path, kind):
    assert found(tmp_path, FLAWED[kind]) == {kind}


def test_a_right_option_that_sticks_out_is_telling(tmp_path):
    assert "telling" in found(tmp_path, single(right="Hash it"))


def test_overlapping_ranges_are_found_and_ranges_side_by_side_are_not(tmp_path):
    question = "How many queries does the table allow?"
    beside = single(
        question=question, right="From 10 to 20 a day", wrong=("From 20 to 30 a day", "From 30 to 40 a day")
    )
    across = beside.replace("From 20 to 30", "From 15 to 30")
    assert found(tmp_path, beside) == set()
    assert found(tmp_path, across) == {"overlap"}


def test_a_reason_that_is_given_twice_is_none(tmp_path):
    why = "It begins too late to prevent anything at all."
    items = HEAD.format(
        id="001", kind="single", source="csa-ai/MDS-08", question="What comes first?", more=""
    )
    items += "options = [\n" + option("Compare the digest", True) + option("Load the file now", why=why)
    items += option("Watch the machine", why=why) + "]\n"
    assert found(tmp_path, items) == {"reason"}


def test_legal_facts_grow_old_and_papers_do_not(tmp_path):
    assert found(tmp_path, single(), today=date(2027, 6, 30)) == {"old"}
    paper = single().replace('sources = ["csa-ai/MDS-08"]\n', "")
    paper += '[[item.papers]]\ntitle = "A paper"\nlink = "https://arxiv.org/abs/1902.06705"\nyear = 2019\n'
    assert found(tmp_path, paper, today=date(2036, 1, 1)) == set()


def test_a_day_that_has_come_is_found(tmp_path):
    item = single(source="eu-ai-act/2027-08-02")
    assert "changes" in found(tmp_path, item, today=date(2027, 8, 3))


def test_an_item_that_the_quiz_asks_is_found(tmp_path):
    item = single(
        question="What is the shortest form of threat modelling?", right="Ask what can go wrong, rank it"
    )
    assert "twins" in found(tmp_path, item)


def test_every_wording_of_an_item_is_read(tmp_path):
    item = single(right="Compare their digest with {whose}")
    item += 'variants = [ { id = "a", words = { whose = "the one published" } },\n'
    item += '  { id = "b", words = { whose = "the one published by those who made it" } } ]\n'
    assert found(tmp_path, item) == {"longest"}


def test_habits_over_the_bank_are_found(tmp_path):
    flawed = [
        single(
            id=f"{number:03}",
            question=f"What does log {number:03} of {'abcdefghijklmnop'[number] * 20} show?",
            right=f"Somebody was there, seen from {number} lines",
            wrong=(f"Nothing happened in line {number}", f"It was always {number} lines"),
        )
        for number in range(14)
    ]
    kinds = found(tmp_path, *flawed)
    assert {"absolutes", "lengths"} <= kinds


def test_a_position_that_is_right_too_often_is_found(tmp_path, monkeypatch):
    from labkit.exams.bank import linting

    # As if candidates were shown places in the file, where authors put the right option first.
    monkeypatch.setattr(
        linting, "declared_places", lambda item: [list(range(len(part.options))) for part in item.parts]
    )
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"]
    items = [
        single(
            id=f"{words.index(word):03}",
            question=f"What does {word * 6} record?",
            right=f"The {word} was changed",
            wrong=wrong,
        )
        for word in words
        for wrong in [(f"The {word} was moved", f"The {word} was hidden")]
    ]
    assert "positions" in found(tmp_path, *items)
    monkeypatch.undo()
    assert "positions" not in found(tmp_path, *items)


def test_words_and_key_change_with_the_revision_alone(tmp_path):
    assert found(tmp_path, single()) == set()
    record_revisions(tmp_path)
    better = single().replace("This reason is about", "A better reason, about")
    assert found(tmp_path, better) == set()
    moved = single(right="Compare their digest with one sent by mail")
    assert found(tmp_path, moved) == {"revision"}
    with pytest.raises(DeclarationError, match="raise the revision above 1"):
        record_revisions(tmp_path)
    raised = moved.replace("revision = 1", "revision = 2")
    assert found(tmp_path, raised) == {"revision"}
    assert "d2-001" in record_revisions(tmp_path).items
    assert found(tmp_path, raised) == set()
    assert found(tmp_path, moved) == {"revision"}


def test_an_item_that_was_recorded_is_retired_and_not_taken_away(tmp_path):
    other = single(id="002", question="Which record shows who changed a dataset last week?")
    found(tmp_path, single(), other)
    record_revisions(tmp_path)
    assert found(tmp_path, single()) == {"revision"}
    with pytest.raises(DeclarationError, match="retire it"):
        record_revisions(tmp_path)
    assert found(tmp_path, single(), other.replace('"reviewed"', '"retired"')) == set()


def test_a_record_that_is_none_is_said_to_be_none(tmp_path):
    found(tmp_path, single())
    (tmp_path / "revisions.json").write_text('{"d2-001": 1}', encoding="utf-8")
    with pytest.raises(DeclarationError, match="expected revision and digest"):
        record_revisions(tmp_path)


def test_the_command_says_what_is_found_and_records(tmp_path, monkeypatch, capsys):
    (tmp_path / "items").mkdir()
    blueprint = Path(__file__).parents[2] / "exams" / "practitioner" / "blueprint.toml"
    (tmp_path / "blueprint.toml").write_text(blueprint.read_text(encoding="utf-8"), encoding="utf-8")
    found(tmp_path / "items", FLAWED["negative"])
    monkeypatch.setattr("labkit.exams.commands.check.exam_folder", lambda: tmp_path)
    assert main(["exam", "check", "items", "--record"]) == 1
    said = capsys.readouterr().out
    assert "d2-001: the question asks for what is not so" in said
    assert "items: by the surface alone" in said
    assert "domain D1: 0 reviewed items, expected at least 30" in said
    assert "d2-001" in (tmp_path / "items" / "revisions.json").read_text(encoding="utf-8")


def test_what_the_calendar_brings_is_said_and_fails_no_check(capsys):
    assert main(["exam", "check", "items", "--on", "2026-11-30"]) == 0
    assert "read again" not in capsys.readouterr().out
    assert main(["exam", "check", "items", "--on", "2028-01-04"]) == 0
    said = capsys.readouterr().out
    assert "To be read again before they are drawn:\n  d" in said
    assert "its facts were read 407 days ago, on 2026-11-23 (old)" in said
    assert "something begins on 2027-12-02 (changes)" in said
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["exam", "check", "items", "--on", "tomorrow"])
    assert "expected a day as YYYY-MM-DD, such as 2027-06-01, got 'tomorrow'" in capsys.readouterr().err


def test_every_kind_of_finding_is_listed():
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(lint.__code__.co_filename).parent / name for name in ("linting.py", "wording.py"))
    )
    named = {line.split('"')[1] for line in source.splitlines() if 'yield "' in line}
    assert named <= set(FINDINGS)


def test_coverage_counts_what_may_be_drawn_and_names_what_is_missing(tmp_path):
    text = 'author_role = "tester"\n' + single() + single(id="002").replace('"reviewed"', '"draft"')
    (tmp_path / "d2.toml").write_text(text, encoding="utf-8")
    counted = coverage(read_bank(tmp_path), {"D1": 1, "D2": 1}, {"choice": 1}, times=1)
    assert counted.items == 1
    assert counted.status == {"reviewed": 1, "draft": 1}
    assert counted.table["D2"]["single"] == counted.table["D2"]["choice"] == counted.table["D2"]["apply"] == 1
    assert counted.shortfalls == ("domain D1: 0 reviewed items, expected at least 1 (1 times 1)",)
    assert counted.plain()["domains"] == {"D1": 0, "D2": 1}
