"""The case of the extraction lab: what is issued, and how what is handed in is judged."""

import dataclasses
import json

import pytest
import torch

from labkit import course, models
from labkit.attacks.extraction import imitate, solve_linear
from labkit.core import InvalidInputError, QueryBudgetError, UnknownNameError, predict
from labkit.course.cases.extraction.case import extraction_case, reader_of, score_of
from labkit.course.cases.extraction.customers import judged_customers, known_customers
from labkit.course.cases.extraction.dispute import (
    STOLEN,
    judge_models,
    reference_models,
    truth_of,
    ways_of,
)
from labkit.course.cases.extraction.guarding import BARE, Guard, guarded, serve
from labkit.course.cases.extraction.judging import copy_from
from labkit.course.cases.extraction.records import RECORDS, handed_in_again
from labkit.course.cases.extraction.shares import archive, share_out
from labkit.course.cases.extraction.thieves import THIEVES, Spread, held_scans, steal_from, strongest
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.defenses.ownership import conferrable_fingerprint
from labkit.metrics import holm, ownership_test

GOOD = Guard(level="flag", rate_limit=100, detector="both", false_alarm_rate=0.005)


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L07")


@pytest.fixture(scope="module")
def made_once(lab):
    return load_module(lab, "case").make_case(lab.scenarios[0], 5, None)


@pytest.fixture
def case(made_once):
    """The case, with nothing asked of its services."""
    fresh = dataclasses.replace(made_once)
    fresh.__dict__["suspects"] = made_once.suspects  # made once, as they would come out again
    return fresh


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


# ------------------------------------------------------------------ what is issued


def test_nobody_holds_what_somebody_else_is_judged_on(case):
    for parts in (share_out(case), archive(case.scenario)):
        rows = [{tuple(x.flatten().tolist()) for x in part.x} for part in parts]
        for i, mine in enumerate(rows):
            for other in rows[i + 1 :]:
                # A picture or two of the data set are there twice.
                assert len(mine & other) <= 2


def test_variants_differ_and_repeat_themselves(lab, case):
    again, other = (extraction_case(lab.scenarios[0], seed) for seed in (5, 6))
    assert torch.equal(again.pool, case.pool)
    assert not torch.equal(other.pool, case.pool)
    x = case.pool[:4]
    assert torch.equal(again.reader.logits(x), case.reader.logits(x))
    assert not torch.equal(other.reader.logits(x), case.reader.logits(x))
    zero = torch.zeros(1, 10)
    ours, same, theirs = (float(each.score.logits(zero)) for each in (case, again, other))
    assert ours == pytest.approx(same)
    assert ours != pytest.approx(theirs)


def test_what_is_issued_shows_no_weights_of_a_service_and_no_truth(case):
    for service in (case.reader, case.score, *(each.service for each in case.suspects)):
        held = [value for name, value in vars(service).items() if not callable(value)]
        assert not any(isinstance(value, torch.Tensor | torch.nn.Module) for value in held)
        assert not hasattr(service, "module")
        assert not hasattr(service, "weights")
    assert [each.name[-1] for each in case.suspects] == list("ABCDEF")
    assert [list(dataclasses.asdict(each)) for each in case.suspects] == [["name", "service"]] * 6
    words = repr(case.suspects) + repr(case)
    assert not any(way in words for way in (*STOLEN, "independent"))


def test_suspects_are_of_both_kinds_and_in_no_fixed_place(lab):
    kinds = set()
    for seed in range(30):
        variant = dataclasses.make_dataclass("Variant", ["scenario", "seed"])(lab.scenarios[0], seed)
        ways = ways_of(variant)
        kinds.add(ways)
        assert {"distilled", "extracted"} <= set(ways)
        assert 2 <= ways.count("independent") <= 3
        assert sum(truth_of(variant)) == 6 - ways.count("independent")
    assert len(kinds) > 20


