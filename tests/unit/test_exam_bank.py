"""The items of an exam: reading, variants, what a candidate sees, marking."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from labkit.core.errors import DeclarationError, InvalidInputError, UnknownNameError
from labkit.exams.bank import KINDS, blank_order, filled, mark, public_view, read_bank, right_answer, sizes

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "exam-items.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("items")
    for number, text in enumerate(EXAMPLES):
        (folder / f"{number}.toml").write_text(text, encoding="utf-8")
    return read_bank(folder)


def every_wording(bank):
    return [(item, variant) for item in bank for variant in item.variant_ids]


def read_text(tmp_path, text):
    (tmp_path / "items.toml").write_text(text, encoding="utf-8")
    return read_bank(tmp_path)


SINGLE, MATCHING, _, NUMERIC, SCENARIO = EXAMPLES


def test_the_page_has_an_example_of_every_kind_but_one(examples):
    assert {item.kind for item in examples} == set(KINDS) - {"multiple"}


def test_the_right_answer_is_worth_everything_and_none_is_worth_nothing(examples):
    for item, variant in every_wording(examples):
        assert mark(item, variant, right_answer(item, variant)).credit == 1
        nothing = mark(item, variant, None)
        assert nothing.credit == 0
        assert not any(reason.given for reason in nothing.reasons)
        assert all(len(reason.why) >= 30 for reason in nothing.reasons)


def test_what_crosses_is_json_without_key_and_reasons(examples):
    for item, variant in every_wording(examples):
        view = public_view(item, variant, blank_order(item))
        text = json.dumps(view)
        assert view == json.loads(text)
        marked = mark(item, variant, None)
        assert not any(reason.why in text for reason in marked.reasons)
        assert not re.search(r'"(correct|why|right|value|tolerance|mistakes)"', text)


def test_positions_say_nothing_about_places_in_the_file(examples):
    item = examples.find("d2-902")
    view = public_view(item, "", blank_order(item))
    shown = [right["text"] for right in view["rights"]]
    assert sorted(shown) == sorted(pair.right for pair in item.pairs)
    ranked = sorted(item.pairs, key=lambda pair: _digest(f"{item.id}|{item.revision}|0|{pair.right}"))
    assert shown == [pair.right for pair in ranked]


def test_an_order_changes_what_is_shown_and_not_what_an_answer_means(examples):
    item = examples.find("d2-901")
    order = [[2, 0, 1]]
    view = public_view(item, "", order)
    assert [option["position"] for option in view["parts"][0]["options"]] == order[0]
    plain = {option["position"]: option["text"] for option in view["parts"][0]["options"]}
    picked = right_answer(item)[0]
    assert plain[picked] == next(option.text for option in item.parts[0].options if option.correct)


def test_marking_says_what_was_given(examples):
    item = examples.find("d2-901")
    for position in range(3):
        marked = mark(item, "", [position])
        assert [reason.given for reason in marked.reasons].count(True) == 1
        assert marked.right == ([position] == right_answer(item))


def test_a_number_is_right_within_its_tolerance_and_a_known_slip_is_named(examples):
    item = examples.find("d4-901")
    assert mark(item, "a", [45.5]).right
    assert mark(item, "b", [60]).right
    slip = mark(item, "a", [50])
    assert not slip.right
    assert [reason.text for reason in slip.reasons if reason.given] == ["50 %"]
    assert "200" in mark(item, "a", None).reasons[0].why


def test_unanswered_questions_of_a_scenario_and_left_sides_are_worth_nothing(examples):
    scenario, pairs = examples.find("d4-902"), examples.find("d2-902")
    first, _ = right_answer(scenario)
    assert mark(scenario, "", [first, None]).credit == 0.5
    half = mark(pairs, "", [right_answer(pairs)[0], None, None])
    assert half.credit == pytest.approx(1 / 3)
    decoys = [reason for reason in half.reasons if not reason.right]
    assert len(decoys) == 1
    assert not decoys[0].given


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("d2-901", 0),
        ("d2-901", [3]),
        ("d2-901", [-1]),
        ("d2-901", [True]),
        ("d2-901", ["0"]),
        ("d2-901", [0, 1]),
        ("d2-901", {"0": 0}),
        ("d2-901", [10**400]),
        ("d6-901", [0, 0, 1]),
        ("d6-901", [0, 1]),
        ("d2-902", [0, 1]),
        ("d4-902", [[0]]),
        ("d4-902", [0, 1]),
        ("d4-901", [float("nan")]),
        ("d4-901", [float("inf")]),
        ("d4-901", [10**400]),
        ("d4-901", ["45"]),
        ("d4-901", [True]),
        ("d4-901", [45, 45]),
        ("d4-901", 45),
    ],
)
def test_what_is_no_answer_is_refused(examples, id, answer):
    item = examples.find(id)
    with pytest.raises(InvalidInputError, match="expected"):
        mark(item, item.variant_ids[0], answer)


def test_an_order_that_is_none_and_a_variant_that_is_none_are_refused(examples):
    item = examples.find("d2-901")
    for order in ([], [[0, 1]], [[0, 1, 1]], [[0, 1, 2], [0]]):
        with pytest.raises(InvalidInputError, match="order"):
            public_view(item, "", order)
    with pytest.raises(UnknownNameError):
        mark(item, "a", [0])


def test_a_variant_fills_every_text_and_leaves_no_placeholder(examples):
    item = examples.find("d4-901")
    assert "{" in item.question
    for variant in item.variants:
        said = filled(item, variant.id)
        assert "{" not in said.question + said.number.why
        assert said.number.value == variant.value
        assert sizes(said) == ()


def test_words_are_put_in_once_and_never_computed(tmp_path):
    text = NUMERIC.replace('n = "200"', 'n = "{clean}*2"').replace('n = "500"', 'n = "500"')
    item = next(iter(read_text(tmp_path, text)))
    assert "{clean}*2 inputs" in filled(item, "a").question


def test_an_item_is_found_in_the_revision_of_a_form(examples):
    assert examples.find("d2-901", 1).revision == 1
    with pytest.raises(InvalidInputError, match="revision 2"):
        examples.find("d2-901", 2)
    with pytest.raises(UnknownNameError):
        examples.find("d2-999")


def test_only_reviewed_items_are_drawn(tmp_path):
    assert read_text(tmp_path, SINGLE).live("D2")
    for status in ("draft", "retired"):
        bank = read_text(tmp_path, SINGLE.replace('status = "reviewed"', f'status = "{status}"'))
        assert len(bank) == 1
        assert not bank.live()


@pytest.mark.parametrize(
    ("example", "old", "new", "said"),
    [
        (SINGLE, 'id = "d2-', 'id = "d3-', "d2-042"),
        (SINGLE, "revision = 1", "revision = 0", "at least 1"),
        (SINGLE, 'level = "apply"', 'level = "know"', "recall, apply, analyse"),
        (SINGLE, 'sources = ["csa-ai/MDS-02"]', "", "expected at least one id"),
        (SINGLE, "csa-ai/MDS-02", "csa-ai/MDS-99", "MDS-99"),
        (SINGLE, 'status = "reviewed"', 'status = "reviewed"\nstate = 1', "unknown key"),
        (SINGLE, 'author_role = "security architect"', "", "author_role"),
        (NUMERIC, "https://", "http://", "https"),
        (NUMERIC, "tolerance = 0.5", "tolerance = -1", "at least 0"),
        (NUMERIC, "mistakes = [50]", "mistakes = [50, 51]", "each of 1"),
        (NUMERIC, 'n = "200", ', "", "expected a word for each"),
        (NUMERIC, "value = 45, ", "", "'value' is missing"),
        (NUMERIC, 'id = "b"', 'id = "a"', "once"),
        (SCENARIO, '"none", "94 %", "93 %"', '"none", "94 %"', "3 cells"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path, example, old, new, said):
    assert old in example
    with pytest.raises(DeclarationError, match=r"items\.toml:\d+") as caught:
        read_text(tmp_path, example.replace(old, new))
    assert said in str(caught.value)


def test_wordings_in_which_two_options_become_one_are_refused(tmp_path):
    text = SINGLE.replace("Ask for the weights as safetensors", "Load {what} with gradients turned off")
    words = 'variants = [{ id = "a", words = { what = "it" } }, { id = "b", words = { what = "them" } }]'
    with pytest.raises(DeclarationError, match="become the same"):
        read_text(tmp_path, text + words)


def test_an_id_is_given_once_and_a_folder_without_items_is_no_bank(tmp_path):
    with pytest.raises(DeclarationError, match="found none"):
        read_bank(tmp_path)
    (tmp_path / "a.toml").write_text(SINGLE, encoding="utf-8")
    (tmp_path / "b.toml").write_text(SINGLE, encoding="utf-8")
    with pytest.raises(DeclarationError, match="two items"):
        read_bank(tmp_path)


def _digest(text):
    return sha256(text.encode()).digest()
