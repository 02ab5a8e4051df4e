"""The case of the robustness lab: what is issued, and how what is handed in is judged."""

import dataclasses
import functools
import json
import math

import pytest
import torch

from labkit import course
from labkit.attacks.evasion import fgsm, pgd
from labkit.core import InvalidInputError, UnknownNameError, predict
from labkit.course.cases.robustness.case import robustness_case
from labkit.course.cases.robustness.judging import held_up, kept_back, left_of_run
from labkit.course.cases.robustness.records import RECORDS, handed_in_again
from labkit.course.cases.robustness.shelf import kept
from labkit.course.cases.robustness.statement import LINES, linf_reach
from labkit.course.cases.robustness.statements import verdict_on
from labkit.course.cases.robustness.weights import from_text, rebuilt, to_text, weights_of
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.defenses import BitDepthSqueezing
from labkit.defenses.robust_training import (
    adversarial_training,
    fast_adversarial_training,
    noise_training,
    trades,
)
from labkit.models import TorchClassifier


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L03")


@pytest.fixture(scope="module")
def case(lab):
    return load_module(lab, "case").make_case(lab.scenarios[0], 5, None)


@pytest.fixture(scope="module")
def variant(lab):
    """Return the case of a seed, made once."""
    return functools.cache(lambda seed: robustness_case(lab.scenarios[0], seed))


@pytest.fixture(scope="module")
def hardened(case):
    train = case.train
    return fast_adversarial_training(case.network, train.x, train.y, epsilon=0.15, epochs=20)


@pytest.fixture(scope="module")
def noisy(case):
    return noise_training(case.network, case.train.x, case.train.y, noise_std=0.25, epochs=12)


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


# ------------------------------------------------------------------ what is issued


def test_the_same_seed_issues_the_same_case_and_another_seed_another(lab, case):
    again, other = (robustness_case(lab.scenarios[0], seed) for seed in (5, 6))
    assert torch.equal(again.x, case.x)
    assert [each.claim for each in again.claims] == [each.claim for each in case.claims]
    assert [run.claimed for run in again.runs] == [run.claimed for run in case.runs]
    assert not torch.equal(other.x, case.x)
    assert [each.claim for each in other.claims] != [each.claim for each in case.claims]


def test_what_is_judged_on_was_never_issued(case):
    held = kept_back(case)
    apart = torch.cdist(held.x.flatten(1), torch.cat([case.x, case.train.x]).flatten(1))
    assert len(held) + len(case.x) == len(case.dataset.test)
    assert float(apart.min()) > 0.1
    # Nor is it what lies in the data set: it was scanned anew.
    assert float(torch.cdist(held.x.flatten(1), case.dataset.test.x.flatten(1)).min()) > 0.01


def test_one_to_three_of_the_contractors_networks_have_collapsed_and_their_curves_do_not_say_so(variant):
    counts = set()
    for seed in range(6):
        case = variant(seed)
        left = [left_of_run(case, run) for run in range(4)]
        collapsed = [robust < 0.75 * one for one, robust in left]
        assert all(robust < 0.35 or robust > 0.5 for _, robust in left)
        assert all(run.claimed[-1] > 0.5 for run in case.runs)
        counts.add(sum(collapsed))
    assert counts == {1, 2, 3}


def test_a_collapse_shows_in_the_curves_under_many_steps_and_not_under_one(variant):
    """FGSM accuracy ends higher than it was; PGD accuracy ends far below what it was."""
    found = 0
    for seed in range(2):
        case = variant(seed)
        for run in case.runs:
            curve = []
            for model in run.models[::2] + run.models[-1:]:
                one = fgsm(model, case.x, case.y, epsilon=0.15).x_adv
                many = pgd(model, case.x, case.y, epsilon=0.15, steps=20).x_adv
                curve.append([float((predict(model, x) == case.y).float().mean()) for x in (one, many)])
            one, many = zip(*curve, strict=True)
            if many[-1] < 0.3:
                found += 1
                assert one[-1] > many[-1] + 0.25
                assert max(many[:-2]) > many[-1] + 0.05
    assert found > 1


def test_three_claims_follow_and_the_others_fall_for_different_reasons(variant):
    for seed in range(6):
        case = variant(seed)
        reasons = [verdict_on(each, case.certificates, case.y) for each in case.claims]
        assert len(reasons) == 8
        assert reasons.count("holds") == 3
        assert {"norm", "abstentions"} <= set(reasons)
        bad = [reason for reason in reasons if reason != "holds"]
        assert len(set(bad)) == len(bad) == 5