def test_customers_of_the_judge_are_others_than_those_on_record(case):
    known, judged = known_customers(case), judged_customers(case)
    rows = {tuple(x.flatten().tolist()) for each in known for x in each.x}
    assert not any(tuple(x.flatten().tolist()) in rows for each in judged[:40] for x in each.x)
    assert all(len(each.x) == len(each.y) >= 1 for each in known)


# ------------------------------------------------------------------ theft


def test_the_score_is_solved_at_the_meter(case, check):
    found = solve_linear(case.score_oracle())
    feedback = check("exact", weights=found.weights, bias=found.bias)
    assert feedback.passed
    assert feedback.facts["asked"] == 11
    with pytest.raises(QueryBudgetError):
        solve_linear(case.score_oracle(), torch.rand(12, 10))


def test_weights_that_were_not_asked_for_count_as_nothing(case, check):
    true = score_of(case)
    feedback = check("exact", weights=true.weights, bias=true.bias)
    assert not feedback.passed
    assert "no question" in feedback.why


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        (torch.zeros(1, 9), torch.zeros(1)),
        (torch.full((1, 10), torch.nan), torch.zeros(1)),
        (torch.zeros(1, 10, dtype=torch.int64), torch.zeros(1)),
    ],
)
def test_weights_of_another_shape_or_kind_are_refused(check, weights, bias):
    with pytest.raises(InvalidInputError):
        check("exact", weights=weights, bias=bias)


def test_a_copy_is_measured_from_its_weights_and_the_meter(case, check):
    stolen = imitate(case.oracle(), case.pool, query_budget=500, strategy="jacobian", epochs=60)
    parts = stolen.parts()
    feedback = check("steal", **parts)
    assert feedback.passed
    assert feedback.facts["asked"] == 500
    # The same copy again costs what it cost; another one that nobody asked for counts as nothing.
    assert check("steal", **parts).passed
    parts["weights"] = {name: part * 1.0001 for name, part in parts["weights"].items()}
    assert not check("steal", **parts).passed


def test_the_weights_of_the_service_itself_count_as_nothing_without_a_question(case, check):
    weights = reader_of(case).module.state_dict()
    feedback = check("steal", architecture="mlp", weights=weights)
    assert feedback.facts["agreement"] == 1.0
    assert not feedback.passed


def test_a_model_of_somebody_else_does_not_reach_the_target(case, lab):
    """One question is asked for form's sake; it was trained on all labelled digits there are."""
    shares = share_out(case)
    x = torch.cat([part.x for part in shares])
    y = torch.cat([part.y for part in shares])
    fair = models.train(models.build("mlp", (1, 8, 8), 10, seed=1), x, y, epochs=15, batch_size=128, lr=8e-3)
    case.oracle().logits(case.pool[:1])
    handed = {"architecture": "mlp", "weights": fair.module.state_dict()}
    assert not measure(lab, lab.find_checkpoint("steal"), case, handed).passed


def test_a_copy_has_to_be_data_that_fits(case):
    good = models.build("mlp", (1, 8, 8), 10).state_dict()
    with pytest.raises(UnknownNameError):
        copy_from(case, "transformer", good)
    with pytest.raises(InvalidInputError, match="weights of a logistic"):
        copy_from(case, "logistic", good)
    with pytest.raises(InvalidInputError, match="finite"):
        copy_from(case, "mlp", {name: part * torch.nan for name, part in good.items()})
    with pytest.raises(InvalidInputError, match="parts"):
        copy_from(case, "mlp", models.build("mlp", (1, 8, 8), 10))


# ------------------------------------------------------------------ guarding


def test_an_unguarded_reader_serves_everybody_and_thieves_as_well(case):
    served = serve(case, BARE)
    assert served.throttled.value == served.suspected.value == 0
    assert served.right.value > 0.9
    assert strongest(case, BARE)[0].fidelity.value > 0.93


