"""The case of the membership lab: what is issued, and how what is handed in is judged."""

import dataclasses
import json

import pytest
import torch

from labkit import course
from labkit.attacks.membership import lira, loss_attack
from labkit.core import InvalidInputError, LabkitError
from labkit.course.cases.membership import bank
from labkit.course.cases.membership.audits import canary_scores, guess, judge_audit, practice_bound
from labkit.course.cases.membership.case import membership_case
from labkit.course.cases.membership.deployments import Deployment, deploy
from labkit.course.cases.membership.handed import RECORDS, handed_in_again
from labkit.course.cases.membership.records import (
    CANARIES,
    VENDORS,
    audited_set,
    candidates_of,
    coins_of,
    held_out,
    members_of,
    private_records,
    who_broke_what,
)
from labkit.course.cases.membership.rehearsing import rehearse
from labkit.course.cases.membership.statement import FIELDS, judge_statement
from labkit.course.measuring import measure
from labkit.course.modules import load_module

GOOD = {"records": 1100, "clip": 1.0, "noise_multiplier": 2.8, "sample_rate": 0.2, "epochs": 30}
QUICK = {"records": 100, "clip": 1.0, "noise_multiplier": 2.0, "sample_rate": 0.5, "epochs": 5}
RIGHT = {field.key: next(each.key for each in field.choices if each.right) for field in FIELDS}


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L06")


@pytest.fixture(scope="module")
def case(lab):
    return load_module(lab, "case").make_case(lab.find_scenario("digits"), 5, None)


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


