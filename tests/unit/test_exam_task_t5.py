"""T5: what a secured model reads is asked again, and what a figure claims is held against it."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
import torch

from labkit.core.protocols import predict
from labkit.exams.task import load_code, read_reference
from tests.exam_players import bot, issued, mark, metrics, problems, share, task_of, variants_of

VARIANTS = variants_of("T5")
FEW = {VARIANTS[name].params["protection"]: VARIANTS[name] for name in ("v01", "v02", "v03", "v04", "v09")}
ROUNDED, NOISY = FEW["squeezing"], FEW["noise"]


@pytest.fixture(scope="module")
def reference():
    return bot("T5", "reference", ROUNDED)


def outcome(found):
    return sum(each.earned for each in found.lines if each.part == "outcome")


@pytest.mark.parametrize("protection", FEW)
def test_evaluating_earns_everything_and_believing_earns_nothing(protection: str) -> None:
    variant = FEW[protection]
    assert share("T5", variant, bot("T5", "reference", variant)) > 0.95
    assert share("T5", variant, bot("T5", "nothing", variant)) < 0.1
    assert share("T5", variant, {}) == 0
    assert share("T5", variant, bot("T5", "lazy", variant)) < 0.6


def test_every_protection_comes_up_more_than_once() -> None:
    kinds = [variant.params["protection"] for variant in VARIANTS.values()]
    assert len(set(kinds)) == 5
    assert min(kinds.count(kind) for kind in kinds) >= 2


@pytest.mark.parametrize("protection", FEW)
def test_the_vendor_advertises_what_the_vendor_measured(protection: str) -> None:
    variant = FEW[protection]
    measured = load_code(task_of("T5")).advertised(variant)
    assert measured == pytest.approx(variant.params["vendor_claim"], abs=0.05)


def test_the_materials_name_the_filter_and_not_what_exposes_it() -> None:
    for variant in FEW.values():
        given = issued("T5", variant)
        text = json.dumps(given.facts)
        assert str(variant.seed) not in text
        assert not any(
            word in text for word in ("exposed", "protection", "logit_scale", "adversarial", "saturation")
        )
        assert set(given.tensors) - {name for name in given.tensors if name.startswith("victim/")} == {
            "x",
            "y",
        }


def test_a_copy_of_the_inputs_breaks_nothing(reference) -> None:
    x = issued("T5", ROUNDED).tensors["x"]
    found = mark("T5", ROUNDED, {**reference, "x_adv": x, "claimed_accuracy": reference["clean_accuracy"]})
    assert outcome(found) == 0


def test_what_lies_beyond_the_budget_counts_as_unchanged(reference) -> None:
    x, clean = issued("T5", ROUNDED).tensors["x"], reference["clean_accuracy"]
    for x_adv in (1 - x, torch.zeros_like(x), torch.rand(x.shape), x.flip(0)):
        found = metrics("T5", ROUNDED, {"x_adv": x_adv})["robust_accuracy"]
        assert found == pytest.approx(clean, abs=1e-9)


def test_rounding_minus_zero_and_denormals_gain_nothing(reference) -> None:
    given = issued("T5", ROUNDED)
    x, epsilon = given.tensors["x"], given.facts["epsilon"]
    best = reference["x_adv"]
    pushed = torch.where(best > x, best + 9e-7, best - 9e-7)
    inside = (x.double() + (pushed.double() - x.double()).clamp(-epsilon, epsilon)).float().clamp(0, 1)
    odd = torch.where(best == 0, torch.tensor(-0.0), best)
    tiny = torch.where(best == 0, torch.tensor(1e-45), best)
    one, two, three, four = (
        metrics("T5", ROUNDED, {"x_adv": each})["robust_accuracy"] for each in (pushed, inside, odd, tiny)
    )
    assert one == two
    assert three == four == metrics("T5", ROUNDED, reference)["robust_accuracy"]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1.0001, -0.0001])
def test_inputs_that_are_none_are_refused_at_the_desk(reference, value) -> None:
    x_adv = reference["x_adv"].clone()
    x_adv[3, 0, 2, 2] = value
    assert "x_adv" in problems("T5", ROUNDED, {**reference, "x_adv": x_adv})


def test_one_broken_input_handed_in_a_hundred_times_is_one_input(reference) -> None:
    given = issued("T5", ROUNDED)
    repeated = reference["x_adv"][:1].expand_as(given.tensors["x"]).contiguous()
    found = metrics("T5", ROUNDED, {"x_adv": repeated})["robust_accuracy"]
    assert found >= reference["clean_accuracy"] - 0.0101


def test_a_claim_in_either_direction_costs_the_outcome(reference) -> None:
    for claim in (reference["claimed_accuracy"] + 0.04, reference["claimed_accuracy"] - 0.04, 1.0, 0.0):
        found = mark("T5", ROUNDED, {**reference, "claimed_accuracy": claim})
        assert outcome(found) == 0
        assert found.flags
    silent = {name: value for name, value in reference.items() if name != "claimed_accuracy"}
    assert outcome(mark("T5", ROUNDED, silent)) == 0


def test_no_set_of_ticks_fits_every_protection() -> None:
    code = load_code(task_of("T5"))
    assert tuple(task_of("T5").fields[3].options) == code.CHECKS
    means = [
        sum(code._checks(variant, set(ticked))["checks"] for variant in VARIANTS.values()) / len(VARIANTS)
        for size in range(len(code.CHECKS) + 1)
        for ticked in combinations(code.CHECKS, size)
    ]
    assert max(means) < 0.6
    assert means[0] == means[-1] == 0


def test_the_checks_of_the_bots_are_those_of_the_key() -> None:
    kept = read_reference(task_of("T5").folder)
    assert {each["reference"]["checks"] for each in kept.values()} == {1.0}
    # Five of a hundred are "more", whatever a float makes of the difference.
    assert 0.04 < load_code(task_of("T5"), "bots")._OUT_OF_A_HUNDRED < min(0.91 - 0.86, 0.55 - 0.5)


def test_a_temperature_is_tried_wherever_a_gradient_goes_through() -> None:
    checks = load_code(task_of("T5"), "bots")._HELP
    applies, attack = checks["a temperature on the logits breaks more"]
    for variant in (NOISY, FEW["saturation"]):
        given = issued("T5", variant)
        secured = load_code(task_of("T5"), "bots")._secured(given)
        assert applies(secured)
        x, y, epsilon = given.tensors["x"][:10], given.tensors["y"][:10], given.facts["epsilon"]
        assert attack(secured, x, y, epsilon=epsilon).shape == x.shape


def test_a_clean_accuracy_over_thirty_answers_of_a_noisy_model_earns_everything() -> None:
    variant = VARIANTS["v06"]
    given = issued("T5", variant)
    secured = load_code(task_of("T5"), "bots")._secured(given)
    for _ in range(10):
        right = [predict(secured, given.tensors["x"]) == given.tensors["y"] for _ in range(30)]
        found = mark("T5", variant, {"clean_accuracy": float(torch.stack(right).double().mean())})
        assert next(each.earned for each in found.lines if each.metric == "baseline_error") == 0.5


def test_ticking_all_of_them_or_none_earns_nothing(reference) -> None:
    everything = list(load_code(task_of("T5")).CHECKS)
    for ticked in ([], everything):
        assert metrics("T5", ROUNDED, {"checks": ticked})["checks"] == 0
    assert "checks" in problems("T5", ROUNDED, {**reference, "checks": ["none of these"] * 2})


def test_the_judge_of_a_noisy_model_draws_its_own_noise_and_gives_the_same_answer_twice() -> None:
    x = issued("T5", NOISY).tensors["x"]
    first, second = (metrics("T5", NOISY, {"x_adv": x}) for _ in range(2))
    assert first == second


def test_no_figure_of_a_clean_accuracy_fits_most_variants() -> None:
    code = load_code(task_of("T5"))
    clean = [code.measure(variant, {}).facts["clean_accuracy"] for variant in FEW.values()]
    assert max(sum(abs(each - guess / 100) < 0.01 for each in clean) for guess in range(101)) <= 3
