"""One suite for our own attacks and for every engine: what each of them has to keep to."""

from functools import partial

import pytest
import torch

from labkit import engines
from labkit.attacks import evasion
from labkit.core import InvalidInputError, Norm, ThreatModel, predict
from labkit.metrics import robust_accuracy
from tests.unit.victims import linear, small_cnn

EPSILON = 0.1


def _native():
    yield "fgsm", partial(evasion.fgsm, epsilon=EPSILON)
    for norm, epsilon in ((Norm.LINF, EPSILON), (Norm.L2, 0.6)):
        yield f"pgd {norm}", partial(evasion.pgd, epsilon=epsilon, norm=norm, steps=5)
        yield f"apgd {norm}", partial(evasion.apgd, epsilon=epsilon, norm=norm, steps=5, loss="dlr")
        quick = {"epsilon": epsilon, "norm": norm, "steps": 5, "target_count": 2}
        yield f"apgd_targeted {norm}", partial(evasion.apgd_targeted, **quick)
        yield f"noise {norm}", partial(evasion.random_noise, epsilon=epsilon, norm=norm)
        yield f"square {norm}", partial(evasion.square, epsilon=epsilon, norm=norm, query_budget=40)
    yield "hop_skip_jump", partial(evasion.hop_skip_jump, epsilon=0.6, query_budget=80)


def _from_engines():
    for engine in engines.available():
        loaded = engines.load(engine)
        for name, offer in loaded.ATTACKS.items():
            words = {"epsilon": EPSILON if offer.norm is Norm.LINF else 0.6, "steps": 5, "query_budget": 40}
            given = {word: value for word, value in words.items() if word in offer.words}
            yield f"{engine}/{name}", loaded.attack(name, **given)


ATTACKS = dict([*_native(), *_from_engines()])


def _threat(adv):
    return ThreatModel(Norm(adv.params["norm"]), 0.6 if adv.params["norm"] == "l2" else EPSILON)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_result_is_legal_and_input_and_model_are_untouched(name):
    model, x, y = small_cnn()
    before, weights = x.clone(), [p.clone() for p in model.module.parameters()]
    state = torch.random.get_rng_state()
    adv = ATTACKS[name](model, x, y)
    assert _threat(adv).allows(x, adv.x_adv, model.bounds).all()
    assert torch.equal(x, before)
    assert all(torch.equal(p, q) for p, q in zip(model.module.parameters(), weights, strict=True))
    assert all(p.grad is None and not p.requires_grad for p in model.module.parameters())
    assert not model.module.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not adv.x_adv.requires_grad


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_seed_gives_the_same_result(name):
    model, x, y = small_cnn()
    assert torch.equal(ATTACKS[name](model, x[:20], y[:20]).x_adv, ATTACKS[name](model, x[:20], y[:20]).x_adv)


@pytest.mark.parametrize("name", ATTACKS)
def test_inputs_that_are_all_misread_already_are_no_trouble(name):
    model, x, _ = small_cnn()
    wrong = (model.logits(x).argmax(1) + 1) % 10
    adv = ATTACKS[name](model, x[:5], wrong[:5])
    assert robust_accuracy(model, adv, _threat(adv)).value == 0


@pytest.mark.parametrize("name", ATTACKS)
def test_an_empty_batch_is_refused_in_words(name):
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match="empty batch"):
        ATTACKS[name](model, x[:0], y[:0])


@pytest.mark.parametrize("name", ATTACKS)
def test_one_sample_will_do(name):
    model, x, y = small_cnn()
    assert ATTACKS[name](model, x[:1], y[:1]).x_adv.shape == x[:1].shape


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x, y: (x * float("nan"), y), "finite"),
        (lambda x, y: (x * 255, y), "within"),
        (lambda x, y: ((x * 16).to(torch.uint8), y), "floats"),
        (lambda x, y: (x.double(), y), "32 bits"),
        (lambda x, y: (x.numpy(), y), "tensor"),
        (lambda x, y: (x[:, :, :4], y), "shape"),
        (lambda x, y: (x, y + 10), "labels"),
        (lambda x, y: (x, y.float()), "integers"),
        (lambda x, y: (x, y.int()), "integers"),
        (lambda x, y: (x, y.tolist()), "tensor"),
        (lambda x, y: (x, y[:3]), "integers"),
    ],
)
@pytest.mark.parametrize("name", ATTACKS)
def test_bad_input_is_refused_in_words(name, spoil, says):
    model, x, y = small_cnn()
    bad_x, bad_y = spoil(x[:5], y[:5])
    with pytest.raises(InvalidInputError, match=says):
        ATTACKS[name](model, bad_x, bad_y)


@pytest.mark.parametrize("name", ["fgsm", "pgd", "pgd_l2"])
def test_native_and_torchattacks_agree_within_rounding(name):
    model, x, y = small_cnn()
    right = model.logits(x).argmax(1) == y
    x, y = x[right], y[right]
    settings = {"step_size": 0.02, "steps": 10, "random_start": False}
    theirs, ours = {
        "fgsm": (dict(epsilon=EPSILON), partial(evasion.fgsm, epsilon=EPSILON)),
        "pgd": (
            dict(epsilon=EPSILON, **settings),
            partial(evasion.pgd, epsilon=EPSILON, **settings, early_stop=False),
        ),
        "pgd_l2": (
            dict(epsilon=0.6, step_size=0.1, steps=10, random_start=False),
            partial(
                evasion.pgd,
                epsilon=0.6,
                norm=Norm.L2,
                step_size=0.1,
                steps=10,
                random_start=False,
                early_stop=False,
            ),
        ),
    }[name]
    their_adv = engines.load("torchattacks").attack(name, **theirs)(model, x, y).x_adv
    our_adv = ours(model, x, y).x_adv
    # Where a gradient is zero within rounding its sign may differ; nowhere else may anything.
    differing = ((their_adv - our_adv).abs() > 1e-5).float().mean()
    assert differing < 0.005
    ours_read, theirs_read = predict(model, our_adv) == y, predict(model, their_adv) == y
    assert abs(float(ours_read.float().mean() - theirs_read.float().mean())) < 0.02


@pytest.mark.parametrize(("norm", "epsilon", "name"), [("linf", 0.2, "square"), ("l2", 1.2, "square_l2")])
def test_square_is_as_strong_as_torchattacks(norm, epsilon, name):
    model, x, y = small_cnn()
    threat, settings = ThreatModel(norm, epsilon), {"epsilon": epsilon, "query_budget": 150}
    ours = robust_accuracy(model, evasion.square(model, x, y, norm=Norm(norm), **settings), threat)
    engine = engines.load("torchattacks").attack(name, **settings)
    theirs = robust_accuracy(model, engine(model, x, y), threat)
    assert ours.value <= theirs.high


def test_an_unknown_attack_or_word_is_refused_with_those_that_there_are():
    engine = engines.load("torchattacks")
    with pytest.raises(LookupError, match="Did you mean 'pgd'"):
        engine.attack("pgdd")
    with pytest.raises(InvalidInputError, match="it takes epsilon"):
        engine.attack("fgsm", eps=0.1)
    with pytest.raises(LookupError, match="torchattacks"):
        engines.load("torchatacks")


def test_a_black_box_cannot_be_attacked_with_a_gradient():
    from labkit.attacks import Oracle

    model = linear()
    x, y = torch.full((1, 4), 0.5), torch.zeros(1, dtype=torch.int64)
    for attack in (evasion.fgsm, evasion.pgd):
        with pytest.raises(InvalidInputError, match="black-box"):
            attack(Oracle(model), x, y, epsilon=0.1)