def issued(thing, path="case", seen=None):
    """Return every tensor that can be reached from what is issued, with the way to it."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, torch.Tensor):
        yield path, thing
    elif isinstance(thing, (list, tuple)):
        for i, part in enumerate(thing):
            yield from issued(part, f"{path}[{i}]", seen)
    elif type(thing).__module__.startswith("labkit"):
        for name in dir(thing):
            if not name.startswith("_") and not callable(value := getattr(thing, name)):
                yield from issued(value, f"{path}.{name}", seen)


# ------------------------------------------------------------------ what is issued


def test_nothing_that_is_issued_says_who_was_in_or_how_a_coin_fell(case):
    found = dict(issued(case))
    assert {"case.shadows.members", "case.practice.members"} <= set(found)
    rows = [*members_of(case), *coins_of(case)]
    for name, part in found.items():
        for row in part.reshape(-1, part.shape[-1]) if part.dim() > 1 else [part]:
            for secret in rows:
                assert (
                    part.dtype != torch.bool or row.shape != secret.shape or not torch.equal(row, secret)
                ), name


def test_readers_and_vendors_answer_and_show_no_weights(case):
    for model in (*case.victims, *(vendor.model for vendor in case.vendors)):
        assert not hasattr(model, "module")
        assert not hasattr(model, "forward")
    assert len(case.victims) == 8
    assert {name for name in dir(case) if "member" in name} == set()


def test_the_same_seed_issues_the_same_case_and_another_seed_another(lab, case):
    again, other = (membership_case(lab.find_scenario("digits"), seed) for seed in (5, 6))
    for one, two in zip(case.victims, again.victims, strict=True):
        assert torch.equal(one.logits(case.x[:5]), two.logits(case.x[:5]))
    assert not torch.equal(members_of(case), members_of(other))
    assert not torch.equal(coins_of(case), coins_of(other))
    assert torch.equal(case.x, other.x)  # so that the shadows serve both


def test_each_clinic_has_seen_half_of_the_candidates_and_one_label_in_five_is_wrong(case):
    assert members_of(case).sum(1).tolist() == [300] * 8
    truth = {
        tuple(x.flatten().tolist()): int(y)
        for x, y in zip(*_split(private_records(case.scenario)), strict=True)
    }
    known = candidates_of(case.scenario)
    wrong = [truth[tuple(x.flatten().tolist())] != int(y) for x, y in zip(*_split(known), strict=True)]
    assert 0.15 < sum(wrong) / len(wrong) < 0.25


def test_canaries_are_labelled_wrong_and_accuracy_is_measured_on_other_forms(case):
    truth = {
        tuple(x.flatten().tolist()): int(y)
        for x, y in zip(*_split(private_records(case.scenario)), strict=True)
    }
    canary = audited_set(case.scenario).canary
    assert len(canary) == CANARIES == case.canaries
    assert all(truth[tuple(x.flatten().tolist())] != int(y) for x, y in zip(*_split(canary), strict=True))
    far = torch.cdist(held_out(case.scenario).x.flatten(1), private_records(case.scenario).x.flatten(1))
    assert float(far.min()) > 0


@pytest.mark.parametrize("seed", range(12))
def test_some_vendors_are_honest_and_some_are_not(lab, seed):
    variant = dataclasses.make_dataclass("Variant", ["scenario", "seed"])(lab.find_scenario("digits"), seed)
    kinds = who_broke_what(variant)
    assert len(kinds) == VENDORS
    assert 1 <= kinds.count("honest") <= 3
    assert "noise too small" in kinds


def test_kept_models_that_are_damaged_are_trained_anew(lab, case, tmp_path, monkeypatch):
    scenario = dataclasses.replace(
        lab.find_scenario("digits"), settings={**lab.find_scenario("digits").settings, "epochs": 2}
    )
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    first = bank.shadows_of(scenario)
    (kept,) = tmp_path.rglob("membership-shadows-*.safetensors")
    kept.write_bytes(b"nonsense")
    bank._IN_MEMORY.clear()
    again = bank.shadows_of(scenario)
    assert torch.equal(first.models.weights[0], again.models.weights[0])
    assert list(tmp_path.rglob("*.refused"))
    bank._IN_MEMORY.clear()
    assert torch.equal(bank.shadows_of(scenario).models.weights[0], first.models.weights[0])


# ------------------------------------------------------------------ attack


def test_a_scale_for_each_form_is_what_passes(case, check):
    by_ratio = torch.stack([lira(m, case.x, case.y, shadows=case.shadows).scores for m in case.victims])
    by_loss = torch.stack([loss_attack(m, case.x, case.y).scores for m in case.victims])
    assert check("attack", scores=by_ratio).passed
    feedback = check("attack", scores=by_loss)
    assert not feedback.passed
    assert "easy ones" in feedback.why


def test_scores_for_nobody_in_particular_find_nobody(case, check):
    flat = check("attack", scores=torch.ones(8, 600))
    assert flat.measured == 0
    assert "accused without accusing all" in flat.why
    generator = torch.Generator().manual_seed(0)
    assert check("attack", scores=torch.rand(8, 600, generator=generator)).measured < 0.05
    # One reader's scores for all eight: seven of them know nothing of these.
    one = lira(case.victims[0], case.x, case.y, shadows=case.shadows).scores
    assert not check("attack", scores=one.expand(8, -1)).passed


@pytest.mark.parametrize(
    "scores",
    [
        torch.zeros(600),
        torch.zeros(8, 599),
        torch.zeros(8, 600, dtype=torch.int64),
        torch.full((8, 600), float("nan")),
        torch.full((8, 600), float("inf")),
    ],
)
def test_scores_of_another_kind_are_refused(check, scores):
    with pytest.raises(InvalidInputError, match="expected"):
        check("attack", scores=scores)


# ------------------------------------------------------------------ deploy


def test_forms_pay_for_the_budget(check):
    for checkpoint in ("deploy", "price"):
        assert check(checkpoint, **GOOD).passed
    few = check("price", **(GOOD | {"records": 300}))
    assert 0.7 < few.measured < 0.9
    assert "three times as many" in few.next_probe


def test_stopping_early_is_no_budget(check):
    early = check("deploy", **(GOOD | {"noise_multiplier": 0.0, "epochs": 5}))
    assert early.measured == 1
    assert "without noise there is no budget" in early.why
    assert check("price", **(GOOD | {"noise_multiplier": 0.0, "epochs": 5})).measured == 0
    loose = check("deploy", **(QUICK | {"noise_multiplier": 0.5}))
    assert "4 is the most that is signed" in loose.why


@pytest.mark.parametrize(
    "wrong",
    [
        {"records": 1200},
        {"records": 300.5},
        {"clip": 0.0},
        {"noise_multiplier": float("nan")},
        {"noise_multiplier": True},
        {"sample_rate": 1.5},
        {"epochs": 0},
        {"epochs": 200, "sample_rate": 0.01},
    ],
)
def test_settings_that_cannot_be_trained_are_refused(check, wrong):
    with pytest.raises(InvalidInputError, match="expected"):
        check("deploy", **(GOOD | wrong))


def test_a_deployment_is_measured_once_and_the_same_again(case):
    made = Deployment(**QUICK)
    assert deploy(case, made) is deploy(case, Deployment(**QUICK))
    assert deploy(case, made).tpr.n == 16


# ------------------------------------------------------------------ statement


def test_every_line_of_the_statement_counts_and_says_why(case, check):
    spent = round(Deployment(**GOOD).spent(case.privacy_delta), 2)
    how = {"settings": GOOD, "privacy_epsilon": spent}
    assert check("statement", statement=RIGHT, **how).passed
    for field in FIELDS:
        for wrong in (each for each in field.choices if not each.right):
            feedback = check("statement", statement=RIGHT | {field.key: wrong.key}, **how)
            assert not feedback.passed
            assert wrong.why in feedback.why


@pytest.mark.parametrize(("share", "words"), [(0.9, "promises more"), (1.2, "not what the settings buy")])
def test_a_figure_that_is_not_the_accountants_is_wrong_either_way(case, check, share, words):
    spent = Deployment(**GOOD).spent(case.privacy_delta)
    feedback = check("statement", settings=GOOD, statement=RIGHT, privacy_epsilon=share * spent)
    assert not feedback.passed
    assert words in feedback.why


def test_each_line_has_one_right_choice_and_every_choice_its_reason():
    for field in FIELDS:
        assert sum(each.right for each in field.choices) == 1
        assert len({each.key for each in field.choices}) == len(field.choices) >= 3
        assert all(len(each.why) > 20 for each in field.choices)
    places = [[each.right for each in field.choices].index(True) for field in FIELDS]
    assert len(set(places)) > 1  # always taking the same place is not enough


@pytest.mark.parametrize(
    "handed",
    [
        {"statement": {}},
        {"statement": RIGHT | {"unit": "form"}},
        {"statement": RIGHT | {"more": "x"}},
        {"statement": "all right"},
        {"privacy_epsilon": float("nan")},
        {"privacy_epsilon": -1.0},
        {"settings": {"records": 300}},
        {"settings": 3},
    ],
)
def test_a_statement_that_cannot_be_read_is_refused(check, handed):
    whole = {"settings": GOOD, "statement": RIGHT, "privacy_epsilon": 3.86}
    with pytest.raises(LabkitError, match=r"expected|Known"):
        check("statement", **(whole | handed))


def test_without_noise_no_figure_is_right():
    assert judge_statement(RIGHT, 900.0, float("inf")).right == len(FIELDS)


# ------------------------------------------------------------------ audit


def guessed(case, how, count):
    return torch.stack([guess(canary_scores(case, i, how), count) for i in range(VENDORS)])


def test_few_good_guesses_prove_what_many_do_not(case, check):
    assert check("audit", guesses=guessed(case, "against practice", 80)).passed
    everything = check("audit", guesses=guessed(case, "loss", CANARIES))
    assert not everything.passed
    assert "Abstain" in everything.next_probe
    assert not check("audit", guesses=torch.zeros(VENDORS, CANARIES, dtype=torch.int64)).passed


def test_an_honest_vendor_stands_whoever_scores(case):
    for how in ("loss", "against practice"):
        for count in (20, 50, 100, 200):
            found = judge_audit(case, guessed(case, how, count))
            assert not [each.name for each in found if each.honest and each.refuted]


def test_practice_says_beforehand_what_guesses_are_worth(case):
    def middle(count, how):
        bounds = sorted(bound.value for bound in practice_bound(case, count, how))
        return bounds[len(bounds) // 2]

    assert middle(80, "against practice") > middle(200, "against practice") > 0
    assert middle(80, "against practice") > middle(80, "loss")
    assert middle(0, "loss") == 0


@pytest.mark.parametrize(
    "guesses",
    [
        torch.zeros(3, CANARIES, dtype=torch.int64),
        torch.full((VENDORS, CANARIES), 2),
        torch.zeros(VENDORS, CANARIES, dtype=torch.bool),
        torch.full((VENDORS, CANARIES), float("nan")),
    ],
)
def test_guesses_of_another_kind_are_refused(check, guesses):
    with pytest.raises(InvalidInputError, match="expected"):
        check("audit", guesses=guesses)


def test_guesses_lie_at_both_ends():
    said = guess(torch.arange(10.0), 4)
    assert said.tolist() == [-1, -1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert guess(torch.arange(10.0), 99).abs().sum() == 10
    assert guess(torch.arange(10.0), 0).abs().sum() == 0


# ------------------------------------------------------------------ rehearsal, records


def test_overfitting_is_what_the_dials_say(case):
    fit = rehearse(case, records=100, epochs=10, wrong_labels=0.0)
    over = rehearse(case, records=100, epochs=150, wrong_labels=0.4)
    assert over.seen - over.unseen > fit.seen - fit.unseen + 0.2
    assert over.ratio[0].value > fit.ratio[0].value
    with pytest.raises(InvalidInputError, match="records from 10"):
        rehearse(case, records=5, epochs=1, wrong_labels=0.0)


def test_what_was_handed_in_can_be_measured_again_from_its_file(case, check):
    spent = round(Deployment(**GOOD).spent(case.privacy_delta), 2)
    handed = {
        "attack": {"scores": torch.stack([loss_attack(m, case.x, case.y).scores for m in case.victims])},
        "deploy": GOOD,
        "price": GOOD,
        "statement": {"settings": GOOD, "statement": RIGHT, "privacy_epsilon": spent},
        "audit": {"guesses": guessed(case, "loss", 60)},
    }
    assert set(handed) == set(RECORDS)
    for checkpoint, artefacts in handed.items():
        parameters, record = RECORDS[checkpoint](case, **artefacts)
        json.dumps(parameters, allow_nan=False)
        file = json.loads(json.dumps({"handed_in": record}, allow_nan=False))
        again = check(checkpoint, **handed_in_again(file))
        assert again.measured == pytest.approx(check(checkpoint, **artefacts).measured)


def _split(split):
    return split.x, split.y