def test_ready_made_networks_are_trained_once_and_survive_a_damaged_file(case, own_home):
    calls = []

    def make(progress):
        calls.append(1)
        return {"w": torch.ones(2)}, {"n": 1}

    arguments = ("test", {"a": 1}, case.architecture, case.dataset, make)
    assert kept(*arguments)[1] == {"n": 1}
    assert torch.equal(kept(*arguments)[0]["w"], torch.ones(2))
    assert len(calls) == 1
    (path,) = (own_home / "cache" / "robustness").glob("test-*.safetensors")
    whole = path.read_bytes()
    try:
        path.write_bytes(b"nonsense")
        assert torch.equal(kept(*arguments)[0]["w"], torch.ones(2))
        assert len(calls) == 2
        assert path.read_bytes() == whole
    finally:
        for each in path.parent.glob("test-*"):
            each.unlink()


# ------------------------------------------------------------------ the network


def test_a_hardened_network_passes_and_the_reader_in_use_does_not(case, check, hardened):
    assert check("robust", weights=weights_of(hardened)).passed
    feedback = check("robust", weights=case.victim)
    assert not feedback.passed
    assert feedback.measured < 0.3


def test_large_scores_blind_the_cross_entropy_and_not_the_judge(case, check):
    """Scores a million times as large: probabilities are 0 and 1, and PGD on them has no slope."""
    weights = weights_of(case.victim)
    last = max(name for name in weights if name.endswith("weight")).removesuffix("weight")
    loud = {name: part * (1e6 if name.startswith(last) else 1) for name, part in weights.items()}
    masked = rebuilt(case, loud)
    blind = pgd(masked, case.x, case.y, epsilon=0.15, steps=20).x_adv
    assert float((predict(masked, blind) == case.y).float().mean()) > 0.8
    assert check("robust", weights=loud).measured < 0.3


def test_a_network_that_names_one_class_reads_too_little_to_count(case, check):
    weights = {name: torch.zeros_like(part) for name, part in weights_of(case.victim).items()}
    feedback = check("robust", weights=weights)
    assert feedback.measured == 0
    assert "puts nothing into use" in feedback.why


@pytest.mark.parametrize("kind", ["filter", "list", "names", "shape", "nan"])
def test_what_is_no_network_of_this_architecture_is_refused_with_a_reason(case, check, kind):
    weights = weights_of(case.victim)
    name = next(iter(weights))
    handed = {
        "filter": BitDepthSqueezing(case.victim),
        "list": [1, 2, 3],
        "names": {"other": torch.zeros(3)},
        "shape": {**weights, name: weights[name][:1]},
        "nan": {**weights, name: weights[name] * math.nan},
    }[kind]
    with pytest.raises(InvalidInputError):
        check("robust", weights=handed)


def test_the_network_that_is_handed_in_is_never_run(case, check):
    """What is judged is the architecture of the case with these weights in it."""

    class Spy(torch.nn.Sequential):
        def forward(self, x):
            raise AssertionError("somebody ran it")

    module = Spy(*case.victim.module.children())
    assert check("robust", weights=TorchClassifier(module, case.input_shape, case.classes)).measured > 0


# ------------------------------------------------------------------ verdicts, certificates, claims


def honest(case):
    left = [left_of_run(case, run) for run in range(4)]
    words = ["collapsed" if robust < 0.75 * one else "sound" for one, robust in left]
    return words, [robust for _, robust in left]


def test_right_verdicts_with_right_figures_pass_and_neither_alone(case, check):
    words, figures = honest(case)
    assert check("collapse", verdicts=words, reported=figures).passed
    off = [min(1.0, each + 0.1) for each in figures]
    assert "too high" in check("collapse", verdicts=words, reported=off).why
    turned = ["sound" if word == "collapsed" else "collapsed" for word in words]
    assert check("collapse", verdicts=turned, reported=figures).measured == 1
    assert "all four sound" in check("collapse", verdicts=["sound"] * 4, reported=figures).why


@pytest.mark.parametrize("seed", range(3))
def test_the_contractors_own_curve_is_no_answer(lab, variant, seed):
    case = variant(seed)
    words, _ = honest(case)
    handed = {"verdicts": words, "reported": [run.claimed[-1] for run in case.runs]}
    assert not measure(lab, lab.find_checkpoint("collapse"), case, handed).passed


