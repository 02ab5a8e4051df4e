"""The governance quiz: its bank, marking, forms, practice and gain."""

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from labkit.core.errors import DeclarationError, InvalidInputError, UnknownNameError
from labkit.course import DOMAINS
from labkit.course.lab import Option
from labkit.course.progress import ProgressLog
from labkit.course.quiz import (
    CONFIDENCE,
    KINDS,
    Part,
    Quiz,
    Source,
    bank,
    days_ahead,
    find_item,
    gain_band,
    length_ranks,
    lint,
    mark,
    read_bank,
    shown_order,
)
from labkit.course.quiz.forms import fit_for_forms
from labkit.governance import standards

READ = date(2026, 11, 23)


class Clock:
    """A clock that stands still until somebody moves it."""

    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def quiz(tmp_path):
    clock = Clock()
    made = Quiz("ada", seed=7, log=ProgressLog(tmp_path / "progress.sqlite"), clock=clock)
    made.moved = lambda **ahead: setattr(clock, "now", clock.now + timedelta(**ahead))
    return made


def right_answer(item):
    if item.kind == "matching":
        return list(range(len(item.asked)))
    if item.kind == "ordering":
        return list(range(len(item.steps)))
    answers = [list(part.right) for part in item.parts]
    return answers if item.kind == "case" else answers[0]


def wrong_answer(item):
    if item.kind in ("matching", "ordering"):
        return right_answer(item)[::-1]
    wrong = [[i for i in range(len(part.options)) if i not in part.right][:1] for part in item.parts]
    return wrong if item.kind == "case" else wrong[0]


def take(quiz, form, know):
    for item in quiz.open_items(form):
        quiz.answer(item.id, right_answer(item) if know(item) else wrong_answer(item), form=form)


# ------------------------------------------------------------------ the bank


def test_the_bank_has_at_least_150_items_of_every_kind_and_domain():
    assert len(bank()) >= 150
    assert {item.kind for item in bank().values()} == set(KINDS)
    assert min(Counter(item.domain for item in bank().values())[domain] for domain in DOMAINS) >= 15


def test_every_bundled_list_has_items():
    lists = {source.list for item in bank().values() for source in item.sources}
    assert lists == {standard.id for standard in standards.standards()}


def test_no_kind_is_rare():
    kinds = Counter(item.kind for item in bank().values())
    assert min(kinds[kind] for kind in KINDS) >= 10
    assert kinds["single"] / kinds.total() < 0.7


def test_every_item_says_of_which_day_its_facts_are_and_how_far_they_are_to_be_trusted():
    for item in bank().values():
        assert date.fromisoformat(item.as_of) <= READ
        assert item.confidence in CONFIDENCE


def test_a_source_is_no_firmer_than_its_list_says_of_itself():
    assert standards.lookup("g7-hiroshima/HAIP-3").confidence == "secondary"
    assert Source.of("g7-hiroshima/HAIP-3").confidence == "background"
    assert Source.of("iso-27090-27091/ISO/IEC 27090").confidence == "disputed"
    assert Source.of("pci-dss/10.5.1").confidence == "secondary"
    assert Source.of("owasp-ml-top10/ML07:2023").confidence == "primary"


def test_what_is_general_knowledge_or_disputed_is_practised_and_never_tested_on():
    weak = [item for item in bank().values() if item.confidence in ("background", "disputed")]
    assert {item.list for item in weak} >= {"g7-hiroshima", "iso-27090-27091", "crosswalk"}
    assert not any(fit_for_forms(item) for item in weak)


def test_no_item_tells_the_order_of_the_g7_actions_which_is_general_knowledge():
    about = [item for item in bank().values() if item.list == "g7-hiroshima"]
    told = " ".join(option.why for item in about for part in item.parts for option in part.options)
    assert about
    assert not re.search(r"\b[Tt]he (first|second|third|fourth|fifth|sixth|seventh)\b", told)


def test_an_item_about_a_disputed_status_says_of_which_day_it_is():
    about_status = [item for item in bank().values() if item.kind in ("case", "multiple")]
    assert all(item.timely for item in about_status if item.confidence == "disputed")


def test_no_order_is_told_by_numbers_in_its_steps():
    for item in bank().values():
        numbers = [re.findall(r"\d+", step.text)[:1] for step in item.steps]
        told = [int(found[0]) for found in numbers if found]
        assert len(told) < 2 or told != sorted(told), item.id


def test_no_question_is_asked_twice():
    asked = Counter(part.question for item in bank().values() for part in item.parts)
    assert [question for question, times in asked.items() if times > 1] == []