def test_a_guard_that_shuts_customers_out_is_none(check):
    strict = Guard(level="label", rate_limit=5)
    feedback = check("shield", **strict.settings())
    assert feedback.measured == 1.0
    assert feedback.facts["stolen"] < 0.85
    assert "switches this off" in feedback.why
    assert check("price", **strict.settings()).measured == 1.0


def test_a_good_guard_holds_thieves_and_costs_little(check):
    assert check("shield", **GOOD.settings()).passed
    assert check("price", **GOOD.settings()).passed


def test_the_label_alone_holds_and_is_too_dear(check):
    label = dataclasses.replace(GOOD, level="label")
    assert check("shield", **label.settings()).passed
    feedback = check("price", **label.settings())
    assert feedback.facts["holds"] == 1
    assert not feedback.passed


def test_saying_less_alone_holds_nobody(check):
    feedback = check("shield", **Guard(level="tenths", rate_limit=100).settings())
    assert not feedback.passed
    assert feedback.facts["watched"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": "whisper"},
        {"detector": "dog"},
        {"strength": -1.0},
        {"rate_limit": 0},
        {"rate_limit": 12.5},
        {"rate_limit": True},
        {"false_alarm_rate": float("nan")},
        {"strength": "much"},
    ],
)
def test_a_guard_that_there_is_not_is_refused(wrong):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        Guard(**wrong)


def test_the_thieves_spread_over_accounts_and_go_home_with_nothing_when_refused(case):
    service = guarded(case, Guard(rate_limit=5))
    accounts = [service.open() for _ in range(4)]
    answers = Spread(accounts).logits(case.pool[:40])
    assert int(answers.isfinite().all(1).sum()) == 20
    assert [each.asked for each in accounts] == [10] * 4
    assert {strategy for strategy, _ in THIEVES.values()} == {"random", "mixing", "margin", "jacobian"}
    got = steal_from(case, Guard(rate_limit=5), "random", 1)
    assert got.answered == 5


def test_fidelity_is_measured_on_pictures_that_nobody_else_has(case):
    scans, held = held_scans(case), share_out(case).held
    assert len(scans) == 4 * len(held)
    assert not torch.equal(scans[: len(held)], scans[len(held) : 2 * len(held)])


# ------------------------------------------------------------------ the dispute


@pytest.fixture(scope="module")
def keys(made_once):
    own, made = made_once.own, reference_models(made_once.scenario)
    return conferrable_fingerprint(
        own.model, own.x, own.y, copies=made.copies, independent=made.independent, held_back=made.held_back
    )


def decided(case, keys):
    tests = [ownership_test(each.service, keys.x, keys.y, chance=keys.chance) for each in case.suspects]
    p_values = holm([test.p_value for test in tests])
    verdicts = ["stolen" if p <= 0.05 else "independent" for p in p_values]
    return {"verdicts": verdicts, "p_values": p_values, "x_keys": keys.x, "y_keys": keys.y}


def test_the_fingerprint_decides_all_six(case, check, keys):
    feedback = check("dispute", **decided(case, keys))
    assert feedback.measured == 0
    assert feedback.facts["chance"] < feedback.facts["most"]


def test_the_watermark_lets_those_go_who_only_saw_answers(case, check):
    handed = decided(case, case.own.watermark)
    feedback = check("dispute", **handed)
    assert feedback.measured >= 2
    assert "survives one way of stealing" in feedback.why
    gone = [way for way, word in zip(ways_of(case), handed["verdicts"], strict=True) if word == "independent"]
    assert {"distilled", "extracted"} <= set(gone)


def test_a_true_guess_without_evidence_is_no_verdict(case, check):
    verdicts = ["stolen" if stolen else "independent" for stolen in truth_of(case)]
    p_values = [0.001 if stolen else 0.9 for stolen in truth_of(case)]
    own = case.own
    digits = {"x_keys": own.x_second[:60], "y_keys": predict(own.model, own.x_second[:60])}
    feedback = check("dispute", verdicts=verdicts, p_values=p_values, **digits)
    assert not feedback.passed
    assert feedback.facts["unproven"] == sum(truth_of(case))
    assert "no evidence" in feedback.why