def test_verdicts_and_figures_are_checked(case, check):
    words, figures = honest(case)
    with pytest.raises(InvalidInputError, match="4 verdicts"):
        check("collapse", verdicts=words[:2], reported=figures)
    with pytest.raises(UnknownNameError):
        check("collapse", verdicts=["maybe"] * 4, reported=figures)
    for wrong in ([60, 1, 1, 1], [math.nan] * 4, ["x"] * 4, 0.5, figures[:3]):
        with pytest.raises(InvalidInputError):
            check("collapse", verdicts=words, reported=wrong)


def test_a_network_trained_under_noise_is_certified_and_too_much_noise_is_not(check, noisy):
    assert check("certificate", weights=weights_of(noisy), noise_std=0.25, n=600).passed
    drowned = check("certificate", weights=weights_of(noisy), noise_std=1.5, n=200)
    assert drowned.measured < 0.2
    assert "hides the digit" in drowned.why
    little = check("certificate", weights=weights_of(noisy), noise_std=0.05, n=200)
    assert little.measured == 0
    assert "largest radius" in little.why


@pytest.mark.parametrize("wrong", [{"noise_std": 0.0}, {"noise_std": math.nan}, {"n": 10}, {"n": 10**9}])
def test_noise_and_copies_have_limits(check, noisy, wrong):
    with pytest.raises(InvalidInputError):
        check("certificate", **{"weights": weights_of(noisy), "noise_std": 0.25, "n": 200, **wrong})


def test_every_reason_has_to_be_right_but_one(case, check):
    true = [verdict_on(each, case.certificates, case.y) for each in case.claims]
    assert check("claims", reasons=true).measured == 1
    blind = ["holds" if reason == "norm" else reason for reason in true]
    assert "L2 radius" in check("claims", reasons=blind).why
    deaf = ["holds" if reason == "abstentions" else reason for reason in true]
    assert check("claims", reasons=deaf).passed
    both = ["holds" if reason in ("abstentions", "norm") else reason for reason in true]
    assert not check("claims", reasons=both).passed
    assert not check("claims", reasons=["radius"] * 8).passed
    vague = ["holds" if reason == "holds" else "radius" for reason in true]
    assert "does not follow is refused" in check("claims", reasons=vague).why
    with pytest.raises(UnknownNameError):
        check("claims", reasons=["because"] * 8)
    with pytest.raises(InvalidInputError, match="8 reasons"):
        check("claims", reasons=true[:3])


# ------------------------------------------------------------------ the statement


def statement(case, hardened, noisy, **changes):
    found = held_up(case, hardened)
    lines = {
        "clean": found.clean.value - 0.03,
        "robust": found.robust.value - 0.05,
        "certified": 0.72,
        "reach": linf_reach(case),
        "proven": 0.0,
    }
    return {
        "weights": weights_of(hardened),
        "smoothed": weights_of(noisy),
        "noise_std": 0.25,
        "n": 600,
        "lines": {**lines, **changes},
    }


def test_a_statement_stands_and_a_line_too_far_falls(case, check, hardened, noisy):
    assert check("statement", **statement(case, hardened, noisy)).passed
    for change, words in (
        ({"reach": 0.25}, "not the side of a box"),
        ({"robust": 0.9}, "say more than we find"),
        ({"robust": 0.1}, "tell nothing"),
        ({"proven": 0.5}, "say more than we find"),
    ):
        feedback = check("statement", **statement(case, hardened, noisy, **change))
        assert feedback.measured == pytest.approx(0.8)
        assert words in feedback.why
    # A line that says too much is named before one that says too little.
    feedback = check("statement", **statement(case, hardened, noisy, clean=0.5, certified=1.0))
    assert "say more than we find on other inputs. The first is “certified”" in feedback.why


def test_a_modest_statement_about_networks_that_miss_their_targets_is_about_nothing(case, check, noisy):
    feedback = check("statement", **statement(case, case.victim, noisy))
    assert feedback.measured == 0
    assert "about nothing" in feedback.why


def test_the_lines_of_a_statement_are_checked(case, check, hardened, noisy):
    good = statement(case, hardened, noisy)
    for wrong in ({}, "all", {**good["lines"], "more": 1}, {**good["lines"], "clean": 93}):
        with pytest.raises(InvalidInputError):
            check("statement", **{**good, "lines": wrong})
    assert set(good["lines"]) == set(LINES)


# ------------------------------------------------------------------ records