@pytest.mark.parametrize("domain", [None, *DOMAINS])
def test_no_rank_by_length_gives_the_answer_away(domain):
    parts = [part for item in bank().values() if domain in (None, item.domain) for part in item.parts]
    shares, count = length_ranks(parts, 4)
    assert count >= 10
    assert max(shares) <= (0.35 if domain is None else 0.42)


def test_options_of_equal_length_share_their_ranks():
    def part(*texts):
        return Part("?", tuple(Option(text, text.endswith("*"), "why") for text in texts))

    tied, longest = part("aaa*", "aaaaa", "aaaa", "a"), part("aaaaa*", "aaaa", "aaa", "a")
    assert length_ranks([tied], 4) == ([0, 0.5, 0.5, 0], 1)
    assert length_ranks([tied, longest], 4) == ([0.5, 0.25, 0.25, 0], 2)
    assert length_ranks([tied], 3) == ([0, 0, 0], 0)


def test_lint_finds_nothing_on_the_day_the_facts_were_read():
    assert lint(bank().values(), READ) == []


def test_lint_reports_facts_that_have_grown_old():
    assert {finding.kind for finding in lint(bank().values(), READ + timedelta(days=200))} >= {"old"}


def changed(on):
    return {finding.item for finding in lint(bank().values(), on) if finding.kind == "changes"}


def test_lint_reports_a_day_that_has_come():
    assert changed(date(2026, 12, 1)) == set()
    assert changed(date(2026, 12, 2)) == {"ai-act-new-ban", "ai-act-art-50-date"}


def test_lint_reports_an_item_about_a_milestone_whose_only_day_is_its_name():
    assert "ai-act-timeline" not in changed(date(2027, 12, 1))
    assert "ai-act-timeline" in changed(date(2027, 12, 3))


def test_days_ahead_name_the_items_that_are_to_be_read_again_then():
    ahead = {each.day: each for each in days_ahead(bank().values(), READ)}
    assert list(ahead) == sorted(ahead)
    assert set(ahead[date(2026, 12, 2)].items) == {"ai-act-new-ban", "ai-act-art-50-date"}
    assert ahead[date(2026, 12, 2)].days_left == 9
    assert "ai-act-timeline" in ahead[date(2028, 8, 2)].items
    assert min(each.day for each in days_ahead(bank().values(), date(2026, 12, 2))) > date(2026, 12, 2)


ITEM = """[[item]]
id = "x{number}"
kind = "single"
domain = "D1"
difficulty = 1
sources = ["gdpr/Art. 5"]
question = "What does it ask, number {number}?"
options = [
  {{ text = "{right}", correct = true, why = "because this one rests on the article" }},
  {{ text = "The second longest.", why = "because this one has no ground at all" }},
  {{ text = "The third.", why = "because this is about something else" }},
  {{ text = "Short.", why = "because this is about something else" }},
]
"""


@pytest.mark.parametrize(
    ("change", "kind", "problem"),
    [
        (
            ("The longest of them all.", "The longest of them all, and by a very wide margin."),
            "telling",
            "longer",
        ),
        (("The longest of them all.", "No."), "telling", "shorter"),
        (("The third.", "The third"), "ending", "full stop"),
        (("because this one has no ground at all", "Not this one either."), "reason", "say why"),
    ],
)
def test_lint_reports_what_gives_an_answer_away_or_gives_no_reason(tmp_path, change, kind, problem):
    text = ITEM.format(number=1, right="The longest of them all.")
    (tmp_path / "x.toml").write_text(text)
    assert lint(read_bank(tmp_path).values(), READ) == []
    (tmp_path / "x.toml").write_text(text.replace(*change))
    found = lint(read_bank(tmp_path).values(), READ)
    assert [(finding.item, finding.kind) for finding in found] == [("x1", kind)]
    assert problem in found[0].problem


def test_lint_holds_pairs_and_steps_to_a_reason_too(tmp_path):
    text = (read_bank.__globals__["FOLDER"] / "enisa.toml").read_text()
    (tmp_path / "x.toml").write_text(
        text.replace("The systems that host AI are secured first.", "It comes first.")
    )
    found = lint(read_bank(tmp_path).values(), READ)
    assert [(finding.item, finding.kind) for finding in found] == [("enisa-layers", "reason")]


def test_lint_reports_a_mark_that_only_right_options_have(tmp_path):
    text = "\n".join(ITEM.format(number=number, right="It is long; and it says.") for number in range(6))
    (tmp_path / "x.toml").write_text(text)
    found = lint(read_bank(tmp_path).values(), READ)
    assert [(finding.item, finding.kind) for finding in found] == [("", "marks")]
    assert "';' is right in 6 of 6" in found[0].problem


