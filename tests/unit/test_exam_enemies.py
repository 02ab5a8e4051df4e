"""Items that give each other away are declared once, and no form holds two of them."""

import json
from collections import Counter

import pytest

from labkit.cli import main
from labkit.core.errors import DeclarationError
from labkit.exams.bank import coverage, read_bank
from labkit.exams.blueprint import exam_folder, read_blueprint
from labkit.exams.drawing import draw_items
from labkit.exams.examiner import Candidate, Examiner
from tests.exam_example import make_exam
from tests.unit.test_exam_bank import EXAMPLES

KEY = b"k" * 32
# Ids of the page's examples: one of D1 to D7 each, so copies of one of them make a bank.
SINGLE = EXAMPLES[0]


def bank_of(folder, ids, enemies="", anchors=()):
    """Write copies of one item under other ids, and what is kept apart."""
    folder.mkdir(parents=True, exist_ok=True)
    head, item = SINGLE.split("[[item]]")
    copies = [
        "[[item]]"
        + item.replace('"d2-901"', f'"{id}"').replace('"D2"', f'"{id[:2].upper()}"')
        + ("anchor = true\n" if id in anchors else "")
        for id in ids
    ]
    (folder / "all.toml").write_text(head + "".join(copies), encoding="utf-8")
    if enemies:
        (folder / "enemies.toml").write_text(enemies, encoding="utf-8")
    return folder


def group(*ids):
    return f'[[enemies]]\nitems = {json.dumps(ids)}\nwhy = "One answers the other."\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (group("d2-001", "d2-003"), 2, "d2-003"),
        (group("d2-001", "d2-002") + "\n" + group("d2-001"), 6, "two items or more"),
        (group("d2-001", "d2-001"), 2, "each once"),
        (group("d1-001", "d2-001"), 2, "d1-001 and d2-001 are anchors"),
        ('[[enemies]]\nitems = ["d2-001", "d2-002"]\n', 1, "'why' is missing"),
        (group("d2-001", "d2-002") + "note = 1\n", 4, "unknown key 'note'"),
    ],
)
def test_a_group_that_is_none_is_named_with_file_and_line(tmp_path, text, line, said):
    bank_of(tmp_path, ["d1-001", "d2-001", "d2-002"], text, anchors=["d1-001", "d2-001"])
    with pytest.raises(DeclarationError) as caught:
        read_bank(tmp_path)
    assert f"enemies.toml:{line}" in str(caught.value)
    assert said in str(caught.value)


def test_the_practice_pool_is_drawn_without_enemies_as_the_blueprint_says():
    blueprint, bank = read_blueprint(), read_bank(exam_folder() / "items")
    groups = [each.items for each in bank.enemies]
    assert len(groups) >= 11
    drawn, met = Counter(), 0
    for number in range(150):
        form = draw_items(KEY, f"s{number}", blueprint, bank.live(), enemies=groups)
        alone = draw_items(KEY, f"s{number}", blueprint, bank.live())
        ids = {item.id for item in form}
        assert not [each for each in groups if len(ids & set(each)) > 1]
        assert Counter(bank.items[id].domain for id in ids) == {d.id: d.items for d in blueprint.domains}
        assert Counter(bank.items[id].group for id in ids) == blueprint.kinds
        assert {item.id for item in bank.live() if item.anchor} <= ids
        met += {item.id for item in alone} != ids
        drawn.update(ids)
    # Without the declaration enemies do meet, and a form in which they do not is left as it is.
    assert 0 < met < 75
    # Every cell gives more to some forms than its anchor.
    assert {(item.domain, item.group) for item in bank.live() if drawn[item.id] and not item.anchor} == {
        (item.domain, item.group) for item in bank.live()
    }


def test_the_practice_pool_fills_every_form_with_its_enemies_apart():
    blueprint, bank = read_blueprint(), read_bank(exam_folder() / "items")
    found = coverage(bank, {each.id: each.items for each in blueprint.domains}, blueprint.kinds)
    assert found.shortfalls == ()


def test_a_private_pool_brings_its_own_enemies(tmp_path):
    exam, pool = make_exam(tmp_path), tmp_path / "pool"
    ids = [f"d{domain}-{number:03d}" for domain in (1, 4) for number in range(1, 6)]
    bank_of(exam / "items", ids)
    bank_of(pool / "items", ids, group("d1-001", "d1-002", "d1-003") + group("d1-004", "d4-001"))
    examiner = Examiner.create(tmp_path / "examiner", None, exam=exam, pool=pool)
    for _ in range(25):
        form = examiner.open_session(Candidate("Ada")).form
        drawn = {item.id for item in form.items}
        assert len(drawn) == 4
        assert len(drawn & {"d1-001", "d1-002", "d1-003"}) <= 1
        assert not {"d1-004", "d4-001"} <= drawn
    assert examiner.exposure()[0].total() == 100


def test_a_pool_that_its_enemies_empty_is_found_by_the_check_and_opens_all_the_same(
    tmp_path, monkeypatch, capsys
):
    exam, pool = make_exam(tmp_path), tmp_path / "pool"
    monkeypatch.setattr("labkit.exams.commands.check.exam_folder", lambda: exam)
    ids = [f"d{domain}-{number:03d}" for domain in (1, 4) for number in range(1, 4)]
    bank_of(pool / "items", ids, group("d1-001", "d4-001") + group("d1-002", "d1-003", "d1-001"))
    assert main(["exam", "check", "items", "--pool", str(pool), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    [crowded] = [each for each in found if "kept apart" in each]
    assert "enemies.toml:5: with d1-002, d1-003, d1-001 kept apart a form may lack" in crowded
    assert "of D1" in crowded
    # Nobody's sitting fails to open: the form is shorter, and is judged by shares.
    examiner = Examiner.create(tmp_path / "examiner", None, exam=exam, pool=pool)
    sizes = {len(examiner.open_session(Candidate("Ada")).form.items) for _ in range(12)}
    assert sizes <= {3, 4}
    assert 3 in sizes