def test_what_was_written_down_is_measured_as_what_was_handed_in(lab, case, hardened, noisy):
    words, figures = honest(case)
    handed = {
        "robust": {"weights": hardened},
        "collapse": {"verdicts": words, "reported": figures},
        "certificate": {"weights": weights_of(noisy), "noise_std": 0.25, "n": 600},
        "claims": {"reasons": ["holds"] * 8},
        "statement": statement(case, hardened, noisy),
    }
    assert set(handed) == set(RECORDS) == {each.id for each in lab.checkpoints}
    for checkpoint, artefacts in handed.items():
        _, kept_of = RECORDS[checkpoint](case, **artefacts)
        record = json.loads(json.dumps({"seed": case.seed, "handed_in": kept_of}))
        where = lab.find_checkpoint(checkpoint)
        first, second = (
            measure(lab, where, case, each) for each in (artefacts, handed_in_again(case, record))
        )
        assert (first.measured, first.facts) == (second.measured, second.facts), checkpoint


def test_a_record_of_another_variant_is_refused_and_so_is_text_that_is_no_network(case):
    with pytest.raises(InvalidInputError, match="seed 5"):
        handed_in_again(case, {"seed": 6, "handed_in": {}})
    with pytest.raises(InvalidInputError, match="safetensors"):
        from_text("bm90aGluZw==")
    with pytest.raises(InvalidInputError, match="safetensors"):
        from_text("no base 64!")
    again = from_text(to_text(case.victim))
    assert all(torch.equal(part, again[name]) for name, part in weights_of(case.victim).items())


# ------------------------------------------------------------------ the trainings


def few(case, n=200):
    return case.train.x[:n], case.train.y[:n]


def trainings(case):
    x, y = few(case)
    short = {"epochs": 2, "classes": 10}
    return {
        "trades": lambda module, **more: trades(module, x, y, epsilon=0.1, steps=2, **short, **more),
        "fast": lambda module, **more: fast_adversarial_training(module, x, y, epsilon=0.1, **short, **more),
        "noise": lambda module, **more: noise_training(module, x, y, noise_std=0.1, **short, **more),
        "pgd": lambda module, **more: adversarial_training(
            module, x, y, attack=lambda m, a, b: fgsm(m, a, b, epsilon=0.1), **short, **more
        ),
    }


@pytest.mark.parametrize("name", ["trades", "fast", "noise", "pgd"])
def test_every_training_is_repeatable_leaves_its_start_alone_and_shows_its_epochs(case, name):
    train, before = trainings(case)[name], weights_of(case.victim)
    epochs, steps = [], []
    first = train(
        case.network,
        seed=3,
        after_epoch=lambda epoch, model: epochs.append((epoch, model.module.training)),
        progress=lambda done, total, message: steps.append((done, total)),
    )
    second = train(case.network, seed=3)
    other = train(case.network, seed=4)
    assert all(torch.equal(part, before[key]) for key, part in weights_of(case.victim).items())
    assert torch.equal(first.logits(case.x), second.logits(case.x))
    assert not torch.equal(first.logits(case.x), other.logits(case.x))
    assert epochs == [(1, False), (2, False)]
    assert steps[-1] == (8, 8)
    assert not any(part.requires_grad for part in first.module.parameters())


def test_trades_without_weight_is_ordinary_training_and_with_it_drifts_less(case):
    x, y = case.train.x, case.train.y
    plain, calm = (
        trades(case.network, x, y, epsilon=0.15, steps=2, beta=beta, epochs=4) for beta in (0.0, 6.0)
    )
    assert held_up(case, calm).robust.value > held_up(case, plain).robust.value + 0.1


@pytest.mark.parametrize(
    "wrong", [{"epsilon": -0.1}, {"epsilon": math.nan}, {"epochs": 0}, {"lr": 0.0}, {"batch_size": 0}]
)
def test_dials_of_a_training_are_checked(case, wrong):
    x, y = few(case, 16)
    with pytest.raises(InvalidInputError):
        fast_adversarial_training("mlp", x, y, **{"epsilon": 0.1, "epochs": 1, **wrong})
    with pytest.raises(InvalidInputError):
        trades("mlp", x, y, **{"epsilon": 0.1, "epochs": 1, **wrong})


def test_nothing_can_be_learned_from_nothing(case):
    with pytest.raises(InvalidInputError, match="got none"):
        noise_training("mlp", case.train.x[:0], case.train.y[:0], noise_std=0.1)


def test_a_scenario_without_a_network_is_refused(lab):
    with pytest.raises(InvalidInputError, match="made of a network"):
        robustness_case(dataclasses.replace(lab.scenarios[0], victim="gbt"), 0)