def test_lint_reports_a_bank_in_which_one_rank_by_length_is_right_too_often(tmp_path):
    text = "\n".join(ITEM.format(number=number, right="The fourth one.") for number in range(12))
    (tmp_path / "x.toml").write_text(text)
    found = lint(read_bank(tmp_path).values(), READ)
    assert {(finding.item, finding.kind) for finding in found} == {("", "lengths")}
    assert "in the bank the option that is number 2 of 4 by length is right in 100%" in found[0].problem
    assert "in D1" in found[1].problem


def test_an_unknown_item_is_named_with_its_nearest_neighbour():
    with pytest.raises(UnknownNameError, match="ai-act-status"):
        find_item("ai-act-statsu")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("correct = true, ", ""), "some options to be right"),
        (('{ text = "b",', '{ text = "b", correct = true,'), "exactly one option"),
        (('"gdpr/Art. 5"', '"gdpr/Art. 500"'), "Art. 500"),
        (('kind = "single"', 'kind = "essay"'), "essay"),
        (("difficulty = 1", "difficulty = 4"), "1, 2 or 3"),
        (('text = "b"', 'text = "a"'), "every text once"),
        (('why = "because b has no ground"', 'why = "wrong"'), "say why"),
        (("question", "qestion"), "question"),
    ],
)
def test_a_mistake_in_an_item_is_reported_with_file_and_line(tmp_path, change, problem):
    text = """[[item]]
id = "x"
kind = "single"
domain = "D1"
difficulty = 1
sources = ["gdpr/Art. 5"]
question = "What does it ask?"
options = [
  { text = "a", correct = true, why = "because a rests on the article" },
  { text = "b", why = "because b has no ground" },
  { text = "c", why = "because c is about something else" },
]
"""
    (tmp_path / "x.toml").write_text(text)
    assert list(read_bank(tmp_path)) == ["x"]
    (tmp_path / "x.toml").write_text(text.replace(*change))
    with pytest.raises(DeclarationError, match=problem):
        read_bank(tmp_path)


def test_two_items_with_the_same_id_are_refused(tmp_path):
    source = (read_bank.__globals__["FOLDER"] / "enisa.toml").read_text()
    (tmp_path / "a.toml").write_text(source)
    (tmp_path / "b.toml").write_text(source)
    with pytest.raises(DeclarationError, match="two items"):
        read_bank(tmp_path)


# ------------------------------------------------------------------ marking


@pytest.mark.parametrize("item", bank().values(), ids=lambda item: item.id)
def test_the_right_answer_is_worth_one_and_everything_has_its_reason(item):
    marked = mark(item, right_answer(item))
    assert (marked.credit, marked.right) == (1, True)
    assert all(reason.why for reason in marked.reasons)
    assert mark(item, wrong_answer(item)).credit < 1


def test_several_options_each_count_and_a_wrong_one_takes_one_off():
    item = find_item("ai-act-first-duties")
    assert mark(item, [0]).credit == 0.5
    assert mark(item, [0, 1, 2]).credit == 0.5
    assert mark(item, [0, 1, 2, 3]).credit == 0
    assert mark(item, []).credit == 0


def test_an_order_turned_round_is_worth_nothing_and_one_swap_costs_little():
    item = find_item("ai-act-timeline")
    assert mark(item, [4, 3, 2, 1, 0]).credit == 0
    assert mark(item, [1, 0, 2, 3, 4]).credit == pytest.approx(0.8)


def test_a_pair_with_a_decoy_counts_as_wrong_and_says_why():
    item = find_item("ai-act-fines")
    marked = mark(item, [0, 1, 3])
    assert marked.credit == pytest.approx(2 / 3)
    assert "GDPR" in next(reason.why for reason in marked.reasons if not reason.right and reason.given)


@pytest.mark.parametrize("answer", [None, "a", [9], [True], [0, 1], {"x": 1}, [[0]], 3])
def test_what_is_no_answer_is_refused(answer):
    with pytest.raises(InvalidInputError):
        mark(find_item("ai-act-status"), answer)


def test_what_is_shown_first_says_nothing_about_the_right_answer():
    first = Counter(shown_order(find_item("ai-act-status"), 4, seed)[0] for seed in range(400))
    assert min(first.values()) > 60


def test_steps_are_never_shown_in_the_right_order():
    item = find_item("enisa-layers")
    assert all(shown_order(item, 3, seed, "steps") != [0, 1, 2] for seed in range(100))


# ------------------------------------------------------------------ forms and gain


def test_whoever_learns_everything_gains_everything(quiz):
    take(quiz, "pre", lambda _: False)
    take(quiz, "post", lambda _: True)
    gain = quiz.gains()["all"]
    assert gain.after == 1
    assert gain.gain == 1


def test_the_gain_is_told_by_domain(quiz):
    take(quiz, "pre", lambda _: False)
    take(quiz, "post", lambda item: item.domain == "D1")
    gains = quiz.gains()
    assert gains["D1"].gain == 1
    assert gains["D2"].gain < 0.4
    assert gains["D1"].items == 3


