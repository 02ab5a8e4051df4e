"""A form is drawn by the master key and the session, signed, and tells nothing."""

import json
import stat
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from labkit.core.errors import IntegrityError, InvalidInputError, StorageError, UnknownNameError
from labkit.exams.blueprint import read_blueprint
from labkit.exams.chain import broken_links, entry
from labkit.exams.drawing import commitment, draw_items, draw_variant
from labkit.exams.examiner import Candidate, Examiner, practice_examiner
from labkit.exams.form import Form, parse_time
from labkit.exams.settings import settings_of
from labkit.exams.signing import create_keys, load_keys, verify
from labkit.exams.task import Variant, tasks_of
from tests.exam_example import make_exam, variants

POOL = [Variant(f"v{n:02d}", n, {}, "A", "2026-11-29") for n in range(12)]
START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture
def exam(tmp_path):
    return make_exam(tmp_path)


@pytest.fixture
def examiner(tmp_path, exam):
    return Examiner.create(tmp_path / "examiner", "a long password", exam=exam)


def test_a_draw_is_the_same_again_and_another_for_another_session_or_key():
    first = [draw_variant(b"k" * 32, f"s{n}", "T5", POOL).id for n in range(60)]
    assert first == [draw_variant(b"k" * 32, f"s{n}", "T5", POOL[::-1]).id for n in range(60)]
    assert first != [draw_variant(b"j" * 32, f"s{n}", "T5", POOL).id for n in range(60)]
    assert len(set(first)) > 8


def test_the_drawn_variants_of_a_known_key_are_pinned():
    drawn = [draw_variant(b"k" * 32, "20261130-0000", slot, POOL).id for slot in ("T1", "T5", "T7")]
    assert drawn == ["v02", "v06", "v11"]
    assert commitment(b"k" * 32, "20261130-0000", "T1", "v02").startswith("4bb2d5ef")


def test_a_variant_that_nobody_reviewed_is_not_drawn():
    pool = [*(replace(each, reviewed_by="") for each in POOL[1:]), POOL[0]]
    assert {draw_variant(b"k", f"s{n}", "T5", pool).id for n in range(20)} == {"v00"}
    with pytest.raises(InvalidInputError, match="reviewed"):
        draw_variant(b"k", "s", "T5", pool[:3])


def test_keys_are_sealed_and_only_their_owner_reads_the_file(tmp_path):
    path = tmp_path / "keys.json"
    keys = create_keys(path, "a long password")
    assert load_keys(path, "a long password") == keys
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert repr(keys) == "Keys()"
    for secret in (keys.master, keys.signing):
        assert secret.hex() not in path.read_text()
    with pytest.raises(InvalidInputError, match="make new ones"):
        load_keys(path, "another password")
    with pytest.raises(InvalidInputError, match="give its password"):
        load_keys(path, None)
    with pytest.raises(StorageError, match="keys already"):
        create_keys(path, "a long password")


@pytest.mark.parametrize("damage", ["", "{}", '{"public": {}, "sealed": true, "salt": "?"}'])
def test_damaged_keys_are_refused(tmp_path, damage):
    (tmp_path / "keys.json").write_text(damage)
    with pytest.raises(IntegrityError):
        load_keys(tmp_path / "keys.json", "a long password")


def test_a_signature_holds_for_its_content_its_purpose_and_its_key(tmp_path):
    keys, other = create_keys(tmp_path / "a", None), create_keys(tmp_path / "b", None)
    signature = keys.sign("form", {"a": 1})
    assert verify("form", {"a": 1}, signature, keys.public)
    assert not verify("form", {"a": 2}, signature, keys.public)
    assert not verify("sheet", {"a": 1}, signature, keys.public)
    assert not verify("sheet", {"a": 1}, {**signature, "purpose": "sheet"}, keys.public)
    assert not verify("form", {"a": 1}, signature, other.public)
    assert not verify("form", {"a": 1}, {**signature, "signature": "?"}, keys.public)
    assert not verify("form", {"a": 1}, {}, keys.public)


def test_a_form_is_signed_and_holds_neither_seed_nor_variant(examiner):
    session = examiner.open_session(Candidate("Ada  Example", "a-17", 45), now=START)
    form = session.form
    assert (form.candidate, form.slots, form.mode) == ("Ada Example", ("T1", "T5"), "exam")
    # 20 + 30 of 60 points of tasks are there, and 40 of items: 90 of 100 points, 30 minutes.
    assert (form.minutes, form.extra_minutes, form.deadline) == (30, 45, "2026-11-30T10:15:00.000Z")
    assert verify("form", form.as_json(), session.signature, examiner.keys.public)
    text = form.as_bytes().decode()
    for slot, variant in session.variants.items():
        assert f'"{variant}"' not in text
        assert str(examiner.variant(session, slot).seed) not in text
        assert commitment(examiner.keys.master, form.session, slot, variant) in text
    assert Form.from_json(json.loads(text)) == form


def test_two_sessions_of_one_candidate_share_neither_session_nor_nonce(examiner):
    first, second = (examiner.open_session(Candidate("Ada")).form for _ in range(2))
    assert first.session != second.session
    assert first.nonce != second.nonce