def test_keys_that_the_owner_does_not_answer_recognise_nothing(case, check, keys):
    handed = decided(case, keys)
    feedback = check("dispute", **{**handed, "y_keys": (keys.y + 1) % 10})
    assert feedback.facts["usable"] == 0
    assert not feedback.passed


def test_a_verdict_against_its_own_p_value_is_an_error(case, check, keys):
    handed = decided(case, keys)
    feedback = check("dispute", **{**handed, "p_values": [1 - p for p in handed["p_values"]]})
    assert feedback.facts["contradicted"] >= 4
    assert not feedback.passed


@pytest.mark.parametrize("word", ["stolen", "independent"])
def test_one_verdict_for_all_is_not_enough(case, check, keys, word):
    handed = decided(case, keys)
    p_values = [0.01 if word == "stolen" else 0.5] * 6
    assert check("dispute", **{**handed, "verdicts": [word] * 6, "p_values": p_values}).measured >= 2


def test_the_dispute_refuses_what_is_no_verdict_or_no_key(case, check, keys):
    good = decided(case, keys)
    for wrong in (
        {"verdicts": good["verdicts"][:5]},
        {"verdicts": ["maybe"] * 6},
        {"verdicts": "stolen"},
        {"p_values": [0.1] * 5},
        {"p_values": [float("nan")] * 6},
        {"p_values": [2.0] * 6},
        {"x_keys": keys.x[:0], "y_keys": keys.y[:0]},
        {"x_keys": keys.x * torch.nan},
        {"x_keys": keys.x[:, :, :4]},
        {"y_keys": keys.y.float()},
        {"x_keys": keys.x.repeat(4, 1, 1, 1), "y_keys": keys.y.repeat(4)},
    ):
        with pytest.raises(InvalidInputError):
            check("dispute", **{**good, **wrong})


def test_chance_on_kin_of_the_tuned_models_is_too_low(case):
    """Models trained on the same pictures flatter the keys; those of another source do not."""
    own, made = case.own, reference_models(case.scenario)
    groups = {"copies": made.copies, "independent": made.independent[:4]}
    kin = conferrable_fingerprint(own.model, own.x, own.y, **groups, held_back=made.independent[4:])
    others = conferrable_fingerprint(own.model, own.x, own.y, **groups, held_back=made.held_back)
    assert torch.equal(kin.x, others.x)
    assert kin.chance < others.chance
    judges = [float((predict(each, kin.x) == kin.y).float().mean()) for each in judge_models(case.scenario)]
    assert max(judges) > kin.chance


# ------------------------------------------------------------------ records, predictions


def test_a_record_can_be_measured_again(case, lab, keys):
    found = solve_linear(case.score_oracle())
    handed = {
        "exact": {"weights": found.weights, "bias": found.bias},
        "steal": {"architecture": "mlp", "weights": models.build("mlp", (1, 8, 8), 10).state_dict()},
        "shield": GOOD.settings(),
        "dispute": decided(case, keys),
    }
    for name, artefacts in handed.items():
        parameters, record = RECORDS[name](case, **artefacts)
        assert parameters
        kept = json.loads(json.dumps({"handed_in": record}))
        first = measure(lab, lab.find_checkpoint(name), case, artefacts)
        solve_linear(case.score_oracle()) if name == "exact" else None
        again = measure(lab, lab.find_checkpoint(name), case, handed_in_again(name, kept))
        assert first.measured == pytest.approx(again.measured, abs=1e-9), name


def test_predictions_have_an_outcome(lab, case):
    outcomes = load_module(lab, "case").OUTCOMES
    assert 70 < outcomes["fidelity_at_fifty_percent"](case) < 95
    assert 0 <= outcomes["distilled_marks"](case) <= 15