def test_there_is_no_gain_before_both_forms_are_whole(quiz):
    take(quiz, "pre", lambda _: True)
    assert quiz.gains()["all"].before == 1
    assert quiz.gains()["all"].gain is None


def test_bands_are_those_of_hake():
    assert [gain_band(gain) for gain in (-0.5, 0.29, 0.3, 0.69, 0.7)] == [
        "low",
        "low",
        "medium",
        "medium",
        "high",
    ]


def test_the_form_after_waits_for_the_form_before(quiz):
    item = quiz.open_items("post")[0]
    with pytest.raises(InvalidInputError, match="test before first"):
        quiz.answer(item.id, right_answer(item), form="post")


def test_in_a_form_the_first_answer_counts(quiz):
    item = quiz.open_items("pre")[0]
    quiz.answer(item.id, wrong_answer(item), form="pre")
    with pytest.raises(InvalidInputError, match="first answer"):
        quiz.answer(item.id, right_answer(item), form="pre")


def test_an_item_of_a_test_that_is_still_open_is_not_for_practice(quiz):
    item = quiz.open_items("post")[0]
    with pytest.raises(InvalidInputError, match="not finished"):
        quiz.answer(item.id, right_answer(item))


def test_forms_stay_the_same_after_the_first_answer(quiz, tmp_path):
    take(quiz, "pre", lambda _: True)
    later = Quiz("ada", seed=8, log=ProgressLog(tmp_path / "progress.sqlite"))
    assert later.forms() == quiz.forms()
    assert later.finished("pre")


def test_two_learners_have_different_forms_and_see_nothing_of_each_other(tmp_path):
    log = ProgressLog(tmp_path / "progress.sqlite")
    ada, bob = Quiz("ada", seed=1, log=log), Quiz("bob", seed=2, log=log)
    take(ada, "pre", lambda _: True)
    assert bob.given() == []
    assert ada.forms() != bob.forms()


# ------------------------------------------------------------------ practice


def miss(quiz):
    item = quiz.next().item
    quiz.answer(item.id, wrong_answer(item))
    return item


def test_what_was_missed_comes_back_and_what_was_known_does_not(quiz):
    missed = miss(quiz)
    known = quiz.next().item
    quiz.answer(known.id, right_answer(known), sure="know")
    assert list(quiz.cards()) == [missed.id]
    quiz.moved(minutes=2)
    again = quiz.next()
    assert again.repeated
    assert again.item.id == missed.id
    assert "missed it once" in again.why


def test_a_guess_that_was_right_comes_back_too(quiz):
    item = quiz.next().item
    quiz.answer(item.id, right_answer(item), sure="guess")
    assert list(quiz.cards()) == [item.id]


def test_nothing_due_leaves_a_review_empty(quiz):
    assert quiz.next(only_due=True) is None
    miss(quiz)
    assert quiz.due() == []
    quiz.moved(minutes=2)
    assert quiz.next(only_due=True) is not None


def test_practice_turns_to_the_domain_with_most_to_gain(quiz):
    domains = Counter()
    for _ in range(30):
        item = quiz.next().item
        domains[item.domain] += 1
        quiz.answer(item.id, right_answer(item) if item.domain != "D3" else wrong_answer(item), sure="know")
    assert domains.most_common(1)[0][0] == "D3"
    assert min(quiz.mastery(), key=quiz.mastery().get) == "D3"


def test_practice_never_shows_an_item_of_an_open_test(quiz):
    withheld = quiz.withheld()
    assert len(withheld) == 42
    for _ in range(15):
        item = quiz.next().item
        assert item.id not in withheld
        quiz.answer(item.id, right_answer(item), sure="know")


def test_practice_ends_when_everything_was_seen(quiz):
    while (proposal := quiz.next()) is not None:
        quiz.answer(proposal.item.id, right_answer(proposal.item), sure="know")
    assert len(quiz.given()) == len(bank()) - 42


def test_a_fresh_start_forgets_and_erases_nothing(quiz):
    miss(quiz)
    quiz.reset()
    assert quiz.given() == []
    assert quiz.cards() == {}


def test_an_event_that_is_not_whole_is_passed_over(tmp_path):
    log = ProgressLog(tmp_path / "progress.sqlite")
    log.append("ada", "quiz", "quizzed", {"item": "gone"})
    log.append(
        "ada",
        "quiz",
        "quizzed",
        {
            "item": "of-a-newer-bank",
            "form": "practice",
            "answer": [0],
            "credit": 0,
            "right": False,
            "sure": "think",
        },
    )
    quiz = Quiz("ada", seed=1, log=log)
    assert quiz.cards() == {}
    assert quiz.next() is not None
