"""The cascade: what it finds, what it refuses, and what its checks expose."""

import dataclasses

import pytest
import torch
from torch import nn

from labkit.attacks import evasion
from labkit.core import InvalidInputError, Norm, ThreatModel, predict
from labkit.defenses import BitDepthSqueezing
from labkit.metrics import CASCADE, Stage, robust_accuracy, robustness
from labkit.models import TorchClassifier
from tests.unit.victims import small_cnn

THREAT = ThreatModel(Norm.LINF, 0.1)
QUICK = tuple(
    dataclasses.replace(
        stage,
        params={
            **stage.params,
            **{
                name: value
                for name, value in {"steps": 10, "query_budget": 150, "target_count": 3}.items()
                if name in stage.params
            },
        },
    )
    for stage in CASCADE
)


class Layer(nn.Module):
    """A function as the last or first layer of a model."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def behind(model, *, before=None, after=None):
    """The same victim with something before or after it."""
    parts = [Layer(before)] if before else []
    parts += [model.module, *([Layer(after)] if after else [])]
    return TorchClassifier(nn.Sequential(*parts), model.input_shape, model.classes, model.bounds)


def evaluated(model, **given):
    _, x, y = small_cnn()
    return robustness(model, x[:60], y[:60], THREAT, **{"stages": QUICK, **given})


@pytest.fixture(scope="module")
def report():
    return evaluated(small_cnn()[0])


def test_what_stands_stands_under_every_attack_of_the_cascade(report):
    model, x, y = small_cnn()
    x, y = x[:60], y[:60]
    assert report.robust.value <= min(
        robust_accuracy(
            model, evasion.pgd(model, x, y, epsilon=0.1, steps=10, step_decay=True), THREAT
        ).value,
        robust_accuracy(model, evasion.fgsm(model, x, y, epsilon=0.1), THREAT).value,
    )
    assert THREAT.allows(x, report.x_adv, model.bounds).all()
    read = predict(model, report.x_adv) == y
    assert torch.equal(read, report.broken_by == -1)
    assert report.robust.value == read.double().mean().item()


def test_every_broken_input_names_its_stage_and_each_stage_sees_what_is_left(report):
    left = round(report.clean.value * 60)
    for number, stage in enumerate(report.stages):
        assert stage.tried == left
        assert stage.broken == int((report.broken_by == number).sum()) == len(report.which(stage.name))
        assert stage.params["epsilon"] == 0.1
        left -= stage.broken
    assert left == round(report.robust.value * 60)
    assert "broke" in str(report)


def test_an_honest_model_passes_every_check_and_the_curve_falls(report):
    assert report.believable, str(report)
    assert len(report.checks) == 6
    values = [rate.value for rate in report.curve.rates]
    assert values == sorted(values, reverse=True)
    assert values[0] == report.clean.value
    assert values[report.curve.epsilons.index(0.1)] <= report.robust.value


def test_the_same_seed_gives_the_same_report(report):
    again = evaluated(small_cnn()[0], sanity=False)
    assert torch.equal(again.broken_by, report.broken_by)
    assert torch.equal(again.x_adv, report.x_adv)


def failed(report):
    return {check.name for check in report.checks if not check.passed}


def test_a_model_that_is_too_sure_of_itself_is_found_out():
    sure = behind(small_cnn()[0], after=lambda logits: logits * 1e4)
    only_cross_entropy = [stage for stage in QUICK if stage.name in ("fgsm", "pgd", "apgd-ce")]
    report = evaluated(sure, stages=only_cross_entropy)
    assert "the loss has a gradient" in failed(report)
    assert not report.believable
    # The logits ratio does not care how large the logits are.
    assert evaluated(sure, sanity=False).robust.value < report.robust.value


def test_rounding_hides_the_gradient_and_questions_find_what_it_hides():
    rounded = behind(small_cnn()[0], before=lambda x: (x * 3).round() / 3)
    report = evaluated(rounded)
    assert {"the loss has a gradient", "the gradient finds what questions find"} <= failed(report)
    assert "nothing survives an unlimited budget" in failed(report)


def test_chance_inside_a_model_is_told():
    draw = torch.Generator().manual_seed(0)
    noisy = behind(small_cnn()[0], before=lambda x: x + torch.randn(x.shape, generator=draw) * 0.4)
    assert "the model answers alike twice" in failed(evaluated(noisy, stages=QUICK[:2]))


def test_what_transfers_is_a_check_where_there_is_a_surrogate():
    rounded = behind(small_cnn()[0], before=lambda x: (x * 8).round() / 8)
    report = evaluated(rounded, stages=QUICK[:2], surrogate=small_cnn()[0])
    assert "the search finds what transfers" in failed(report)


def test_a_model_without_a_gradient_is_asked_and_the_report_says_what_was_left_out():
    report = evaluated(BitDepthSqueezing(small_cnn()[0], bits=2))
    assert [stage.name for stage in report.stages] == ["square"]
    assert report.left_out["pgd"] == "the model offers no gradient"
    assert report.robust.value < report.clean.value


def test_l2_runs_the_same_cascade():
    _, x, y = small_cnn()
    threat = ThreatModel(Norm.L2, 0.6)
    report = robustness(small_cnn()[0], x[:30], y[:30], threat, stages=QUICK, sanity=False)
    assert threat.allows(x[:30], report.x_adv, (0, 1)).all()
    assert report.robust.value < report.clean.value


def test_an_evaluation_that_was_stopped_goes_on_where_it_was(tmp_path):
    model, kept, runs = small_cnn()[0], tmp_path / "evaluation.safetensors", []

    def counted(name, attack):
        def run(*given, **params):
            runs.append(name)
            return attack(*given, **params)

        return run

    stages = [dataclasses.replace(each, attack=counted(each.name, each.attack)) for each in QUICK]

    def stop(_done, _total, message):
        if message.startswith("apgd-dlr"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(model, stages=stages, resume=kept, sanity=False, progress=stop)
    assert runs == ["fgsm", "pgd", "apgd-ce", "apgd-dlr"]
    runs.clear()
    whole = evaluated(model, stages=stages, resume=kept, sanity=False)
    assert runs[0] == "apgd-dlr"
    plain = evaluated(model, sanity=False)
    assert torch.equal(whole.broken_by, plain.broken_by)
    assert torch.equal(whole.x_adv, plain.x_adv)
    assert whole.stages == plain.stages


def test_the_state_of_another_evaluation_is_refused(tmp_path):
    model, kept = small_cnn()[0], tmp_path / "evaluation.safetensors"
    evaluated(model, stages=QUICK[:1], resume=kept, sanity=False)
    with pytest.raises(InvalidInputError, match="keeps another evaluation"):
        evaluated(model, stages=QUICK[:1], resume=kept, sanity=False, seed=1)
    kept.write_bytes(b"not safetensors")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        evaluated(model, stages=QUICK[:1], resume=kept, sanity=False)


def test_progress_rises_to_the_end():
    told = []
    evaluated(small_cnn()[0], progress=lambda done, total, message: told.append((done, total, message)))
    shares = [done / total for done, total, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert any(message.startswith("apgd-ce") for *_, message in told)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x, y: (x[:0], y[:0], THREAT), "empty batch"),
        (lambda x, y: (x, y, 0.1), "ThreatModel"),
        (lambda x, y: (x * float("nan"), y, THREAT), "finite"),
    ],
)
def test_bad_input_is_refused_in_words(spoil, says):
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match=says):
        robustness(model, *spoil(x[:5], y[:5]))


def test_a_cascade_that_cannot_run_is_refused():
    white_box = Stage("mine", evasion.pgd)
    with pytest.raises(InvalidInputError, match="offers no gradient"):
        evaluated(BitDepthSqueezing(small_cnn()[0], bits=2), stages=[white_box])


def test_inputs_that_are_all_misread_are_no_trouble():
    model, x, _ = small_cnn()
    wrong = (predict(model, x[:8]) + 1) % 10
    report = robustness(model, x[:8], wrong, THREAT, stages=QUICK)
    assert report.clean.value == report.robust.value == 0
    assert (report.broken_by == -2).all()
    assert report.checks == ()