@pytest.mark.parametrize("name", ["", "  ", "a" * 300, "a\x00b"])
def test_a_candidate_needs_a_name(examiner, name):
    with pytest.raises(InvalidInputError):
        examiner.open_session(Candidate(name))


def test_the_register_gives_back_what_was_issued(examiner):
    made = examiner.open_session(Candidate("Ada", "a-17"))
    again = Examiner(examiner.folder, "a long password")
    assert again.session(made.form.session) == made
    assert again.exposure()[1] == Counter(made.variants.items())
    with again.exclusively(made.form.session) as held:
        again.keep(replace(held, state="handed_in", more={**held.more, "at": "now"}))
    assert again.session(made.form.session).state == "handed_in"
    with pytest.raises(UnknownNameError):
        again.session("../keys")


def test_a_private_pool_replaces_the_public_variants_of_its_tasks(tmp_path, exam):
    pool = tmp_path / "private"
    (pool / "tasks" / "T5").mkdir(parents=True)
    private = variants("T5", 12, 500).replace("v5", "p5")
    (pool / "tasks" / "T5" / "variants.toml").write_text(private)
    examiner = Examiner.create(tmp_path / "examiner", "a long password", exam=exam, pool=pool)
    session = examiner.open_session(Candidate("Ada"))
    assert session.variants["T5"].startswith("p5")
    assert session.variants["T1"].startswith("v")
    assert examiner.issue(session, "T5").tensors["x"].shape[1] == 3


def test_a_folder_that_is_no_examiner_says_how_to_make_one(tmp_path):
    with pytest.raises(IntegrityError, match="labkit exam examiner"):
        Examiner(tmp_path)


def test_the_practice_examiner_is_made_once(own_home, exam):
    first = practice_examiner(exam)
    assert practice_examiner(exam).keys == first.keys
    assert first.open_session(Candidate("Me"), "practice").form.mode == "practice"


def test_a_rehearsal_takes_five_minutes_and_the_shortest_task(exam):
    blueprint, tasks = read_blueprint(exam), tasks_of(exam)
    tasks["T5"] = replace(tasks["T5"], minutes=1)
    settings = settings_of(blueprint, tasks, "rehearsal")
    assert (settings.slots, settings.minutes, settings.blueprint.item_count) == (("T5",), 5, 2)


def test_a_blank_exam_that_scales_to_what_is_there():
    blueprint = read_blueprint()
    tasks = dict.fromkeys(slot.slot for slot in blueprint.tasks)
    # Tasks that are not available count 26 points: 74 of 100 of 180 minutes, rounded up to five.
    assert settings_of(blueprint, tasks, "practice").minutes == 135


def test_a_chain_shows_what_was_altered_left_out_or_moved():
    entries, head = [], "f" * 64
    for n in range(1, 5):
        entries.append(entry(n, "2026-11-30T09:00:00.000Z", "answered", {"item": n}, head))
        head = entries[-1]["digest"]
    assert broken_links(entries, "f" * 64) == []
    assert "does not follow" in broken_links(entries, "e" * 64)[0]
    assert "entry 3" in broken_links([*entries[:2], *entries[3:]], "f" * 64)[0]
    altered = [entries[0], {**entries[1], "payload": {"item": 9}}, *entries[2:]]
    assert broken_links(altered, "f" * 64) == ["entry 2 was altered"]
    assert broken_links([{"n": 1}], "f" * 64)


def test_times_say_their_zone():
    assert parse_time("2026-11-30T09:00:00.000Z") == START
    with pytest.raises(ValueError, match="zone"):
        parse_time("2026-11-30T09:00:00")


def test_items_are_drawn_by_the_blueprint_with_anchors_always_in():
    blueprint = read_blueprint()
    bank = [_Item(d.id, kind, n) for d in blueprint.domains for kind in _KINDS for n in range(8)]
    first = draw_items(b"k" * 32, "s1", blueprint, bank)
    other = draw_items(b"k" * 32, "s2", blueprint, bank)
    assert first == draw_items(b"k" * 32, "s1", blueprint, bank[::-1])
    assert {item.id for item in first} != {item.id for item in other}
    by_id = {item.id: item for item in bank}
    counts = Counter(by_id[item.id].domain for item in first)
    assert counts == {domain.id: domain.items for domain in blueprint.domains}
    assert Counter(by_id[item.id].group for item in first) == blueprint.kinds
    assert {item.id for item in bank if item.anchor} <= {item.id for item in first}
    worn = {item.id: 9 for item in first}
    fresh = draw_items(b"k" * 32, "s1", blueprint, bank, used=worn, most_used=5)
    assert {i.id for i in fresh} & worn.keys() == {item.id for item in bank if item.anchor}


_KINDS = ("choice", "pairs_and_orders", "scenario")


class _Item:
    """The part of an item that a draw looks at."""

    def __init__(self, domain, group, number):
        self.id, self.domain, self.group = f"{domain}-{group}-{number}", domain, group
        self.anchor = group == "choice" and number == 3
        self.revision, self.variant_ids = 1, ("",)
        self.kind, self.pairs, self.steps, self.parts = "numeric", (), (), ()
